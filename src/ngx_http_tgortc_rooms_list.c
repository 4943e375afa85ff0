
/*
 * Copyright (C) TgoRTC contributors
 *
 * Rooms, page by page.
 */


#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_room.h"
#include "ngx_http_tgortc_rooms.h"


#define NGX_HTTP_TGORTC_LIST_LIMIT  "20"

/* where the reply of rooms.lua has its cursor, and begins to have rooms */
#define NGX_HTTP_TGORTC_LIST_AFTER  3
#define NGX_HTTP_TGORTC_LIST_FIRST  5

/* bytes of the answer for some rooms */
#define NGX_HTTP_TGORTC_LIST_SIZE   4096


static ngx_int_t ngx_http_tgortc_rooms_list_params(ngx_http_request_t *r,
    ngx_http_tgortc_params_t *params, ngx_http_tgortc_fault_t *fault);
static ngx_int_t ngx_http_tgortc_rooms_list_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_rooms_list_cursor(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, redisReply *reply);


void
ngx_http_tgortc_rooms_list(ngx_http_request_t *r)
{
    u_char                    *dash;
    ngx_int_t                  rc;
    ngx_str_t                  args[6];
    ngx_http_tgortc_ctx_t     *ctx;
    ngx_http_tgortc_fault_t    fault;
    ngx_http_tgortc_params_t  *params;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);
    params = &ctx->params;

    rc = ngx_http_tgortc_rooms_list_params(r, params, &fault);
    if (rc != NGX_OK) {
        ngx_http_tgortc_params_refuse(r, rc, &fault);
        return;
    }

    args[0] = params->state;
    args[1] = params->limit;

    ngx_str_set(&args[2], "");
    ngx_str_set(&args[3], "");

    if (params->cursor.len) {
        args[3] = params->cursor;
        dash = ngx_strlchr(args[3].data, args[3].data + args[3].len, '-');

        args[2].data = args[3].data;
        args[2].len = dash - args[3].data;

        args[3].data = dash + 1;
        args[3].len -= args[2].len + 1;
    }

    args[4] = params->creator;
    args[5] = params->uid;

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_LIST_ROOMS, args, 6,
                                ngx_http_tgortc_rooms_list_answer);
}


static ngx_int_t
ngx_http_tgortc_rooms_list_params(ngx_http_request_t *r,
    ngx_http_tgortc_params_t *params, ngx_http_tgortc_fault_t *fault)
{
    ngx_int_t  rc;

    ngx_str_set(&params->state, "live");
    ngx_str_set(&params->limit, NGX_HTTP_TGORTC_LIST_LIMIT);

    rc = ngx_http_tgortc_params_query(r, ngx_http_tgortc_list_fields, params,
                                      fault);
    if (rc != NGX_OK) {
        return rc;
    }

    /* who was in a room that ended is in no index */

    if (params->state.len == sizeof("ended") - 1
        && (params->creator.len || params->uid.len))
    {
        fault->message = NGX_TGORTC_MSG_FIELD_LIVE_ONLY;
        fault->field = params->creator.len ? "creator" : "uid";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_rooms_list_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    size_t               i, members;
    const char          *id;
    ngx_tgortc_write_t   w;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_LIST_SIZE);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_open(&w, "rooms", '[');

    i = NGX_HTTP_TGORTC_LIST_FIRST;

    while (i < reply->elements) {
        id = ngx_http_tgortc_reply_string(reply, i);
        members = (size_t) ngx_http_tgortc_reply_integer(reply, i + 1);
        members = ngx_min(members, reply->elements);

        ngx_http_tgortc_room_details(&w, r, id, reply, i + 2, members);

        i += 2 + NGX_HTTP_TGORTC_ROOM_VALUES
             + members * NGX_HTTP_TGORTC_MEMBER_VALUES;
    }

    ngx_tgortc_write_close(&w, ']');
    ngx_http_tgortc_rooms_list_cursor(&w, r, reply);
    ngx_tgortc_write_close(&w, '}');

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, &w);
}


/* null on the last page */

static void
ngx_http_tgortc_rooms_list_cursor(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, redisReply *reply)
{
    u_char     *p;
    ngx_str_t   id;

    id = ngx_http_tgortc_reply_str(reply, NGX_HTTP_TGORTC_LIST_AFTER + 1);

    if (id.len == 0) {
        ngx_tgortc_write_raw(w, "next_cursor", "null");
        return;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 1 + id.len + 1);

    if (p == NULL) {
        w->failed = 1;
        return;
    }

    *ngx_sprintf(p, "%L-%V",
                 (int64_t) ngx_http_tgortc_reply_integer(reply,
                                                 NGX_HTTP_TGORTC_LIST_AFTER),
                 &id) = '\0';

    ngx_tgortc_write_cstr(w, "next_cursor", (char *) p);
}
