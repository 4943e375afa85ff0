
/*
 * Copyright (C) TgoRTC contributors
 *
 * HTTP requests to endpoints: libcurl's multi interface as a guest in nginx's
 * event loop.  One client per worker.
 */


#ifndef _NGX_HTTP_TGORTC_HTTP_H_INCLUDED_
#define _NGX_HTTP_TGORTC_HTTP_H_INCLUDED_


#include "ngx_http_tgortc.h"


typedef struct ngx_http_tgortc_http_s          ngx_http_tgortc_http_t;
typedef struct ngx_http_tgortc_http_request_s  ngx_http_tgortc_http_request_t;

/* called once, from the event loop, never from within _send() */
typedef void (*ngx_http_tgortc_http_pt)(ngx_http_tgortc_http_request_t *hr);


/*
 * A POST.  Everything above "result" is the caller's and has to stay until the
 * handler was called; the handler may free all of it, or send it again.
 */

struct ngx_http_tgortc_http_request_s {
    const char                 *url;           /* NUL-terminated, http(s) */
    const char                 *body;
    size_t                      body_len;
    const char                **headers;       /* "Name: value" */
    ngx_uint_t                  nheaders;
    ngx_msec_t                  timeout;       /* of the whole attempt */
    ngx_http_tgortc_http_pt     handler;
    void                       *data;

    /* result */

    ngx_uint_t                  status;        /* 0: no response */
    const char                 *error;         /* why, if status is 0 */
    char                        retry_after[64];     /* header's value or "" */
    char                       *response;      /* first bytes of the body */
    size_t                      response_len;
    size_t                      response_size; /* room that the caller gives */
    ngx_msec_t                  duration;

    /* the client's own */
    ngx_queue_t                 queue;
    void                       *transfer;
    u_char                      text[256];     /* of the error */
};


/* once in the master before the fork, see curl_global_init(3) */
ngx_int_t ngx_http_tgortc_http_init(ngx_cycle_t *cycle);

/*
 * In a worker.  The handler is called once, when the worker is to exit
 * without waiting for what is under way: worker_shutdown_timeout is over.
 */
ngx_http_tgortc_http_t *ngx_http_tgortc_http_create(ngx_cycle_t *cycle,
    void (*released)(void));

/* ends what is under way without calling handlers, leaves no descriptor */
void ngx_http_tgortc_http_destroy(ngx_http_tgortc_http_t *http);

/* NGX_OK, then the handler is called; or NGX_ERROR, then it is not */
ngx_int_t ngx_http_tgortc_http_send(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_request_t *hr);


#endif /* _NGX_HTTP_TGORTC_HTTP_H_INCLUDED_ */
