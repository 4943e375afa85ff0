
/*
 * Copyright (C) TgoRTC contributors
 *
 * The room API: which operation a request means, what it takes, what it
 * answers.  The rules of calls are not here but in scripts/.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_token.h"
#include "ngx_tgortc_validate.h"

#include <openssl/rand.h>


/* of a generated room id: 128 random bits */
#define NGX_HTTP_TGORTC_ROOM_ID_BYTES  16

/* where the members begin in the reply of get.lua, and values for each */
#define NGX_HTTP_TGORTC_MEMBERS        9
#define NGX_HTTP_TGORTC_MEMBER_VALUES  6


#define ngx_http_tgortc_grant_set(field, string)                              \
    grant.field.data = (const char *) (string).data;                          \
    grant.field.len = (string).len


/* what every room object shows, and where in the reply its uids are */

typedef struct {
    ngx_str_t                         id;        /* NUL-terminated */
    const char                       *creator;
    long long                         status;
    long long                         created;
    long long                         max_participants;
    long long                         rtc_type;
    redisReply                       *reply;
    size_t                            uids;
    size_t                            step;      /* from one to the next */
} ngx_http_tgortc_room_t;


typedef struct {
    ngx_http_tgortc_outcome_e         outcome;
    ngx_uint_t                        status;
    ngx_tgortc_message_e              message;
} ngx_http_tgortc_refusal_t;


static void ngx_http_tgortc_rooms_create(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_invite(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_join(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_leave(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_end(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_cancel(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_sync(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_get(ngx_http_request_t *r);
static ngx_str_t *ngx_http_tgortc_rooms_named(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_member(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_http_tgortc_answer_pt answer);

static ngx_int_t ngx_http_tgortc_rooms_check_id(ngx_http_request_t *r);
static cJSON *ngx_http_tgortc_rooms_body(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields);
static ngx_int_t ngx_http_tgortc_rooms_fault(ngx_http_request_t *r,
    ngx_int_t rc, ngx_http_tgortc_fault_t *fault);
static ngx_int_t ngx_http_tgortc_rooms_generate(ngx_http_request_t *r,
    ngx_str_t *room_id);

static ngx_int_t ngx_http_tgortc_rooms_refuse(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static char *ngx_http_tgortc_rooms_busy(ngx_http_request_t *r,
    redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_room(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_done(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_sync(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_get(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);

static void ngx_http_tgortc_rooms_view(ngx_http_tgortc_room_t *room,
    redisReply *reply, size_t i);
static void ngx_http_tgortc_rooms_uids(ngx_http_tgortc_room_t *room,
    redisReply *reply, size_t first, size_t step);
static cJSON *ngx_http_tgortc_rooms_json(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room, ngx_uint_t with_token);
static cJSON *ngx_http_tgortc_rooms_token(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room);
static cJSON *ngx_http_tgortc_rooms_participants(redisReply *reply);
static cJSON *ngx_http_tgortc_rooms_time(long long seconds);
static void ngx_http_tgortc_rooms_add(cJSON *object, const char *name,
    cJSON *item, ngx_uint_t *failed);

static ngx_http_tgortc_operation_t  ngx_http_tgortc_create = {
    ngx_null_string, NGX_HTTP_POST, "POST", ngx_http_tgortc_rooms_create,
    NGX_HTTP_TGORTC_OP_CREATE
};


static ngx_http_tgortc_operation_t  ngx_http_tgortc_sync = {
    ngx_null_string, NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
    ngx_http_tgortc_rooms_sync, NGX_HTTP_TGORTC_OP_SYNC
};


/* below /rooms/{room_id} */

static ngx_http_tgortc_operation_t  ngx_http_tgortc_operations[] = {

    { ngx_string(""), NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
      ngx_http_tgortc_rooms_get, NGX_HTTP_TGORTC_OP_GET },

    { ngx_string("/invite"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_invite, NGX_HTTP_TGORTC_OP_INVITE },

    { ngx_string("/join"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_join, NGX_HTTP_TGORTC_OP_JOIN },

    { ngx_string("/leave"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_leave, NGX_HTTP_TGORTC_OP_LEAVE },

    { ngx_string("/end"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_end, NGX_HTTP_TGORTC_OP_END },

    { ngx_string("/cancel"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_cancel, NGX_HTTP_TGORTC_OP_CANCEL },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


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
    { NGX_HTTP_TGORTC_OK, NGX_HTTP_INTERNAL_SERVER_ERROR,
      NGX_TGORTC_MSG_INTERNAL }
};


ngx_int_t
ngx_http_tgortc_rooms_handler(ngx_http_request_t *r)
{
    ngx_str_t                     in_path, *room_id;
    ngx_http_tgortc_ctx_t        *ctx;
    ngx_http_tgortc_operation_t  *operation;

    operation = ngx_http_tgortc_rooms_route(r, &in_path);

    ctx = ngx_http_tgortc_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (in_path.len) {
        room_id = &ctx->params.room_id;

        room_id->data = ngx_pnalloc(r->pool, in_path.len + 1);
        if (room_id->data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        room_id->len = in_path.len;
        *ngx_cpymem(room_id->data, in_path.data, in_path.len) = '\0';
    }

    return ngx_http_tgortc_request_start(r, operation, 0);
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_rooms_route(ngx_http_request_t *r, ngx_str_t *room_id)
{
    u_char     *p, *slash, *end;
    ngx_str_t   path, rest;

    ngx_str_null(room_id);

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK) {
        return NULL;
    }

    if (path.len == 0) {
        return &ngx_http_tgortc_create;
    }

    if (path.len == sizeof("/sync") - 1
        && ngx_strncmp(path.data, "/sync", path.len) == 0)
    {
        return &ngx_http_tgortc_sync;
    }

    p = path.data + 1;
    end = path.data + path.len;

    slash = ngx_strlchr(p, end, '/');
    if (slash == NULL) {
        slash = end;
    }

    if (slash == p) {
        return NULL;
    }

    room_id->data = p;
    room_id->len = slash - p;

    rest.data = slash;
    rest.len = end - slash;

    return ngx_http_tgortc_request_operation(ngx_http_tgortc_operations,
                                             &rest);
}


static void
ngx_http_tgortc_rooms_create(ngx_http_request_t *r)
{
    u_char                       max[NGX_INT_T_LEN];
    cJSON                       *json;
    ngx_int_t                    rc;
    ngx_str_t                    args[5];
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_fault_t      fault;
    ngx_http_tgortc_params_t    *params;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    params = &ctx->params;
    params->max_participants = NGX_TGORTC_PARTICIPANTS_MIN;

    json = ngx_http_tgortc_rooms_body(r, ngx_http_tgortc_create_fields);
    if (json == NULL) {
        return;
    }

    rc = ngx_http_tgortc_params_uids(r, json, params->max_participants - 1,
                                     params, &fault);

    if (rc == NGX_OK && params->room_id.len == 0) {
        rc = ngx_http_tgortc_rooms_generate(r, &params->room_id);
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r,
                                  ngx_http_tgortc_rooms_fault(r, rc, &fault));
        return;
    }

    args[0] = params->uid;
    args[1] = params->device_type;
    args[2].data = (u_char *) (params->rtc_type ? "1" : "0");
    args[2].len = 1;
    args[3].data = (u_char *) (params->invite_on ? "1" : "0");
    args[3].len = 1;
    args[4].data = max;
    args[4].len = ngx_sprintf(max, "%l", params->max_participants) - max;

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CREATE, args, 5,
                                ngx_http_tgortc_rooms_answer_room);
}


static void
ngx_http_tgortc_rooms_invite(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_rooms_named(r) != NULL) {
        ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_INVITE, NULL, 0,
                                    ngx_http_tgortc_rooms_answer_done);
    }
}


static void
ngx_http_tgortc_rooms_cancel(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_rooms_named(r) != NULL) {
        ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CANCEL, NULL, 0,
                                    ngx_http_tgortc_rooms_answer_done);
    }
}


static void
ngx_http_tgortc_rooms_join(ngx_http_request_t *r)
{
    ngx_http_tgortc_rooms_member(r, NGX_HTTP_TGORTC_JOIN,
                                 ngx_http_tgortc_rooms_answer_room);
}


static void
ngx_http_tgortc_rooms_leave(ngx_http_request_t *r)
{
    ngx_http_tgortc_rooms_member(r, NGX_HTTP_TGORTC_LEAVE,
                                 ngx_http_tgortc_rooms_answer_done);
}


/* takes no body; one that is there is not looked at */

static void
ngx_http_tgortc_rooms_end(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_rooms_check_id(r) != NGX_OK) {
        return;
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_END, NULL, 0,
                                ngx_http_tgortc_rooms_answer_done);
}


static void
ngx_http_tgortc_rooms_sync(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_str_t                 args[2];
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_params_query(r, ngx_http_tgortc_sync_fields,
                                      &ctx->params, &fault);
    if (rc != NGX_OK) {
        ngx_http_finalize_request(r,
                                  ngx_http_tgortc_rooms_fault(r, rc, &fault));
        return;
    }

    args[0] = ctx->params.uid;
    args[1] = ctx->params.device_type;

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_SYNC, args, 2,
                                ngx_http_tgortc_rooms_answer_sync);
}


static void
ngx_http_tgortc_rooms_get(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_rooms_check_id(r) != NGX_OK) {
        return;
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_GET, NULL, 0,
                                ngx_http_tgortc_rooms_answer_get);
}


/* a body that names users: its uids; NULL if the request is answered */

static ngx_str_t *
ngx_http_tgortc_rooms_named(ngx_http_request_t *r)
{
    cJSON                    *json;
    ngx_int_t                 rc;
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    json = ngx_http_tgortc_rooms_body(r, ngx_http_tgortc_named_fields);
    if (json == NULL) {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_params_uids(r, json, NGX_TGORTC_PARTICIPANTS_MAX,
                                     &ctx->params, &fault);

    if (rc == NGX_OK && ctx->params.nuids == 0) {
        fault.message = NGX_TGORTC_MSG_FIELD_UIDS_EMPTY;
        fault.field = "uids";
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r,
                                  ngx_http_tgortc_rooms_fault(r, rc, &fault));
        return NULL;
    }

    return ctx->params.uids;
}


/* what one participant does */

static void
ngx_http_tgortc_rooms_member(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_http_tgortc_answer_pt answer)
{
    ngx_str_t               args[2];
    ngx_http_tgortc_ctx_t  *ctx;

    if (ngx_http_tgortc_rooms_body(r, ngx_http_tgortc_member_fields) == NULL) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    args[0] = ctx->params.uid;
    args[1] = ctx->params.device_type;

    ngx_http_tgortc_call_answer(r, script, args, 2, answer);
}


/* the id in the path, if there is one; NGX_ERROR: the request is answered */

static ngx_int_t
ngx_http_tgortc_rooms_check_id(ngx_http_request_t *r)
{
    ngx_str_t              *room_id;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);
    room_id = &ctx->params.room_id;

    if (room_id->len == 0
        || ngx_tgortc_valid_room_id((char *) room_id->data, room_id->len))
    {
        return NGX_OK;
    }

    ngx_http_finalize_request(r,
        ngx_http_tgortc_send_error(r, NGX_HTTP_BAD_REQUEST,
                                   NGX_TGORTC_MSG_FIELD_ROOM_ID, "room_id",
                                   NULL));
    return NGX_ERROR;
}


/* the body, its fields read into the params; NULL if the request is answered */

static cJSON *
ngx_http_tgortc_rooms_body(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields)
{
    cJSON                    *json;
    ngx_int_t                 rc;
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    if (ngx_http_tgortc_rooms_check_id(r) != NGX_OK) {
        return NULL;
    }

    json = ngx_http_tgortc_request_json(r, &rc);
    if (json == NULL) {
        ngx_http_finalize_request(r, rc);
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_params_json(json, fields, &ctx->params, &fault);
    if (rc != NGX_OK) {
        ngx_http_finalize_request(r,
                                  ngx_http_tgortc_rooms_fault(r, rc, &fault));
        return NULL;
    }

    return json;
}


static ngx_int_t
ngx_http_tgortc_rooms_fault(ngx_http_request_t *r, ngx_int_t rc,
    ngx_http_tgortc_fault_t *fault)
{
    if (rc != NGX_DECLINED) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_tgortc_send_error(r, NGX_HTTP_BAD_REQUEST, fault->message,
                                      fault->field, fault->limit);
}


static ngx_int_t
ngx_http_tgortc_rooms_generate(ngx_http_request_t *r, ngx_str_t *room_id)
{
    u_char  bytes[NGX_HTTP_TGORTC_ROOM_ID_BYTES];

    room_id->len = 2 * sizeof(bytes);
    room_id->data = ngx_pnalloc(r->pool, room_id->len + 1);

    if (room_id->data == NULL || RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NGX_ERROR;
    }

    *ngx_hex_dump(room_id->data, bytes, sizeof(bytes)) = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_rooms_refuse(ngx_http_request_t *r,
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
        names = ngx_http_tgortc_rooms_busy(r, reply);
        if (names == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_tgortc_send_error(r, refusal->status, refusal->message,
                                      names, NULL);
}


/* the uids that a reply names: "user_001, user_002" */

static char *
ngx_http_tgortc_rooms_busy(ngx_http_request_t *r, redisReply *reply)
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


static ngx_int_t
ngx_http_tgortc_rooms_answer_room(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_http_tgortc_ctx_t   *ctx;
    ngx_http_tgortc_room_t   room;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_rooms_refuse(r, outcome, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    room.id = ctx->params.room_id;
    room.creator = ngx_http_tgortc_reply_string(reply, 7);

    ngx_http_tgortc_rooms_view(&room, reply, 3);
    ngx_http_tgortc_rooms_uids(&room, reply, 7, 1);

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK,
                                     ngx_http_tgortc_rooms_json(r, &room, 1));
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_done(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_rooms_refuse(r, outcome, reply);
    }

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, cJSON_CreateObject());
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_sync(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    cJSON                   *list, *item;
    ngx_http_tgortc_room_t   room;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_rooms_refuse(r, outcome, reply);
    }

    list = cJSON_CreateArray();

    if (list != NULL && reply->elements > 3) {

        room.id = ngx_http_tgortc_reply_str(reply, 3);
        room.creator = ngx_http_tgortc_reply_string(reply, 8);

        ngx_http_tgortc_rooms_view(&room, reply, 4);
        ngx_http_tgortc_rooms_uids(&room, reply, 9, 1);

        item = ngx_http_tgortc_rooms_json(r, &room, 1);

        if (!cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            list = NULL;
        }
    }

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, list);
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_get(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    cJSON                   *json;
    ngx_uint_t               failed;
    ngx_http_tgortc_ctx_t   *ctx;
    ngx_http_tgortc_room_t   room;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_rooms_refuse(r, outcome, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    room.id = ctx->params.room_id;
    room.creator = ngx_http_tgortc_reply_string(reply,
                                                NGX_HTTP_TGORTC_MEMBERS);

    ngx_http_tgortc_rooms_view(&room, reply, 3);
    ngx_http_tgortc_rooms_uids(&room, reply, NGX_HTTP_TGORTC_MEMBERS,
                               NGX_HTTP_TGORTC_MEMBER_VALUES);

    json = ngx_http_tgortc_rooms_json(r, &room, 0);

    failed = (json == NULL);

    ngx_http_tgortc_rooms_add(json, "duration",
        cJSON_CreateNumber((double) ngx_http_tgortc_reply_integer(reply, 7)),
        &failed);
    ngx_http_tgortc_rooms_add(json, "ended_at",
        ngx_http_tgortc_rooms_time(ngx_http_tgortc_reply_integer(reply, 8)),
        &failed);
    ngx_http_tgortc_rooms_add(json, "participants",
        ngx_http_tgortc_rooms_participants(reply), &failed);

    if (failed) {
        cJSON_Delete(json);
        json = NULL;
    }

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, json);
}


/* status, created, max_participants, rtc_type: side by side in each reply */

static void
ngx_http_tgortc_rooms_view(ngx_http_tgortc_room_t *room, redisReply *reply,
    size_t i)
{
    room->status = ngx_http_tgortc_reply_integer(reply, i);
    room->created = ngx_http_tgortc_reply_integer(reply, i + 1);
    room->max_participants = ngx_http_tgortc_reply_integer(reply, i + 2);
    room->rtc_type = ngx_http_tgortc_reply_integer(reply, i + 3);
}


static void
ngx_http_tgortc_rooms_uids(ngx_http_tgortc_room_t *room, redisReply *reply,
    size_t first, size_t step)
{
    room->reply = reply;
    room->uids = first;
    room->step = step;
}


/* the room object; NULL without memory */

static cJSON *
ngx_http_tgortc_rooms_json(ngx_http_request_t *r,
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

    ngx_http_tgortc_rooms_add(json, "room_id",
        cJSON_CreateStringReference((char *) room->id.data), &failed);
    ngx_http_tgortc_rooms_add(json, "creator",
        cJSON_CreateStringReference(room->creator), &failed);

    if (with_token) {
        ngx_http_tgortc_rooms_add(json, "token",
            ngx_http_tgortc_rooms_token(r, room), &failed);
        ngx_http_tgortc_rooms_add(json, "url",
            cJSON_CreateStringReference((char *) settings->livekit_url.data),
            &failed);
    }

    ngx_http_tgortc_rooms_add(json, "status",
        cJSON_CreateNumber((double) room->status), &failed);
    ngx_http_tgortc_rooms_add(json, "created_at",
        ngx_http_tgortc_rooms_time(room->created), &failed);
    ngx_http_tgortc_rooms_add(json, "max_participants",
        cJSON_CreateNumber((double) room->max_participants), &failed);
    ngx_http_tgortc_rooms_add(json, "timeout",
        cJSON_CreateNumber((double) ((settings->ring_timeout + 999) / 1000)),
        &failed);
    ngx_http_tgortc_rooms_add(json, "rtc_type",
        cJSON_CreateNumber((double) room->rtc_type), &failed);

    uids = cJSON_CreateArray();

    ngx_http_tgortc_rooms_add(json, "uids", uids, &failed);

    for (i = room->uids; !failed && i < room->reply->elements; i += room->step)
    {
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
ngx_http_tgortc_rooms_token(ngx_http_request_t *r,
    ngx_http_tgortc_room_t *room)
{
    char                        *token;
    cJSON                       *item;
    size_t                       len;
    ngx_tgortc_grant_t           grant;
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_key_t       *key;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    key = tlcf->app->settings.keys->elts;

    ngx_memzero(&grant, sizeof(ngx_tgortc_grant_t));

    ngx_http_tgortc_grant_set(api_key, key->name);
    ngx_http_tgortc_grant_set(secret, key->secret);
    ngx_http_tgortc_grant_set(identity, ctx->params.uid);
    ngx_http_tgortc_grant_set(room, room->id);
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
ngx_http_tgortc_rooms_participants(redisReply *reply)
{
    cJSON       *list, *item;
    size_t       i;
    ngx_uint_t   failed;
    const char  *device;

    list = cJSON_CreateArray();
    failed = (list == NULL);

    for (i = NGX_HTTP_TGORTC_MEMBERS;
         !failed && i < reply->elements;
         i += NGX_HTTP_TGORTC_MEMBER_VALUES)
    {
        item = cJSON_CreateObject();
        failed = !cJSON_AddItemToArray(list, item);

        device = ngx_http_tgortc_reply_string(reply, i + 2);

        ngx_http_tgortc_rooms_add(item, "uid",
            cJSON_CreateStringReference(
                ngx_http_tgortc_reply_string(reply, i)), &failed);
        ngx_http_tgortc_rooms_add(item, "status",
            cJSON_CreateNumber(
                (double) ngx_http_tgortc_reply_integer(reply, i + 1)),
            &failed);
        ngx_http_tgortc_rooms_add(item, "device_type",
            *device ? cJSON_CreateStringReference(device)
                    : cJSON_CreateNull(), &failed);
        ngx_http_tgortc_rooms_add(item, "connected",
            cJSON_CreateBool(
                ngx_http_tgortc_reply_integer(reply, i + 3) != 0), &failed);
        ngx_http_tgortc_rooms_add(item, "joined_at",
            ngx_http_tgortc_rooms_time(
                ngx_http_tgortc_reply_integer(reply, i + 4)), &failed);
        ngx_http_tgortc_rooms_add(item, "left_at",
            ngx_http_tgortc_rooms_time(
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
ngx_http_tgortc_rooms_time(long long seconds)
{
    char  text[NGX_INT64_LEN + 1];

    if (seconds == 0) {
        return cJSON_CreateNull();
    }

    *ngx_sprintf((u_char *) text, "%L", (int64_t) seconds) = '\0';

    return cJSON_CreateString(text);
}


/* adds a member whose name is a constant; a missing item or object fails */

static void
ngx_http_tgortc_rooms_add(cJSON *object, const char *name, cJSON *item,
    ngx_uint_t *failed)
{
    if (*failed || item == NULL
        || !cJSON_AddItemToObjectCS(object, name, item))
    {
        cJSON_Delete(item);
        *failed = 1;
    }
}
