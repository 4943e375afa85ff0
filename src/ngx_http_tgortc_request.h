
/*
 * Copyright (C) TgoRTC contributors
 *
 * What requests have in common before they become calls: the key, the body,
 * the language, the arguments of the query.
 */


#ifndef _NGX_HTTP_TGORTC_REQUEST_H_INCLUDED_
#define _NGX_HTTP_TGORTC_REQUEST_H_INCLUDED_


#include "ngx_http_tgortc.h"

#include <cjson/cJSON.h>


/* one thing that a location can be asked to do */

typedef struct {
    ngx_str_t                         name;      /* the rest of the path */
    ngx_uint_t                        methods;
    char                             *allow;
    ngx_http_client_body_handler_pt   handler;   /* owns a reference */
    ngx_http_tgortc_op_e              op;
} ngx_http_tgortc_operation_t;


/*
 * Starts an operation: refuses what has no API key (unless public is set), no
 * path (operation is NULL) or another method, in this order; reads the body of
 * a POST; calls the handler.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_tgortc_request_start(ngx_http_request_t *r,
    ngx_http_tgortc_operation_t *operation, ngx_uint_t public);

/* the operation of a path; the table ends without a handler; NULL if none */
ngx_http_tgortc_operation_t *ngx_http_tgortc_request_operation(
    ngx_http_tgortc_operation_t *operations, ngx_str_t *path);

/*
 * What a location of each kind is asked for, NULL if there is no such path; the
 * room's id as the path has it, or nothing.  For any request at any time.
 */
ngx_http_tgortc_operation_t *ngx_http_tgortc_rooms_route(
    ngx_http_request_t *r, ngx_str_t *room_id);
ngx_http_tgortc_operation_t *ngx_http_tgortc_participants_route(
    ngx_http_request_t *r);
ngx_http_tgortc_operation_t *ngx_http_tgortc_livekit_route(
    ngx_http_request_t *r);
ngx_http_tgortc_operation_t *ngx_http_tgortc_logs_route(
    ngx_http_request_t *r);

/* what the path has behind the location's prefix: NGX_OK, or NGX_DECLINED */
ngx_int_t ngx_http_tgortc_request_path(ngx_http_request_t *r,
    ngx_str_t *path);

/* this request's context, made when first asked for; NULL without memory */
ngx_http_tgortc_ctx_t *ngx_http_tgortc_ctx(ngx_http_request_t *r);

/* the first header of a name, in any case, or NULL */
ngx_table_elt_t *ngx_http_tgortc_request_header(ngx_http_request_t *r,
    ngx_str_t *name);

ngx_tgortc_language_e ngx_http_tgortc_request_language(ngx_http_request_t *r);

/* whether one of tgortc_api_key is presented, or none is asked for */
ngx_uint_t ngx_http_tgortc_request_authorized(ngx_http_request_t *r);

/*
 * The value of a query argument, form-decoded, in *value: NGX_OK; NGX_DECLINED
 * if it is absent; NGX_ERROR without memory.
 */
ngx_int_t ngx_http_tgortc_request_arg(ngx_http_request_t *r, char *name,
    ngx_str_t *value);

/* the request's body in one piece, from memory or file: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_tgortc_request_body(ngx_http_request_t *r,
    ngx_str_t *body);

/*
 * The body as a JSON object of at most so many levels, freed with the request;
 * NULL if it is none, then *rc has the rc of the response that was sent.  A
 * depth of 0 takes whatever cJSON does, for what is signed by its sender.
 */
cJSON *ngx_http_tgortc_request_parse(ngx_http_request_t *r, ngx_str_t *body,
    ngx_uint_t depth, ngx_int_t *rc);

/* both in one, for the API's own bodies: an object with lists in it */
cJSON *ngx_http_tgortc_request_json(ngx_http_request_t *r, ngx_int_t *rc);


#endif /* _NGX_HTTP_TGORTC_REQUEST_H_INCLUDED_ */
