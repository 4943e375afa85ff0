
/*
 * Copyright (C) TgoRTC contributors
 *
 * tgortc_redis_wait: replies are held until replicas have what they tell of.
 */


#include "ngx_http_tgortc_redis_link.h"


static ngx_int_t ngx_http_tgortc_redis_replicas_send(
    ngx_http_tgortc_redis_t *redis, ngx_str_t *args, ngx_uint_t n,
    ngx_http_tgortc_command_pt handler);
static ngx_int_t ngx_http_tgortc_redis_wrote(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);
static ngx_int_t ngx_http_tgortc_redis_waited(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);


/*
 * From Redis 7.2 on, and in Valkey, WAIT is for what its own connection wrote
 * last, but an answer may tell of what another one wrote.  So something is
 * written, and nothing is left of it; DEL is first, because a Redis without
 * memory lets pass what follows it.
 */

static ngx_str_t  ngx_http_tgortc_redis_write_script = ngx_string(
    "redis.call('DEL', KEYS[1]) "
    "redis.call('SET', KEYS[1], '') "
    "redis.call('DEL', KEYS[1])");


void
ngx_http_tgortc_redis_wait(ngx_http_tgortc_redis_t *redis, ngx_uint_t replicas,
    ngx_msec_t timeout, ngx_str_t *never)
{
    redis->replicas = replicas;
    redis->wait = timeout;
    redis->never = *never;
}


/*
 * One WAIT for all durable commands since the last.  It holds up the
 * connection, and so is one at a time: what comes meanwhile shares the next.
 */

ngx_int_t
ngx_http_tgortc_redis_ask_replicas(ngx_http_tgortc_redis_t *redis)
{
    u_char     replicas[NGX_INT_T_LEN], ms[NGX_INT_T_LEN];
    ngx_str_t  args[4];

    ngx_str_set(&args[0], "EVAL");
    args[1] = ngx_http_tgortc_redis_write_script;
    ngx_str_set(&args[2], "1");
    args[3] = redis->never;

    if (ngx_http_tgortc_redis_replicas_send(redis, args, 4,
                                            ngx_http_tgortc_redis_wrote)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&args[0], "WAIT");
    args[1].data = replicas;
    args[1].len = ngx_sprintf(replicas, "%ui", redis->replicas) - replicas;
    args[2].data = ms;
    args[2].len = ngx_sprintf(ms, "%M", redis->wait) - ms;

    if (ngx_http_tgortc_redis_replicas_send(redis, args, 3,
                                            ngx_http_tgortc_redis_waited)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    redis->unwaited = 0;
    redis->waits = 1;
    redis->wrote = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_redis_replicas_send(ngx_http_tgortc_redis_t *redis,
    ngx_str_t *args, ngx_uint_t n, ngx_http_tgortc_command_pt handler)
{
    ngx_http_tgortc_command_t  *cmd;

    cmd = ngx_http_tgortc_redis_command(redis, args, n);
    if (cmd == NULL) {
        return NGX_ERROR;
    }

    cmd->handler = handler;
    cmd->once = 1;

    if (ngx_http_tgortc_redis_push(cmd) != NGX_OK) {
        ngx_http_tgortc_redis_free(cmd);
        return NGX_ERROR;
    }

    redis->pending++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_redis_wrote(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR) {
        cmd->redis->wrote = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_redis_waited(ngx_http_tgortc_command_t *cmd, redisReply *reply)
{
    ngx_uint_t                  enough, level;
    redisReply                 *held;
    ngx_queue_t                *q, all;
    ngx_http_tgortc_redis_t    *redis;
    ngx_http_tgortc_command_t  *waiting;

    redis = cmd->redis;

    /* the connection is lost, what was held is sent again */

    if (reply == NULL) {
        return NGX_OK;
    }

    /* it is no primary any more, or WAIT is not allowed */

    if (reply->type != REDIS_REPLY_INTEGER) {
        redis->reason = "cannot wait for replicas";
        redis->stale = 1;
        return NGX_OK;
    }

    redis->waits = 0;

    if (redis->unwaited) {
        ngx_post_event(redis->connection->write, &ngx_posted_events);
    }

    enough = reply->integer >= (long long) redis->replicas;

    if (redis->lagging == enough) {
        redis->lagging = !enough;
        level = enough ? NGX_LOG_NOTICE : NGX_LOG_ERR;

        ngx_log_error(level, redis->log, 0,
                      "tgortc: redis \"%V\" (%V) has %L replicas in step",
                      &redis->conf->address, &redis->addr_text,
                      reply->integer);
    }

    /* it refuses to write, and WAIT was for what it wrote before */

    enough &= redis->wrote;

    ngx_queue_init(&all);

    if (!ngx_queue_empty(&redis->held)) {
        ngx_queue_add(&all, &redis->held);
        ngx_queue_init(&redis->held);
    }

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        waiting = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        held = waiting->reply;
        waiting->reply = NULL;

        ngx_http_tgortc_redis_complete(waiting, enough ? held : NULL);

        freeReplyObject(held);
    }

    return NGX_OK;
}


/* what is held was done, but perhaps by a server that is gone */

void
ngx_http_tgortc_redis_unhold(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    while (!ngx_queue_empty(&redis->held)) {
        q = ngx_queue_last(&redis->held);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_head(&redis->sent, q);

        freeReplyObject(cmd->reply);
        cmd->reply = NULL;
    }
}
