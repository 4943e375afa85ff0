
/*
 * Copyright (C) TgoRTC contributors
 *
 * One request to an endpoint as libcurl makes it: what it is told, and what is
 * kept of the answer.  When it runs is the client's matter.
 */


#ifndef _NGX_HTTP_TGORTC_TRANSFER_H_INCLUDED_
#define _NGX_HTTP_TGORTC_TRANSFER_H_INCLUDED_


#include "ngx_http_tgortc_http.h"

#include <curl/curl.h>


typedef struct {
    CURL                            *easy;
    struct curl_slist               *headers;
    ngx_http_tgortc_http_request_t  *hr;            /* NULL: a spare one */
    ngx_queue_t                      queue;
    ngx_msec_t                       started;
    ngx_uint_t                       sent;          /* how often it was begun */
    size_t                           received;

    unsigned                         interim:1;     /* reading a 1xx */
    unsigned                         answered:1;    /* a whole final header */
    unsigned                         refused:1;     /* to send it once more */

    char                             error[CURL_ERROR_SIZE];
} ngx_http_tgortc_transfer_t;


/* NULL, and said in the log, if there is no memory */
ngx_http_tgortc_transfer_t *ngx_http_tgortc_transfer_create(ngx_log_t *log);

void ngx_http_tgortc_transfer_destroy(ngx_http_tgortc_transfer_t *t);

/*
 * Makes it the transfer of that request, and clears the request's result.
 * "bundle": libcurl has its CAs in a file.  After NGX_ERROR too _end() is due.
 */
ngx_int_t ngx_http_tgortc_transfer_begin(ngx_http_tgortc_transfer_t *t,
    ngx_http_tgortc_http_request_t *hr, ngx_uint_t bundle, ngx_log_t *log);

/* when libcurl is done with it: the request's status, or why there is none */
void ngx_http_tgortc_transfer_result(ngx_http_tgortc_transfer_t *t,
    CURLcode result);

/* makes it a spare one; libcurl's multi has to have forgotten it */
void ngx_http_tgortc_transfer_end(ngx_http_tgortc_transfer_t *t);


#endif /* _NGX_HTTP_TGORTC_TRANSFER_H_INCLUDED_ */
