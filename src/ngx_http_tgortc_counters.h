
/*
 * Copyright (C) TgoRTC contributors
 *
 * What is counted for tgortc_metrics: in shared memory, by all workers without
 * locks, over reloads.
 */


#ifndef _NGX_HTTP_TGORTC_COUNTERS_H_INCLUDED_
#define _NGX_HTTP_TGORTC_COUNTERS_H_INCLUDED_


#include "ngx_http_tgortc.h"


/* upper bounds of histograms, see ngx_http_tgortc_bounds */
#define NGX_HTTP_TGORTC_BOUNDS             14

/* of ngx_http_tgortc_code_labels, the last one is "other" */
#define NGX_HTTP_TGORTC_CODES              20

/* of ngx_http_tgortc_livekit_labels, the last one is "other" */
#define NGX_HTTP_TGORTC_LIVEKIT_EVENTS     7
#define NGX_HTTP_TGORTC_LIVEKIT_OTHER      6

/* of ngx_http_tgortc_refusal_labels, the last one is "body" */
#define NGX_HTTP_TGORTC_LIVEKIT_REFUSALS   11
#define NGX_HTTP_TGORTC_LIVEKIT_BODY       10

/* of ngx_http_tgortc_method_labels */
#define NGX_HTTP_TGORTC_LIVEKIT_METHODS    3

/* of ngx_http_tgortc_deadline_labels; parts/acting.lua numbers them from 1 */
#define NGX_HTTP_TGORTC_DEADLINE_KINDS     4


typedef enum {
    NGX_HTTP_TGORTC_REDIS_TIMEOUT = 0,  /* no answer in time */
    NGX_HTTP_TGORTC_REDIS_ERROR,        /* an error for an answer */
    NGX_HTTP_TGORTC_REDIS_LOST,         /* with its connection */
    NGX_HTTP_TGORTC_REDIS_REFUSED,      /* not sent: out of reach, too many */
    NGX_HTTP_TGORTC_REDIS_ERRORS
} ngx_http_tgortc_redis_error_e;


typedef enum {
    NGX_HTTP_TGORTC_DELIVERED = 0,
    NGX_HTTP_TGORTC_RETRIED,
    NGX_HTTP_TGORTC_GIVEN_UP,
    NGX_HTTP_TGORTC_UNREPORTED,         /* Redis does not know how it went */
    NGX_HTTP_TGORTC_RESULTS
} ngx_http_tgortc_result_e;


typedef struct {
    ngx_atomic_t                 counts[NGX_HTTP_TGORTC_BOUNDS + 1];
    ngx_atomic_t                 sum;          /* µs */
} ngx_http_tgortc_histogram_t;


/* of an app */

struct ngx_http_tgortc_counters_s {
    ngx_http_tgortc_histogram_t  durations[NGX_HTTP_TGORTC_OPS];
    ngx_atomic_t                 requests[NGX_HTTP_TGORTC_OPS]
                                         [NGX_HTTP_TGORTC_CODES];
    ngx_http_tgortc_histogram_t  redis;
    ngx_atomic_t                 redis_errors[NGX_HTTP_TGORTC_REDIS_ERRORS];
    ngx_atomic_t                 redis_reconnects;
    ngx_atomic_t                 deadlines[NGX_HTTP_TGORTC_DEADLINE_KINDS];
    ngx_atomic_t                 livekit[NGX_HTTP_TGORTC_LIVEKIT_EVENTS];
    ngx_atomic_t                 refused[NGX_HTTP_TGORTC_LIVEKIT_REFUSALS];
    ngx_atomic_t                 livekit_api[NGX_HTTP_TGORTC_LIVEKIT_METHODS]
                                            [2];     /* failed, done */
};


/* of an endpoint of an app */

struct ngx_http_tgortc_deliveries_s {
    ngx_http_tgortc_histogram_t  durations;
    ngx_atomic_t                 results[NGX_HTTP_TGORTC_RESULTS];
};


#define ngx_http_tgortc_count(counter)                                        \
    (void) ngx_atomic_fetch_add(&(counter), 1)


/* the values that labels take, in the order of their numbers */

extern const char  *ngx_http_tgortc_op_labels[];
extern const char  *ngx_http_tgortc_code_labels[];
extern const char  *ngx_http_tgortc_redis_error_labels[];
extern const char  *ngx_http_tgortc_deadline_labels[];
extern const char  *ngx_http_tgortc_livekit_labels[];
extern const char  *ngx_http_tgortc_refusal_labels[];
extern const char  *ngx_http_tgortc_method_labels[];
extern const char  *ngx_http_tgortc_result_labels[];

/* upper bounds: in µs, and in seconds as text */
extern const uint64_t  ngx_http_tgortc_bounds[];
extern const char     *ngx_http_tgortc_bound_labels[];


/* when the configuration is read: memory for an app, for its endpoints */
ngx_int_t ngx_http_tgortc_counters_add(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app);
ngx_int_t ngx_http_tgortc_counters_add_endpoints(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app);

/* when a worker starts: that memory as app->counters and app->deliveries */
void ngx_http_tgortc_counters_use(ngx_http_tgortc_app_t *app);

/* a clock in µs that only goes forward */
uint64_t ngx_http_tgortc_clock(void);

/* adds a time in µs to a histogram */
void ngx_http_tgortc_observe(ngx_http_tgortc_histogram_t *histogram,
    uint64_t us);

/* counts an answer, which took so long (µs) */
void ngx_http_tgortc_counters_request(ngx_http_tgortc_counters_t *counters,
    ngx_http_tgortc_op_e op, ngx_uint_t status, uint64_t us);


#endif /* _NGX_HTTP_TGORTC_COUNTERS_H_INCLUDED_ */
