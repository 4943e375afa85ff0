
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_deadlines.h"
#include "ngx_http_tgortc_call.h"


/*
 * A deadline fires within 250 ms of its time (contract, section 6), also one
 * that another worker wrote after this one looked.
 */
#define NGX_HTTP_TGORTC_DEADLINES_POLL   150
#define NGX_HTTP_TGORTC_DEADLINES_MIN    5

/* rooms in one call: Redis does nothing else meanwhile */
#define NGX_HTTP_TGORTC_DEADLINES_ROOMS  "16"

#define NGX_HTTP_TGORTC_DEADLINES_WAIT   3


struct ngx_http_tgortc_deadlines_s {
    ngx_http_tgortc_app_t  *app;
    ngx_event_t             timer;
};


static void ngx_http_tgortc_deadlines_timer(ngx_event_t *ev);
static void ngx_http_tgortc_deadlines_done(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


ngx_http_tgortc_deadlines_t *
ngx_http_tgortc_deadlines_create(ngx_http_tgortc_app_t *app,
    ngx_cycle_t *cycle)
{
    ngx_http_tgortc_deadlines_t  *deadlines;

    deadlines = ngx_pcalloc(cycle->pool, sizeof(ngx_http_tgortc_deadlines_t));
    if (deadlines == NULL) {
        return NULL;
    }

    deadlines->app = app;
    deadlines->timer.handler = ngx_http_tgortc_deadlines_timer;
    deadlines->timer.data = deadlines;
    deadlines->timer.log = cycle->log;
    deadlines->timer.cancelable = 1;

    ngx_add_timer(&deadlines->timer, NGX_HTTP_TGORTC_DEADLINES_MIN);

    return deadlines;
}


static void
ngx_http_tgortc_deadlines_timer(ngx_event_t *ev)
{
    ngx_str_t                     none = ngx_null_string;
    ngx_str_t                     rooms;
    ngx_http_tgortc_deadlines_t  *deadlines;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    deadlines = ev->data;
    ngx_str_set(&rooms, NGX_HTTP_TGORTC_DEADLINES_ROOMS);

    if (ngx_http_tgortc_call(deadlines->app, NGX_HTTP_TGORTC_DEADLINES, &none,
                             &rooms, 1, NULL, 0,
                             ngx_http_tgortc_deadlines_done, deadlines)
        != NGX_OK)
    {
        ngx_add_timer(ev, NGX_HTTP_TGORTC_DEADLINES_POLL);
    }
}


static void
ngx_http_tgortc_deadlines_done(void *data, ngx_http_tgortc_outcome_e outcome,
    redisReply *reply)
{
    ngx_http_tgortc_deadlines_t *deadlines = data;

    long long  wait;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    wait = -1;

    if (outcome == NGX_HTTP_TGORTC_OK) {
        wait = ngx_http_tgortc_reply_integer(reply,
                                             NGX_HTTP_TGORTC_DEADLINES_WAIT);
    }

    if (wait < 0 || wait > NGX_HTTP_TGORTC_DEADLINES_POLL) {
        wait = NGX_HTTP_TGORTC_DEADLINES_POLL;
    }

    ngx_add_timer(&deadlines->timer,
                  ngx_max(wait, NGX_HTTP_TGORTC_DEADLINES_MIN));
}
