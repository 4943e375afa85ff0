
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_dispatcher.h"
#include "ngx_http_tgortc_delivery.h"


/*
 * A lease outlives the attempt by this: the report has to arrive, and may have
 * to wait for Redis.
 */
#define NGX_HTTP_TGORTC_LEASE_MARGIN   5000

/* for what other nginx wrote, and for retries */
#define NGX_HTTP_TGORTC_POLL           1000

/* registrations, which also tidy up */
#define NGX_HTTP_TGORTC_HEARTBEAT      5000

#define NGX_HTTP_TGORTC_ROOMS_AT_ONCE  32

/* deliveries under way, at most as many as max_in_flight= allows */
#define NGX_HTTP_TGORTC_TOKENS         1024

/* ms until reports that may have leased are back, and the rest is released */
#define NGX_HTTP_TGORTC_RETRY_RELEASE  100

#define NGX_HTTP_TGORTC_LIVEKIT_MAX    16

/* of the reply of claim.lua */
#define NGX_HTTP_TGORTC_WAIT           3
#define NGX_HTTP_TGORTC_CLAIMED        4


struct ngx_http_tgortc_dispatcher_s {
    ngx_http_tgortc_app_t           *app;
    ngx_http_tgortc_http_t          *http;
    ngx_str_t                        owner;
    ngx_event_t                      heartbeat;
    ngx_http_tgortc_queue_t         *queues;
    ngx_uint_t                       nqueues;
    ngx_http_tgortc_endpoint_t       livekit;
    unsigned                         respawned:1;
};


static ngx_int_t ngx_http_tgortc_dispatcher_add(
    ngx_http_tgortc_dispatcher_t *dispatcher,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_cycle_t *cycle);
static void ngx_http_tgortc_dispatcher_heartbeat(ngx_event_t *ev);
static void ngx_http_tgortc_dispatcher_release(ngx_http_tgortc_queue_t *queue,
    ngx_uint_t all);
static void ngx_http_tgortc_dispatcher_released(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_dispatcher_timer(ngx_event_t *ev);
static void ngx_http_tgortc_dispatcher_wait(ngx_http_tgortc_queue_t *queue,
    ngx_msec_t delay);
static void ngx_http_tgortc_dispatcher_claim(ngx_http_tgortc_queue_t *queue);
static void ngx_http_tgortc_dispatcher_claimed(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


static ngx_str_t  ngx_http_tgortc_no_room = ngx_null_string;


ngx_http_tgortc_dispatcher_t *
ngx_http_tgortc_dispatcher_create(ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_http_t *http, ngx_uint_t owner, ngx_uint_t respawned,
    ngx_cycle_t *cycle)
{
    ngx_uint_t                     i, n;
    ngx_array_t                   *endpoints;
    ngx_http_tgortc_endpoint_t    *endpoint;
    ngx_http_tgortc_dispatcher_t  *dispatcher;

    endpoints = app->settings.endpoints;
    n = endpoints ? endpoints->nelts : 0;

    dispatcher = ngx_pcalloc(cycle->pool, sizeof(ngx_http_tgortc_dispatcher_t));
    if (dispatcher == NULL) {
        return NULL;
    }

    dispatcher->app = app;
    dispatcher->http = http;
    dispatcher->respawned = respawned;
    dispatcher->queues = ngx_pcalloc(cycle->pool,
                                (n + 1) * sizeof(ngx_http_tgortc_queue_t));
    dispatcher->owner.data = ngx_pnalloc(cycle->pool, NGX_INT_T_LEN);

    if (dispatcher->queues == NULL || dispatcher->owner.data == NULL) {
        return NULL;
    }

    dispatcher->owner.len = ngx_sprintf(dispatcher->owner.data, "%ui", owner)
                            - dispatcher->owner.data;

    for (i = 0; i < n; i++) {
        endpoint = (ngx_http_tgortc_endpoint_t *) endpoints->elts + i;

        if (ngx_http_tgortc_dispatcher_add(dispatcher, endpoint, cycle)
            != NGX_OK)
        {
            return NULL;
        }

        dispatcher->queues[i].counters = app->deliveries[i];
    }

    if (app->settings.livekit_api.len) {
        endpoint = &dispatcher->livekit;

        ngx_str_set(&endpoint->name, "livekit");
        ngx_str_set(&endpoint->id, "livekit");
        endpoint->timeout = NGX_HTTP_TGORTC_LIVEKIT_DELAY;
        endpoint->max_in_flight = NGX_HTTP_TGORTC_LIVEKIT_MAX;

        if (ngx_http_tgortc_dispatcher_add(dispatcher, endpoint, cycle)
            != NGX_OK)
        {
            return NULL;
        }

        dispatcher->queues[n].livekit = 1;
    }

    dispatcher->heartbeat.handler = ngx_http_tgortc_dispatcher_heartbeat;
    dispatcher->heartbeat.data = dispatcher;
    dispatcher->heartbeat.log = cycle->log;
    dispatcher->heartbeat.cancelable = 1;

    ngx_add_timer(&dispatcher->heartbeat, NGX_HTTP_TGORTC_HEARTBEAT);

    return dispatcher;
}


static ngx_int_t
ngx_http_tgortc_dispatcher_add(ngx_http_tgortc_dispatcher_t *dispatcher,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_cycle_t *cycle)
{
    ngx_http_tgortc_queue_t  *queue;

    queue = &dispatcher->queues[dispatcher->nqueues++];

    queue->app = dispatcher->app;
    queue->http = dispatcher->http;
    queue->owner = dispatcher->owner;
    queue->endpoint = endpoint;
    queue->claim = ngx_http_tgortc_dispatcher_claim;
    ngx_queue_init(&queue->deliveries);
    queue->lease = endpoint->timeout + NGX_HTTP_TGORTC_LEASE_MARGIN;

    queue->lease_text.data = ngx_pnalloc(cycle->pool, NGX_INT_T_LEN);
    if (queue->lease_text.data == NULL) {
        return NGX_ERROR;
    }

    queue->lease_text.len = ngx_sprintf(queue->lease_text.data, "%M",
                                        queue->lease)
                            - queue->lease_text.data;

    queue->timer.handler = ngx_http_tgortc_dispatcher_timer;
    queue->timer.data = queue;
    queue->timer.log = cycle->log;
    queue->timer.cancelable = 1;

    /* what the worker held that was in this one's place is due at once */

    queue->lost = dispatcher->respawned;

    ngx_http_tgortc_dispatcher_wait(queue, 0);

    return NGX_OK;
}


void
ngx_http_tgortc_dispatcher_kick(ngx_http_tgortc_app_t *app)
{
    ngx_uint_t  i;

    for (i = 0; i < app->dispatcher->nqueues; i++) {
        ngx_http_tgortc_dispatcher_claim(&app->dispatcher->queues[i]);
    }
}


void
ngx_http_tgortc_dispatcher_hand_back(ngx_http_tgortc_app_t *app)
{
    ngx_uint_t                i;
    ngx_http_tgortc_queue_t  *queue;

    for (i = 0; i < app->dispatcher->nqueues; i++) {
        queue = &app->dispatcher->queues[i];

        if (queue->in_flight) {
            ngx_http_tgortc_dispatcher_release(queue, 1);
        }
    }
}


void
ngx_http_tgortc_dispatcher_destroy(ngx_http_tgortc_app_t *app)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q;
    ngx_http_tgortc_queue_t     *queue;
    ngx_http_tgortc_delivery_t  *delivery;

    for (i = 0; i < app->dispatcher->nqueues; i++) {
        queue = &app->dispatcher->queues[i];

        while (!ngx_queue_empty(&queue->deliveries)) {
            q = ngx_queue_head(&queue->deliveries);
            delivery = ngx_queue_data(q, ngx_http_tgortc_delivery_t, link);
            ngx_http_tgortc_delivery_done(delivery);
        }
    }
}


static void
ngx_http_tgortc_dispatcher_heartbeat(ngx_event_t *ev)
{
    ngx_http_tgortc_dispatcher_t *dispatcher = ev->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    ngx_http_tgortc_call_register(dispatcher->app);

    ngx_add_timer(ev, NGX_HTTP_TGORTC_HEARTBEAT);
}


/*
 * Gives back what Redis holds for this worker and it does not know of: another
 * one died in its place, or a reply was lost.  With "all" also what has no
 * answer yet.
 */

static void
ngx_http_tgortc_dispatcher_release(ngx_http_tgortc_queue_t *queue,
    ngx_uint_t all)
{
    ngx_str_t                    args[4], tokens[NGX_HTTP_TGORTC_TOKENS];
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_http_tgortc_delivery_t  *delivery;

    n = 0;

    for (q = ngx_queue_head(&queue->deliveries);
         q != ngx_queue_sentinel(&queue->deliveries);
         q = ngx_queue_next(q))
    {
        delivery = ngx_queue_data(q, ngx_http_tgortc_delivery_t, link);

        if (all && delivery->pending) {
            continue;
        }

        if (n == NGX_HTTP_TGORTC_TOKENS) {
            break;
        }

        tokens[n++] = delivery->token;
    }

    args[0] = queue->endpoint->id;
    args[1] = queue->lease_text;
    args[2] = queue->owner;
    ngx_str_set(&args[3], "0");

    if (ngx_http_tgortc_call(queue->app, NGX_HTTP_TGORTC_RELEASE,
                             &ngx_http_tgortc_no_room, args, 4, tokens, n,
                             ngx_http_tgortc_dispatcher_released, queue)
        != NGX_OK)
    {
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_POLL);
        return;
    }

    queue->claiming = 1;
    queue->claimed = 0;
}


static void
ngx_http_tgortc_dispatcher_released(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_http_tgortc_queue_t *queue = data;

    queue->claiming = 0;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_POLL);
        return;
    }

    queue->lost = 0;

    ngx_http_tgortc_dispatcher_claim(queue);
}


static void
ngx_http_tgortc_dispatcher_timer(ngx_event_t *ev)
{
    ngx_http_tgortc_dispatcher_claim(ev->data);
}


/* claims in so many ms, or sooner if that was agreed already */

static void
ngx_http_tgortc_dispatcher_wait(ngx_http_tgortc_queue_t *queue,
    ngx_msec_t delay)
{
    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (queue->timer.timer_set) {
        ngx_del_timer(&queue->timer);
    }

    ngx_add_timer(&queue->timer, ngx_min(delay, NGX_HTTP_TGORTC_POLL));
}


static void
ngx_http_tgortc_dispatcher_claim(ngx_http_tgortc_queue_t *queue)
{
    u_char      rooms[NGX_INT_T_LEN], events[NGX_INT_T_LEN];
    ngx_str_t   args[5];
    ngx_uint_t  n;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (queue->claiming) {
        queue->again = 1;
        return;
    }

    if (queue->lost && queue->leasing == 0) {
        ngx_http_tgortc_dispatcher_release(queue, 0);
        return;
    }

    if (queue->lost) {
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_RETRY_RELEASE);
        return;
    }

    /* without a free place the next report goes on */

    n = ngx_http_tgortc_delivery_free(queue);
    if (n == 0) {
        return;
    }

    args[0] = queue->endpoint->id;
    args[1] = queue->lease_text;
    args[2] = queue->owner;
    args[3].data = events;
    args[3].len = ngx_sprintf(events, "%ui", n) - events;
    args[4].data = rooms;
    args[4].len = ngx_sprintf(rooms, "%ui",
                              ngx_min(n, NGX_HTTP_TGORTC_ROOMS_AT_ONCE))
                  - rooms;

    queue->again = 0;

    if (ngx_http_tgortc_call(queue->app, NGX_HTTP_TGORTC_CLAIM,
                             &ngx_http_tgortc_no_room, args, 5, NULL, 0,
                             ngx_http_tgortc_dispatcher_claimed, queue)
        != NGX_OK)
    {
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_POLL);
        return;
    }

    queue->claiming = 1;
    queue->claimed = n;
    queue->reserved += n;
}


static void
ngx_http_tgortc_dispatcher_claimed(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_http_tgortc_queue_t *queue = data;

    size_t      i;
    long long   wait;

    queue->claiming = 0;
    queue->reserved -= queue->claimed;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        queue->lost = 1;
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_POLL);
        return;
    }

    wait = ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_WAIT);

    for (i = NGX_HTTP_TGORTC_CLAIMED; i < reply->elements; /* void */ ) {
        i = ngx_http_tgortc_delivery_start(queue, reply, i);
    }

    if (wait < 0 || wait > NGX_HTTP_TGORTC_POLL) {
        wait = NGX_HTTP_TGORTC_POLL;
    }

    ngx_http_tgortc_dispatcher_wait(queue, (ngx_msec_t) wait);

    if (queue->again) {
        ngx_http_tgortc_dispatcher_claim(queue);
    }
}
