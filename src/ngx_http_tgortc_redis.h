
/*
 * Copyright (C) TgoRTC contributors
 *
 * One pipelined connection to Redis per app and worker.  The connection is
 * nginx's own; hiredis reads the protocol.
 */


#ifndef _NGX_HTTP_TGORTC_REDIS_H_INCLUDED_
#define _NGX_HTTP_TGORTC_REDIS_H_INCLUDED_


#include "ngx_http_tgortc.h"

#include <hiredis/hiredis.h>


typedef struct ngx_http_tgortc_command_s  ngx_http_tgortc_command_t;

/*
 * Called once for each command sent, never from within
 * ngx_http_tgortc_redis_send(); reply is NULL when there is none in time,
 * and is freed afterwards.  The handler returns NGX_AGAIN if it has sent the
 * command again, else the command is freed.
 */
typedef ngx_int_t (*ngx_http_tgortc_command_pt)(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);


struct ngx_http_tgortc_command_s {
    ngx_queue_t                  queue;
    ngx_event_t                  timer;

    ngx_http_tgortc_redis_t     *redis;
    ngx_http_tgortc_command_pt   handler;
    void                        *data;         /* of the handler's */

    int                          argc;
    const char                 **argv;
    size_t                      *argvlen;

    /*
     * If not 0, that argument is written at sending: the ms of Redis's clock
     * after which nobody waits for the command any more.
     */
    int                          not_after_arg;
    char                         not_after[NGX_INT64_LEN + 1];
    int64_t                      known_until;  /* not_after, as sent last */

    ngx_msec_t                   deadline;     /* of ngx_current_msec */
    ngx_msec_t                   sent_at;
    uint64_t                     sent_us;      /* of ngx_http_tgortc_clock() */
    redisReply                  *reply;        /* held, see durable */

    unsigned                     once:1;       /* not on two connections */
    unsigned                     durable:1;    /* a change: replicas have it */
    unsigned                     undone:1;     /* Redis said so */
    unsigned                     moves:3;      /* to other nodes of a cluster */
    unsigned                     resent:1;
    unsigned                     abandoned:1;  /* the handler was called */
};


/* called when a connection is ready, what it sends goes before all else */
typedef void (*ngx_http_tgortc_ready_pt)(void *data);

/* creates the connection of an app; it is opened by and by */
ngx_http_tgortc_redis_t *ngx_http_tgortc_redis_create(
    ngx_http_tgortc_redis_conf_t *conf, ngx_http_tgortc_counters_t *counters,
    ngx_http_tgortc_ready_pt ready, void *data, ngx_pool_t *pool,
    ngx_log_t *log);

/*
 * From now on the replies to durable commands are held until so many replicas
 * have what they changed, or tell of; those that do not in that time get a NULL
 * reply.  "never" is a key that is never there.
 */
void ngx_http_tgortc_redis_wait(ngx_http_tgortc_redis_t *redis,
    ngx_uint_t replicas, ngx_msec_t timeout, ngx_str_t *never);

/* closes it; commands under way get their NULL reply */
void ngx_http_tgortc_redis_destroy(ngx_http_tgortc_redis_t *redis);

/* a command of copies of the arguments; NULL without memory */
ngx_http_tgortc_command_t *ngx_http_tgortc_redis_command(
    ngx_http_tgortc_redis_t *redis, ngx_str_t *args, ngx_uint_t n);

/*
 * Sends a command: NGX_OK, then the handler is called in at most the
 * configured timeout; or NGX_DECLINED if Redis is known to be out of reach or
 * too much is under way, then the command is the caller's to free.
 */
ngx_int_t ngx_http_tgortc_redis_send(ngx_http_tgortc_command_t *cmd);

void ngx_http_tgortc_redis_free(ngx_http_tgortc_command_t *cmd);

/* a reply proved that it is not Redis, or that the stream is out of step */
void ngx_http_tgortc_redis_distrust(ngx_http_tgortc_redis_t *redis);

/* it made a change: if it had refused to, that outage is over */
void ngx_http_tgortc_redis_trust(ngx_http_tgortc_redis_t *redis);

/*
 * Whether ms of Redis's clock are after the not-after time that the command
 * would have if it were sent now.
 */
ngx_uint_t ngx_http_tgortc_redis_is_late(ngx_http_tgortc_command_t *cmd,
    int64_t ms);

ngx_uint_t ngx_http_tgortc_redis_is_status(redisReply *reply,
    const char *status);

/*
 * Tells what Redis's clock, in ms since 1970, said in answer to what was sent
 * at that time.
 */
void ngx_http_tgortc_redis_clock(ngx_http_tgortc_redis_t *redis, int64_t ms,
    ngx_msec_t sent_at);


#endif /* _NGX_HTTP_TGORTC_REDIS_H_INCLUDED_ */
