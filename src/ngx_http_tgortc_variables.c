
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_variables.h"
#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_request.h"


static ngx_http_tgortc_op_e ngx_http_tgortc_variables_op(
    ngx_http_request_t *r);
static ngx_http_tgortc_op_e ngx_http_tgortc_variables_route(
    ngx_http_request_t *r, ngx_str_t *room_id);
static ngx_uint_t ngx_http_tgortc_variables_status(ngx_http_request_t *r);
static ngx_http_tgortc_loc_conf_t *ngx_http_tgortc_variables_place(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_variable_operation(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tgortc_variable_room_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tgortc_variable_uid(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tgortc_variable_code(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tgortc_variable_redis_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_tgortc_variable_set(ngx_http_variable_value_t *v,
    u_char *data, size_t len);
static void ngx_http_tgortc_log_event(ngx_http_request_t *r,
    ngx_http_tgortc_ctx_t *ctx);


/* what they say may change: a limit asks early, the access log at the end */

static ngx_http_variable_t  ngx_http_tgortc_variables[] = {

    { ngx_string("tgortc_operation"), NULL,
      ngx_http_tgortc_variable_operation, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tgortc_room_id"), NULL,
      ngx_http_tgortc_variable_room_id, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tgortc_uid"), NULL,
      ngx_http_tgortc_variable_uid, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tgortc_code"), NULL,
      ngx_http_tgortc_variable_code, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tgortc_redis_time"), NULL,
      ngx_http_tgortc_variable_redis_time, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_tgortc_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tgortc_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* the operation of a request, wherever it was refused */

static ngx_http_tgortc_op_e
ngx_http_tgortc_variables_op(ngx_http_request_t *r)
{
    ngx_str_t               room_id;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx != NULL && ctx->began) {
        return ctx->op;
    }

    return ngx_http_tgortc_variables_route(r, &room_id);
}


static ngx_http_tgortc_op_e
ngx_http_tgortc_variables_route(ngx_http_request_t *r, ngx_str_t *room_id)
{
    ngx_http_tgortc_loc_conf_t   *tlcf;
    ngx_http_tgortc_operation_t  *operation;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    operation = NULL;
    ngx_str_null(room_id);

    switch (tlcf->serves) {

    case NGX_HTTP_TGORTC_ROOMS:
        operation = ngx_http_tgortc_rooms_route(r, room_id);
        break;

    case NGX_HTTP_TGORTC_PARTICIPANTS:
        operation = ngx_http_tgortc_participants_route(r);
        break;

    case NGX_HTTP_TGORTC_LIVEKIT:
        operation = ngx_http_tgortc_livekit_route(r);
        break;

    case NGX_HTTP_TGORTC_LOGS:
        operation = ngx_http_tgortc_logs_route(r);
        break;

    case NGX_HTTP_TGORTC_HEALTH:
        return NGX_HTTP_TGORTC_OP_HEALTH;

    case NGX_HTTP_TGORTC_METRICS:
        return NGX_HTTP_TGORTC_OP_METRICS;

    case NGX_HTTP_TGORTC_NOTHING:
        break;
    }

    return operation ? operation->op : NGX_HTTP_TGORTC_OP_UNKNOWN;
}


static ngx_uint_t
ngx_http_tgortc_variables_status(ngx_http_request_t *r)
{
    return r->err_status ? r->err_status : r->headers_out.status;
}


/* the location that a request is in, if it is one of ours */

static ngx_http_tgortc_loc_conf_t *
ngx_http_tgortc_variables_place(ngx_http_request_t *r)
{
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    return tlcf->serves != NGX_HTTP_TGORTC_NOTHING ? tlcf : NULL;
}


static ngx_int_t
ngx_http_tgortc_variable_operation(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char  *name;

    if (ngx_http_tgortc_variables_place(r) == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = ngx_http_tgortc_op_labels[ngx_http_tgortc_variables_op(r)];

    ngx_http_tgortc_variable_set(v, (u_char *) name, ngx_strlen(name));

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_variable_room_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               room_id;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx != NULL && ctx->params.room_id.len) {
        room_id = ctx->params.room_id;

    } else {
        (void) ngx_http_tgortc_variables_route(r, &room_id);
    }

    ngx_http_tgortc_variable_set(v, room_id.data, room_id.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_variable_uid(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t               rc;
    ngx_str_t               uid;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx != NULL && ctx->params.uid.len) {
        ngx_http_tgortc_variable_set(v, ctx->params.uid.data,
                                     ctx->params.uid.len);
        return NGX_OK;
    }

    ngx_str_null(&uid);

    /* in the body, which is not there yet, or in the query */

    if (ngx_http_tgortc_variables_op(r) == NGX_HTTP_TGORTC_OP_SYNC) {
        rc = ngx_http_tgortc_request_arg(r, "uid", &uid);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            ngx_str_null(&uid);
        }
    }

    ngx_http_tgortc_variable_set(v, uid.data, uid.len);

    return NGX_OK;
}


/* of all our errors it is the status that is the code in the JSON */

static ngx_int_t
ngx_http_tgortc_variable_code(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char      *p;
    ngx_uint_t   status;

    status = ngx_http_tgortc_variables_status(r);

    if (status == 0 || ngx_http_tgortc_variables_place(r) == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tgortc_variable_set(v, p, ngx_sprintf(p, "%ui", status) - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_variable_redis_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_msec_t              ms;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx == NULL || !ctx->redis_asked) {
        v->not_found = 1;
        return NGX_OK;
    }

    ms = ctx->redis_time;

    /* the client has not waited for the end */

    if (ctx->redis_waiting) {
        ms += ngx_current_msec - ctx->redis_since;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + sizeof(".000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tgortc_variable_set(v, p,
                                 ngx_sprintf(p, "%T.%03M",
                                             (time_t) ms / 1000, ms % 1000)
                                 - p);

    return NGX_OK;
}


/* what is empty is not there: a log has "-", a limit does not count it */

static void
ngx_http_tgortc_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    if (len == 0) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = data;
    v->len = len;
}


ngx_int_t
ngx_http_tgortc_log_handler(ngx_http_request_t *r)
{
    uint64_t                     us;
    ngx_time_t                  *tp;
    ngx_msec_int_t               ms;
    ngx_http_tgortc_ctx_t       *ctx;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_tgortc_variables_place(r);

    if (tlcf == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx != NULL && ctx->began) {
        us = ngx_http_tgortc_clock() - ctx->began;
        ngx_http_tgortc_log_event(r, ctx);

    } else {

        /* nginx has refused it before it was ours */

        tp = ngx_timeofday();
        ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                               + (tp->msec - r->start_msec));
        us = (uint64_t) ngx_max(ms, 0) * 1000;
    }

    ngx_http_tgortc_counters_request(tlcf->app->counters,
                                     ngx_http_tgortc_variables_op(r),
                                     ngx_http_tgortc_variables_status(r), us);

    return NGX_OK;
}


/* a line for each change of a room that the API has made */

static void
ngx_http_tgortc_log_event(ngx_http_request_t *r, ngx_http_tgortc_ctx_t *ctx)
{
    char       *what, *quote;
    ngx_str_t  *uid;

    if (ngx_http_tgortc_variables_status(r) != NGX_HTTP_OK) {
        return;
    }

    switch (ctx->op) {

    case NGX_HTTP_TGORTC_OP_CREATE:
        what = "created";
        break;

    case NGX_HTTP_TGORTC_OP_INVITE:
        what = "invited to";
        break;

    case NGX_HTTP_TGORTC_OP_JOIN:
        what = "joined";
        break;

    case NGX_HTTP_TGORTC_OP_LEAVE:
        what = "left";
        break;

    case NGX_HTTP_TGORTC_OP_END:
        what = "ended";
        break;

    case NGX_HTTP_TGORTC_OP_CANCEL:
        what = "cancelled in";
        break;

    case NGX_HTTP_TGORTC_OP_KICK:
        what = "removed from";
        break;

    default:
        return;
    }

    uid = &ctx->params.uid;
    quote = uid->len ? "\"" : "";

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "tgortc: %s room \"%V\"%s%s%V%s", what,
                  &ctx->params.room_id, uid->len ? ", " : "", quote, uid,
                  quote);
}
