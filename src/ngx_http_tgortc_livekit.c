
/*
 * Copyright (C) TgoRTC contributors
 *
 * LiveKit's webhooks: verified here, understood in scripts/livekit.lua.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"
#include "ngx_tgortc_verify.h"


/* as deep as protobuf's JSON may get, and to spare */
#define NGX_HTTP_TGORTC_LIVEKIT_DEPTH   32
#define NGX_HTTP_TGORTC_METADATA_DEPTH  8

#define NGX_HTTP_TGORTC_LIVEKIT_ARGS    8

/* a sid has 15 characters; this bounds what a room remembers */
#define NGX_HTTP_TGORTC_SID_MAX         64


/* events that mean something to a call, and their names in livekit.lua */

typedef struct {
    const char  *event;
    const char  *name;
    ngx_uint_t   participant;
} ngx_http_tgortc_livekit_event_t;


static void ngx_http_tgortc_livekit_receive(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_livekit_verify(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_tgortc_livekit_args(ngx_http_request_t *r,
    cJSON *json, ngx_str_t *args);
static ngx_uint_t ngx_http_tgortc_livekit_is_person(cJSON *participant);
static const char *ngx_http_tgortc_livekit_reason(cJSON *participant);
static ngx_int_t ngx_http_tgortc_livekit_made_at(ngx_http_request_t *r,
    cJSON *participant, ngx_str_t *arg);
static void ngx_http_tgortc_livekit_device(ngx_http_request_t *r,
    cJSON *participant, ngx_str_t *arg);
static ngx_int_t ngx_http_tgortc_livekit_string(cJSON *object,
    const char *name, size_t max, ngx_str_t *value);
static int64_t ngx_http_tgortc_livekit_integer(cJSON *item);
static ngx_int_t ngx_http_tgortc_livekit_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_livekit[] = {

    { ngx_string(""), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_livekit_receive },

    { ngx_null_string, 0, NULL, NULL }
};


static ngx_http_tgortc_livekit_event_t  ngx_http_tgortc_livekit_events[] = {
    { "room_started", "started", 0 },
    { "room_finished", "finished", 0 },
    { "participant_joined", "joined", 1 },
    { "participant_left", "left", 1 },
    { "participant_connection_aborted", "aborted", 1 },
    { "track_published", "track", 1 },
    { NULL, NULL, 0 }
};


/*
 * Why a session ended (livekit_models.proto, DisconnectReason): transient ones
 * are followed by another session, or not.
 */

static struct {
    const char  *name;
    int          number;
    const char  *reason;
} ngx_http_tgortc_livekit_reasons[] = {
    { "CLIENT_INITIATED", 1, "client" },
    { "DUPLICATE_IDENTITY", 2, "transient" },
    { "SERVER_SHUTDOWN", 3, "transient" },
    { "STATE_MISMATCH", 6, "transient" },
    { "MIGRATION", 8, "transient" },
    { "CONNECTION_TIMEOUT", 14, "transient" },
    { NULL, 0, "other" }
};


ngx_int_t
ngx_http_tgortc_livekit_handler(ngx_http_request_t *r)
{
    ngx_str_t                     path;
    ngx_http_tgortc_operation_t  *operation;

    operation = NULL;

    if (ngx_http_tgortc_request_path(r, &path) == NGX_OK) {
        operation = ngx_http_tgortc_request_operation(ngx_http_tgortc_livekit,
                                                      &path);
    }

    return ngx_http_tgortc_request_start(r, operation, 1);
}


static void
ngx_http_tgortc_livekit_receive(ngx_http_request_t *r)
{
    cJSON      *json;
    ngx_int_t   rc;
    ngx_str_t   body, args[NGX_HTTP_TGORTC_LIVEKIT_ARGS];

    if (ngx_http_tgortc_request_body(r, &body) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_tgortc_livekit_verify(r, &body);
    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    json = ngx_http_tgortc_request_parse(r, &body,
                                         NGX_HTTP_TGORTC_LIVEKIT_DEPTH, &rc);
    if (json == NULL) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (ngx_http_tgortc_livekit_args(r, json, args) != NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_tgortc_send_empty(r));
        return;
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_LIVEKIT_EVENT, args,
                                NGX_HTTP_TGORTC_LIVEKIT_ARGS,
                                ngx_http_tgortc_livekit_answer);
}


/* NGX_DECLINED: it is LiveKit's; else the rc of the refusal that was sent */

static ngx_int_t
ngx_http_tgortc_livekit_verify(ngx_http_request_t *r, ngx_str_t *body)
{
    char                         reason[128];
    ngx_uint_t                   i;
    ngx_array_t                 *configured;
    ngx_table_elt_t             *h;
    ngx_tgortc_verify_e          verdict;
    ngx_tgortc_message_e         message;
    ngx_http_tgortc_key_t       *key;
    ngx_tgortc_verify_key_t     *keys;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    configured = tlcf->app->settings.keys;
    key = configured->elts;

    keys = ngx_palloc(r->pool,
                      configured->nelts * sizeof(ngx_tgortc_verify_key_t));
    if (keys == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < configured->nelts; i++) {
        keys[i].api_key.data = (char *) key[i].name.data;
        keys[i].api_key.len = key[i].name.len;
        keys[i].secret.data = (char *) key[i].secret.data;
        keys[i].secret.len = key[i].secret.len;
    }

    h = r->headers_in.authorization;

    verdict = ngx_tgortc_verify(h ? (char *) h->value.data : NULL,
                                h ? h->value.len : 0, (char *) body->data,
                                body->len, keys, configured->nelts,
                                ngx_time());

    if (verdict == NGX_TGORTC_VERIFY_OK) {
        return NGX_DECLINED;
    }

    if (verdict == NGX_TGORTC_VERIFY_NO_MEMORY) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    message = NGX_TGORTC_MSG_VERIFY_MISSING
              + (verdict - NGX_TGORTC_VERIFY_MISSING);

    i = ngx_tgortc_message(reason, sizeof(reason) - 1, message,
                           NGX_TGORTC_EN_US, NULL, NULL);
    reason[ngx_min(i, sizeof(reason) - 1)] = '\0';

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0, "tgortc: %s", reason);

    return ngx_http_tgortc_send_error(r, NGX_HTTP_UNAUTHORIZED, message, NULL,
                                      NULL);
}


/* what livekit.lua takes; NGX_DECLINED if it means nothing to a call */

static ngx_int_t
ngx_http_tgortc_livekit_args(ngx_http_request_t *r, cJSON *json,
    ngx_str_t *args)
{
    cJSON                            *room, *participant;
    ngx_str_t                         event;
    ngx_uint_t                        i;
    ngx_http_tgortc_ctx_t            *ctx;
    ngx_http_tgortc_livekit_event_t  *known;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    room = cJSON_GetObjectItemCaseSensitive(json, "room");
    participant = cJSON_GetObjectItemCaseSensitive(json, "participant");

    for (i = 0; i < NGX_HTTP_TGORTC_LIVEKIT_ARGS; i++) {
        ngx_str_set(&args[i], "");
    }

    if (ngx_http_tgortc_livekit_string(json, "event", 64, &event) != NGX_OK
        || ngx_http_tgortc_livekit_string(json, "id", 64, &args[1]) != NGX_OK
        || ngx_http_tgortc_livekit_string(room, "sid", NGX_HTTP_TGORTC_SID_MAX,
                                          &args[2])
           != NGX_OK
        || ngx_http_tgortc_livekit_string(room, "name",
                                          NGX_TGORTC_ROOM_ID_MAX,
                                          &ctx->params.room_id)
           != NGX_OK
        || !ngx_tgortc_valid_room_id((char *) ctx->params.room_id.data,
                                     ctx->params.room_id.len))
    {
        return NGX_DECLINED;
    }

    for (known = ngx_http_tgortc_livekit_events; known->event; known++) {
        if (ngx_strcmp(event.data, known->event) == 0) {
            break;
        }
    }

    if (known->event == NULL) {
        return NGX_DECLINED;
    }

    args[0].data = (u_char *) known->name;
    args[0].len = ngx_strlen(known->name);

    ngx_str_set(&args[5], "0");

    if (!known->participant) {
        return NGX_OK;
    }

    if (ngx_http_tgortc_livekit_string(participant, "sid",
                                       NGX_HTTP_TGORTC_SID_MAX, &args[3])
        != NGX_OK
        || ngx_http_tgortc_livekit_string(participant, "identity",
                                          NGX_TGORTC_UID_MAX, &args[4])
           != NGX_OK
        || !ngx_tgortc_valid_uid((char *) args[4].data, args[4].len)
        || !ngx_http_tgortc_livekit_is_person(participant)
        || ngx_http_tgortc_livekit_made_at(r, participant, &args[5]) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    args[6].data = (u_char *) ngx_http_tgortc_livekit_reason(participant);
    args[6].len = ngx_strlen(args[6].data);

    ngx_http_tgortc_livekit_device(r, participant, &args[7]);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_tgortc_livekit_is_person(cJSON *participant)
{
    int           number;
    cJSON        *kind, *permission;
    ngx_uint_t    i;

    static struct {
        const char  *name;
        int          number;
    } machines[] = {
        { "INGRESS", 1 }, { "EGRESS", 2 }, { "AGENT", 4 }, { NULL, 0 }
    };

    kind = cJSON_GetObjectItemCaseSensitive(participant, "kind");
    permission = cJSON_GetObjectItemCaseSensitive(participant, "permission");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(permission, "hidden"))) {
        return 0;
    }

    number = cJSON_IsNumber(kind) ? kind->valueint : 0;

    for (i = 0; machines[i].name; i++) {
        if (number == machines[i].number
            || (cJSON_IsString(kind)
                && ngx_strcmp(kind->valuestring, machines[i].name) == 0))
        {
            return 0;
        }
    }

    return 1;
}


static const char *
ngx_http_tgortc_livekit_reason(cJSON *participant)
{
    cJSON       *reason;
    ngx_uint_t   i;

    reason = cJSON_GetObjectItemCaseSensitive(participant,
                                              "disconnectReason");

    for (i = 0; ngx_http_tgortc_livekit_reasons[i].name; i++) {
        if (cJSON_IsString(reason)
            && ngx_strcmp(reason->valuestring,
                          ngx_http_tgortc_livekit_reasons[i].name)
               == 0)
        {
            break;
        }

        if (cJSON_IsNumber(reason)
            && reason->valueint == ngx_http_tgortc_livekit_reasons[i].number)
        {
            break;
        }
    }

    return ngx_http_tgortc_livekit_reasons[i].reason;
}


/* ms; older servers say only seconds */

static ngx_int_t
ngx_http_tgortc_livekit_made_at(ngx_http_request_t *r, cJSON *participant,
    ngx_str_t *arg)
{
    int64_t  ms;

    ms = ngx_http_tgortc_livekit_integer(
             cJSON_GetObjectItemCaseSensitive(participant, "joinedAtMs"));

    if (ms == 0) {
        ms = 1000 * ngx_http_tgortc_livekit_integer(
                 cJSON_GetObjectItemCaseSensitive(participant, "joinedAt"));
    }

    arg->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (arg->data == NULL) {
        return NGX_ERROR;
    }

    arg->len = ngx_sprintf(arg->data, "%L", ms) - arg->data;

    return NGX_OK;
}


/* the metadata is what we put into the token: {"device_type":"app"} */

static void
ngx_http_tgortc_livekit_device(ngx_http_request_t *r, cJSON *participant,
    ngx_str_t *arg)
{
    cJSON                    *metadata, *json;
    u_char                   *copy;
    ngx_str_t                 device;
    ngx_tgortc_json_error_t   error;

    metadata = cJSON_GetObjectItemCaseSensitive(participant, "metadata");

    if (!cJSON_IsString(metadata)) {
        return;
    }

    json = ngx_tgortc_json_parse(metadata->valuestring,
                                 ngx_strlen(metadata->valuestring),
                                 NGX_HTTP_TGORTC_METADATA_DEPTH, &error);

    if (ngx_http_tgortc_livekit_string(json, "device_type",
                                       NGX_TGORTC_DEVICE_MAX, &device)
        == NGX_OK
        && ngx_tgortc_valid_device((char *) device.data, device.len))
    {
        copy = ngx_pstrdup(r->pool, &device);

        if (copy != NULL) {
            arg->data = copy;
            arg->len = device.len;
        }
    }

    cJSON_Delete(json);
}


/* a member of 1 to max bytes; the value stays where it is */

static ngx_int_t
ngx_http_tgortc_livekit_string(cJSON *object, const char *name, size_t max,
    ngx_str_t *value)
{
    size_t   len;
    cJSON   *item;

    item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsString(item)) {
        return NGX_DECLINED;
    }

    len = ngx_strlen(item->valuestring);

    if (len == 0 || len > max) {
        return NGX_DECLINED;
    }

    value->data = (u_char *) item->valuestring;
    value->len = len;

    return NGX_OK;
}


/* protobuf's JSON has 64-bit integers as strings, and may have numbers */

static int64_t
ngx_http_tgortc_livekit_integer(cJSON *item)
{
    off_t  n;

    if (cJSON_IsString(item)) {
        n = ngx_atoof((u_char *) item->valuestring,
                      ngx_strlen(item->valuestring));

        return n == NGX_ERROR ? 0 : n;
    }

    if (cJSON_IsNumber(item) && item->valuedouble > 0
        && item->valuedouble < 9007199254740992.0)
    {
        return (int64_t) item->valuedouble;
    }

    return 0;
}


/* no Retry-After: LiveKit obeys it without a cap */

static ngx_int_t
ngx_http_tgortc_livekit_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    if (outcome == NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_send_empty(r);
    }

    return ngx_http_tgortc_send_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      NGX_TGORTC_MSG_UNAVAILABLE, NULL, NULL);
}
