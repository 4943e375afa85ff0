
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_deadlines.h"
#include "ngx_http_tgortc_counters.h"


/*
 * A deadline fires within 250 ms of its time (docs/directives.md), also one
 * that another worker wrote after this one looked.
 */
#define NGX_HTTP_TGORTC_DEADLINES_POLL   150
#define NGX_HTTP_TGORTC_DEADLINES_MIN    5

/* rooms in one call: Redis does nothing else meanwhile */
#define NGX_HTTP_TGORTC_DEADLINES_ROOMS  "16"

#define NGX_HTTP_TGORTC_DEADLINES_WAIT   3
#define NGX_HTTP_TGORTC_DEADLINES_FIRED  4


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

    if (outcome == NGX_HTTP_TGORTC_OK) {
        ngx_http_tgortc_deadlines_fired(deadlines->app, reply,
                                        NGX_HTTP_TGORTC_DEADLINES_FIRED);
    }

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


void
ngx_http_tgortc_deadlines_fired(ngx_http_tgortc_app_t *app,
    redisReply *reply, size_t i)
{
    size_t       n;
    long long    kind;
    redisReply  *fired;

    if (i >= reply->elements || reply->element[i]->type != REDIS_REPLY_ARRAY) {
        return;
    }

    fired = reply->element[i];

    for (n = 0; n + 1 < fired->elements; n += 2) {
        kind = ngx_http_tgortc_reply_integer(fired, n) - 1;

        if (kind < 0 || kind >= NGX_HTTP_TGORTC_DEADLINE_KINDS) {
            continue;
        }

        ngx_http_tgortc_count(app->counters->deadlines[kind]);

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "tgortc: %s deadline of room \"%s\"",
                      ngx_http_tgortc_deadline_labels[kind],
                      ngx_http_tgortc_reply_string(fired, n + 1));
    }
}
