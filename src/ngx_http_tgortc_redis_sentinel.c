
/*
 * Copyright (C) TgoRTC contributors
 *
 * The watch on the sentinels: a link of its own to one of them, which is asked
 * who the primary is, at first and then every second.  A primary that has been
 * replaced may not know it for a long time, and would be written to in vain.
 */


#include "ngx_http_tgortc_redis_link.h"


#define NGX_HTTP_TGORTC_SENTINEL_PERIOD  1000


static ngx_int_t ngx_http_tgortc_sentinel_next(ngx_http_tgortc_redis_t *watch);
static ngx_int_t ngx_http_tgortc_sentinel_greet(
    ngx_http_tgortc_redis_t *watch);
static ngx_int_t ngx_http_tgortc_sentinel_ask(ngx_http_tgortc_redis_t *watch);
static void ngx_http_tgortc_sentinel_write_handler(ngx_event_t *wev);
static void ngx_http_tgortc_sentinel_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_tgortc_sentinel_reply(
    ngx_http_tgortc_redis_t *watch, redisReply *reply);
static ngx_int_t ngx_http_tgortc_sentinel_told(ngx_http_tgortc_redis_t *watch,
    redisReply *reply);
static void ngx_http_tgortc_sentinel_timer_handler(ngx_event_t *ev);
static void ngx_http_tgortc_sentinel_fail(ngx_http_tgortc_redis_t *watch,
    ngx_err_t err, const char *reason);
static void ngx_http_tgortc_sentinel_reason(ngx_http_tgortc_redis_t *watch,
    ngx_err_t err, const char *reason);


ngx_http_tgortc_redis_t *
ngx_http_tgortc_redis_watch(ngx_http_tgortc_redis_t *redis, ngx_pool_t *pool)
{
    ngx_http_tgortc_redis_t       *watch;
    ngx_http_tgortc_redis_conf_t  *conf;

    watch = ngx_pcalloc(pool, sizeof(ngx_http_tgortc_redis_t));
    conf = ngx_palloc(pool, sizeof(ngx_http_tgortc_redis_conf_t));

    if (watch == NULL || conf == NULL) {
        return NULL;
    }

    *conf = *redis->conf;
    conf->user = redis->conf->sentinel_user;
    conf->password = redis->conf->sentinel_password;

    watch->conf = conf;
    watch->data = redis;
    watch->log = redis->log;
    watch->read = ngx_http_tgortc_sentinel_read_handler;
    watch->write = ngx_http_tgortc_sentinel_write_handler;

    watch->timer.handler = ngx_http_tgortc_sentinel_timer_handler;
    watch->timer.data = watch;
    watch->timer.log = redis->log;
    watch->timer.cancelable = 1;

    return watch;
}


ngx_int_t
ngx_http_tgortc_redis_seek(ngx_http_tgortc_redis_t *redis)
{
    ngx_http_tgortc_redis_t  *watch;

    watch = redis->watch;

    ngx_http_tgortc_redis_close(watch);

    if (ngx_http_tgortc_sentinel_next(watch) != NGX_OK) {
        ngx_http_tgortc_sentinel_reason(watch, watch->err, watch->reason);
        return NGX_ERROR;
    }

    redis->state = NGX_HTTP_TGORTC_REDIS_SEEKING;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_sentinel_next(ngx_http_tgortc_redis_t *watch)
{
    ngx_http_tgortc_redis_conf_t  *conf;

    conf = watch->conf;

    return ngx_http_tgortc_redis_open(watch,
                                 &conf->addrs[watch->addr++ % conf->naddrs]);
}


static ngx_int_t
ngx_http_tgortc_sentinel_greet(ngx_http_tgortc_redis_t *watch)
{
    watch->state = NGX_HTTP_TGORTC_REDIS_GREETING;
    watch->nsteps = 0;
    watch->step = 0;

    if (ngx_http_tgortc_redis_auth(watch) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_sentinel_ask(watch);
}


static ngx_int_t
ngx_http_tgortc_sentinel_ask(ngx_http_tgortc_redis_t *watch)
{
    ngx_str_t  args[3];

    ngx_str_set(&args[0], "SENTINEL");
    ngx_str_set(&args[1], "get-master-addr-by-name");
    args[2] = watch->conf->sentinel;

    return ngx_http_tgortc_redis_ask(watch, NGX_HTTP_TGORTC_REDIS_PRIMARY,
                                     args, 3);
}


static void
ngx_http_tgortc_sentinel_write_handler(ngx_event_t *wev)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *watch;

    c = wev->data;
    watch = c->data;

    rc = ngx_http_tgortc_redis_begin(watch, ngx_http_tgortc_sentinel_greet);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_tgortc_sentinel_fail(watch, watch->err, watch->reason);
        return;
    }

    if (ngx_http_tgortc_redis_write(watch) != NGX_OK) {
        ngx_http_tgortc_sentinel_fail(watch, ngx_socket_errno,
                                      "send() failed");
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_tgortc_sentinel_fail(watch, 0, "cannot watch the connection");
    }
}


static void
ngx_http_tgortc_sentinel_read_handler(ngx_event_t *rev)
{
    void                     *reply;
    u_char                    buf[512];
    ssize_t                   n;
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *watch;

    c = rev->data;
    watch = c->data;

    /* connected, or not: the write handler knows */

    if (watch->state < NGX_HTTP_TGORTC_REDIS_GREETING) {
        ngx_post_event(c->write, &ngx_posted_events);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_tgortc_sentinel_fail(watch, n ? ngx_socket_errno : 0,
                                          n ? "recv() failed"
                                            : "closed the connection");
            return;
        }

        if (redisReaderFeed(watch->reader, (const char *) buf, n) != REDIS_OK
            || watch->reader->len - watch->reader->pos
               > NGX_HTTP_TGORTC_REDIS_GREETING_MAX)
        {
            ngx_http_tgortc_sentinel_fail(watch, 0, "is not a sentinel");
            return;
        }

        for ( ;; ) {
            if (redisReaderGetReply(watch->reader, &reply) != REDIS_OK) {
                ngx_http_tgortc_sentinel_fail(watch, 0,
                                              watch->reader->errstr);
                return;
            }

            if (reply == NULL) {
                break;
            }

            rc = ngx_http_tgortc_sentinel_reply(watch, reply);

            freeReplyObject(reply);

            if (rc == NGX_ERROR) {
                ngx_http_tgortc_sentinel_fail(watch, 0, watch->reason
                                              ? watch->reason
                                              : "is not a sentinel");
                return;
            }
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_tgortc_sentinel_fail(watch, 0, "cannot watch the connection");
    }
}


static ngx_int_t
ngx_http_tgortc_sentinel_reply(ngx_http_tgortc_redis_t *watch,
    redisReply *reply)
{
    ngx_int_t                 rc;
    ngx_http_tgortc_redis_t  *redis;

    redis = watch->data;

    if (reply->type == REDIS_REPLY_ERROR
        && redis->state == NGX_HTTP_TGORTC_REDIS_SEEKING)
    {
        ngx_http_tgortc_redis_says(redis, &watch->addr_text, reply);
        redis->stale = 1;
    }

    rc = ngx_http_tgortc_redis_greeted(watch, reply);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_tgortc_sentinel_told(watch, reply);
}


static ngx_int_t
ngx_http_tgortc_sentinel_told(ngx_http_tgortc_redis_t *watch,
    redisReply *reply)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = watch->data;

    ngx_add_timer(&watch->timer, NGX_HTTP_TGORTC_SENTINEL_PERIOD);
    watch->state = NGX_HTTP_TGORTC_REDIS_READY;
    watch->outage = 0;

    if (redis->primary.socklen
        && ngx_cmp_sockaddr(redis->primary.sockaddr, redis->primary.socklen,
                            watch->primary.sockaddr, watch->primary.socklen,
                            1)
           == NGX_OK)
    {
        return NGX_OK;
    }

    /* while it waits to try again it is going to ask again */

    if (redis->state == NGX_HTTP_TGORTC_REDIS_DOWN) {
        return NGX_OK;
    }

    redis->sockaddr = watch->sockaddr;
    redis->primary.sockaddr = &redis->sockaddr.sockaddr;
    redis->primary.socklen = watch->primary.socklen;

    redis->told(redis);

    return NGX_OK;
}


static void
ngx_http_tgortc_sentinel_timer_handler(ngx_event_t *ev)
{
    ngx_http_tgortc_redis_t  *watch;

    watch = ev->data;

    switch (watch->state) {

    case NGX_HTTP_TGORTC_REDIS_DOWN:
        if (ngx_http_tgortc_sentinel_next(watch) != NGX_OK) {
            ngx_http_tgortc_sentinel_fail(watch, watch->err, watch->reason);
        }

        return;

    case NGX_HTTP_TGORTC_REDIS_READY:
        watch->state = NGX_HTTP_TGORTC_REDIS_GREETING;
        watch->nsteps = 0;
        watch->step = 0;

        ngx_add_timer(&watch->timer, watch->conf->timeout);

        if (ngx_http_tgortc_sentinel_ask(watch) != NGX_OK) {
            ngx_http_tgortc_sentinel_fail(watch, 0, "no memory");
        }

        return;

    default:
        ngx_http_tgortc_sentinel_fail(watch, NGX_ETIMEDOUT, "does not answer");
    }
}


/* as long as there is a primary another sentinel is tried in a while */

static void
ngx_http_tgortc_sentinel_fail(ngx_http_tgortc_redis_t *watch, ngx_err_t err,
    const char *reason)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = watch->data;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_SEEKING) {

        ngx_http_tgortc_sentinel_reason(watch, err, reason);

        redis->told(redis);

        ngx_http_tgortc_redis_close(watch);

        return;
    }

    if (!watch->outage) {
        watch->outage = 1;
        ngx_log_error(NGX_LOG_WARN, watch->log, err,
                      "tgortc: redis \"%V\" (%V): %s", &watch->conf->address,
                      &watch->addr_text, reason);
    }

    ngx_http_tgortc_redis_close(watch);

    ngx_add_timer(&watch->timer, NGX_HTTP_TGORTC_SENTINEL_PERIOD);
}


/* why nobody says who the primary is, and which sentinel does not */

static void
ngx_http_tgortc_sentinel_reason(ngx_http_tgortc_redis_t *watch, ngx_err_t err,
    const char *reason)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = watch->data;

    redis->err = err;
    redis->reason = reason;
    redis->addr_text.data = redis->text;
    redis->addr_text.len = watch->addr_text.len;
    ngx_memcpy(redis->text, watch->text, watch->addr_text.len);
}
