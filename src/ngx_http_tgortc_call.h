
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
    NGX_HTTP_TGORTC_END,
    NGX_HTTP_TGORTC_CANCEL,
    NGX_HTTP_TGORTC_KICK,
    NGX_HTTP_TGORTC_SYNC,
    NGX_HTTP_TGORTC_GET,
    NGX_HTTP_TGORTC_LIST_ROOMS,
    NGX_HTTP_TGORTC_CALLING,
    NGX_HTTP_TGORTC_LIVEKIT_EVENT,
    NGX_HTTP_TGORTC_DEADLINES,
    NGX_HTTP_TGORTC_REGISTER,
    NGX_HTTP_TGORTC_RELEASE,
    NGX_HTTP_TGORTC_CLAIM,
    NGX_HTTP_TGORTC_REPORT,
    NGX_HTTP_TGORTC_LISTED,
    NGX_HTTP_TGORTC_STATS,
    NGX_HTTP_TGORTC_LIST,
    NGX_HTTP_TGORTC_CLEANUP,
    NGX_HTTP_TGORTC_REPLAY,
    NGX_HTTP_TGORTC_GAUGES,
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
    NGX_HTTP_TGORTC_REUSED,         /* the Idempotency-Key */
    NGX_HTTP_TGORTC_STALE,          /* a report after the lease */
    NGX_HTTP_TGORTC_UNAVAILABLE,    /* Redis: out of reach, too slow */
    NGX_HTTP_TGORTC_BROKEN          /* the script failed */
} ngx_http_tgortc_outcome_e;


/*
 * Gets what came of a call, once.  The reply is an array whose first two
 * elements (outcome, time) are checked; it is NULL if the outcome is
 * UNAVAILABLE or BROKEN.
 */
typedef void (*ngx_http_tgortc_call_pt)(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);

/* the same for a request: sends the response, returns its rc to finalize */
typedef ngx_int_t (*ngx_http_tgortc_answer_pt)(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


/* computes the scripts' digests, once at configuration */
void ngx_http_tgortc_call_init(void);

/* tells Redis which endpoints the app has; see register.lua */
void ngx_http_tgortc_call_register(ngx_http_tgortc_app_t *app);

/*
 * Calls a script about a room (or "") with the arguments after the common ones
 * (see parts/base.lua) and all of "more" behind them; they are copied.  NGX_OK,
 * then the handler is called; or NGX_ERROR, then it is not.
 */
ngx_int_t ngx_http_tgortc_call(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_script_e script, ngx_str_t *room_id, ngx_str_t *args,
    ngx_uint_t n, ngx_str_t *more, ngx_uint_t nmore,
    ngx_http_tgortc_call_pt handler, void *data);

/*
 * Calls a script about the room of the request's params, with their uids
 * behind the arguments and once if they say so, and answers the request, now or
 * later; takes over the caller's reference to the request.
 */
void ngx_http_tgortc_call_answer(ngx_http_request_t *r,
    ngx_http_tgortc_script_e script, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_answer_pt answer);

/* the same with PING in place of a script */
void ngx_http_tgortc_call_ping(ngx_http_request_t *r,
    ngx_http_tgortc_answer_pt answer);


/*
 * Elements of a reply; what is not there, not of that type, or a number that
 * nothing of ours can be, is 0 or "".
 */
long long ngx_http_tgortc_reply_integer(redisReply *reply, size_t i);
const char *ngx_http_tgortc_reply_string(redisReply *reply, size_t i);
ngx_str_t ngx_http_tgortc_reply_str(redisReply *reply, size_t i);


#endif /* _NGX_HTTP_TGORTC_CALL_H_INCLUDED_ */
