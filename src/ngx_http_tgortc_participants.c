
/*
 * Copyright (C) TgoRTC contributors
 *
 * Who is in a call.
 */


#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_room.h"


/* where the reply of calling.lua begins to have users, and values for each */
#define NGX_HTTP_TGORTC_CALLING_FIRST   3
#define NGX_HTTP_TGORTC_CALLING_VALUES  5

/* bytes of the answer for some users */
#define NGX_HTTP_TGORTC_CALLING_SIZE    1024


static void ngx_http_tgortc_participants_calling(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_participants_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_participants_write(ngx_tgortc_write_t *w,
    redisReply *reply, size_t i);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_participants[] = {

    { ngx_string("/calling"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_participants_calling, NGX_HTTP_TGORTC_OP_CALLING },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


ngx_int_t
ngx_http_tgortc_participants_handler(ngx_http_request_t *r)
{
    return ngx_http_tgortc_request_start(r,
                                         ngx_http_tgortc_participants_route(r),
                                         0);
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_participants_route(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK) {
        return NULL;
    }

    return ngx_http_tgortc_request_operation(ngx_http_tgortc_participants,
                                             &path);
}


static void
ngx_http_tgortc_participants_calling(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_params_named(r) == NGX_OK) {
        ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CALLING, NULL, 0,
                                    ngx_http_tgortc_participants_answer);
    }
}


static ngx_int_t
ngx_http_tgortc_participants_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    size_t              i;
    ngx_tgortc_write_t  w;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_CALLING_SIZE);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_open(&w, "participants", '[');

    for (i = NGX_HTTP_TGORTC_CALLING_FIRST;
         i < reply->elements;
         i += NGX_HTTP_TGORTC_CALLING_VALUES)
    {
        ngx_http_tgortc_participants_write(&w, reply, i);
    }

    ngx_tgortc_write_close(&w, ']');
    ngx_tgortc_write_close(&w, '}');

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}


static void
ngx_http_tgortc_participants_write(ngx_tgortc_write_t *w, redisReply *reply,
    size_t i)
{
    ngx_tgortc_write_open(w, NULL, '{');
    ngx_tgortc_write_cstr(w, "uid", ngx_http_tgortc_reply_string(reply, i));
    ngx_tgortc_write_cstr(w, "room_id",
                          ngx_http_tgortc_reply_string(reply, i + 1));
    ngx_tgortc_write_int(w, "status",
                         ngx_http_tgortc_reply_integer(reply, i + 2));
    ngx_tgortc_write_optional(w, "device_type",
                              ngx_http_tgortc_reply_string(reply, i + 3));
    ngx_tgortc_write_raw(w, "connected",
                         ngx_http_tgortc_reply_integer(reply, i + 4)
                         ? "true" : "false");
    ngx_tgortc_write_close(w, '}');
}
