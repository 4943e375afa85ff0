
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_call.h"

#include <ngx_sha1.h>
#include <openssl/rand.h>

#include "ngx_http_tgortc_lua.h"


#define NGX_HTTP_TGORTC_NONCE_LEN  8

/* EVALSHA, digest, number of keys, three keys, not after, nonce, room id */
#define NGX_HTTP_TGORTC_ARGS       9
#define NGX_HTTP_TGORTC_NOT_AFTER  6


typedef struct {
    ngx_str_t  text;
    u_char     sha1[40];
} ngx_http_tgortc_script_t;


/* a script on its way, for a request that may go away meanwhile */

typedef struct {
    ngx_http_request_t         *request;    /* NULL: the client is gone */
    ngx_http_cleanup_t         *cleanup;
    ngx_http_tgortc_script_t   *script;     /* NULL: PING */
    ngx_http_tgortc_answer_pt   answer;
    ngx_log_t                  *log;
} ngx_http_tgortc_call_t;


static void ngx_http_tgortc_call_start(ngx_http_request_t *r,
    ngx_http_tgortc_script_t *script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer);
static void ngx_http_tgortc_call_detach(void *data);
static ngx_int_t ngx_http_tgortc_call_reply(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);
static ngx_http_tgortc_outcome_e ngx_http_tgortc_call_outcome(
    ngx_http_tgortc_call_t *call, ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_http_tgortc_outcome_e ngx_http_tgortc_call_error(
    ngx_http_tgortc_call_t *call, redisReply *reply);


#define ngx_http_tgortc_script(name)                                          \
    { { sizeof(ngx_http_tgortc_lua_##name) - 1,                               \
        (u_char *) ngx_http_tgortc_lua_##name }, { 0 } }


/* in the order of ngx_http_tgortc_script_e */

static ngx_http_tgortc_script_t  ngx_http_tgortc_scripts[] = {
    ngx_http_tgortc_script(create),
    ngx_http_tgortc_script(invite),
    ngx_http_tgortc_script(join),
    ngx_http_tgortc_script(leave),
    ngx_http_tgortc_script(sync),
    ngx_http_tgortc_script(get)
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
    { "late", NGX_HTTP_TGORTC_UNAVAILABLE },
    { NULL, NGX_HTTP_TGORTC_UNAVAILABLE }
};


/* errors that pass, and leave nothing done */

static const char  *ngx_http_tgortc_passing[] = {
    "READONLY", "-READONLY", "LOADING", "MASTERDOWN", "OOM", "-OOM", "BUSY",
    "MISCONF", "-MISCONF", "NOREPLICAS", "-NOREPLICAS", "NOAUTH", "NOPERM",
    "CLUSTERDOWN", "TRYAGAIN", "NOSCRIPT", NULL
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
ngx_http_tgortc_call(ngx_http_request_t *r, ngx_http_tgortc_script_e script,
    ngx_str_t *more, ngx_uint_t n, ngx_http_tgortc_answer_pt answer)
{
    u_char                       nonce[NGX_HTTP_TGORTC_NONCE_LEN];
    ngx_str_t                   *args, *room_id, room_key;
    ngx_http_tgortc_app_t       *app;
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_script_t    *s;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    app = tlcf->app;
    room_id = &ctx->params.room_id;
    s = &ngx_http_tgortc_scripts[script];

    args = ngx_pnalloc(r->pool, sizeof(ngx_str_t)
                       * (NGX_HTTP_TGORTC_ARGS + n + ctx->params.nuids));
    room_key.len = app->room_key.len + room_id->len;
    room_key.data = ngx_pnalloc(r->pool, room_key.len);

    if (args == NULL || room_key.data == NULL
        || RAND_bytes(nonce, NGX_HTTP_TGORTC_NONCE_LEN) != 1)
    {
        ngx_http_finalize_request(r, answer(r, NGX_HTTP_TGORTC_BROKEN, NULL));
        return;
    }

    ngx_memcpy(ngx_cpymem(room_key.data, app->room_key.data,
                          app->room_key.len),
               room_id->data, room_id->len);

    ngx_str_set(&args[0], "EVALSHA");
    args[1].data = s->sha1;
    args[1].len = sizeof(s->sha1);
    ngx_str_set(&args[2], "3");
    args[3] = app->users_key;
    args[4] = app->deadlines_key;
    args[5] = room_key;
    ngx_str_null(&args[NGX_HTTP_TGORTC_NOT_AFTER]);
    args[7].data = nonce;
    args[7].len = NGX_HTTP_TGORTC_NONCE_LEN;
    args[8] = *room_id;

    ngx_memcpy(&args[NGX_HTTP_TGORTC_ARGS], more, n * sizeof(ngx_str_t));
    n += NGX_HTTP_TGORTC_ARGS;

    if (ctx->params.nuids) {
        ngx_memcpy(&args[n], ctx->params.uids,
                   ctx->params.nuids * sizeof(ngx_str_t));
        n += ctx->params.nuids;
    }

    ngx_http_tgortc_call_start(r, s, args, n, answer);
}


void
ngx_http_tgortc_call_ping(ngx_http_request_t *r,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_str_t  ping = ngx_string("PING");

    ngx_http_tgortc_call_start(r, NULL, &ping, 1, answer);
}


static void
ngx_http_tgortc_call_start(ngx_http_request_t *r,
    ngx_http_tgortc_script_t *script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_tgortc_call_t      *call;
    ngx_http_tgortc_command_t   *cmd;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    cln = ngx_http_cleanup_add(r, 0);
    call = ngx_alloc(sizeof(ngx_http_tgortc_call_t), r->connection->log);
    cmd = ngx_http_tgortc_redis_command(tlcf->app->redis, args, n);

    if (cln == NULL || call == NULL || cmd == NULL) {
        goto failed;
    }

    call->request = r;
    call->cleanup = cln;
    call->script = script;
    call->answer = answer;
    call->log = ngx_cycle->log;

    cmd->handler = ngx_http_tgortc_call_reply;
    cmd->data = call;
    cmd->not_after_arg = script ? NGX_HTTP_TGORTC_NOT_AFTER : 0;

    if (ngx_http_tgortc_redis_send(cmd) != NGX_OK) {
        goto failed;
    }

    cln->handler = ngx_http_tgortc_call_detach;
    cln->data = call;

    r->connection->log->action = "waiting for redis";

    return;

failed:

    if (cmd != NULL) {
        ngx_http_tgortc_redis_free(cmd);
    }

    if (call != NULL) {
        ngx_free(call);
    }

    ngx_http_finalize_request(r, answer(r, NGX_HTTP_TGORTC_UNAVAILABLE, NULL));
}


/*
 * The request is terminated before its answer came.  What it changes is
 * changed all the same, only nobody is told.
 */

static void
ngx_http_tgortc_call_detach(void *data)
{
    ngx_http_tgortc_call_t  *call = data;

    call->request = NULL;
}


static ngx_int_t
ngx_http_tgortc_call_reply(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    ngx_http_request_t         *r;
    ngx_connection_t           *c;
    ngx_http_tgortc_call_t     *call;
    ngx_http_tgortc_outcome_e   outcome;

    call = cmd->data;

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR
        && call->script != NULL && cmd->argv[0][4] == 'S'
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0)
    {
        cmd->argv[0] = "EVAL";
        cmd->argvlen[0] = sizeof("EVAL") - 1;
        cmd->argv[1] = (const char *) call->script->text.data;
        cmd->argvlen[1] = call->script->text.len;

        if (ngx_http_tgortc_redis_send(cmd) == NGX_OK) {
            return NGX_AGAIN;
        }
    }

    outcome = ngx_http_tgortc_call_outcome(call, cmd->redis, reply);

    r = call->request;

    if (r == NULL) {
        ngx_free(call);
        return NGX_OK;
    }

    call->cleanup->handler = NULL;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    c->log->action = "sending to client";

    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE
        || outcome == NGX_HTTP_TGORTC_BROKEN)
    {
        reply = NULL;
    }

    ngx_http_finalize_request(r, call->answer(r, outcome, reply));

    ngx_free(call);

    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


static ngx_http_tgortc_outcome_e
ngx_http_tgortc_call_outcome(ngx_http_tgortc_call_t *call,
    ngx_http_tgortc_redis_t *redis, redisReply *reply)
{
    ngx_uint_t  i;

    if (reply == NULL) {
        return NGX_HTTP_TGORTC_UNAVAILABLE;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_http_tgortc_call_error(call, reply);
    }

    if (call->script == NULL) {

        if (ngx_http_tgortc_redis_is_status(reply, "PONG")) {
            return NGX_HTTP_TGORTC_OK;
        }

        goto garbage;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_INTEGER)
    {
        goto garbage;
    }

    ngx_http_tgortc_redis_clock(redis, reply->element[1]->integer);

    for (i = 0; ngx_http_tgortc_outcomes[i].name; i++) {
        if (ngx_strcmp(reply->element[0]->str, ngx_http_tgortc_outcomes[i].name)
            == 0)
        {
            break;
        }
    }

    if (ngx_http_tgortc_outcomes[i].name != NULL) {
        return ngx_http_tgortc_outcomes[i].outcome;
    }

garbage:

    ngx_log_error(NGX_LOG_ERR, call->log, 0,
                  "tgortc: unexpected reply from redis");

    ngx_http_tgortc_redis_distrust(redis);

    return NGX_HTTP_TGORTC_UNAVAILABLE;
}


static ngx_http_tgortc_outcome_e
ngx_http_tgortc_call_error(ngx_http_tgortc_call_t *call, redisReply *reply)
{
    ngx_uint_t   i;
    const char  *code;

    ngx_log_error(NGX_LOG_ERR, call->log, 0,
                  "tgortc: redis says \"%s\"", reply->str);

    for (i = 0; ngx_http_tgortc_passing[i]; i++) {
        code = ngx_http_tgortc_passing[i];

        if (ngx_strncmp(reply->str, code, ngx_strlen(code)) == 0) {
            return NGX_HTTP_TGORTC_UNAVAILABLE;
        }
    }

    return NGX_HTTP_TGORTC_BROKEN;
}
