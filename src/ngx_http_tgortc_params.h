
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the operations of calls take: one table of fields for each, one way to
 * read them from a JSON body or from the query.
 */


#ifndef _NGX_HTTP_TGORTC_PARAMS_H_INCLUDED_
#define _NGX_HTTP_TGORTC_PARAMS_H_INCLUDED_


#include "ngx_http_tgortc.h"

#include <cjson/cJSON.h>


/* what is wrong with a request: a message and its arguments */

typedef struct {
    ngx_tgortc_message_e         message;
    const char                  *field;
    char                         limit[NGX_INT_T_LEN + 1];
} ngx_http_tgortc_fault_t;


typedef struct ngx_http_tgortc_field_s  ngx_http_tgortc_field_t;

struct ngx_http_tgortc_field_s {
    char                        *name;
    size_t                       offset;     /* in ngx_http_tgortc_params_t */
    ngx_tgortc_message_e         message;
    ngx_uint_t                   required;

    /* a string has "valid", an integer has not */
    int                        (*valid)(const char *s, size_t len);
    long                         min;
    long                         max;
};


/* tables that end with an empty name; "uids" is read apart */

extern ngx_http_tgortc_field_t  ngx_http_tgortc_create_fields[];
extern ngx_http_tgortc_field_t  ngx_http_tgortc_member_fields[];
extern ngx_http_tgortc_field_t  ngx_http_tgortc_sync_fields[];
extern ngx_http_tgortc_field_t  ngx_http_tgortc_list_fields[];


/* the body, its fields read into the params; NULL if the request is answered */
cJSON *ngx_http_tgortc_params_body(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields);

/* a body that names users, in "uids": NGX_ERROR if the request is answered */
ngx_int_t ngx_http_tgortc_params_named(ngx_http_request_t *r);

/* answers with what one of those below returned, other than NGX_OK */
void ngx_http_tgortc_params_refuse(ngx_http_request_t *r, ngx_int_t rc,
    ngx_http_tgortc_fault_t *fault);


/*
 * Each returns NGX_OK; NGX_DECLINED with *fault if the request is wrong;
 * NGX_ERROR without memory.  Strings stay where they are, in the JSON.
 */

ngx_int_t ngx_http_tgortc_params_json(cJSON *json,
    ngx_http_tgortc_field_t *fields, ngx_http_tgortc_params_t *params,
    ngx_http_tgortc_fault_t *fault);

ngx_int_t ngx_http_tgortc_params_query(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields, ngx_http_tgortc_params_t *params,
    ngx_http_tgortc_fault_t *fault);

/* "uids": every one once, without params->uid, at most max of them */
ngx_int_t ngx_http_tgortc_params_uids(ngx_http_request_t *r, cJSON *json,
    ngx_uint_t max, ngx_http_tgortc_params_t *params,
    ngx_http_tgortc_fault_t *fault);


#endif /* _NGX_HTTP_TGORTC_PARAMS_H_INCLUDED_ */
