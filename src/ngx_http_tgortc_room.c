
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_room.h"
#include "ngx_http_tgortc_response.h"
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
static void ngx_http_tgortc_room_write(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, ngx_http_tgortc_room_t *room,
    ngx_uint_t with_token);
static void ngx_http_tgortc_room_token(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, ngx_http_tgortc_room_t *room);
static void ngx_http_tgortc_room_participants(ngx_tgortc_write_t *w,
    redisReply *reply, size_t i, size_t end);
static void ngx_http_tgortc_room_time(ngx_tgortc_write_t *w, const char *name,
    long long seconds);
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


void
ngx_http_tgortc_room_entry(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    redisReply *reply, size_t uids)
{
    ngx_http_tgortc_room_t  room;

    room.id = ngx_http_tgortc_reply_string(reply, NGX_HTTP_TGORTC_ENTRY_ID);
    room.creator = ngx_http_tgortc_reply_string(reply,
                                                NGX_HTTP_TGORTC_ENTRY_CREATOR);

    ngx_http_tgortc_room_view(&room, reply, NGX_HTTP_TGORTC_ENTRY_NUMBERS);
    ngx_http_tgortc_room_uids(&room, reply, uids, reply->elements, 1);

    ngx_tgortc_write_open(w, NULL, '{');
    ngx_http_tgortc_room_write(w, r, &room, 1);
    ngx_tgortc_write_close(w, '}');
}


void
ngx_http_tgortc_room_details(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    const char *id, redisReply *reply, size_t i, size_t members)
{
    size_t                   first, end;
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

    ngx_tgortc_write_open(w, NULL, '{');
    ngx_http_tgortc_room_write(w, r, &room, 0);
    ngx_tgortc_write_int(w, "duration",
                         ngx_http_tgortc_reply_integer(reply, i + 4));
    ngx_http_tgortc_room_time(w, "ended_at",
                              ngx_http_tgortc_reply_integer(reply, i + 5));
    ngx_http_tgortc_room_participants(w, reply, first, end);
    ngx_tgortc_write_close(w, '}');
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


/* the members of every room object */

static void
ngx_http_tgortc_room_write(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room, ngx_uint_t with_token)
{
    size_t                       i;
    ngx_http_tgortc_loc_conf_t  *tlcf;
    ngx_http_tgortc_settings_t  *settings;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    settings = &tlcf->app->settings;

    ngx_tgortc_write_cstr(w, "room_id", room->id);
    ngx_tgortc_write_cstr(w, "creator", room->creator);

    if (with_token) {
        ngx_http_tgortc_room_token(w, r, room);
        ngx_tgortc_write_string(w, "url", (char *) settings->livekit_url.data,
                                settings->livekit_url.len);
    }

    ngx_tgortc_write_int(w, "status", room->status);
    ngx_http_tgortc_room_time(w, "created_at", room->created);
    ngx_tgortc_write_int(w, "max_participants", room->max_participants);
    ngx_tgortc_write_int(w, "timeout", (settings->ring_timeout + 999) / 1000);
    ngx_tgortc_write_int(w, "rtc_type", room->rtc_type);

    ngx_tgortc_write_open(w, "uids", '[');

    for (i = room->uids; i < room->end; i += room->step) {
        ngx_tgortc_write_cstr(w, NULL,
                              ngx_http_tgortc_reply_string(room->reply, i));
    }

    ngx_tgortc_write_close(w, ']');
}


static void
ngx_http_tgortc_room_token(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room)
{
    char                        *token;
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

    ngx_http_tgortc_grant_set(api_key, key->name);
    ngx_http_tgortc_grant_set(identity, ctx->params.uid);
    ngx_http_tgortc_grant_set(room, id);
    ngx_http_tgortc_grant_set(device_type, ctx->params.device_type);

    grant.video = (room->rtc_type == 1);
    grant.max_participants = (int) room->max_participants;
    grant.now = ngx_time();
    grant.ttl = tlcf->app->settings.token_ttl;

    token = ngx_tgortc_token_sign(&grant, key->hmac, &len);

    if (token == NULL) {
        w->failed = 1;
        return;
    }

    ngx_tgortc_write_plain(w, "token", token, len);
    free(token);
}


static void
ngx_http_tgortc_room_participants(ngx_tgortc_write_t *w, redisReply *reply,
    size_t i, size_t end)
{
    ngx_tgortc_write_open(w, "participants", '[');

    for ( /* void */ ; i < end; i += NGX_HTTP_TGORTC_MEMBER_VALUES) {
        ngx_tgortc_write_open(w, NULL, '{');
        ngx_tgortc_write_cstr(w, "uid",
                              ngx_http_tgortc_reply_string(reply, i));
        ngx_tgortc_write_int(w, "status",
                             ngx_http_tgortc_reply_integer(reply, i + 1));
        ngx_tgortc_write_optional(w, "device_type",
                                  ngx_http_tgortc_reply_string(reply, i + 2));
        ngx_tgortc_write_raw(w, "connected",
                             ngx_http_tgortc_reply_integer(reply, i + 3)
                             ? "true" : "false");
        ngx_http_tgortc_room_time(w, "joined_at",
                                ngx_http_tgortc_reply_integer(reply, i + 4));
        ngx_http_tgortc_room_time(w, "left_at",
                                ngx_http_tgortc_reply_integer(reply, i + 5));
        ngx_tgortc_write_close(w, '}');
    }

    ngx_tgortc_write_close(w, ']');
}


/* the room API has times as strings, null for never */

static void
ngx_http_tgortc_room_time(ngx_tgortc_write_t *w, const char *name,
    long long seconds)
{
    char  text[NGX_INT64_LEN + 1];

    *ngx_sprintf((u_char *) text, "%L", (int64_t) seconds) = '\0';

    ngx_tgortc_write_optional(w, name, seconds ? text : "");
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
