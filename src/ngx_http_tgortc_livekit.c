
/*
 * Copyright (C) TgoRTC contributors
 *
 * LiveKit's webhooks: verified here, understood in scripts/livekit.lua.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_participant.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_validate.h"
#include "ngx_tgortc_verify.h"


#define NGX_HTTP_TGORTC_LIVEKIT_ARGS  9


/*
 * Events that mean something to a call, and their names in livekit.lua; in the
 * order of ngx_http_tgortc_livekit_labels.
 */

typedef struct {
    const char  *event;
    const char  *name;
    ngx_uint_t   participant;
} ngx_http_tgortc_livekit_event_t;


static void ngx_http_tgortc_livekit_receive(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_livekit_verify(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_tgortc_livekit_args(ngx_http_request_t *r,
    cJSON *json, ngx_str_t *args, ngx_uint_t *event_number);
static const char *ngx_http_tgortc_livekit_reason(cJSON *participant);
static ngx_int_t ngx_http_tgortc_livekit_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_livekit[] = {

    { ngx_string(""), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_livekit_receive, NGX_HTTP_TGORTC_OP_LIVEKIT },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
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
    ngx_http_tgortc_operation_t  *operation;

    operation = ngx_http_tgortc_livekit_route(r);

    return ngx_http_tgortc_request_start(r, operation, 1);
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_livekit_route(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK) {
        return NULL;
    }

    return ngx_http_tgortc_request_operation(ngx_http_tgortc_livekit, &path);
}


static void
ngx_http_tgortc_livekit_receive(ngx_http_request_t *r)
{
    cJSON                        *json;
    ngx_int_t                     rc;
    ngx_str_t                     body, args[NGX_HTTP_TGORTC_LIVEKIT_ARGS];
    ngx_uint_t                    event;
    ngx_http_tgortc_ctx_t        *ctx;
    ngx_http_tgortc_loc_conf_t   *tlcf;
    ngx_http_tgortc_counters_t   *counters;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    counters = tlcf->app->counters;

    if (ngx_http_tgortc_request_body(r, &body) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_tgortc_livekit_verify(r, &body);
    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    /*
     * Not strictly: the names that clients give to their tracks are in it, and
     * must not be able to hide from us that they left.
     */

    json = ngx_http_tgortc_request_parse(r, &body, 0, &rc);
    if (json == NULL) {
        ngx_http_tgortc_count(counters->refused[NGX_HTTP_TGORTC_LIVEKIT_BODY]);
        ngx_http_finalize_request(r, rc);
        return;
    }

    event = NGX_HTTP_TGORTC_LIVEKIT_OTHER;
    rc = ngx_http_tgortc_livekit_args(r, json, args, &event);

    ngx_http_tgortc_count(counters->livekit[event]);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_tgortc_send_empty(r));
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);
    ctx->params.uid = args[4];

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "tgortc: livekit says \"%s\" of room \"%V\", \"%V\"",
                  ngx_http_tgortc_livekit_labels[event],
                  &ctx->params.room_id, &args[4]);

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
        keys[i].key = key[i].hmac;
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

    ngx_http_tgortc_count(tlcf->app->counters->refused[verdict
                                              - NGX_TGORTC_VERIFY_MISSING]);

    message = NGX_TGORTC_MSG_VERIFY_MISSING
              + (verdict - NGX_TGORTC_VERIFY_MISSING);

    i = ngx_tgortc_message(reason, sizeof(reason) - 1, message,
                           NGX_TGORTC_EN_US, NULL, NULL);
    reason[ngx_min(i, sizeof(reason) - 1)] = '\0';

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0, "tgortc: %s", reason);

    return ngx_http_tgortc_send_error(r, NGX_HTTP_UNAUTHORIZED, message, NULL,
                                      NULL);
}


/*
 * What livekit.lua takes; NGX_DECLINED if it means nothing to a call.  The
 * number is that of the event, if it is known.
 */

static ngx_int_t
ngx_http_tgortc_livekit_args(ngx_http_request_t *r, cJSON *json,
    ngx_str_t *args, ngx_uint_t *event_number)
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

    if (ngx_http_tgortc_json_string(json, "event", 64, &event) != NGX_OK
        || ngx_http_tgortc_json_string(json, "id", 64, &args[1]) != NGX_OK
        || ngx_http_tgortc_json_string(room, "sid", NGX_HTTP_TGORTC_SID_MAX,
                                       &args[2])
           != NGX_OK
        || ngx_http_tgortc_json_string(room, "name",
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

    *event_number = known - ngx_http_tgortc_livekit_events;

    args[0].data = (u_char *) known->name;
    args[0].len = ngx_strlen(known->name);

    ngx_str_set(&args[5], "0");

    if (ngx_http_tgortc_participant_told_at(r->pool, json, &args[8])
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (!known->participant) {
        return NGX_OK;
    }

    if (ngx_http_tgortc_participant_person(participant, &args[3], &args[4])
        != NGX_OK
        || ngx_http_tgortc_participant_made_at(r->pool, participant, &args[5])
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    args[6].data = (u_char *) ngx_http_tgortc_livekit_reason(participant);
    args[6].len = ngx_strlen(args[6].data);

    ngx_http_tgortc_participant_device(r->pool, participant, &args[7]);

    return NGX_OK;
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
