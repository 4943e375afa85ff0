
/*
 * Copyright (C) TgoRTC contributors
 *
 * What a request becomes in Redis and what comes back: one script, called
 * once.
 */


#ifndef _NGX_HTTP_TGORTC_CALL_H_INCLUDED_
#define _NGX_HTTP_TGORTC_CALL_H_INCLUDED_


#include "ngx_http_tgortc_redis.h"


typedef enum {
    NGX_HTTP_TGORTC_CREATE = 0,
    NGX_HTTP_TGORTC_INVITE,
    NGX_HTTP_TGORTC_JOIN,
    NGX_HTTP_TGORTC_LEAVE,
    NGX_HTTP_TGORTC_SYNC,
    NGX_HTTP_TGORTC_GET,
    NGX_HTTP_TGORTC_SCRIPTS
} ngx_http_tgortc_script_e;


typedef enum {
    NGX_HTTP_TGORTC_OK = 0,
    NGX_HTTP_TGORTC_UNKNOWN,        /* no such room */
    NGX_HTTP_TGORTC_STRANGER,       /* no such participant */
    NGX_HTTP_TGORTC_UNINVITED,
    NGX_HTTP_TGORTC_TAKEN,          /* the room id */
    NGX_HTTP_TGORTC_BUSY,           /* names of the busy from element 2 */
    NGX_HTTP_TGORTC_FULL,
    NGX_HTTP_TGORTC_ENDED,
    NGX_HTTP_TGORTC_UNAVAILABLE,    /* Redis: out of reach, too slow, no reply */
    NGX_HTTP_TGORTC_BROKEN          /* the script failed */
} ngx_http_tgortc_outcome_e;


/*
 * Sends the response and returns what ngx_http_finalize_request() takes.  The
 * reply is an array whose first two elements (outcome, time) are checked; it
 * is NULL if the outcome is UNAVAILABLE or BROKEN.
 */
typedef ngx_int_t (*ngx_http_tgortc_answer_pt)(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


/* computes the scripts' digests, once at configuration */
void ngx_http_tgortc_call_init(void);

/*
 * Calls a script about the room of the request's params with the arguments
 * after the common ones (see prelude.lua), then the uids of the params, and
 * answers the request, now or later; takes over the caller's reference to
 * the request.  The arguments are copied.
 */
void ngx_http_tgortc_call(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer);

/* the same with PING in place of a script */
void ngx_http_tgortc_call_ping(ngx_http_request_t *r,
    ngx_http_tgortc_answer_pt answer);


#endif /* _NGX_HTTP_TGORTC_CALL_H_INCLUDED_ */
