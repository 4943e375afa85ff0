
/*
 * Copyright (C) TgoRTC contributors
 *
 * What one worker delivers of one queue: the events of a change that it has
 * leased are sent, and reported with what came of them.
 */


#ifndef _NGX_HTTP_TGORTC_DELIVERY_H_INCLUDED_
#define _NGX_HTTP_TGORTC_DELIVERY_H_INCLUDED_


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_http.h"


/*
 * What is asked of LiveKit is tried again soon: it has a minute, and the
 * question of a deadline, which waits for three seconds, may be behind it.
 */
#define NGX_HTTP_TGORTC_LIVEKIT_DELAY      1000
#define NGX_HTTP_TGORTC_LIVEKIT_DELAY_MAX  2000


typedef struct ngx_http_tgortc_queue_s     ngx_http_tgortc_queue_t;
typedef struct ngx_http_tgortc_delivery_s  ngx_http_tgortc_delivery_t;
typedef struct ngx_http_tgortc_attempt_s   ngx_http_tgortc_attempt_t;


/* the events of one change that this worker has leased */

struct ngx_http_tgortc_delivery_s {
    ngx_http_tgortc_queue_t         *queue;
    ngx_pool_t                      *pool;
    ngx_str_t                        room_id;
    ngx_str_t                        token;
    ngx_msec_t                       lease_end;
    ngx_event_t                      timer;      /* to report again */
    ngx_http_tgortc_attempt_t       *attempts;
    ngx_uint_t                       nattempts;
    ngx_uint_t                       pending;
    ngx_uint_t                       reserved;   /* for the next change */
    ngx_uint_t                       endpoint_failed;  /* in a row, at last */
    ngx_msec_t                       asked;      /* by Retry-After */
    ngx_queue_t                      link;
};


/* what this worker does for one endpoint */

struct ngx_http_tgortc_queue_s {
    ngx_http_tgortc_app_t           *app;
    ngx_http_tgortc_http_t          *http;
    ngx_str_t                        owner;
    ngx_http_tgortc_endpoint_t      *endpoint;
    ngx_http_tgortc_deliveries_t    *counters;
    ngx_event_t                      timer;
    ngx_msec_t                       lease;
    ngx_str_t                        lease_text;
    ngx_uint_t                       in_flight;  /* events */
    ngx_uint_t                       reserved;   /* for what is being claimed */
    ngx_uint_t                       claimed;    /* of these, for the claim */
    ngx_uint_t                       leasing;    /* reports that may lease */
    ngx_queue_t                      deliveries;

    /* called when a report is back: there may be more, and place for it */
    void                           (*claim)(ngx_http_tgortc_queue_t *queue);

    unsigned                         claiming:1;
    unsigned                         again:1;
    unsigned                         lost:1;     /* a reply that leased? */
    unsigned                         livekit:1;  /* not webhooks, RoomService */
};


/* how many more events may be sent to the endpoint now */
ngx_uint_t ngx_http_tgortc_delivery_free(ngx_http_tgortc_queue_t *queue);

/*
 * Sends the change that a reply has at i, as sending.lua adds it; returns where
 * the next one begins.
 */
size_t ngx_http_tgortc_delivery_start(ngx_http_tgortc_queue_t *queue,
    redisReply *reply, size_t i);

/* takes a delivery out of its queue and frees it */
void ngx_http_tgortc_delivery_done(ngx_http_tgortc_delivery_t *delivery);


#endif /* _NGX_HTTP_TGORTC_DELIVERY_H_INCLUDED_ */
