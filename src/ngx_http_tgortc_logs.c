
/*
 * Copyright (C) TgoRTC contributors
 *
 * What became of the webhooks: counts, failures, dead letters.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_event.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"


#define NGX_HTTP_TGORTC_LOGS_LIMIT      "50"
#define NGX_HTTP_TGORTC_LOGS_LIMIT_MAX  100
#define NGX_HTTP_TGORTC_CURSOR_DIGITS   15
#define NGX_HTTP_TGORTC_DAYS_MAX        36500
#define NGX_HTTP_TGORTC_DAY             86400000

/* 1 January 10000: any time in seconds is before it */
#define NGX_HTTP_TGORTC_TIME_MAX        253402300800.0

/* of a letter's id, see outbox.lua */
#define NGX_HTTP_TGORTC_EVENT_ID_MAX    64

/* where replies begin to have what was asked for, and values for each */
#define NGX_HTTP_TGORTC_LOGS_FIRST      3
#define NGX_HTTP_TGORTC_STATS_FIXED     4
#define NGX_HTTP_TGORTC_STATS_VALUES    3
#define NGX_HTTP_TGORTC_ENTRY           10

/* bytes of an answer, as a rule */
#define NGX_HTTP_TGORTC_LOGS_SIZE       4096

#define NGX_HTTP_TGORTC_REPLAY_ARGS     5


typedef struct {
    long long  total;
    long long  ok;
    long long  dead;
} ngx_http_tgortc_counts_t;


static void ngx_http_tgortc_logs_list(ngx_http_request_t *r);
static void ngx_http_tgortc_logs_stats(ngx_http_request_t *r);
static void ngx_http_tgortc_logs_cleanup(ngx_http_request_t *r);
static void ngx_http_tgortc_logs_replay(ngx_http_request_t *r);
static void ngx_http_tgortc_logs_replay_next(ngx_http_request_t *r,
    ngx_str_t *args);
static void ngx_http_tgortc_logs_refuse(ngx_http_request_t *r,
    ngx_tgortc_message_e message, const char *field);
static ngx_int_t ngx_http_tgortc_logs_seconds(cJSON *json, const char *name,
    ngx_uint_t required, ngx_str_t *arg);
static ngx_uint_t ngx_http_tgortc_logs_is_cursor(ngx_str_t *cursor);
static ngx_int_t ngx_http_tgortc_logs_answer_stats(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_logs_endpoint(ngx_tgortc_write_t *w,
    redisReply *reply, size_t i);
static void ngx_http_tgortc_logs_add(ngx_http_tgortc_counts_t *counts,
    redisReply *reply, size_t i);
static void ngx_http_tgortc_logs_counts(ngx_tgortc_write_t *w,
    ngx_http_tgortc_counts_t *counts);
static void ngx_http_tgortc_logs_by_event(ngx_tgortc_write_t *w,
    ngx_http_tgortc_counts_t *counts);
static ngx_int_t ngx_http_tgortc_logs_answer_list(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_logs_entry(ngx_tgortc_write_t *w,
    redisReply *reply, size_t i);
static ngx_int_t ngx_http_tgortc_logs_answer_cleanup(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_logs_answer_replay(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_logs_failed(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome);
static void ngx_http_tgortc_logs_begin(ngx_tgortc_write_t *w);
static ngx_int_t ngx_http_tgortc_logs_send(ngx_http_request_t *r,
    ngx_tgortc_write_t *w);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_logs[] = {

    { ngx_string(""), NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
      ngx_http_tgortc_logs_list, NGX_HTTP_TGORTC_OP_LOGS },

    { ngx_string("/stats"), NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
      ngx_http_tgortc_logs_stats, NGX_HTTP_TGORTC_OP_LOGS_STATS },

    { ngx_string("/cleanup"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_logs_cleanup, NGX_HTTP_TGORTC_OP_LOGS_CLEANUP },

    { ngx_string("/replay"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_logs_replay, NGX_HTTP_TGORTC_OP_LOGS_REPLAY },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


ngx_int_t
ngx_http_tgortc_logs_handler(ngx_http_request_t *r)
{
    return ngx_http_tgortc_request_start(r, ngx_http_tgortc_logs_route(r), 0);
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_logs_route(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK) {
        return NULL;
    }

    return ngx_http_tgortc_request_operation(ngx_http_tgortc_logs, &path);
}


static void
ngx_http_tgortc_logs_list(ngx_http_request_t *r)
{
    u_char      type[NGX_INT_T_LEN], id[NGX_HTTP_TGORTC_ENDPOINT_ID];
    ngx_int_t   n;
    ngx_str_t   args[5], name;

    if (ngx_http_tgortc_request_arg(r, "cursor", &args[0]) != NGX_OK) {
        ngx_str_set(&args[0], "");
    }

    if (!ngx_http_tgortc_logs_is_cursor(&args[0])) {
        ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_CURSOR, "cursor");
        return;
    }

    if (ngx_http_tgortc_request_arg(r, "limit", &args[1]) == NGX_OK) {
        n = ngx_atoi(args[1].data, args[1].len);

        if (n < 1 || n > NGX_HTTP_TGORTC_LOGS_LIMIT_MAX) {
            ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_LIMIT,
                                        "limit");
            return;
        }

    } else {
        ngx_str_set(&args[1], NGX_HTTP_TGORTC_LOGS_LIMIT);
    }

    if (ngx_http_tgortc_request_arg(r, "room_id", &args[2]) != NGX_OK) {
        ngx_str_set(&args[2], "");

    } else if (!ngx_tgortc_valid_room_id((char *) args[2].data, args[2].len)) {
        ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_ROOM_ID,
                                    "room_id");
        return;
    }

    n = 0;

    if (ngx_http_tgortc_request_arg(r, "event_type", &name) == NGX_OK) {
        n = ngx_http_tgortc_event_type(&name);

        if (n == 0) {
            ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_EVENT,
                                        "event_type");
            return;
        }
    }

    args[3].data = type;
    args[3].len = ngx_sprintf(type, "%i", n) - type;

    ngx_str_set(&args[4], "");

    if (ngx_http_tgortc_request_arg(r, "endpoint", &name) == NGX_OK) {
        ngx_http_tgortc_endpoint_id(id, &name);
        args[4].data = id;
        args[4].len = sizeof(id);
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_LIST, args, 5,
                                ngx_http_tgortc_logs_answer_list);
}


static void
ngx_http_tgortc_logs_stats(ngx_http_request_t *r)
{
    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_STATS, NULL, 0,
                                ngx_http_tgortc_logs_answer_stats);
}


static void
ngx_http_tgortc_logs_cleanup(ngx_http_request_t *r)
{
    long        days;
    cJSON      *json, *item;
    u_char      ms[NGX_INT64_LEN];
    ngx_int_t   rc;
    ngx_str_t   arg;

    json = ngx_http_tgortc_request_json(r, &rc);
    if (json == NULL) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    item = cJSON_GetObjectItemCaseSensitive(json, "retention_days");

    if (!ngx_tgortc_json_integer(item, 1, NGX_HTTP_TGORTC_DAYS_MAX, &days)) {
        ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_DAYS,
                                    "retention_days");
        return;
    }

    arg.data = ms;
    arg.len = ngx_sprintf(ms, "%L", (int64_t) days * NGX_HTTP_TGORTC_DAY) - ms;

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CLEANUP, &arg, 1,
                                ngx_http_tgortc_logs_answer_cleanup);
}


static void
ngx_http_tgortc_logs_replay(ngx_http_request_t *r)
{
    cJSON      *json, *item;
    u_char      since[NGX_INT64_LEN], until[NGX_INT64_LEN];
    ngx_int_t   rc;
    ngx_str_t   args[NGX_HTTP_TGORTC_REPLAY_ARGS];

    json = ngx_http_tgortc_request_json(r, &rc);
    if (json == NULL) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_str_set(&args[0], "");
    args[1].data = since;
    args[2].data = until;
    ngx_str_set(&args[3], "0");
    ngx_str_set(&args[4], "0");

    item = cJSON_GetObjectItemCaseSensitive(json, "event_id");

    if (cJSON_IsString(item)) {
        args[0].data = (u_char *) item->valuestring;
        args[0].len = ngx_strlen(item->valuestring);
    }

    if ((item != NULL && (args[0].len == 0
                          || args[0].len > NGX_HTTP_TGORTC_EVENT_ID_MAX))
        || ngx_http_tgortc_logs_seconds(json, "since", item == NULL, &args[1])
           != NGX_OK
        || ngx_http_tgortc_logs_seconds(json, "until", item == NULL, &args[2])
           != NGX_OK)
    {
        ngx_http_tgortc_logs_refuse(r, NGX_TGORTC_MSG_FIELD_REPLAY,
                                    "event_id");
        return;
    }

    ngx_http_tgortc_logs_replay_next(r, args);
}


/* the letters of a range are sent a thousand at once, Redis has other work */

static void
ngx_http_tgortc_logs_replay_next(ngx_http_request_t *r, ngx_str_t *args)
{
    ngx_uint_t              i;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx->replay == NULL) {
        ctx->replay = ngx_pcalloc(r->pool, NGX_HTTP_TGORTC_REPLAY_ARGS
                                           * sizeof(ngx_str_t));
        if (ctx->replay == NULL) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }
    }

    for (i = 0; i < NGX_HTTP_TGORTC_REPLAY_ARGS; i++) {
        ctx->replay[i].len = args[i].len;
        ctx->replay[i].data = ngx_pstrdup(r->pool, &args[i]);

        if (ctx->replay[i].data == NULL) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_REPLAY, ctx->replay,
                                NGX_HTTP_TGORTC_REPLAY_ARGS,
                                ngx_http_tgortc_logs_answer_replay);
}


static void
ngx_http_tgortc_logs_refuse(ngx_http_request_t *r,
    ngx_tgortc_message_e message, const char *field)
{
    ngx_http_finalize_request(r,
        ngx_http_tgortc_send_error(r, NGX_HTTP_BAD_REQUEST, message, field,
                                   NULL));
}


/* a time in unix seconds, as ms; "until" has its whole second in it */

static ngx_int_t
ngx_http_tgortc_logs_seconds(cJSON *json, const char *name,
    ngx_uint_t required, ngx_str_t *arg)
{
    long    seconds;
    cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);
    arg->len = 0;

    if (item == NULL && !required) {
        return NGX_OK;
    }

    if (!ngx_tgortc_json_integer(item, 0, (long) NGX_HTTP_TGORTC_TIME_MAX,
                                 &seconds))
    {
        return NGX_ERROR;
    }

    arg->len = ngx_sprintf(arg->data, "%L", (int64_t) seconds * 1000
                           + (name[0] == 'u' ? 999 : 0))
               - arg->data;

    return NGX_OK;
}


/* the id of an entry of a stream, "ms-number", or nothing */

static ngx_uint_t
ngx_http_tgortc_logs_is_cursor(ngx_str_t *cursor)
{
    u_char  *dash, *last;

    if (cursor->len == 0) {
        return 1;
    }

    last = cursor->data + cursor->len;
    dash = ngx_strlchr(cursor->data, last, '-');

    if (dash == NULL || dash - cursor->data > NGX_HTTP_TGORTC_CURSOR_DIGITS
        || last - dash - 1 > NGX_HTTP_TGORTC_CURSOR_DIGITS)
    {
        return 0;
    }

    return ngx_atoof(cursor->data, dash - cursor->data) > 0
           && ngx_atoof(dash + 1, last - dash - 1) != NGX_ERROR;
}


static ngx_int_t
ngx_http_tgortc_logs_answer_stats(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    size_t                     i, values;
    ngx_tgortc_write_t         w;
    ngx_http_tgortc_counts_t   counts[NGX_HTTP_TGORTC_TYPES];

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_logs_failed(r, outcome);
    }

    ngx_memzero(counts, sizeof(counts));

    values = NGX_HTTP_TGORTC_STATS_FIXED
             + (NGX_HTTP_TGORTC_TYPES - 1) * NGX_HTTP_TGORTC_STATS_VALUES;

    for (i = NGX_HTTP_TGORTC_LOGS_FIRST; i < reply->elements; i += values) {
        ngx_http_tgortc_logs_add(counts, reply, i);
    }

    ngx_http_tgortc_logs_begin(&w);
    ngx_http_tgortc_logs_counts(&w, &counts[0]);
    ngx_http_tgortc_logs_by_event(&w, counts);
    ngx_tgortc_write_open(&w, "endpoints", '[');

    for (i = NGX_HTTP_TGORTC_LOGS_FIRST; i < reply->elements; i += values) {
        ngx_http_tgortc_logs_endpoint(&w, reply, i);
    }

    ngx_tgortc_write_close(&w, ']');

    return ngx_http_tgortc_logs_send(r, &w);
}


static void
ngx_http_tgortc_logs_endpoint(ngx_tgortc_write_t *w, redisReply *reply,
    size_t i)
{
    u_char                     text[NGX_INT64_LEN + sizeof(".000")];
    int64_t                    oldest;
    ngx_uint_t                 state;
    ngx_http_tgortc_counts_t   counts[NGX_HTTP_TGORTC_TYPES];

    static const char  *states[] = { "closed", "open", "half-open" };

    oldest = ngx_http_tgortc_reply_integer(reply, i + 2);
    state = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 3);

    text[0] = '\0';

    if (oldest >= 0) {
        *ngx_sprintf(text, "%L.%03L", oldest / 1000, oldest % 1000) = '\0';
    }

    ngx_memzero(counts, sizeof(counts));
    ngx_http_tgortc_logs_add(counts, reply, i);

    ngx_tgortc_write_open(w, NULL, '{');

    /* an endpoint that is gone has left its counts, but not its name */

    ngx_tgortc_write_optional(w, "name",
                              ngx_http_tgortc_reply_string(reply, i + 1));
    ngx_http_tgortc_logs_counts(w, &counts[0]);
    ngx_tgortc_write_raw(w, "oldest_pending_seconds",
                         oldest < 0 ? "null" : (char *) text);
    ngx_tgortc_write_cstr(w, "breaker", states[ngx_min(state, 2)]);
    ngx_http_tgortc_logs_by_event(w, counts);
    ngx_tgortc_write_close(w, '}');
}


/* adds those of an endpoint to those of each type and, as [0], of all */

static void
ngx_http_tgortc_logs_add(ngx_http_tgortc_counts_t *counts, redisReply *reply,
    size_t i)
{
    long long   total, ok, dead;
    ngx_uint_t  type;

    i += NGX_HTTP_TGORTC_STATS_FIXED;

    for (type = 1; type < NGX_HTTP_TGORTC_TYPES; type++) {
        total = ngx_http_tgortc_reply_integer(reply, i++);
        ok = ngx_http_tgortc_reply_integer(reply, i++);
        dead = ngx_http_tgortc_reply_integer(reply, i++);

        counts[0].total += total;
        counts[0].ok += ok;
        counts[0].dead += dead;

        counts[type].total += total;
        counts[type].ok += ok;
        counts[type].dead += dead;
    }
}


static void
ngx_http_tgortc_logs_counts(ngx_tgortc_write_t *w,
    ngx_http_tgortc_counts_t *counts)
{
    ngx_tgortc_write_int(w, "total_count", counts->total);
    ngx_tgortc_write_int(w, "success_count", counts->ok);
    ngx_tgortc_write_int(w, "failed_count", counts->dead);
    ngx_tgortc_write_int(w, "pending_count",
                         counts->total - counts->ok - counts->dead);
}


static void
ngx_http_tgortc_logs_by_event(ngx_tgortc_write_t *w,
    ngx_http_tgortc_counts_t *counts)
{
    ngx_uint_t  type;

    ngx_tgortc_write_open(w, "by_event", '{');

    for (type = 1; type < NGX_HTTP_TGORTC_TYPES; type++) {
        ngx_tgortc_write_open(w,
                      (char *) ngx_http_tgortc_event_name(type)->data, '{');
        ngx_http_tgortc_logs_counts(w, &counts[type]);
        ngx_tgortc_write_close(w, '}');
    }

    ngx_tgortc_write_close(w, '}');
}


static ngx_int_t
ngx_http_tgortc_logs_answer_list(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    size_t              i;
    const char         *cursor;
    ngx_tgortc_write_t  w;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_logs_failed(r, outcome);
    }

    cursor = ngx_http_tgortc_reply_string(reply, NGX_HTTP_TGORTC_LOGS_FIRST);

    ngx_http_tgortc_logs_begin(&w);
    ngx_tgortc_write_open(&w, "entries", '[');

    for (i = NGX_HTTP_TGORTC_LOGS_FIRST + 1;
         i < reply->elements;
         i += NGX_HTTP_TGORTC_ENTRY)
    {
        ngx_http_tgortc_logs_entry(&w, reply, i);
    }

    ngx_tgortc_write_close(&w, ']');
    ngx_tgortc_write_optional(&w, "next_cursor", cursor);

    return ngx_http_tgortc_logs_send(r, &w);
}


static void
ngx_http_tgortc_logs_entry(ngx_tgortc_write_t *w, redisReply *reply, size_t i)
{
    ngx_str_t  *type;

    type = ngx_http_tgortc_event_name(
               (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 5));

    ngx_tgortc_write_open(w, NULL, '{');
    ngx_tgortc_write_cstr(w, "kind", ngx_http_tgortc_reply_string(reply, i));
    ngx_tgortc_write_int(w, "time",
                         ngx_http_tgortc_reply_integer(reply, i + 1) / 1000);
    ngx_tgortc_write_optional(w, "endpoint",
                              ngx_http_tgortc_reply_string(reply, i + 3));
    ngx_tgortc_write_cstr(w, "room_id",
                          ngx_http_tgortc_reply_string(reply, i + 4));
    ngx_tgortc_write_cstr(w, "event_type", type ? (char *) type->data : "");
    ngx_tgortc_write_cstr(w, "event_id",
                          ngx_http_tgortc_reply_string(reply, i + 6));
    ngx_tgortc_write_optional(w, "uid",
                              ngx_http_tgortc_reply_string(reply, i + 7));
    ngx_tgortc_write_int(w, "attempts",
                         ngx_http_tgortc_reply_integer(reply, i + 8));
    ngx_tgortc_write_cstr(w, "reason",
                          ngx_http_tgortc_reply_string(reply, i + 9));
    ngx_tgortc_write_close(w, '}');
}


/* letters are forgotten a thousand at once, as they are replayed */

static ngx_int_t
ngx_http_tgortc_logs_answer_cleanup(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    u_char     ms[NGX_INT64_LEN];
    int64_t    again;
    ngx_str_t  arg;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_logs_failed(r, outcome);
    }

    again = ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_LOGS_FIRST);

    if (again > 0) {
        arg.data = ms;
        arg.len = ngx_sprintf(ms, "%L", again) - ms;

        /* another call holds the request as this one did */

        r->main->count++;
        ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CLEANUP, &arg, 1,
                                    ngx_http_tgortc_logs_answer_cleanup);

        return NGX_DONE;
    }

    return ngx_http_tgortc_send_done(r);
}


static ngx_int_t
ngx_http_tgortc_logs_answer_replay(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    u_char                  skip[NGX_INT64_LEN], began[NGX_INT64_LEN];
    ngx_str_t               args[NGX_HTTP_TGORTC_REPLAY_ARGS];
    ngx_tgortc_write_t      w;
    ngx_http_tgortc_ctx_t  *ctx;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_logs_failed(r, outcome);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    ctx->replayed += ngx_http_tgortc_reply_integer(reply,
                                                   NGX_HTTP_TGORTC_LOGS_FIRST);

    if (reply->elements > NGX_HTTP_TGORTC_LOGS_FIRST + 2
        && ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_LOGS_FIRST + 1)
           >= 0)
    {
        ngx_memcpy(args, ctx->replay, sizeof(args));

        args[3].data = skip;
        args[3].len = ngx_sprintf(skip, "%L",
                                  (int64_t) ngx_http_tgortc_reply_integer(reply,
                                            NGX_HTTP_TGORTC_LOGS_FIRST + 1))
                      - skip;
        args[4].data = began;
        args[4].len = ngx_sprintf(began, "%L",
                                  (int64_t) ngx_http_tgortc_reply_integer(reply,
                                            NGX_HTTP_TGORTC_LOGS_FIRST + 2))
                      - began;

        /* another call holds the request as this one did */

        r->main->count++;
        ngx_http_tgortc_logs_replay_next(r, args);

        return NGX_DONE;
    }

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_LOGS_SIZE);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_int(&w, "replayed", ctx->replayed);
    ngx_tgortc_write_close(&w, '}');

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_http_tgortc_logs_failed(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome)
{
    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE) {
        return ngx_http_tgortc_send_unavailable(r);
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the envelope of what is asked for; "data" is left open */

static void
ngx_http_tgortc_logs_begin(ngx_tgortc_write_t *w)
{
    ngx_tgortc_write_begin(w, NGX_HTTP_TGORTC_LOGS_SIZE);
    ngx_tgortc_write_open(w, NULL, '{');
    ngx_tgortc_write_int(w, "code", NGX_HTTP_OK);
    ngx_tgortc_write_cstr(w, "message", "ok");
    ngx_tgortc_write_open(w, "data", '{');
}


static ngx_int_t
ngx_http_tgortc_logs_send(ngx_http_request_t *r, ngx_tgortc_write_t *w)
{
    ngx_tgortc_write_close(w, '}');
    ngx_tgortc_write_close(w, '}');

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, w);
}
