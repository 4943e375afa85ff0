
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_redis_link.h"
#include "ngx_http_tgortc_counters.h"


/*
 * Why not hiredis's asynchronous context: it asserts, and so kills the worker,
 * on a reply nobody asked for; has no timeouts in 0.14; frees itself under its
 * callbacks, differently in 0.14 and 1.x; and closes a descriptor that nginx
 * watches.  Its reader has none of this, and an nginx connection needs no
 * bridge to nginx's events.
 */


#define NGX_HTTP_TGORTC_REDIS_BUFFER       16384
#define NGX_HTTP_TGORTC_REDIS_OUT_KEPT     262144

/* commands under way or waiting, in one worker */
#define NGX_HTTP_TGORTC_REDIS_PENDING_MAX  32768

/* bytes; what claims to be a larger reply is not Redis */
#define NGX_HTTP_TGORTC_REDIS_REPLY        (64 * 1024 * 1024)

/* ms until a command is sent again whose slot is on its way to another node */
#define NGX_HTTP_TGORTC_REDIS_AGAIN        50

/* nodes of a cluster that send a command to one another */
#define NGX_HTTP_TGORTC_REDIS_MOVES        5


static void ngx_http_tgortc_redis_try(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_told(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_serve(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_flush(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_timer_handler(ngx_event_t *ev);
static void ngx_http_tgortc_redis_write_handler(ngx_event_t *wev);
static void ngx_http_tgortc_redis_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_tgortc_redis_replies(ngx_http_tgortc_redis_t *redis);
static ngx_int_t ngx_http_tgortc_redis_dispatch(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_uint_t ngx_http_tgortc_redis_is_undone(
    ngx_http_tgortc_command_t *cmd, redisReply *reply);
static void ngx_http_tgortc_redis_undo(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_again_handler(ngx_event_t *ev);
static void ngx_http_tgortc_redis_greeting(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_uint_t ngx_http_tgortc_redis_is_useless(
    ngx_http_tgortc_redis_t *redis, redisReply *reply);
static ngx_uint_t ngx_http_tgortc_redis_is_error(redisReply *reply,
    const char *code);
static void ngx_http_tgortc_redis_command_timer(ngx_event_t *ev);
static int64_t ngx_http_tgortc_redis_not_after(ngx_http_tgortc_command_t *cmd);


ngx_http_tgortc_redis_t *
ngx_http_tgortc_redis_create(ngx_http_tgortc_redis_conf_t *conf,
    ngx_http_tgortc_counters_t *counters, ngx_http_tgortc_ready_pt ready,
    void *data, ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = ngx_pcalloc(pool, sizeof(ngx_http_tgortc_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->counters = counters;
    redis->ready = ready;
    redis->data = data;
    redis->log = log;

    redis->timer.handler = ngx_http_tgortc_redis_timer_handler;
    redis->timer.data = redis;
    redis->timer.log = log;
    redis->timer.cancelable = 1;

    ngx_queue_init(&redis->waiting);
    ngx_queue_init(&redis->sent);
    ngx_queue_init(&redis->held);
    ngx_queue_init(&redis->later);

    redis->again_timer.handler = ngx_http_tgortc_redis_again_handler;
    redis->again_timer.data = redis;
    redis->again_timer.log = log;
    redis->again_timer.cancelable = 1;

    redis->read = ngx_http_tgortc_redis_read_handler;
    redis->write = ngx_http_tgortc_redis_write_handler;
    redis->told = ngx_http_tgortc_redis_told;

    if (conf->sentinel.len) {
        redis->watch = ngx_http_tgortc_redis_watch(redis, pool);
        if (redis->watch == NULL) {
            return NULL;
        }
    }

    ngx_http_tgortc_redis_try(redis);

    return redis;
}


void
ngx_http_tgortc_redis_destroy(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    ngx_http_tgortc_redis_close(redis);

    if (redis->watch != NULL) {
        ngx_http_tgortc_redis_close(redis->watch);
    }

    ngx_http_tgortc_redis_unhold(redis);

    ngx_queue_add(&redis->waiting, &redis->sent);
    ngx_queue_init(&redis->sent);
    ngx_queue_add(&redis->waiting, &redis->later);
    ngx_queue_init(&redis->later);

    if (redis->again_timer.timer_set) {
        ngx_del_timer(&redis->again_timer);
    }

    while (!ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_head(&redis->waiting);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);
        ngx_http_tgortc_redis_complete(cmd, NULL);
    }

    if (redis->out != NULL) {
        ngx_free(redis->out);
        redis->out = NULL;
    }

    if (redis->watch != NULL && redis->watch->out != NULL) {
        ngx_free(redis->watch->out);
        redis->watch->out = NULL;
    }
}


ngx_http_tgortc_command_t *
ngx_http_tgortc_redis_command(ngx_http_tgortc_redis_t *redis, ngx_str_t *args,
    ngx_uint_t n)
{
    u_char                     *p;
    size_t                      size;
    ngx_uint_t                  i;
    ngx_http_tgortc_command_t  *cmd;

    size = sizeof(ngx_http_tgortc_command_t)
           + n * (sizeof(char *) + sizeof(size_t));

    for (i = 0; i < n; i++) {
        size += args[i].len;
    }

    cmd = ngx_alloc(size, redis->log);
    if (cmd == NULL) {
        return NULL;
    }

    ngx_memzero(cmd, sizeof(ngx_http_tgortc_command_t));

    cmd->redis = redis;
    cmd->argc = (int) n;
    cmd->argv = (const char **) (cmd + 1);
    cmd->argvlen = (size_t *) (cmd->argv + n);

    cmd->timer.handler = ngx_http_tgortc_redis_command_timer;
    cmd->timer.data = cmd;
    cmd->timer.log = redis->log;

    p = (u_char *) (cmd->argvlen + n);

    for (i = 0; i < n; i++) {
        cmd->argv[i] = (const char *) p;
        cmd->argvlen[i] = args[i].len;
        p = ngx_cpymem(p, args[i].data, args[i].len);
    }

    return cmd;
}


void
ngx_http_tgortc_redis_free(ngx_http_tgortc_command_t *cmd)
{
    ngx_free(cmd);
}


ngx_int_t
ngx_http_tgortc_redis_send(ngx_http_tgortc_command_t *cmd)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = cmd->redis;

    if (redis->pending >= NGX_HTTP_TGORTC_REDIS_PENDING_MAX) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "tgortc: %ui commands are waiting for redis \"%V\"",
                      redis->pending, &redis->conf->address);
        goto refused;
    }

    /*
     * A short outage is waited out, in a longer one nobody has to wait.  A
     * worker that had no time to connect has had no outage.
     */

    if (redis->state != NGX_HTTP_TGORTC_REDIS_READY && redis->outage
        && ngx_current_msec - redis->down_since > redis->conf->timeout)
    {
        goto refused;
    }

    if (!cmd->timer.timer_set) {
        cmd->deadline = ngx_current_msec + redis->conf->timeout;
        ngx_add_timer(&cmd->timer, redis->conf->timeout);
    }

    if (redis->state != NGX_HTTP_TGORTC_REDIS_READY) {
        ngx_queue_insert_tail(&redis->waiting, &cmd->queue);

    } else if (ngx_http_tgortc_redis_push(cmd) != NGX_OK) {
        ngx_del_timer(&cmd->timer);
        goto refused;
    }

    redis->pending++;

    return NGX_OK;

refused:

    ngx_http_tgortc_count(
                 redis->counters->redis_errors[NGX_HTTP_TGORTC_REDIS_REFUSED]);

    return NGX_DECLINED;
}


/*
 * Redis read its clock between the sending and now.  What is known better from
 * an earlier answer is kept: one that was read late says little.
 */

void
ngx_http_tgortc_redis_clock(ngx_http_tgortc_redis_t *redis, int64_t ms,
    ngx_msec_t sent_at)
{
    int64_t  least, most;

    least = ms - (int64_t) ngx_current_msec;
    most = ms - (int64_t) sent_at;

    if (redis->clock < least) {
        redis->clock = least;

    } else if (redis->clock > most) {
        redis->clock = most;
    }
}


ngx_uint_t
ngx_http_tgortc_redis_is_status(redisReply *reply, const char *status)
{
    return reply->type == REDIS_REPLY_STATUS
           && ngx_strcmp(reply->str, status) == 0;
}


void
ngx_http_tgortc_redis_distrust(ngx_http_tgortc_redis_t *redis)
{
    redis->stale = 1;
}


static void
ngx_http_tgortc_redis_try(ngx_http_tgortc_redis_t *redis)
{
    if (ngx_http_tgortc_redis_connect(redis) != NGX_OK) {
        ngx_http_tgortc_redis_fail(redis, redis->err, redis->reason);
    }
}


/* what the watch on the sentinels has to say */

static void
ngx_http_tgortc_redis_told(ngx_http_tgortc_redis_t *redis)
{
    if (redis->primary.socklen == 0) {
        ngx_http_tgortc_redis_fail(redis, redis->err, redis->reason);
        return;
    }

    if (redis->state != NGX_HTTP_TGORTC_REDIS_SEEKING) {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "tgortc: redis \"%V\" (%V) is not the primary any more",
                      &redis->conf->address, &redis->addr_text);
    }

    ngx_http_tgortc_redis_leave(redis);
    ngx_http_tgortc_redis_try(redis);
}


static void
ngx_http_tgortc_redis_serve(ngx_http_tgortc_redis_t *redis)
{
    redis->state = NGX_HTTP_TGORTC_REDIS_READY;
    redis->connection->log = redis->log;

    if (redis->served) {
        ngx_http_tgortc_count(redis->counters->redis_reconnects);
    }

    redis->served = 1;

    ngx_del_timer(&redis->timer);

    if (redis->outage && !redis->doubtful) {
        ngx_http_tgortc_redis_back(redis);
    }

    redis->ready(redis->data);

    ngx_http_tgortc_redis_flush(redis);
}


static void
ngx_http_tgortc_redis_flush(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    while (!ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_head(&redis->waiting);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        ngx_queue_remove(q);

        if (ngx_http_tgortc_redis_push(cmd) != NGX_OK) {
            ngx_queue_insert_head(&redis->waiting, q);
            redis->stale = 1;
            return;
        }
    }
}


static void
ngx_http_tgortc_redis_timer_handler(ngx_event_t *ev)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = ev->data;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_DOWN) {
        ngx_http_tgortc_redis_try(redis);
        return;
    }

    ngx_http_tgortc_redis_fail(redis, NGX_ETIMEDOUT, "connecting timed out");
}


static void
ngx_http_tgortc_redis_write_handler(ngx_event_t *wev)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *redis;

    c = wev->data;
    redis = c->data;

    rc = ngx_http_tgortc_redis_begin(redis, ngx_http_tgortc_redis_greet);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_tgortc_redis_fail(redis, redis->err, redis->reason);
        return;
    }

    if (redis->unwaited && !redis->waits
        && ngx_http_tgortc_redis_ask_replicas(redis) != NGX_OK)
    {
        ngx_http_tgortc_redis_fail(redis, 0, "no memory");
        return;
    }

    if (ngx_http_tgortc_redis_write(redis) != NGX_OK) {
        ngx_http_tgortc_redis_fail(redis, ngx_socket_errno, "send() failed");
        return;
    }

    if (redis->out_len == 0
        && redis->out_size > NGX_HTTP_TGORTC_REDIS_OUT_KEPT)
    {
        ngx_free(redis->out);
        redis->out = NULL;
        redis->out_size = 0;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_tgortc_redis_fail(redis, 0, "cannot watch the connection");
    }
}


static void
ngx_http_tgortc_redis_read_handler(ngx_event_t *rev)
{
    u_char                    buf[NGX_HTTP_TGORTC_REDIS_BUFFER];
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *redis;

    c = rev->data;
    redis = c->data;

    /* connected, or not: the write handler knows */

    if (redis->state < NGX_HTTP_TGORTC_REDIS_GREETING) {
        ngx_post_event(c->write, &ngx_posted_events);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_tgortc_redis_fail(redis, n ? ngx_socket_errno : 0,
                                       n ? "recv() failed"
                                         : "closed the connection");
            return;
        }

        /* Redis may have read its clock after nginx looked at its own last */

        ngx_time_update();

        redis->heard_at = ngx_current_msec;
        redis->heard_us = ngx_http_tgortc_clock();

        if (redisReaderFeed(redis->reader, (const char *) buf, n) != REDIS_OK
            || ngx_http_tgortc_redis_replies(redis) != NGX_OK
            || redis->reader->len - redis->reader->pos
               > NGX_HTTP_TGORTC_REDIS_REPLY)
        {
            if (redis->elsewhere && !redis->stale) {
                ngx_http_tgortc_redis_leave(redis);

                if (redis->hops++ == 0) {
                    ngx_http_tgortc_redis_try(redis);

                } else {
                    ngx_http_tgortc_redis_delay(redis);
                }

                return;
            }

            ngx_http_tgortc_redis_fail(redis, 0,
                                       redis->reader->err
                                       ? redis->reader->errstr
                                       : redis->reason
                                       ? redis->reason : "does not serve us");
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_tgortc_redis_fail(redis, 0, "cannot watch the connection");
    }
}


static ngx_int_t
ngx_http_tgortc_redis_replies(ngx_http_tgortc_redis_t *redis)
{
    void  *reply;

    for ( ;; ) {

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        if (ngx_http_tgortc_redis_dispatch(redis, reply) != NGX_DONE) {
            freeReplyObject(reply);
        }

        if (redis->stale || redis->elsewhere) {
            return NGX_ERROR;
        }
    }
}


/* NGX_OK, or NGX_DONE if the reply is kept */

static ngx_int_t
ngx_http_tgortc_redis_dispatch(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    if (reply->type == REDIS_REPLY_ERROR
        && (redis->state != NGX_HTTP_TGORTC_REDIS_READY
            || ngx_http_tgortc_redis_is_useless(redis, reply)))
    {
        ngx_http_tgortc_redis_says(redis, &redis->addr_text, reply);
        redis->doubtful |= redis->state == NGX_HTTP_TGORTC_REDIS_READY;
        redis->stale = 1;
    }

    if (redis->state != NGX_HTTP_TGORTC_REDIS_READY) {

        if (!redis->stale) {
            ngx_http_tgortc_redis_greeting(redis, reply);
        }

        return NGX_OK;
    }

    if (ngx_queue_empty(&redis->sent)) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "tgortc: redis \"%V\" (%V) answered what nobody asked",
                      &redis->conf->address, &redis->addr_text);
        redis->stale = 1;
        return NGX_OK;
    }

    q = ngx_queue_head(&redis->sent);
    cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

    if (reply->type == REDIS_REPLY_ERROR && !cmd->abandoned
        && ngx_http_tgortc_redis_is_undone(cmd, reply))
    {
        return NGX_OK;
    }

    ngx_http_tgortc_observe(&redis->counters->redis,
                            redis->heard_us - cmd->sent_us);

    /* a script that Redis has lost is no trouble */

    if (reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) != 0)
    {
        ngx_http_tgortc_count(
                   redis->counters->redis_errors[NGX_HTTP_TGORTC_REDIS_ERROR]);
    }

    if (!redis->stale) {
        redis->backoff = 0;
        redis->hops = 0;
    }

    if (cmd->durable && redis->replicas && !cmd->abandoned
        && reply->type != REDIS_REPLY_ERROR)
    {
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&redis->held, q);
        cmd->reply = reply;

        return NGX_DONE;
    }

    ngx_http_tgortc_redis_complete(cmd, reply);

    return NGX_OK;
}


/* what a cluster does not do, or not here: it is sent again */

static ngx_uint_t
ngx_http_tgortc_redis_is_undone(ngx_http_tgortc_command_t *cmd,
    redisReply *reply)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = cmd->redis;

    if (ngx_http_tgortc_redis_is_error(reply, "MOVED ")) {

        if (cmd->moves == NGX_HTTP_TGORTC_REDIS_MOVES
            || ngx_http_tgortc_redis_moved(redis, reply) != NGX_OK)
        {
            redis->stale = 1;
            return 0;
        }

        cmd->moves++;
        ngx_http_tgortc_redis_undo(redis);
        redis->elsewhere = 1;

        return 1;
    }

    if (ngx_http_tgortc_redis_is_error(reply, "CLUSTERDOWN ")) {
        ngx_http_tgortc_redis_says(redis, &redis->addr_text, reply);

        ngx_http_tgortc_redis_undo(redis);
        redis->doubtful = 1;
        redis->stale = 1;

        return 1;
    }

    /* its slot is on its way: one with a key that is not there is not done */

    if (ngx_http_tgortc_redis_is_error(reply, "ASK ")
        || ngx_http_tgortc_redis_is_error(reply, "TRYAGAIN "))
    {
        cmd->sent_at = 0;

        ngx_queue_remove(&cmd->queue);
        ngx_queue_insert_tail(&redis->later, &cmd->queue);

        if (!redis->again_timer.timer_set) {
            ngx_add_timer(&redis->again_timer, NGX_HTTP_TGORTC_REDIS_AGAIN);
        }

        return 1;
    }

    return 0;
}


/*
 * What is behind it is for the same slot, if it has keys: a script.  It may
 * have been done all the same, when the cluster came back in between.
 */

static void
ngx_http_tgortc_redis_undo(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    for (q = ngx_queue_head(&redis->sent);
         q != ngx_queue_sentinel(&redis->sent);
         q = ngx_queue_next(q))
    {
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);
        cmd->undone = cmd->not_after_arg != 0
                      && (!cmd->once || q == ngx_queue_head(&redis->sent));
    }
}


static void
ngx_http_tgortc_redis_again_handler(ngx_event_t *ev)
{
    ngx_queue_t               *q;
    ngx_http_tgortc_redis_t  *redis;

    redis = ev->data;

    while (!ngx_queue_empty(&redis->later)) {
        q = ngx_queue_last(&redis->later);

        ngx_queue_remove(q);
        ngx_queue_insert_head(&redis->waiting, q);
    }

    if (redis->state == NGX_HTTP_TGORTC_REDIS_READY) {
        ngx_http_tgortc_redis_flush(redis);
    }
}


static void
ngx_http_tgortc_redis_greeting(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    switch (ngx_http_tgortc_redis_greeted(redis, reply)) {

    case NGX_OK:
        ngx_http_tgortc_redis_serve(redis);
        break;

    case NGX_AGAIN:
        break;

    default:
        redis->stale = 1;
    }
}


/* errors after which another connection may do better, this one never will */

static ngx_uint_t
ngx_http_tgortc_redis_is_useless(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    ngx_uint_t         i;
    static const char  *codes[] = {
        "READONLY ", "LOADING ", "MASTERDOWN ", "NOAUTH ", NULL
    };

    for (i = 0; codes[i]; i++) {
        if (ngx_http_tgortc_redis_is_error(reply, codes[i])) {
            return 1;
        }
    }

    /* its replicas may follow another by now */

    return redis->watch != NULL
           && ngx_http_tgortc_redis_is_error(reply, "NOREPLICAS ");
}


static ngx_uint_t
ngx_http_tgortc_redis_is_error(redisReply *reply, const char *code)
{
    return ngx_strncmp(reply->str, code, ngx_strlen(code)) == 0;
}


void
ngx_http_tgortc_redis_complete(ngx_http_tgortc_command_t *cmd,
    redisReply *reply)
{
    ngx_queue_remove(&cmd->queue);
    cmd->redis->pending--;

    if (!cmd->abandoned && cmd->handler(cmd, reply) == NGX_AGAIN) {
        return;
    }

    if (cmd->timer.timer_set) {
        ngx_del_timer(&cmd->timer);
    }

    ngx_http_tgortc_redis_free(cmd);
}


static void
ngx_http_tgortc_redis_command_timer(ngx_event_t *ev)
{
    ngx_msec_t                  sent_at;
    ngx_http_tgortc_redis_t    *redis;
    ngx_http_tgortc_command_t  *cmd;

    cmd = ev->data;
    redis = cmd->redis;
    sent_at = cmd->sent_at;

    ngx_http_tgortc_count(
                 redis->counters->redis_errors[NGX_HTTP_TGORTC_REDIS_TIMEOUT]);

    if (sent_at == 0 || redis->state != NGX_HTTP_TGORTC_REDIS_READY) {
        ngx_http_tgortc_redis_complete(cmd, NULL);
        return;
    }

    /* stays in the queue to take the reply that may still come */

    (void) cmd->handler(cmd, NULL);
    cmd->abandoned = 1;

    if ((ngx_msec_int_t) (redis->heard_at - sent_at) < 0) {
        ngx_http_tgortc_redis_fail(redis, NGX_ETIMEDOUT, "does not answer");
    }
}


ngx_uint_t
ngx_http_tgortc_redis_is_late(ngx_http_tgortc_command_t *cmd, int64_t ms)
{
    return ms > ngx_http_tgortc_redis_not_after(cmd);
}


/*
 * Redis's clock is known to a few ms at best: sooner, so that nothing can
 * happen after its timeout was answered.
 */

static int64_t
ngx_http_tgortc_redis_not_after(ngx_http_tgortc_command_t *cmd)
{
    int64_t                   not_after;
    ngx_msec_t                margin;
    ngx_http_tgortc_redis_t  *redis;

    redis = cmd->redis;
    margin = redis->conf->timeout / NGX_HTTP_TGORTC_REDIS_MARGIN;

    not_after = (int64_t) cmd->deadline + redis->clock - (int64_t) margin;

    /*
     * What may have been done must not come when that is forgotten, though
     * Redis's clock was set, or is that of another server.
     */

    return cmd->resent ? ngx_min(not_after, cmd->known_until) : not_after;
}


ngx_int_t
ngx_http_tgortc_redis_push(ngx_http_tgortc_command_t *cmd)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = cmd->redis;

    if (cmd->not_after_arg) {
        cmd->known_until = ngx_http_tgortc_redis_not_after(cmd);

        cmd->argv[cmd->not_after_arg] = cmd->not_after;
        cmd->argvlen[cmd->not_after_arg] =
                             ngx_sprintf((u_char *) cmd->not_after, "%L",
                                         cmd->known_until)
                             - (u_char *) cmd->not_after;
    }

    if (ngx_http_tgortc_redis_append(redis, cmd->argc, cmd->argv, cmd->argvlen)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmd->sent_at = ngx_current_msec;
    cmd->sent_us = ngx_http_tgortc_clock();
    ngx_queue_insert_tail(&redis->sent, &cmd->queue);

    if (cmd->durable && redis->replicas) {
        redis->unwaited = 1;
    }

    return NGX_OK;
}
