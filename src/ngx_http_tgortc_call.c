
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_call.h"

#include <ngx_sha1.h>

#include "ngx_http_tgortc_lua.h"
#include "ngx_http_tgortc_random.h"


#define NGX_HTTP_TGORTC_NONCE_LEN  8

/* EVALSHA, digest, number of keys; then KEYS and ARGV of parts/base.lua */
#define NGX_HTTP_TGORTC_KEYS       3
#define NGX_HTTP_TGORTC_COMMON     9

/* scripts that answer requests which change something */
#define NGX_HTTP_TGORTC_DURABLE                                               \
    (1 << NGX_HTTP_TGORTC_CREATE | 1 << NGX_HTTP_TGORTC_INVITE                \
     | 1 << NGX_HTTP_TGORTC_JOIN | 1 << NGX_HTTP_TGORTC_LEAVE                 \
     | 1 << NGX_HTTP_TGORTC_END | 1 << NGX_HTTP_TGORTC_CANCEL                 \
     | 1 << NGX_HTTP_TGORTC_KICK | 1 << NGX_HTTP_TGORTC_LIVEKIT_EVENT         \
     | 1 << NGX_HTTP_TGORTC_CLEANUP | 1 << NGX_HTTP_TGORTC_REPLAY)

/*
 * Scripts that a lost connection does not send again: what the first two
 * leased, and the third sent again, is in the answer that was lost.  The last
 * would act on other rooms, whose events had the nonce, and so the ids, of
 * those before.
 */
#define NGX_HTTP_TGORTC_ONCE                                                  \
    (1 << NGX_HTTP_TGORTC_CLAIM | 1 << NGX_HTTP_TGORTC_REPORT                 \
     | 1 << NGX_HTTP_TGORTC_REPLAY | 1 << NGX_HTTP_TGORTC_DEADLINES)

/*
 * No number of ours is larger: ms until the year 2286.  And as many of them as
 * a reply may have can be added up.
 */
#define NGX_HTTP_TGORTC_NUMBER_MAX  9999999999999LL

/* where replies have the time, and how many events wait to be delivered */
#define NGX_HTTP_TGORTC_TIME       1
#define NGX_HTTP_TGORTC_EVENTS     2


typedef struct {
    ngx_str_t                   text;
    u_char                      sha1[40];
} ngx_http_tgortc_script_t;


/* a script on its way */

typedef struct {
    ngx_http_tgortc_app_t      *app;
    ngx_http_tgortc_script_t   *script;     /* NULL: PING */
    ngx_http_tgortc_call_pt     handler;
    void                       *data;
    unsigned                    registered:2;
    unsigned                    late:1;
} ngx_http_tgortc_call_t;


/* a request that waits for a script, and may go away meanwhile */

typedef struct {
    ngx_http_request_t         *request;    /* NULL: the client is gone */
    ngx_http_cleanup_t         *cleanup;
    ngx_http_tgortc_answer_pt   answer;
} ngx_http_tgortc_waiter_t;


static ngx_int_t ngx_http_tgortc_call_once(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_e script, ngx_str_t *room_id,
    ngx_http_tgortc_once_t *once, ngx_str_t *args, ngx_uint_t n,
    ngx_str_t *more, ngx_uint_t nmore, ngx_http_tgortc_call_pt handler,
    void *data);
static ngx_int_t ngx_http_tgortc_call_send(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_t *script, ngx_str_t *args, ngx_uint_t n,
    ngx_uint_t not_after, ngx_http_tgortc_call_pt handler, void *data);
static ngx_int_t ngx_http_tgortc_call_reply(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);
static ngx_int_t ngx_http_tgortc_call_again(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);
static ngx_http_tgortc_outcome_e ngx_http_tgortc_call_outcome(
    ngx_http_tgortc_command_t *cmd, redisReply *reply);
static ngx_http_tgortc_outcome_e ngx_http_tgortc_call_error(redisReply *reply);
static void ngx_http_tgortc_call_registered(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_http_tgortc_waiter_t *ngx_http_tgortc_call_wait(
    ngx_http_request_t *r, ngx_http_tgortc_answer_pt answer);
static void ngx_http_tgortc_call_refuse(ngx_http_tgortc_waiter_t *waiter);
static void ngx_http_tgortc_call_waited(ngx_http_request_t *r);
static void ngx_http_tgortc_call_detach(void *data);
static void ngx_http_tgortc_call_answered(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


#define ngx_http_tgortc_script(name)                                          \
    { { sizeof(ngx_http_tgortc_lua_##name) - 1,                               \
        (u_char *) ngx_http_tgortc_lua_##name }, { 0 } }


/* in the order of ngx_http_tgortc_script_e */

static ngx_http_tgortc_script_t  ngx_http_tgortc_scripts[] = {
    ngx_http_tgortc_script(create),
    ngx_http_tgortc_script(invite),
    ngx_http_tgortc_script(join),
    ngx_http_tgortc_script(leave),
    ngx_http_tgortc_script(end),
    ngx_http_tgortc_script(cancel),
    ngx_http_tgortc_script(kick),
    ngx_http_tgortc_script(sync),
    ngx_http_tgortc_script(get),
    ngx_http_tgortc_script(rooms),
    ngx_http_tgortc_script(calling),
    ngx_http_tgortc_script(livekit),
    ngx_http_tgortc_script(deadlines),
    ngx_http_tgortc_script(register),
    ngx_http_tgortc_script(release),
    ngx_http_tgortc_script(claim),
    ngx_http_tgortc_script(report),
    ngx_http_tgortc_script(listed),
    ngx_http_tgortc_script(stats),
    ngx_http_tgortc_script(list),
    ngx_http_tgortc_script(cleanup),
    ngx_http_tgortc_script(replay),
    ngx_http_tgortc_script(gauges)
};


static struct {
    const char                 *name;
    ngx_http_tgortc_outcome_e   outcome;
} ngx_http_tgortc_outcomes[] = {
    { "ok", NGX_HTTP_TGORTC_OK },
    { "unknown", NGX_HTTP_TGORTC_UNKNOWN },
    { "stranger", NGX_HTTP_TGORTC_STRANGER },
    { "uninvited", NGX_HTTP_TGORTC_UNINVITED },
    { "taken", NGX_HTTP_TGORTC_TAKEN },
    { "busy", NGX_HTTP_TGORTC_BUSY },
    { "full", NGX_HTTP_TGORTC_FULL },
    { "ended", NGX_HTTP_TGORTC_ENDED },
    { "reused", NGX_HTTP_TGORTC_REUSED },
    { "stale", NGX_HTTP_TGORTC_STALE },
    { "late", NGX_HTTP_TGORTC_UNAVAILABLE },
    { "unregistered", NGX_HTTP_TGORTC_UNAVAILABLE },
    { NULL, NGX_HTTP_TGORTC_UNAVAILABLE }
};


/* errors that pass, and leave nothing done */

static const char  *ngx_http_tgortc_passing[] = {
    "READONLY", "LOADING", "MASTERDOWN", "OOM", "BUSY", "MISCONF",
    "NOREPLICAS", "NOAUTH", "NOPERM", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK",
    "NOSCRIPT", NULL
};

/* what Redis 6.2 and 7.0, and later ones, call NOPERM within a script */

static const char  *ngx_http_tgortc_denied[] = {
    "The user executing the script can't", "ACL failure in script", NULL
};


void
ngx_http_tgortc_call_init(void)
{
    u_char                     digest[20];
    ngx_uint_t                 i;
    ngx_sha1_t                 sha1;
    ngx_http_tgortc_script_t  *script;

    for (i = 0; i < NGX_HTTP_TGORTC_SCRIPTS; i++) {
        script = &ngx_http_tgortc_scripts[i];

        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, script->text.data, script->text.len);
        ngx_sha1_final(digest, &sha1);

        ngx_hex_dump(script->sha1, digest, sizeof(digest));
    }
}


void
ngx_http_tgortc_call_register(ngx_http_tgortc_app_t *app)
{
    ngx_str_t  room_id = ngx_null_string;

    if (app->registration.nelts == 0) {
        return;
    }

    (void) ngx_http_tgortc_call(app, NGX_HTTP_TGORTC_REGISTER, &room_id,
                                app->registration.elts,
                                app->registration.nelts, NULL, 0,
                                ngx_http_tgortc_call_registered, app);
}


ngx_int_t
ngx_http_tgortc_call(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_e script, ngx_str_t *room_id, ngx_str_t *args,
    ngx_uint_t n, ngx_str_t *more, ngx_uint_t nmore,
    ngx_http_tgortc_call_pt handler, void *data)
{
    return ngx_http_tgortc_call_once(app, script, room_id, NULL, args, n, more,
                                     nmore, handler, data);
}


static ngx_int_t
ngx_http_tgortc_call_once(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_e script, ngx_str_t *room_id,
    ngx_http_tgortc_once_t *once, ngx_str_t *args, ngx_uint_t n,
    ngx_str_t *more, ngx_uint_t nmore, ngx_http_tgortc_call_pt handler,
    void *data)
{
    u_char                    *p, nonce[NGX_HTTP_TGORTC_NONCE_LEN
                                        + NGX_HTTP_TGORTC_SHA256];
    ngx_int_t                  rc;
    ngx_str_t                 *all, *argv;
    ngx_uint_t                 count, keys;
    ngx_http_tgortc_script_t  *s;

    if (ngx_http_tgortc_random(nonce, NGX_HTTP_TGORTC_NONCE_LEN) != NGX_OK) {
        return NGX_ERROR;
    }

    keys = once ? 5 : 4;
    count = NGX_HTTP_TGORTC_KEYS + keys + NGX_HTTP_TGORTC_COMMON + n + nmore;

    all = ngx_alloc(count * sizeof(ngx_str_t) + app->room_key.len
                    + room_id->len + app->once_key.len
                    + sizeof(once->key), ngx_cycle->log);
    if (all == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) (all + count);
    s = &ngx_http_tgortc_scripts[script];

    ngx_str_set(&all[0], "EVALSHA");
    all[1].data = s->sha1;
    all[1].len = sizeof(s->sha1);
    ngx_str_set(&all[2], "4");
    all[3] = app->users_key;
    all[4] = app->deadlines_key;

    all[5].data = p;
    p = ngx_cpymem(p, app->room_key.data, app->room_key.len);
    p = ngx_cpymem(p, room_id->data, room_id->len);
    all[5].len = p - all[5].data;

    all[6] = app->never_key;

    argv = &all[NGX_HTTP_TGORTC_KEYS + keys];

    ngx_str_null(&argv[0]);
    argv[1].data = nonce;
    argv[1].len = NGX_HTTP_TGORTC_NONCE_LEN;

    if (once) {
        ngx_str_set(&all[2], "5");

        all[7].data = p;
        p = ngx_cpymem(p, app->once_key.data, app->once_key.len);
        p = ngx_cpymem(p, once->key, sizeof(once->key));
        all[7].len = p - all[7].data;

        ngx_memcpy(nonce + NGX_HTTP_TGORTC_NONCE_LEN, once->fingerprint,
                   NGX_HTTP_TGORTC_SHA256);
        argv[1].len += NGX_HTTP_TGORTC_SHA256;
    }

    argv[2] = *room_id;
    argv[3] = app->abilities;
    argv[4] = app->ring_timeout;
    argv[5] = app->join_timeout;
    argv[6] = app->rejoin_grace;
    argv[7] = app->room_max_age;
    argv[8] = app->room_retention;

    argv += NGX_HTTP_TGORTC_COMMON;

    if (n) {
        ngx_memcpy(argv, args, n * sizeof(ngx_str_t));
    }

    if (nmore) {
        ngx_memcpy(argv + n, more, nmore * sizeof(ngx_str_t));
    }

    rc = ngx_http_tgortc_call_send(app, s, all, count,
                                   NGX_HTTP_TGORTC_KEYS + keys, handler, data);

    ngx_free(all);

    return rc;
}


static ngx_int_t
ngx_http_tgortc_call_send(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_t *script, ngx_str_t *args, ngx_uint_t n,
    ngx_uint_t not_after, ngx_http_tgortc_call_pt handler, void *data)
{
    ngx_uint_t                  i;
    ngx_http_tgortc_call_t     *call;
    ngx_http_tgortc_command_t  *cmd;

    cmd = ngx_http_tgortc_redis_command(app->redis, args, n);
    if (cmd == NULL) {
        return NGX_ERROR;
    }

    call = ngx_calloc(sizeof(ngx_http_tgortc_call_t), ngx_cycle->log);
    if (call == NULL) {
        ngx_http_tgortc_redis_free(cmd);
        return NGX_ERROR;
    }

    call->app = app;
    call->script = script;
    call->handler = handler;
    call->data = data;

    cmd->handler = ngx_http_tgortc_call_reply;
    cmd->data = call;
    cmd->not_after_arg = (int) not_after;

    if (script != NULL) {
        i = script - ngx_http_tgortc_scripts;

        cmd->once = NGX_HTTP_TGORTC_ONCE >> i & 1;
        cmd->durable = NGX_HTTP_TGORTC_DURABLE >> i & 1;
    }

    if (ngx_http_tgortc_redis_send(cmd) != NGX_OK) {
        ngx_http_tgortc_redis_free(cmd);
        ngx_free(call);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_call_reply(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    ngx_http_tgortc_app_t      *app;
    ngx_http_tgortc_call_t     *call;
    ngx_http_tgortc_outcome_e   outcome;

    if (ngx_http_tgortc_call_again(cmd, reply) == NGX_OK) {
        return NGX_AGAIN;
    }

    call = cmd->data;
    app = call->app;

    outcome = ngx_http_tgortc_call_outcome(cmd, reply);

    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE
        || outcome == NGX_HTTP_TGORTC_BROKEN)
    {
        reply = NULL;
    }

    /* places that only look on make no change, and are refused none */

    if (outcome == NGX_HTTP_TGORTC_OK
        && (cmd->durable || app->settings.keys == NULL))
    {
        ngx_http_tgortc_redis_trust(app->redis);
    }

    call->handler(call->data, outcome, reply);

    if (outcome == NGX_HTTP_TGORTC_OK && app->events_handler != NULL
        && ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_EVENTS) > 0)
    {
        app->events_handler(app);
    }

    ngx_free(call);

    return NGX_OK;
}


/*
 * What Redis may have lost at any moment, by a restart or a failover: the
 * script, the endpoints; or its clock was set.  NGX_OK: it has them again, we
 * know the time, and it has the command too.
 */

static ngx_int_t
ngx_http_tgortc_call_again(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    long long                now;
    const char              *outcome;
    ngx_http_tgortc_call_t  *call;

    call = cmd->data;

    if (reply == NULL || call->script == NULL) {
        return NGX_DECLINED;
    }

    if (reply->type == REDIS_REPLY_ERROR
        && cmd->argvlen[0] == sizeof("EVALSHA") - 1
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0)
    {
        cmd->argv[0] = "EVAL";
        cmd->argvlen[0] = sizeof("EVAL") - 1;
        cmd->argv[1] = (const char *) call->script->text.data;
        cmd->argvlen[1] = call->script->text.len;

        return ngx_http_tgortc_redis_send(cmd);
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        return NGX_DECLINED;
    }

    outcome = ngx_http_tgortc_reply_string(reply, 0);

    /* twice: it may have lost the script that registers as well */

    if (call->registered < 2 && ngx_strcmp(outcome, "unregistered") == 0) {
        call->registered++;
        ngx_http_tgortc_call_register(call->app);

        return ngx_http_tgortc_redis_send(cmd);
    }

    now = ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_TIME);

    if (!call->late && now > 0 && ngx_strcmp(outcome, "late") == 0) {
        ngx_http_tgortc_redis_clock(cmd->redis, now, cmd->sent_at);

        if (!ngx_http_tgortc_redis_is_late(cmd, now)) {
            call->late = 1;

            return ngx_http_tgortc_redis_send(cmd);
        }
    }

    return NGX_DECLINED;
}


static ngx_http_tgortc_outcome_e
ngx_http_tgortc_call_outcome(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    ngx_uint_t               i;
    long long                now;
    const char              *name;
    ngx_http_tgortc_call_t  *call;

    call = cmd->data;

    if (reply == NULL) {
        return NGX_HTTP_TGORTC_UNAVAILABLE;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_http_tgortc_call_error(reply);
    }

    if (call->script == NULL) {

        if (ngx_http_tgortc_redis_is_status(reply, "PONG")) {
            return NGX_HTTP_TGORTC_OK;
        }

        goto garbage;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        goto garbage;
    }

    now = ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_TIME);

    if (now <= 0) {
        goto garbage;
    }

    ngx_http_tgortc_redis_clock(cmd->redis, now, cmd->sent_at);

    name = reply->element[0]->str;

    for (i = 0; ngx_http_tgortc_outcomes[i].name; i++) {
        if (ngx_strcmp(name, ngx_http_tgortc_outcomes[i].name) == 0) {
            break;
        }
    }

    if (ngx_http_tgortc_outcomes[i].name != NULL) {
        return ngx_http_tgortc_outcomes[i].outcome;
    }

garbage:

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "tgortc: unexpected reply from redis");

    ngx_http_tgortc_redis_distrust(call->app->redis);

    return NGX_HTTP_TGORTC_UNAVAILABLE;
}


static ngx_http_tgortc_outcome_e
ngx_http_tgortc_call_error(redisReply *reply)
{
    ngx_uint_t   i;
    const char  *code;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "tgortc: redis says \"%s\"", reply->str);

    for (i = 0; ngx_http_tgortc_passing[i]; i++) {
        code = ngx_http_tgortc_passing[i];

        if (ngx_strncmp(reply->str, code, ngx_strlen(code)) == 0) {
            return NGX_HTTP_TGORTC_UNAVAILABLE;
        }
    }

    for (i = 0; ngx_http_tgortc_denied[i]; i++) {
        if (ngx_strstr(reply->str, ngx_http_tgortc_denied[i]) != NULL) {
            return NGX_HTTP_TGORTC_UNAVAILABLE;
        }
    }

    return NGX_HTTP_TGORTC_BROKEN;
}


static void
ngx_http_tgortc_call_registered(void *data, ngx_http_tgortc_outcome_e outcome,
    redisReply *reply)
{
    ngx_http_tgortc_app_t *app = data;

    long long                    overflow;
    ngx_uint_t                   i;
    ngx_array_t                 *endpoints;
    ngx_http_tgortc_endpoint_t  *endpoint;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return;
    }

    ngx_http_tgortc_redis_trust(app->redis);

    endpoints = app->settings.endpoints;

    if (endpoints == NULL) {
        return;
    }

    endpoint = endpoints->elts;

    for (i = 0; i < endpoints->nelts; i++) {
        overflow = ngx_http_tgortc_reply_integer(reply,
                                              NGX_HTTP_TGORTC_EVENTS + 1 + i);

        if (overflow > app->overflow[i] && app->overflow[i] >= 0) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "tgortc: too many events wait for webhook \"%V\", "
                          "%L of the oldest were given up",
                          &endpoint[i].name, overflow - app->overflow[i]);
        }

        app->overflow[i] = overflow;
    }
}


void
ngx_http_tgortc_call_answer(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_params_t    *params;
    ngx_http_tgortc_waiter_t    *waiter;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    waiter = ngx_http_tgortc_call_wait(r, answer);
    if (waiter == NULL) {
        return;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);
    params = &ctx->params;

    if (ngx_http_tgortc_call_once(tlcf->app, script, &params->room_id,
                                  params->once, args, n, params->uids,
                                  params->nuids,
                                  ngx_http_tgortc_call_answered, waiter)
        != NGX_OK)
    {
        ngx_http_tgortc_call_refuse(waiter);
    }
}


void
ngx_http_tgortc_call_ping(ngx_http_request_t *r,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_str_t                    ping = ngx_string("PING");
    ngx_http_tgortc_waiter_t    *waiter;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    waiter = ngx_http_tgortc_call_wait(r, answer);
    if (waiter == NULL) {
        return;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    if (ngx_http_tgortc_call_send(tlcf->app, NULL, &ping, 1, 0,
                                  ngx_http_tgortc_call_answered, waiter)
        != NGX_OK)
    {
        ngx_http_tgortc_call_refuse(waiter);
    }
}


static ngx_http_tgortc_waiter_t *
ngx_http_tgortc_call_wait(ngx_http_request_t *r,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_tgortc_ctx_t     *ctx;
    ngx_http_tgortc_waiter_t  *waiter;

    cln = ngx_http_cleanup_add(r, 0);
    waiter = ngx_alloc(sizeof(ngx_http_tgortc_waiter_t), r->connection->log);

    if (cln == NULL || waiter == NULL) {

        if (waiter != NULL) {
            ngx_free(waiter);
        }

        ngx_http_finalize_request(r, answer(r, NGX_HTTP_TGORTC_BROKEN, NULL));

        return NULL;
    }

    waiter->request = r;
    waiter->cleanup = cln;
    waiter->answer = answer;

    cln->handler = ngx_http_tgortc_call_detach;
    cln->data = waiter;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    ctx->redis_asked = 1;
    ctx->redis_waiting = 1;
    ctx->redis_since = ngx_current_msec;

    r->connection->log->action = "waiting for redis";

    return waiter;
}


static void
ngx_http_tgortc_call_refuse(ngx_http_tgortc_waiter_t *waiter)
{
    ngx_http_request_t         *r;
    ngx_http_tgortc_answer_pt   answer;

    r = waiter->request;
    answer = waiter->answer;

    waiter->cleanup->handler = NULL;
    ngx_free(waiter);

    ngx_http_tgortc_call_waited(r);
    ngx_http_finalize_request(r, answer(r, NGX_HTTP_TGORTC_UNAVAILABLE, NULL));
}


static void
ngx_http_tgortc_call_waited(ngx_http_request_t *r)
{
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    ctx->redis_waiting = 0;
    ctx->redis_time += ngx_current_msec - ctx->redis_since;
}


/*
 * The request is terminated before its answer came.  What it changes is
 * changed all the same, only nobody is told.
 */

static void
ngx_http_tgortc_call_detach(void *data)
{
    ngx_http_tgortc_waiter_t  *waiter = data;

    waiter->request = NULL;
}


static void
ngx_http_tgortc_call_answered(void *data, ngx_http_tgortc_outcome_e outcome,
    redisReply *reply)
{
    ngx_http_tgortc_waiter_t *waiter = data;

    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_tgortc_answer_pt   answer;

    r = waiter->request;
    answer = waiter->answer;

    if (r == NULL) {
        ngx_free(waiter);
        return;
    }

    waiter->cleanup->handler = NULL;
    ngx_free(waiter);

    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    c->log->action = "sending to client";

    ngx_http_tgortc_call_waited(r);
    ngx_http_finalize_request(r, answer(r, outcome, reply));

    ngx_http_run_posted_requests(c);
}


long long
ngx_http_tgortc_reply_integer(redisReply *reply, size_t i)
{
    if (i >= reply->elements
        || reply->element[i]->type != REDIS_REPLY_INTEGER
        || reply->element[i]->integer > NGX_HTTP_TGORTC_NUMBER_MAX
        || reply->element[i]->integer < -NGX_HTTP_TGORTC_NUMBER_MAX)
    {
        return 0;
    }

    return reply->element[i]->integer;
}


const char *
ngx_http_tgortc_reply_string(redisReply *reply, size_t i)
{
    if (i >= reply->elements || reply->element[i]->type != REDIS_REPLY_STRING)
    {
        return "";
    }

    return reply->element[i]->str;
}


ngx_str_t
ngx_http_tgortc_reply_str(redisReply *reply, size_t i)
{
    ngx_str_t  s;

    if (i >= reply->elements || reply->element[i]->type != REDIS_REPLY_STRING)
    {
        ngx_str_set(&s, "");
        return s;
    }

    s.data = (u_char *) reply->element[i]->str;
    s.len = reply->element[i]->len;

    return s;
}
