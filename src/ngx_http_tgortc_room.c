
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_room.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_token.h"


/* where replies have the id of a room to enter, its numbers, its creator */
#define NGX_HTTP_TGORTC_ENTRY_ID       3
#define NGX_HTTP_TGORTC_ENTRY_NUMBERS  4
#define NGX_HTTP_TGORTC_ENTRY_CREATOR  8


#define ngx_http_tgortc_grant_set(field, string)                              \
    grant.field.data = (const char *) (string).data;                          \
    grant.field.len = (string).len


/* what every room object shows, and where in the reply its uids are */

typedef struct {
    const char                       *id;
    const char                       *creator;
    long long                         status;
    long long                         created;
    long long                         max_participants;
    long long                         rtc_type;
    redisReply                       *reply;
    size_t                            uids;
    size_t                            end;
    size_t                            step;      /* from one to the next */
} ngx_http_tgortc_room_t;


typedef struct {
    ngx_http_tgortc_outcome_e         outcome;
    ngx_uint_t                        status;
    ngx_tgortc_message_e              message;
} ngx_http_tgortc_refusal_t;


static void ngx_http_tgortc_room_view(ngx_http_tgortc_room_t *room,
    redisReply *reply, size_t i);
static void ngx_http_tgortc_room_uids(ngx_http_tgortc_room_t *room,
    redisReply *reply, size_t first, size_t end, size_t step);
static cJSON *ngx_http_tgortc_room_json(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room, ngx_uint_t with_token);
static cJSON *ngx_http_tgortc_room_token(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room);
static cJSON *ngx_http_tgortc_room_participants(redisReply *reply, size_t i,
    size_t end);
static cJSON *ngx_http_tgortc_room_time(long long seconds);
static char *ngx_http_tgortc_room_busy(ngx_http_request_t *r,
    redisReply *reply);


/* what a refusal of a script is in HTTP */

static ngx_http_tgortc_refusal_t  ngx_http_tgortc_refusals[] = {
    { NGX_HTTP_TGORTC_UNKNOWN, NGX_HTTP_NOT_FOUND, NGX_TGORTC_MSG_NO_ROOM },
    { NGX_HTTP_TGORTC_STRANGER, NGX_HTTP_NOT_FOUND,
      NGX_TGORTC_MSG_NO_PARTICIPANT },
    { NGX_HTTP_TGORTC_UNINVITED, NGX_HTTP_FORBIDDEN,
      NGX_TGORTC_MSG_NOT_INVITED },
    { NGX_HTTP_TGORTC_TAKEN, NGX_HTTP_CONFLICT, NGX_TGORTC_MSG_ROOM_TAKEN },
    { NGX_HTTP_TGORTC_BUSY, NGX_HTTP_CONFLICT, NGX_TGORTC_MSG_BUSY },
    { NGX_HTTP_TGORTC_FULL, NGX_HTTP_CONFLICT, NGX_TGORTC_MSG_ROOM_FULL },
    { NGX_HTTP_TGORTC_ENDED, 410, NGX_TGORTC_MSG_ROOM_ENDED },
    { NGX_HTTP_TGORTC_REUSED, 422, NGX_TGORTC_MSG_KEY_REUSED },
    { NGX_HTTP_TGORTC_OK, NGX_HTTP_INTERNAL_SERVER_ERROR,
      NGX_TGORTC_MSG_INTERNAL }
};


cJSON *
ngx_http_tgortc_room_entry(ngx_http_request_t *r, redisReply *reply,
    size_t uids)
{
    ngx_http_tgortc_room_t  room;

    room.id = ngx_http_tgortc_reply_string(reply, NGX_HTTP_TGORTC_ENTRY_ID);
    room.creator = ngx_http_tgortc_reply_string(reply,
                                                NGX_HTTP_TGORTC_ENTRY_CREATOR);

    ngx_http_tgortc_room_view(&room, reply, NGX_HTTP_TGORTC_ENTRY_NUMBERS);
    ngx_http_tgortc_room_uids(&room, reply, uids, reply->elements, 1);

    return ngx_http_tgortc_room_json(r, &room, 1);
}


cJSON *
ngx_http_tgortc_room_details(ngx_http_request_t *r, const char *id,
    redisReply *reply, size_t i, size_t members)
{
    cJSON                   *json;
    size_t                   first, end;
    ngx_uint_t               failed;
    ngx_http_tgortc_room_t   room;

    first = ngx_min(i + NGX_HTTP_TGORTC_ROOM_VALUES, reply->elements);
    end = first + ngx_min(members, (reply->elements - first)
                                   / NGX_HTTP_TGORTC_MEMBER_VALUES)
                  * NGX_HTTP_TGORTC_MEMBER_VALUES;

    room.id = id;
    room.creator = ngx_http_tgortc_reply_string(reply, first);

    ngx_http_tgortc_room_view(&room, reply, i);
    ngx_http_tgortc_room_uids(&room, reply, first, end,
                              NGX_HTTP_TGORTC_MEMBER_VALUES);

    json = ngx_http_tgortc_room_json(r, &room, 0);

    failed = (json == NULL);

    ngx_http_tgortc_room_add(json, "duration",
        ngx_tgortc_json_int(
            ngx_http_tgortc_reply_integer(reply, i + 4)), &failed);
    ngx_http_tgortc_room_add(json, "ended_at",
        ngx_http_tgortc_room_time(ngx_http_tgortc_reply_integer(reply, i + 5)),
        &failed);
    ngx_http_tgortc_room_add(json, "participants",
        ngx_http_tgortc_room_participants(reply, first, end), &failed);

    if (failed) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}


/* status, created, max_participants, rtc_type: side by side in each reply */

static void
ngx_http_tgortc_room_view(ngx_http_tgortc_room_t *room, redisReply *reply,
    size_t i)
{
    room->status = ngx_http_tgortc_reply_integer(reply, i);
    room->created = ngx_http_tgortc_reply_integer(reply, i + 1);
    room->max_participants = ngx_http_tgortc_reply_integer(reply, i + 2);
    room->rtc_type = ngx_http_tgortc_reply_integer(reply, i + 3);
}


static void
ngx_http_tgortc_room_uids(ngx_http_tgortc_room_t *room, redisReply *reply,
    size_t first, size_t end, size_t step)
{
    room->reply = reply;
    room->uids = first;
    room->end = end;
    room->step = step;
}


/* the room object; NULL without memory */

static cJSON *
ngx_http_tgortc_room_json(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room, ngx_uint_t with_token)
{
    cJSON                       *json, *uids;
    size_t                       i;
    ngx_uint_t                   failed;
    ngx_http_tgortc_loc_conf_t  *tlcf;
    ngx_http_tgortc_settings_t  *settings;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    settings = &tlcf->app->settings;

    json = cJSON_CreateObject();
    failed = (json == NULL);

    ngx_http_tgortc_room_add(json, "room_id",
        cJSON_CreateStringReference(room->id), &failed);
    ngx_http_tgortc_room_add(json, "creator",
        cJSON_CreateStringReference(room->creator), &failed);

    if (with_token) {
        ngx_http_tgortc_room_add(json, "token",
            ngx_http_tgortc_room_token(r, room), &failed);
        ngx_http_tgortc_room_add(json, "url",
            cJSON_CreateStringReference((char *) settings->livekit_url.data),
            &failed);
    }

    ngx_http_tgortc_room_add(json, "status",
        ngx_tgortc_json_int(room->status), &failed);
    ngx_http_tgortc_room_add(json, "created_at",
        ngx_http_tgortc_room_time(room->created), &failed);
    ngx_http_tgortc_room_add(json, "max_participants",
        ngx_tgortc_json_int(room->max_participants), &failed);
    ngx_http_tgortc_room_add(json, "timeout",
        ngx_tgortc_json_int((settings->ring_timeout + 999) / 1000), &failed);
    ngx_http_tgortc_room_add(json, "rtc_type",
        ngx_tgortc_json_int(room->rtc_type), &failed);

    uids = cJSON_CreateArray();

    ngx_http_tgortc_room_add(json, "uids", uids, &failed);

    for (i = room->uids; !failed && i < room->end; i += room->step) {
        failed = !cJSON_AddItemToArray(uids,
                       cJSON_CreateStringReference(
                           ngx_http_tgortc_reply_string(room->reply, i)));
    }

    if (failed) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}


static cJSON *
ngx_http_tgortc_room_token(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room)
{
    char                        *token;
    cJSON                       *item;
    size_t                       len;
    ngx_str_t                    id;
    ngx_tgortc_grant_t           grant;
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_key_t       *key;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    key = tlcf->app->settings.keys->elts;

    id.data = (u_char *) room->id;
    id.len = ngx_strlen(room->id);

    ngx_memzero(&grant, sizeof(ngx_tgortc_grant_t));

    ngx_http_tgortc_grant_set(api_key, key->name);
    ngx_http_tgortc_grant_set(secret, key->secret);
    ngx_http_tgortc_grant_set(identity, ctx->params.uid);
    ngx_http_tgortc_grant_set(room, id);
    ngx_http_tgortc_grant_set(device_type, ctx->params.device_type);

    grant.video = (room->rtc_type == 1);
    grant.max_participants = (int) room->max_participants;
    grant.now = ngx_time();
    grant.ttl = tlcf->app->settings.token_ttl;

    token = ngx_tgortc_token_sign(&grant, &len);
    if (token == NULL) {
        return NULL;
    }

    item = cJSON_CreateString(token);
    free(token);

    return item;
}


static cJSON *
ngx_http_tgortc_room_participants(redisReply *reply, size_t i, size_t end)
{
    cJSON       *list, *item;
    ngx_uint_t   failed;

    list = cJSON_CreateArray();
    failed = (list == NULL);

    for ( /* void */ ; !failed && i < end; i += NGX_HTTP_TGORTC_MEMBER_VALUES) {

        item = cJSON_CreateObject();
        failed = !cJSON_AddItemToArray(list, item);

        ngx_http_tgortc_room_add(item, "uid",
            cJSON_CreateStringReference(
                ngx_http_tgortc_reply_string(reply, i)), &failed);
        ngx_http_tgortc_room_add(item, "status",
            ngx_tgortc_json_int(
                ngx_http_tgortc_reply_integer(reply, i + 1)),
            &failed);
        ngx_http_tgortc_room_add(item, "device_type",
            ngx_http_tgortc_room_device(
                ngx_http_tgortc_reply_string(reply, i + 2)), &failed);
        ngx_http_tgortc_room_add(item, "connected",
            cJSON_CreateBool(
                ngx_http_tgortc_reply_integer(reply, i + 3) != 0), &failed);
        ngx_http_tgortc_room_add(item, "joined_at",
            ngx_http_tgortc_room_time(
                ngx_http_tgortc_reply_integer(reply, i + 4)), &failed);
        ngx_http_tgortc_room_add(item, "left_at",
            ngx_http_tgortc_room_time(
                ngx_http_tgortc_reply_integer(reply, i + 5)), &failed);
    }

    if (failed) {
        cJSON_Delete(list);
        return NULL;
    }

    return list;
}


/* the room API has times as strings, null for never */

static cJSON *
ngx_http_tgortc_room_time(long long seconds)
{
    char  text[NGX_INT64_LEN + 1];

    if (seconds == 0) {
        return cJSON_CreateNull();
    }

    *ngx_sprintf((u_char *) text, "%L", (int64_t) seconds) = '\0';

    return cJSON_CreateString(text);
}


cJSON *
ngx_http_tgortc_room_device(const char *device)
{
    return *device ? cJSON_CreateStringReference(device) : cJSON_CreateNull();
}


void
ngx_http_tgortc_room_add(cJSON *object, const char *name, cJSON *item,
    ngx_uint_t *failed)
{
    if (*failed || item == NULL
        || !cJSON_AddItemToObjectCS(object, name, item))
    {
        cJSON_Delete(item);
        *failed = 1;
    }
}


ngx_int_t
ngx_http_tgortc_room_refuse(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    char                        *names;
    ngx_http_tgortc_refusal_t   *refusal;

    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE) {
        return ngx_http_tgortc_send_unavailable(r);
    }

    for (refusal = ngx_http_tgortc_refusals;
         refusal->outcome != outcome && refusal->outcome != NGX_HTTP_TGORTC_OK;
         refusal++)
    {
        /* void */
    }

    names = NULL;

    if (outcome == NGX_HTTP_TGORTC_BUSY) {
        names = ngx_http_tgortc_room_busy(r, reply);
        if (names == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_tgortc_send_error(r, refusal->status, refusal->message,
                                      names, NULL);
}


/* the uids that a reply names: "user_001, user_002" */

static char *
ngx_http_tgortc_room_busy(ngx_http_request_t *r, redisReply *reply)
{
    char    *names, *p;
    size_t   i, len;

    len = 1;

    for (i = 2; i < reply->elements; i++) {
        len += ngx_strlen(ngx_http_tgortc_reply_string(reply, i)) + 2;
    }

    names = ngx_pnalloc(r->pool, len);
    if (names == NULL) {
        return NULL;
    }

    p = names;

    for (i = 2; i < reply->elements; i++) {
        p = (char *) ngx_sprintf((u_char *) p, "%s%s", i > 2 ? ", " : "",
                                 ngx_http_tgortc_reply_string(reply, i));
    }

    *p = '\0';

    return names;
}
