
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_dispatcher.h"
#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_event.h"
#include "ngx_http_tgortc_room_service.h"
#include "ngx_tgortc_signature.h"


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
#define NGX_HTTP_TGORTC_RETRY_REPORT   100

/* Retry-After is respected up to an hour */
#define NGX_HTTP_TGORTC_RETRY_AFTER    3600

/* what is asked of LiveKit is tried again soon: it has a minute */
#define NGX_HTTP_TGORTC_LIVEKIT_DELAY  1000
#define NGX_HTTP_TGORTC_LIVEKIT_MAX    16

/* elements of a reply before the first change, and of a change: sending.lua */
#define NGX_HTTP_TGORTC_WAIT           3
#define NGX_HTTP_TGORTC_CHANGES        4
#define NGX_HTTP_TGORTC_CHANGE         14
#define NGX_HTTP_TGORTC_EVENT          4


typedef struct ngx_http_tgortc_queue_s     ngx_http_tgortc_queue_t;
typedef struct ngx_http_tgortc_delivery_s  ngx_http_tgortc_delivery_t;


/* an attempt at one event */

typedef struct {
    ngx_http_tgortc_http_request_t   hr;
    ngx_http_tgortc_delivery_t      *delivery;
    long                             index;
    ngx_uint_t                       type;
    ngx_uint_t                       tries;
    ngx_str_t                        outcome;
    ngx_msec_t                       delay;
    char                             reason[256];
} ngx_http_tgortc_attempt_t;


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
    ngx_uint_t                       endpoint_failed;  /* events */
    ngx_queue_t                      link;
};


/* what this worker does for one endpoint */

struct ngx_http_tgortc_queue_s {
    ngx_http_tgortc_dispatcher_t    *dispatcher;
    ngx_http_tgortc_endpoint_t      *endpoint;
    ngx_event_t                      timer;
    ngx_msec_t                       lease;
    ngx_str_t                        lease_text;
    ngx_uint_t                       in_flight;  /* events */
    ngx_uint_t                       reserved;   /* for what is being claimed */
    ngx_uint_t                       claimed;    /* of these, for the claim */
    ngx_uint_t                       leasing;    /* reports that may lease */
    ngx_queue_t                      deliveries;
    unsigned                         claiming:1;
    unsigned                         again:1;
    unsigned                         lost:1;     /* a reply that leased? */
    unsigned                         livekit:1;  /* not webhooks, RoomService */
};


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
static ngx_uint_t ngx_http_tgortc_dispatcher_free(
    ngx_http_tgortc_queue_t *queue);
static void ngx_http_tgortc_dispatcher_claim(ngx_http_tgortc_queue_t *queue);
static void ngx_http_tgortc_dispatcher_claimed(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static size_t ngx_http_tgortc_dispatcher_deliver(
    ngx_http_tgortc_queue_t *queue, redisReply *reply, size_t i);
static ngx_int_t ngx_http_tgortc_dispatcher_attempts(
    ngx_http_tgortc_delivery_t *delivery, redisReply *reply, size_t i);
static ngx_int_t ngx_http_tgortc_dispatcher_request(
    ngx_http_tgortc_queue_t *queue, ngx_pool_t *pool,
    ngx_http_tgortc_event_t *event, ngx_http_tgortc_http_request_t *hr);
static void ngx_http_tgortc_dispatcher_attempted(
    ngx_http_tgortc_http_request_t *hr);
static void ngx_http_tgortc_dispatcher_judge(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_dispatcher_listed(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_dispatcher_told(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_msec_t ngx_http_tgortc_dispatcher_delay(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_dispatcher_report(
    ngx_http_tgortc_delivery_t *delivery);
static void ngx_http_tgortc_dispatcher_report_timer(ngx_event_t *ev);
static void ngx_http_tgortc_dispatcher_reported(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_dispatcher_done(
    ngx_http_tgortc_delivery_t *delivery);


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

    queue->dispatcher = dispatcher;
    queue->endpoint = endpoint;
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
    ngx_str_t                      args[4], tokens[NGX_HTTP_TGORTC_TOKENS];
    ngx_uint_t                     n;
    ngx_queue_t                   *q;
    ngx_http_tgortc_delivery_t    *delivery;
    ngx_http_tgortc_dispatcher_t  *dispatcher;

    dispatcher = queue->dispatcher;
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
    args[2] = dispatcher->owner;
    ngx_str_set(&args[3], "0");

    if (ngx_http_tgortc_call(dispatcher->app, NGX_HTTP_TGORTC_RELEASE,
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


static ngx_uint_t
ngx_http_tgortc_dispatcher_free(ngx_http_tgortc_queue_t *queue)
{
    ngx_uint_t  used;

    used = queue->in_flight + queue->reserved;

    if (used >= queue->endpoint->max_in_flight) {
        return 0;
    }

    return queue->endpoint->max_in_flight - used;
}


static void
ngx_http_tgortc_dispatcher_claim(ngx_http_tgortc_queue_t *queue)
{
    u_char                         rooms[NGX_INT_T_LEN], events[NGX_INT_T_LEN];
    ngx_str_t                      args[5];
    ngx_uint_t                     n;
    ngx_http_tgortc_dispatcher_t  *dispatcher;

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
        ngx_http_tgortc_dispatcher_wait(queue, NGX_HTTP_TGORTC_RETRY_REPORT);
        return;
    }

    /* without a free place the next report goes on */

    n = ngx_http_tgortc_dispatcher_free(queue);
    if (n == 0) {
        return;
    }

    dispatcher = queue->dispatcher;

    args[0] = queue->endpoint->id;
    args[1] = queue->lease_text;
    args[2] = dispatcher->owner;
    args[3].data = events;
    args[3].len = ngx_sprintf(events, "%ui", n) - events;
    args[4].data = rooms;
    args[4].len = ngx_sprintf(rooms, "%ui",
                              ngx_min(n, NGX_HTTP_TGORTC_ROOMS_AT_ONCE))
                  - rooms;

    queue->again = 0;

    if (ngx_http_tgortc_call(dispatcher->app, NGX_HTTP_TGORTC_CLAIM,
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

    for (i = NGX_HTTP_TGORTC_CHANGES; i < reply->elements; /* void */ ) {
        i = ngx_http_tgortc_dispatcher_deliver(queue, reply, i);
    }

    if (wait < 0 || wait > NGX_HTTP_TGORTC_POLL) {
        wait = NGX_HTTP_TGORTC_POLL;
    }

    ngx_http_tgortc_dispatcher_wait(queue, (ngx_msec_t) wait);

    if (queue->again) {
        ngx_http_tgortc_dispatcher_claim(queue);
    }
}


/* sends the change that a reply has at i; returns where the next one begins */

static size_t
ngx_http_tgortc_dispatcher_deliver(ngx_http_tgortc_queue_t *queue,
    redisReply *reply, size_t i)
{
    size_t                       next;
    ngx_str_t                    room_id, token;
    ngx_uint_t                   nevents, nuids;
    ngx_pool_t                  *pool;
    ngx_http_tgortc_delivery_t  *delivery;

    room_id = ngx_http_tgortc_reply_str(reply, i);
    token = ngx_http_tgortc_reply_str(reply, i + 1);
    nevents = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 2);
    nuids = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 3);

    if (nuids > reply->elements || nevents > reply->elements) {
        return reply->elements;
    }

    next = i + NGX_HTTP_TGORTC_CHANGE + nuids
           + nevents * NGX_HTTP_TGORTC_EVENT;

    if (next > reply->elements || nevents == 0) {
        return next;
    }

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return next;
    }

    delivery = ngx_pcalloc(pool, sizeof(ngx_http_tgortc_delivery_t));
    if (delivery == NULL) {
        goto failed;
    }

    delivery->queue = queue;
    delivery->pool = pool;
    ngx_queue_init(&delivery->link);
    delivery->lease_end = ngx_current_msec + queue->lease;
    delivery->nattempts = nevents;
    delivery->room_id.data = ngx_pstrdup(pool, &room_id);
    delivery->room_id.len = room_id.len;
    delivery->token.data = ngx_pstrdup(pool, &token);
    delivery->token.len = token.len;
    delivery->timer.handler = ngx_http_tgortc_dispatcher_report_timer;
    delivery->timer.data = delivery;
    delivery->timer.log = ngx_cycle->log;

    if (delivery->room_id.data == NULL || delivery->token.data == NULL
        || ngx_http_tgortc_dispatcher_attempts(delivery, reply, i) != NGX_OK)
    {
        goto failed;
    }

    ngx_queue_insert_tail(&queue->deliveries, &delivery->link);

    return next;

failed:

    /* the lease runs out by itself */

    ngx_destroy_pool(pool);

    return next;
}


static ngx_int_t
ngx_http_tgortc_dispatcher_attempts(ngx_http_tgortc_delivery_t *delivery,
    redisReply *reply, size_t i)
{
    size_t                      at;
    ngx_uint_t                  n;
    ngx_http_tgortc_event_t     event;
    ngx_http_tgortc_queue_t    *queue;
    ngx_http_tgortc_attempt_t  *attempt;

    queue = delivery->queue;

    event.room_id = (char *) ngx_http_tgortc_reply_string(reply, i);
    event.nuids = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 3);
    event.type = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply, i + 4);
    event.nonce = ngx_http_tgortc_reply_str(reply, i + 5);
    event.time = ngx_http_tgortc_reply_integer(reply, i + 6);
    event.status = (long) ngx_http_tgortc_reply_integer(reply, i + 7);
    event.duration = (long) ngx_http_tgortc_reply_integer(reply, i + 8);
    event.created = ngx_http_tgortc_reply_integer(reply, i + 9);
    event.rtc_type = (long) ngx_http_tgortc_reply_integer(reply, i + 10);
    event.invite_on = (long) ngx_http_tgortc_reply_integer(reply, i + 11);
    event.max_participants = (long) ngx_http_tgortc_reply_integer(reply,
                                                                  i + 12);
    event.device_type = ngx_http_tgortc_reply_string(reply, i + 13);

    event.uids = ngx_palloc(delivery->pool, event.nuids * sizeof(char *));
    delivery->attempts = ngx_pcalloc(delivery->pool, delivery->nattempts
                                          * sizeof(ngx_http_tgortc_attempt_t));

    if (event.uids == NULL || delivery->attempts == NULL) {
        return NGX_ERROR;
    }

    at = i + NGX_HTTP_TGORTC_CHANGE;

    for (n = 0; n < event.nuids; n++) {
        event.uids[n] = ngx_http_tgortc_reply_string(reply, at++);
    }

    for (n = 0; n < delivery->nattempts; n++) {
        attempt = &delivery->attempts[n];

        attempt->delivery = delivery;
        attempt->type = event.type;
        attempt->index = (long) ngx_http_tgortc_reply_integer(reply, at);
        event.seq = (long) ngx_http_tgortc_reply_integer(reply, at + 1);
        event.target = ngx_http_tgortc_reply_string(reply, at + 2);
        attempt->tries = (ngx_uint_t) ngx_http_tgortc_reply_integer(reply,
                                                                    at + 3);
        at += NGX_HTTP_TGORTC_EVENT;

        attempt->hr.handler = ngx_http_tgortc_dispatcher_attempted;
        attempt->hr.data = attempt;

        if (ngx_http_tgortc_dispatcher_request(queue, delivery->pool, &event,
                                               &attempt->hr)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (n = 0; n < delivery->nattempts; n++) {

        if (ngx_http_tgortc_http_send(queue->dispatcher->http,
                                      &delivery->attempts[n].hr)
            == NGX_OK)
        {
            delivery->pending++;
            queue->in_flight++;
        }
    }

    return delivery->pending ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_tgortc_dispatcher_request(ngx_http_tgortc_queue_t *queue,
    ngx_pool_t *pool, ngx_http_tgortc_event_t *event,
    ngx_http_tgortc_http_request_t *hr)
{
    if (queue->livekit) {
        return ngx_http_tgortc_room_service_request(pool,
                                        &queue->dispatcher->app->settings,
                                        event->type, event->room_id,
                                        event->target, hr);
    }

    return ngx_http_tgortc_event_request(pool, event, queue->endpoint,
                                         ngx_time(), hr);
}


static void
ngx_http_tgortc_dispatcher_attempted(ngx_http_tgortc_http_request_t *hr)
{
    ngx_http_tgortc_attempt_t   *attempt;
    ngx_http_tgortc_delivery_t  *delivery;

    attempt = hr->data;
    delivery = attempt->delivery;

    ngx_http_tgortc_dispatcher_judge(attempt);

    delivery->queue->in_flight--;

    if (--delivery->pending == 0) {
        ngx_http_tgortc_dispatcher_report(delivery);
    }
}


static void
ngx_http_tgortc_dispatcher_judge(ngx_http_tgortc_attempt_t *attempt)
{
    ngx_uint_t                      status;
    ngx_http_tgortc_delivery_t     *delivery;
    ngx_http_tgortc_http_request_t *hr;

    hr = &attempt->hr;
    status = hr->status;
    delivery = attempt->delivery;

    if (delivery->queue->livekit ? ngx_http_tgortc_room_service_done(hr)
                                 : status >= 200 && status < 300)
    {
        ngx_str_set(&attempt->outcome, "ok");

        if (attempt->type == NGX_HTTP_TGORTC_LIST_PARTICIPANTS) {
            ngx_http_tgortc_dispatcher_listed(attempt);
        }

        return;
    }

    if (status == 0) {
        ngx_snprintf((u_char *) attempt->reason, sizeof(attempt->reason) - 1,
                     "%s%Z", hr->error);
    } else {
        ngx_snprintf((u_char *) attempt->reason, sizeof(attempt->reason) - 1,
                     "HTTP %ui%Z", status);
    }

    if (status == 0 || status >= 500 || status == 429) {
        delivery->endpoint_failed++;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tgortc: \"%V\" failed for room \"%V\": %s",
                  &delivery->queue->endpoint->name, &delivery->room_id,
                  attempt->reason);

    if (status == 410 && !delivery->queue->livekit) {
        ngx_str_set(&attempt->outcome, "dead");
        return;
    }

    ngx_str_set(&attempt->outcome, "retry");

    if (delivery->queue->livekit) {
        attempt->delay = NGX_HTTP_TGORTC_LIVEKIT_DELAY * (attempt->tries + 1);
        return;
    }

    attempt->delay = ngx_http_tgortc_dispatcher_delay(attempt);
}


/* who LiveKit says is there goes to the state of the call */

static void
ngx_http_tgortc_dispatcher_listed(ngx_http_tgortc_attempt_t *attempt)
{
    ngx_array_t                 *people;
    ngx_http_tgortc_delivery_t  *delivery;

    delivery = attempt->delivery;

    people = ngx_http_tgortc_room_service_people(delivery->pool, &attempt->hr);

    if (people == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "tgortc: livekit's list of participants of room \"%V\" "
                      "cannot be read", &delivery->room_id);
        return;
    }

    (void) ngx_http_tgortc_call(delivery->queue->dispatcher->app,
                                NGX_HTTP_TGORTC_LISTED, &delivery->room_id,
                                people->elts, people->nelts, NULL, 0,
                                ngx_http_tgortc_dispatcher_told, NULL);
}


/* a listing that Redis did not get is asked for again by the deadline */

static void
ngx_http_tgortc_dispatcher_told(void *data, ngx_http_tgortc_outcome_e outcome,
    redisReply *reply)
{
    /* void */
}


/* ms until the next attempt: the schedule ±20 %, Retry-After if it is longer */

static ngx_msec_t
ngx_http_tgortc_dispatcher_delay(ngx_http_tgortc_attempt_t *attempt)
{
    ngx_uint_t                i;
    ngx_msec_t                delay, asked, *delays;
    ngx_http_tgortc_retry_t  *retry;

    retry = attempt->delivery->queue->dispatcher->app->settings.retry;

    delays = retry->delays.elts;
    i = ngx_min(attempt->tries, retry->delays.nelts - 1);

    delay = delays[i] * 4 / 5;
    delay += ngx_random() % (delays[i] * 2 / 5 + 1);

    asked = 1000 * ngx_tgortc_retry_after(attempt->hr.retry_after, ngx_time(),
                                          NGX_HTTP_TGORTC_RETRY_AFTER);

    return ngx_max(delay, asked);
}


static void
ngx_http_tgortc_dispatcher_report(ngx_http_tgortc_delivery_t *delivery)
{
    u_char                        *p;
    ngx_str_t                     *args;
    ngx_uint_t                     i, n;
    ngx_http_tgortc_queue_t       *queue;
    ngx_http_tgortc_attempt_t     *attempt;

    queue = delivery->queue;

    args = ngx_palloc(delivery->pool,
                      (7 + 4 * delivery->nattempts) * sizeof(ngx_str_t));
    p = ngx_pnalloc(delivery->pool,
                    (2 + 2 * delivery->nattempts) * NGX_INT64_LEN);

    if (args == NULL || p == NULL) {
        ngx_http_tgortc_dispatcher_done(delivery);
        return;
    }

    args[0] = queue->endpoint->id;
    args[1] = queue->lease_text;
    args[2] = queue->dispatcher->owner;

    if (!ngx_exiting && !ngx_terminate && !queue->lost) {
        delivery->reserved = ngx_http_tgortc_dispatcher_free(queue);
        queue->reserved += delivery->reserved;
        queue->leasing += (delivery->reserved > 0);
    }

    args[3].data = p;
    p = ngx_sprintf(p, "%ui", delivery->reserved);
    args[3].len = p - args[3].data;

    args[4] = delivery->token;

    if (delivery->reserved) {
        ngx_str_set(&args[5], "1");
    } else {
        ngx_str_set(&args[5], "0");
    }

    args[6].data = p;
    p = ngx_sprintf(p, "%ui", delivery->endpoint_failed);
    args[6].len = p - args[6].data;

    n = 7;

    for (i = 0; i < delivery->nattempts; i++) {
        attempt = &delivery->attempts[i];

        /* what could not be sent at all is not tried */

        if (attempt->outcome.len == 0) {
            continue;
        }

        args[n].data = p;
        p = ngx_sprintf(p, "%l", attempt->index);
        args[n].len = p - args[n].data;
        n++;

        args[n++] = attempt->outcome;

        args[n].data = p;
        p = ngx_sprintf(p, "%M", attempt->delay);
        args[n].len = p - args[n].data;
        n++;

        args[n].data = (u_char *) attempt->reason;
        args[n].len = ngx_strlen(attempt->reason);
        n++;
    }

    if (ngx_http_tgortc_call(queue->dispatcher->app, NGX_HTTP_TGORTC_REPORT,
                             &delivery->room_id, args, n, NULL, 0,
                             ngx_http_tgortc_dispatcher_reported, delivery)
        != NGX_OK)
    {
        ngx_http_tgortc_dispatcher_reported(delivery,
                                            NGX_HTTP_TGORTC_UNAVAILABLE, NULL);
    }
}


static void
ngx_http_tgortc_dispatcher_report_timer(ngx_event_t *ev)
{
    ngx_http_tgortc_dispatcher_report(ev->data);
}


static void
ngx_http_tgortc_dispatcher_reported(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_http_tgortc_delivery_t *delivery = data;

    ngx_http_tgortc_queue_t  *queue;

    queue = delivery->queue;

    queue->reserved -= delivery->reserved;
    queue->leasing -= (delivery->reserved > 0);
    delivery->reserved = 0;

    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE) {
        queue->lost = 1;
    }

    /* as long as nobody else may send it, the answer is worth the trouble */

    if (outcome == NGX_HTTP_TGORTC_UNAVAILABLE
        && (ngx_msec_int_t) (delivery->lease_end - ngx_current_msec)
           > NGX_HTTP_TGORTC_RETRY_REPORT)
    {
        ngx_add_timer(&delivery->timer, NGX_HTTP_TGORTC_RETRY_REPORT);
        return;
    }

    if (outcome == NGX_HTTP_TGORTC_OK
        && reply->elements > NGX_HTTP_TGORTC_CHANGES)
    {
        (void) ngx_http_tgortc_dispatcher_deliver(queue, reply,
                                                  NGX_HTTP_TGORTC_CHANGES);
    }

    ngx_http_tgortc_dispatcher_done(delivery);
    ngx_http_tgortc_dispatcher_claim(queue);
}


static void
ngx_http_tgortc_dispatcher_done(ngx_http_tgortc_delivery_t *delivery)
{
    if (delivery->timer.timer_set) {
        ngx_del_timer(&delivery->timer);
    }

    ngx_queue_remove(&delivery->link);
    ngx_destroy_pool(delivery->pool);
}
