
/*
 * Copyright (C) TgoRTC contributors
 *
 * tgortc_redis_wait: replies are held until replicas have what they tell of.
 */


#include "ngx_http_tgortc_redis_link.h"


static ngx_int_t ngx_http_tgortc_redis_waited(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);


void
ngx_http_tgortc_redis_wait(ngx_http_tgortc_redis_t *redis, ngx_uint_t replicas,
    ngx_msec_t timeout)
{
    redis->replicas = replicas;
    redis->wait = timeout;
}


/*
 * One WAIT for all durable commands since the last.  It holds up the
 * connection, and so is one at a time: what comes meanwhile shares the next.
 */

ngx_int_t
ngx_http_tgortc_redis_ask_replicas(ngx_http_tgortc_redis_t *redis)
{
    u_char                      replicas[NGX_INT_T_LEN], ms[NGX_INT_T_LEN];
    ngx_str_t                   args[3];
    ngx_http_tgortc_command_t  *cmd;

    ngx_str_set(&args[0], "WAIT");
    args[1].data = replicas;
    args[1].len = ngx_sprintf(replicas, "%ui", redis->replicas) - replicas;
    args[2].data = ms;
    args[2].len = ngx_sprintf(ms, "%M", redis->wait) - ms;

    cmd = ngx_http_tgortc_redis_command(redis, args, 3);
    if (cmd == NULL) {
        return NGX_ERROR;
    }

    cmd->handler = ngx_http_tgortc_redis_waited;
    cmd->once = 1;

    if (ngx_http_tgortc_redis_push(cmd) != NGX_OK) {
        ngx_http_tgortc_redis_free(cmd);
        return NGX_ERROR;
    }

    redis->pending++;
    redis->unwaited = 0;
    redis->waits = 1;

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
