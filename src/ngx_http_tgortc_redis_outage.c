
/*
 * Copyright (C) TgoRTC contributors
 *
 * When Redis is lost, and why, and back: said once each; what becomes of the
 * commands.
 */


#include "ngx_http_tgortc_redis_link.h"
#include "ngx_http_tgortc_counters.h"


/* ms between two attempts to connect, doubled after each that fails */
#define NGX_HTTP_TGORTC_REDIS_BACKOFF_MIN  50
#define NGX_HTTP_TGORTC_REDIS_BACKOFF_MAX  1000


static void ngx_http_tgortc_redis_begins(ngx_http_tgortc_redis_t *redis);
static ngx_uint_t ngx_http_tgortc_redis_is_new(ngx_http_tgortc_redis_t *redis,
    const char *reason, size_t len, ngx_err_t err);


void
ngx_http_tgortc_redis_fail(ngx_http_tgortc_redis_t *redis, ngx_err_t err,
    const char *reason)
{
    ngx_uint_t  begins, anew;

    begins = !redis->outage;

    /* one that had refused a change was there all the same, and is not now */

    anew = redis->doubtful && !redis->stale
           && redis->state == NGX_HTTP_TGORTC_REDIS_READY;

    if (begins) {
        ngx_http_tgortc_redis_begins(redis);

    } else if (anew) {
        redis->down_since = ngx_current_msec;
    }

    /*
     * What began it may not be why it goes on: stopped, and then not letting
     * us in.  One that was given up for what it said has had its line.
     */

    if ((begins || !redis->stale)
        && (ngx_http_tgortc_redis_is_new(redis, reason, ngx_strlen(reason),
                                         err)
            || anew))
    {
        ngx_log_error(NGX_LOG_ERR, redis->log, err,
                      "tgortc: redis \"%V\" (%V): %s", &redis->conf->address,
                      &redis->addr_text, reason);
    }

    /* who it is has to be asked again */

    redis->primary.socklen = 0;

    ngx_http_tgortc_redis_leave(redis);
    ngx_http_tgortc_redis_delay(redis);
}


void
ngx_http_tgortc_redis_delay(ngx_http_tgortc_redis_t *redis)
{
    ngx_msec_t  delay;

    delay = ngx_max(redis->backoff, NGX_HTTP_TGORTC_REDIS_BACKOFF_MIN);
    redis->backoff = ngx_min(2 * delay, NGX_HTTP_TGORTC_REDIS_BACKOFF_MAX);

    ngx_add_timer(&redis->timer, delay / 2 + ngx_random() % (delay + 1));
}


void
ngx_http_tgortc_redis_leave(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q, lost;
    ngx_http_tgortc_command_t  *cmd;

    ngx_http_tgortc_redis_close(redis);
    ngx_http_tgortc_redis_unhold(redis);

    ngx_queue_init(&lost);

    while (!ngx_queue_empty(&redis->sent)) {
        q = ngx_queue_last(&redis->sent);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        ngx_queue_remove(q);

        if (cmd->abandoned || (!cmd->undone && (cmd->once || cmd->resent))) {
            ngx_queue_insert_head(&lost, q);

        } else {
            cmd->resent |= !cmd->undone;
            cmd->undone = 0;
            ngx_queue_insert_head(&redis->waiting, q);
        }
    }

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        if (!cmd->abandoned) {
            ngx_http_tgortc_count(
                    redis->counters->redis_errors[NGX_HTTP_TGORTC_REDIS_LOST]);
        }

        ngx_http_tgortc_redis_complete(cmd, NULL);
    }
}


void
ngx_http_tgortc_redis_says(ngx_http_tgortc_redis_t *redis,
    ngx_str_t *addr_text, redisReply *reply)
{
    u_char     *p;
    ngx_str_t   text;

    if (!redis->outage) {
        ngx_http_tgortc_redis_begins(redis);
    }

    /* the first word is the kind: there are scripts and numbers behind it */

    if (!ngx_http_tgortc_redis_is_new(redis, reply->str,
                                      strcspn(reply->str, " "), 0))
    {
        return;
    }

    text.data = (u_char *) reply->str;
    text.len = reply->len;

    /* an unknown command is cited with what it was given: AUTH, a password */

    p = ngx_strnstr(text.data, ", with args", text.len);

    if (p != NULL) {
        text.len = p - text.data;
    }

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "tgortc: redis \"%V\" (%V) says \"%V\"",
                  &redis->conf->address, addr_text, &text);
}


static void
ngx_http_tgortc_redis_begins(ngx_http_tgortc_redis_t *redis)
{
    redis->outage = 1;
    redis->down_since = ngx_current_msec;
    redis->nreasons = 0;
}


/* as many as there is room for: the log of a long outage stays short */

static ngx_uint_t
ngx_http_tgortc_redis_is_new(ngx_http_tgortc_redis_t *redis,
    const char *reason, size_t len, ngx_err_t err)
{
    uint32_t    hash;
    ngx_uint_t  i;

    hash = ngx_crc32_long((u_char *) reason, len) ^ (uint32_t) err;

    for (i = 0; i < redis->nreasons; i++) {
        if (redis->reasons[i] == hash) {
            return 0;
        }
    }

    if (redis->nreasons == NGX_HTTP_TGORTC_REDIS_REASONS) {
        return 0;
    }

    redis->reasons[redis->nreasons++] = hash;

    return 1;
}


void
ngx_http_tgortc_redis_back(ngx_http_tgortc_redis_t *redis)
{
    redis->outage = 0;
    redis->doubtful = 0;

    ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                  "tgortc: redis \"%V\" is back", &redis->conf->address);
}


void
ngx_http_tgortc_redis_trust(ngx_http_tgortc_redis_t *redis)
{
    if (redis->doubtful) {
        ngx_http_tgortc_redis_back(redis);
    }
}
