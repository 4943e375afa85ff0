
/*
 * Copyright (C) TgoRTC contributors
 *
 * The room API: which operation a request means, what it takes, what it
 * answers.  The rules of calls are not here but in scripts/.
 */


#include "ngx_http_tgortc_once.h"
#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_random.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_room.h"
#include "ngx_http_tgortc_rooms.h"
#include "ngx_tgortc_validate.h"


/* of a generated room id: 128 random bits */
#define NGX_HTTP_TGORTC_ROOM_ID_BYTES  16

/* where replies begin to have what was asked for */
#define NGX_HTTP_TGORTC_REPLY_FIRST    3

/* the creator is the first of all, but may not be one of the active ones */
#define NGX_HTTP_TGORTC_REPLY_UIDS     8
#define NGX_HTTP_TGORTC_SYNC_UIDS      9

/* bytes of the answer of most rooms */
#define NGX_HTTP_TGORTC_ROOM_SIZE      1024


static void ngx_http_tgortc_rooms_create(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_invite(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_join(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_leave(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_end(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_cancel(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_kick(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_sync(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_get(ngx_http_request_t *r);
static void ngx_http_tgortc_rooms_named(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script);
static void ngx_http_tgortc_rooms_member(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_http_tgortc_answer_pt answer);
static void ngx_http_tgortc_rooms_change(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer);

static ngx_int_t ngx_http_tgortc_rooms_check_id(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_rooms_generate(ngx_http_request_t *r,
    ngx_str_t *room_id);

static ngx_int_t ngx_http_tgortc_rooms_answer_room(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_done(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_sync(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_rooms_answer_get(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


/* of the path /rooms itself */

static ngx_http_tgortc_operation_t  ngx_http_tgortc_create = {
    ngx_null_string, NGX_HTTP_POST, "GET, HEAD, POST",
    ngx_http_tgortc_rooms_create, NGX_HTTP_TGORTC_OP_CREATE
};


static ngx_http_tgortc_operation_t  ngx_http_tgortc_list = {
    ngx_null_string, NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD, POST",
    ngx_http_tgortc_rooms_list, NGX_HTTP_TGORTC_OP_ROOMS
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

    { ngx_string("/kick"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_rooms_kick, NGX_HTTP_TGORTC_OP_KICK },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
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
        return (r->method & ngx_http_tgortc_list.methods)
               ? &ngx_http_tgortc_list : &ngx_http_tgortc_create;
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

    json = ngx_http_tgortc_params_body(r, ngx_http_tgortc_create_fields);
    if (json == NULL) {
        return;
    }

    rc = ngx_http_tgortc_params_uids(r, json, params->max_participants - 1,
                                     params, &fault);

    if (rc == NGX_OK && params->room_id.len == 0) {
        rc = ngx_http_tgortc_rooms_generate(r, &params->room_id);
    }

    if (rc != NGX_OK) {
        ngx_http_tgortc_params_refuse(r, rc, &fault);
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

    ngx_http_tgortc_rooms_change(r, NGX_HTTP_TGORTC_CREATE, args, 5,
                                 ngx_http_tgortc_rooms_answer_room);
}


static void
ngx_http_tgortc_rooms_invite(ngx_http_request_t *r)
{
    ngx_http_tgortc_rooms_named(r, NGX_HTTP_TGORTC_INVITE);
}


static void
ngx_http_tgortc_rooms_cancel(ngx_http_request_t *r)
{
    ngx_http_tgortc_rooms_named(r, NGX_HTTP_TGORTC_CANCEL);
}


static void
ngx_http_tgortc_rooms_kick(ngx_http_request_t *r)
{
    ngx_http_tgortc_rooms_named(r, NGX_HTTP_TGORTC_KICK);
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

    ngx_http_tgortc_rooms_change(r, NGX_HTTP_TGORTC_END, NULL, 0,
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
        ngx_http_tgortc_params_refuse(r, rc, &fault);
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


/* what is done to those whom the body names */

static void
ngx_http_tgortc_rooms_named(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script)
{
    if (ngx_http_tgortc_rooms_check_id(r) == NGX_OK
        && ngx_http_tgortc_params_named(r) == NGX_OK)
    {
        ngx_http_tgortc_rooms_change(r, script, NULL, 0,
                                     ngx_http_tgortc_rooms_answer_done);
    }
}


/* what one participant does */

static void
ngx_http_tgortc_rooms_member(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_http_tgortc_answer_pt answer)
{
    ngx_str_t               args[2];
    ngx_http_tgortc_ctx_t  *ctx;

    if (ngx_http_tgortc_rooms_check_id(r) != NGX_OK
        || ngx_http_tgortc_params_body(r, ngx_http_tgortc_member_fields)
           == NULL)
    {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    args[0] = ctx->params.uid;
    args[1] = ctx->params.device_type;

    ngx_http_tgortc_rooms_change(r, script, args, 2, answer);
}


/* a change is made once if an Idempotency-Key says so */

static void
ngx_http_tgortc_rooms_change(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer)
{
    ngx_int_t                 rc;
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_once(r, &ctx->params);

    if (rc != NGX_OK) {
        fault.message = NGX_TGORTC_MSG_FIELD_KEY;
        fault.field = "Idempotency-Key";
        ngx_http_tgortc_params_refuse(r, rc, &fault);
        return;
    }

    ngx_http_tgortc_call_answer(r, script, args, n, answer);
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


/* 22 characters: Redis has the id of a room five times */

static ngx_int_t
ngx_http_tgortc_rooms_generate(ngx_http_request_t *r, ngx_str_t *room_id)
{
    u_char     bytes[NGX_HTTP_TGORTC_ROOM_ID_BYTES];
    ngx_str_t  random;

    random.data = bytes;
    random.len = sizeof(bytes);

    room_id->data = ngx_pnalloc(r->pool,
                                ngx_base64_encoded_length(random.len) + 1);

    if (room_id->data == NULL
        || ngx_http_tgortc_random(bytes, sizeof(bytes)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_encode_base64url(room_id, &random);
    room_id->data[room_id->len] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_room(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_str_t               id;
    ngx_tgortc_write_t      w;
    ngx_http_tgortc_ctx_t  *ctx;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    /* a repeated request has generated an id anew: the logs have the room's */

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);
    id = ngx_http_tgortc_reply_str(reply, NGX_HTTP_TGORTC_REPLY_FIRST);

    if (id.len == ctx->params.room_id.len) {
        ngx_memcpy(ctx->params.room_id.data, id.data, id.len);
    }

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_ROOM_SIZE);
    ngx_http_tgortc_room_entry(&w, r, reply, NGX_HTTP_TGORTC_REPLY_UIDS);

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_done(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    return ngx_http_tgortc_send_done(r);
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_sync(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_tgortc_write_t  w;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_ROOM_SIZE);
    ngx_tgortc_write_open(&w, NULL, '[');

    if (reply->elements > NGX_HTTP_TGORTC_REPLY_FIRST) {
        ngx_http_tgortc_room_entry(&w, r, reply, NGX_HTTP_TGORTC_SYNC_UIDS);
    }

    ngx_tgortc_write_close(&w, ']');

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_http_tgortc_rooms_answer_get(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_tgortc_write_t      w;
    ngx_http_tgortc_ctx_t  *ctx;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_ROOM_SIZE);
    ngx_http_tgortc_room_details(&w, r, (char *) ctx->params.room_id.data,
                                 reply, NGX_HTTP_TGORTC_REPLY_FIRST,
                                 reply->elements);

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}
