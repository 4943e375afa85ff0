
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_delivery.h"
#include "ngx_http_tgortc_deadlines.h"
#include "ngx_http_tgortc_event.h"
#include "ngx_http_tgortc_room_service.h"
#include "ngx_tgortc_signature.h"


/* ms until a report that did not get through is sent again */
#define NGX_HTTP_TGORTC_RETRY_REPORT   100

/* Retry-After is respected up to an hour */
#define NGX_HTTP_TGORTC_RETRY_AFTER    3600

/* of replies: report.lua, listed.lua, a change as in sending.lua */
#define NGX_HTTP_TGORTC_BREAKER        3
#define NGX_HTTP_TGORTC_DEAD           4
#define NGX_HTTP_TGORTC_NEXT           5
#define NGX_HTTP_TGORTC_FIRED          3
#define NGX_HTTP_TGORTC_CHANGE         14
#define NGX_HTTP_TGORTC_EVENT          4


/* an attempt at one event */

struct ngx_http_tgortc_attempt_s {
    ngx_http_tgortc_http_request_t   hr;
    ngx_http_tgortc_delivery_t      *delivery;
    long                             index;
    ngx_uint_t                       type;
    ngx_uint_t                       tries;
    ngx_str_t                        outcome;
    ngx_msec_t                       delay;
    uint64_t                         since;      /* µs */
    char                             reason[256];
};


static ngx_int_t ngx_http_tgortc_delivery_attempts(
    ngx_http_tgortc_delivery_t *delivery, redisReply *reply, size_t i);
static ngx_int_t ngx_http_tgortc_delivery_request(
    ngx_http_tgortc_queue_t *queue, ngx_pool_t *pool,
    ngx_http_tgortc_event_t *event, ngx_http_tgortc_http_request_t *hr);
static void ngx_http_tgortc_delivery_attempted(
    ngx_http_tgortc_http_request_t *hr);
static void ngx_http_tgortc_delivery_judge(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_delivery_listed(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_delivery_told(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_msec_t ngx_http_tgortc_delivery_delay(
    ngx_http_tgortc_attempt_t *attempt);
static void ngx_http_tgortc_delivery_report(
    ngx_http_tgortc_delivery_t *delivery);
static void ngx_http_tgortc_delivery_report_timer(ngx_event_t *ev);
static void ngx_http_tgortc_delivery_reported(void *data,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static void ngx_http_tgortc_delivery_count(
    ngx_http_tgortc_delivery_t *delivery, redisReply *reply);
static ngx_uint_t ngx_http_tgortc_delivery_is_dead(
    ngx_http_tgortc_attempt_t *attempt, redisReply *reply);
static void ngx_http_tgortc_delivery_breaker(ngx_http_tgortc_queue_t *queue,
    redisReply *reply);


ngx_uint_t
ngx_http_tgortc_delivery_free(ngx_http_tgortc_queue_t *queue)
{
    ngx_uint_t  used;

    used = queue->in_flight + queue->reserved;

    if (used >= queue->endpoint->max_in_flight) {
        return 0;
    }

    return queue->endpoint->max_in_flight - used;
}


size_t
ngx_http_tgortc_delivery_start(ngx_http_tgortc_queue_t *queue,
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
    delivery->timer.handler = ngx_http_tgortc_delivery_report_timer;
    delivery->timer.data = delivery;
    delivery->timer.log = ngx_cycle->log;

    if (delivery->room_id.data == NULL || delivery->token.data == NULL
        || ngx_http_tgortc_delivery_attempts(delivery, reply, i) != NGX_OK)
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
ngx_http_tgortc_delivery_attempts(ngx_http_tgortc_delivery_t *delivery,
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

        attempt->hr.handler = ngx_http_tgortc_delivery_attempted;
        attempt->hr.data = attempt;

        if (ngx_http_tgortc_delivery_request(queue, delivery->pool, &event,
                                               &attempt->hr)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (n = 0; n < delivery->nattempts; n++) {

        attempt = &delivery->attempts[n];
        attempt->since = ngx_http_tgortc_clock();

        if (ngx_http_tgortc_http_send(queue->http, &attempt->hr)
            == NGX_OK)
        {
            delivery->pending++;
            queue->in_flight++;
        }
    }

    return delivery->pending ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_tgortc_delivery_request(ngx_http_tgortc_queue_t *queue,
    ngx_pool_t *pool, ngx_http_tgortc_event_t *event,
    ngx_http_tgortc_http_request_t *hr)
{
    if (queue->livekit) {
        return ngx_http_tgortc_room_service_request(pool,
                                        &queue->app->settings,
                                        event->type, event->room_id,
                                        event->target, hr);
    }

    return ngx_http_tgortc_event_request(pool, event, queue->endpoint,
                                         ngx_time(), hr);
}


static void
ngx_http_tgortc_delivery_attempted(ngx_http_tgortc_http_request_t *hr)
{
    ngx_http_tgortc_attempt_t   *attempt;
    ngx_http_tgortc_delivery_t  *delivery;

    attempt = hr->data;
    delivery = attempt->delivery;

    ngx_http_tgortc_delivery_judge(attempt);

    delivery->queue->in_flight--;

    if (--delivery->pending == 0) {
        ngx_http_tgortc_delivery_report(delivery);
    }
}


static void
ngx_http_tgortc_delivery_judge(ngx_http_tgortc_attempt_t *attempt)
{
    ngx_uint_t                       status, ok, method;
    ngx_http_tgortc_queue_t         *queue;
    ngx_http_tgortc_delivery_t      *delivery;
    ngx_http_tgortc_http_request_t  *hr;

    hr = &attempt->hr;
    status = hr->status;
    delivery = attempt->delivery;
    queue = delivery->queue;

    if (queue->livekit) {
        ok = ngx_http_tgortc_room_service_done(hr);
        method = attempt->type - NGX_HTTP_TGORTC_DELETE_ROOM;

        ngx_http_tgortc_count(
                   queue->app->counters->livekit_api[method][ok]);

    } else {
        ok = status >= 200 && status < 300;

        ngx_http_tgortc_observe(&queue->counters->durations,
                                ngx_http_tgortc_clock() - attempt->since);
    }

    if (ok) {
        delivery->endpoint_failed = 0;
        ngx_str_set(&attempt->outcome, "ok");

        if (attempt->type == NGX_HTTP_TGORTC_LIST_PARTICIPANTS) {
            ngx_http_tgortc_delivery_listed(attempt);
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
    } else {
        delivery->endpoint_failed = 0;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tgortc: \"%V\" failed for room \"%V\": %s",
                  &queue->endpoint->name, &delivery->room_id,
                  attempt->reason);

    if (status == 410 && !queue->livekit) {
        ngx_str_set(&attempt->outcome, "dead");
        return;
    }

    ngx_str_set(&attempt->outcome, "retry");

    if (queue->livekit) {
        attempt->delay = ngx_min(NGX_HTTP_TGORTC_LIVEKIT_DELAY
                                 * (attempt->tries + 1),
                                 NGX_HTTP_TGORTC_LIVEKIT_DELAY_MAX);
        return;
    }

    attempt->delay = ngx_http_tgortc_delivery_delay(attempt);
}


/* who LiveKit says is there goes to the state of the call */

static void
ngx_http_tgortc_delivery_listed(ngx_http_tgortc_attempt_t *attempt)
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

    (void) ngx_http_tgortc_call(delivery->queue->app,
                                NGX_HTTP_TGORTC_LISTED, &delivery->room_id,
                                people->elts, people->nelts, NULL, 0,
                                ngx_http_tgortc_delivery_told,
                                delivery->queue->app);
}


/* a listing that Redis did not get is asked for again by the deadline */

static void
ngx_http_tgortc_delivery_told(void *data, ngx_http_tgortc_outcome_e outcome,
    redisReply *reply)
{
    if (outcome == NGX_HTTP_TGORTC_OK) {
        ngx_http_tgortc_deadlines_fired(data, reply, NGX_HTTP_TGORTC_FIRED);
    }
}


/* ms until the next attempt: the schedule ±20 %, Retry-After if it is longer */

static ngx_msec_t
ngx_http_tgortc_delivery_delay(ngx_http_tgortc_attempt_t *attempt)
{
    ngx_uint_t                i;
    ngx_msec_t                delay, asked, *delays;
    ngx_http_tgortc_retry_t  *retry;

    retry = attempt->delivery->queue->app->settings.retry;

    delays = retry->delays.elts;
    i = ngx_min(attempt->tries, retry->delays.nelts - 1);

    delay = delays[i] * 4 / 5;
    delay += ngx_random() % (delays[i] * 2 / 5 + 1);

    asked = 1000 * ngx_tgortc_retry_after(attempt->hr.retry_after, ngx_time(),
                                          NGX_HTTP_TGORTC_RETRY_AFTER);

    attempt->delivery->asked = ngx_max(attempt->delivery->asked, asked);

    return ngx_max(delay, asked);
}


static void
ngx_http_tgortc_delivery_report(ngx_http_tgortc_delivery_t *delivery)
{
    u_char                        *p;
    ngx_str_t                     *args;
    ngx_uint_t                     i, n;
    ngx_http_tgortc_queue_t       *queue;
    ngx_http_tgortc_attempt_t     *attempt;

    queue = delivery->queue;

    args = ngx_palloc(delivery->pool,
                      (8 + 4 * delivery->nattempts) * sizeof(ngx_str_t));
    p = ngx_pnalloc(delivery->pool,
                    (3 + 2 * delivery->nattempts) * NGX_INT64_LEN);

    if (args == NULL || p == NULL) {
        ngx_http_tgortc_delivery_done(delivery);
        return;
    }

    args[0] = queue->endpoint->id;
    args[1] = queue->lease_text;
    args[2] = queue->owner;

    if (!ngx_exiting && !ngx_terminate && !queue->lost) {
        delivery->reserved = ngx_http_tgortc_delivery_free(queue);
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

    args[7].data = p;
    p = ngx_sprintf(p, "%M", delivery->asked);
    args[7].len = p - args[7].data;

    n = 8;

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

    if (ngx_http_tgortc_call(queue->app, NGX_HTTP_TGORTC_REPORT,
                             &delivery->room_id, args, n, NULL, 0,
                             ngx_http_tgortc_delivery_reported, delivery)
        != NGX_OK)
    {
        ngx_http_tgortc_delivery_reported(delivery,
                                            NGX_HTTP_TGORTC_UNAVAILABLE, NULL);
    }
}


static void
ngx_http_tgortc_delivery_report_timer(ngx_event_t *ev)
{
    ngx_http_tgortc_delivery_report(ev->data);
}


static void
ngx_http_tgortc_delivery_reported(void *data,
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

    if (!queue->livekit) {
        ngx_http_tgortc_delivery_count(delivery,
                              outcome == NGX_HTTP_TGORTC_OK ? reply : NULL);
    }

    if (outcome == NGX_HTTP_TGORTC_OK) {
        ngx_http_tgortc_delivery_breaker(queue, reply);

        if (reply->elements > NGX_HTTP_TGORTC_NEXT) {
            (void) ngx_http_tgortc_delivery_start(queue, reply,
                                                      NGX_HTTP_TGORTC_NEXT);
        }
    }

    ngx_http_tgortc_delivery_done(delivery);
    queue->claim(queue);
}


/* each attempt once, by what its report has made of it; NULL: nothing */

static void
ngx_http_tgortc_delivery_count(ngx_http_tgortc_delivery_t *delivery,
    redisReply *reply)
{
    ngx_uint_t                     i;
    ngx_http_tgortc_queue_t       *queue;
    ngx_http_tgortc_result_e       result;
    ngx_http_tgortc_attempt_t     *attempt;

    queue = delivery->queue;

    for (i = 0; i < delivery->nattempts; i++) {
        attempt = &delivery->attempts[i];

        if (attempt->outcome.len == 0) {
            continue;
        }

        if (reply == NULL) {
            result = NGX_HTTP_TGORTC_UNREPORTED;

        } else if (attempt->reason[0] == '\0') {
            result = NGX_HTTP_TGORTC_DELIVERED;

        } else if (ngx_http_tgortc_delivery_is_dead(attempt, reply)) {
            result = NGX_HTTP_TGORTC_GIVEN_UP;

            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "tgortc: \"%V\" will not get \"%V\" of room \"%V\": "
                          "%s", &queue->endpoint->name,
                          ngx_http_tgortc_event_name(attempt->type),
                          &delivery->room_id, attempt->reason);

        } else {
            result = NGX_HTTP_TGORTC_RETRIED;
        }

        ngx_http_tgortc_count(queue->counters->results[result]);
    }
}


static ngx_uint_t
ngx_http_tgortc_delivery_is_dead(ngx_http_tgortc_attempt_t *attempt,
    redisReply *reply)
{
    size_t       i;
    redisReply  *dead;

    if (reply->elements <= NGX_HTTP_TGORTC_DEAD) {
        return 0;
    }

    dead = reply->element[NGX_HTTP_TGORTC_DEAD];

    if (dead->type != REDIS_REPLY_ARRAY) {
        return 0;
    }

    for (i = 0; i < dead->elements; i++) {
        if (ngx_http_tgortc_reply_integer(dead, i) == attempt->index) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_tgortc_delivery_breaker(ngx_http_tgortc_queue_t *queue,
    redisReply *reply)
{
    switch (ngx_http_tgortc_reply_integer(reply, NGX_HTTP_TGORTC_BREAKER)) {

    case 1:
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "tgortc: \"%V\" fails: its breaker opens",
                      &queue->endpoint->name);
        break;

    case 2:
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "tgortc: \"%V\" is well again: its breaker closes",
                      &queue->endpoint->name);
        break;
    }
}


void
ngx_http_tgortc_delivery_done(ngx_http_tgortc_delivery_t *delivery)
{
    if (delivery->timer.timer_set) {
        ngx_del_timer(&delivery->timer);
    }

    ngx_queue_remove(&delivery->link);
    ngx_destroy_pool(delivery->pool);
}
