
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the files of the connection to Redis share: redis.c has the commands,
 * redis_replicas.c what waits for replicas, redis_outage.c what happens
 * when Redis is lost and when it is back, redis_primary.c what comes first on a
 * connection, redis_sentinel.c who the primary is, redis_link.c and redis_tls.c
 * the connection itself.
 */


#ifndef _NGX_HTTP_TGORTC_REDIS_LINK_H_INCLUDED_
#define _NGX_HTTP_TGORTC_REDIS_LINK_H_INCLUDED_


#include "ngx_http_tgortc_redis.h"


/* the part of the timeout by which Redis's clock may be mistaken: an eighth */
#define NGX_HTTP_TGORTC_REDIS_MARGIN  8

/* bytes; what is asked of a sentinel has short replies */
#define NGX_HTTP_TGORTC_REDIS_GREETING_MAX  4096

/* the most that is asked of a server before it is served from */
#define NGX_HTTP_TGORTC_REDIS_STEPS   5

/* of one outage, the most that are logged */
#define NGX_HTTP_TGORTC_REDIS_REASONS  8


typedef enum {
    NGX_HTTP_TGORTC_REDIS_DOWN = 0,
    NGX_HTTP_TGORTC_REDIS_SEEKING,         /* a sentinel is asked */
    NGX_HTTP_TGORTC_REDIS_CONNECTING,
    NGX_HTTP_TGORTC_REDIS_HANDSHAKE,       /* of TLS */
    NGX_HTTP_TGORTC_REDIS_GREETING,
    NGX_HTTP_TGORTC_REDIS_READY
} ngx_http_tgortc_redis_state_e;


/* what a server has to answer, see ngx_http_tgortc_redis_greeted() */

typedef enum {
    NGX_HTTP_TGORTC_REDIS_OK = 0,
    NGX_HTTP_TGORTC_REDIS_PONG,
    NGX_HTTP_TGORTC_REDIS_ROLE,
    NGX_HTTP_TGORTC_REDIS_TIME,
    NGX_HTTP_TGORTC_REDIS_PRIMARY          /* of a sentinel */
} ngx_http_tgortc_redis_step_e;


struct ngx_http_tgortc_redis_s {
    ngx_http_tgortc_redis_conf_t   *conf;
    ngx_http_tgortc_counters_t     *counters;
    ngx_http_tgortc_ready_pt        ready;
    void                           *data;      /* of ready's */
    ngx_http_tgortc_redis_state_e   state;
    ngx_connection_t               *connection;
    ngx_event_handler_pt            read;      /* of connections */
    ngx_event_handler_pt            write;
    ngx_http_tgortc_redis_t        *watch;     /* on sentinels, or NULL */
    void                          (*told)(ngx_http_tgortc_redis_t *redis);
    redisReader                    *reader;

    ngx_event_t                     timer;     /* of connecting, of backoff */
    ngx_msec_t                      backoff;
    ngx_msec_t                      down_since;    /* with outage */
    uint32_t                        reasons[NGX_HTTP_TGORTC_REDIS_REASONS];
    ngx_uint_t                      nreasons;  /* of the outage, logged */
    ngx_msec_t                      heard_at;  /* any bytes from Redis */
    uint64_t                        heard_us;
    ngx_uint_t                      addr;      /* next to try */
    ngx_addr_t                      primary;   /* as told; socklen 0: unknown */
    ngx_sockaddr_t                  sockaddr;  /* of it */

    ngx_http_tgortc_redis_step_e    steps[NGX_HTTP_TGORTC_REDIS_STEPS];
    ngx_uint_t                      nsteps;
    ngx_uint_t                      step;      /* next to be answered */
    ngx_msec_t                      greeted_at;

    int64_t                         clock;     /* ms ahead of ours */

    u_char                         *out;
    size_t                          out_pos;
    size_t                          out_len;
    size_t                          out_size;

    ngx_queue_t                     waiting;
    ngx_queue_t                     sent;
    ngx_queue_t                     held;      /* for replicas */
    ngx_queue_t                     later;     /* to be sent again by and by */
    ngx_event_t                     again_timer;
    ngx_uint_t                      pending;
    ngx_uint_t                      hops;      /* from node to node */
    ngx_uint_t                      replicas;  /* that are waited for */
    ngx_msec_t                      wait;
    ngx_str_t                       never;     /* a key */

    ngx_log_t                      *log;
    ngx_log_t                       quiet;
    const char                     *reason;    /* what is wrong */
    ngx_err_t                       err;
    ngx_addr_t                     *peer;
    ngx_str_t                       addr_text; /* of it */
    u_char                          text[NGX_SOCKADDR_STRLEN + 1];

    unsigned                        again:1;   /* was asked for the time */
    unsigned                        served:1;  /* has been ready before */
    unsigned                        outage:1;  /* was logged */
    unsigned                        doubtful:1;    /* greets, serves nobody */
    unsigned                        stale:1;   /* to be opened anew */
    unsigned                        elsewhere:1;   /* at the primary's */
    unsigned                        unwaited:1;    /* a WAIT is to follow */
    unsigned                        waits:1;   /* one is under way */
    unsigned                        wrote:1;   /* what goes before it */
    unsigned                        lagging:1; /* was logged */
};


/* sends what comes first on a connection: NGX_OK or NGX_ERROR */
typedef ngx_int_t (*ngx_http_tgortc_greet_pt)(ngx_http_tgortc_redis_t *redis);


/* sends a command on a connection that is ready: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_tgortc_redis_push(ngx_http_tgortc_command_t *cmd);

/* takes a command from its queue, has its reply handled, frees it */
void ngx_http_tgortc_redis_complete(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);


/* sends WAIT for the durable commands since the last: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_tgortc_redis_ask_replicas(ngx_http_tgortc_redis_t *redis);

/* puts what is held back to what was sent */
void ngx_http_tgortc_redis_unhold(ngx_http_tgortc_redis_t *redis);


/*
 * Connects to the primary, or has a sentinel asked for it: NGX_OK, then the
 * write handler or told() is called; or NGX_ERROR and the reason.
 */
ngx_int_t ngx_http_tgortc_redis_connect(ngx_http_tgortc_redis_t *redis);

/* sends what comes first on a connection */
ngx_int_t ngx_http_tgortc_redis_greet(ngx_http_tgortc_redis_t *redis);

/* a part of it */
ngx_int_t ngx_http_tgortc_redis_auth(ngx_http_tgortc_redis_t *redis);
ngx_int_t ngx_http_tgortc_redis_ask(ngx_http_tgortc_redis_t *redis,
    ngx_http_tgortc_redis_step_e step, ngx_str_t *args, ngx_uint_t n);

/*
 * What the reply to it means.  NGX_OK: that was all; NGX_AGAIN: there is more
 * to come; NGX_ERROR: the server is of no use, and the reason if it is known.
 */
ngx_int_t ngx_http_tgortc_redis_greeted(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);

/*
 * Reads the address in "MOVED slot address" into "primary": NGX_OK, or
 * NGX_ERROR if there is none.
 */
ngx_int_t ngx_http_tgortc_redis_moved(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);


/*
 * The connection is lost, or of no use: logs the reason, each once in an
 * outage, leaves it, and tries another one by and by.
 */
void ngx_http_tgortc_redis_fail(ngx_http_tgortc_redis_t *redis, ngx_err_t err,
    const char *reason);

/* logs an error of the server at that address, each kind once in an outage */
void ngx_http_tgortc_redis_says(ngx_http_tgortc_redis_t *redis,
    ngx_str_t *addr_text, redisReply *reply);

/*
 * Closes the connection.  What was sent and not answered may have been done or
 * not; unless the caller said "once", it is sent once more on the next
 * connection, the scripts know it by its nonce.
 */
void ngx_http_tgortc_redis_leave(ngx_http_tgortc_redis_t *redis);

/* sets the timer after which it is tried again, later after each time */
void ngx_http_tgortc_redis_delay(ngx_http_tgortc_redis_t *redis);

/* the outage is over */
void ngx_http_tgortc_redis_back(ngx_http_tgortc_redis_t *redis);


/* a watch on the sentinels; NULL without memory */
ngx_http_tgortc_redis_t *ngx_http_tgortc_redis_watch(
    ngx_http_tgortc_redis_t *redis, ngx_pool_t *pool);

/*
 * Asks the next sentinel: NGX_OK, then told() is called when the primary is
 * known, or with a reason why it is not, and later whenever it is another; or
 * NGX_ERROR and the reason.
 */
ngx_int_t ngx_http_tgortc_redis_seek(ngx_http_tgortc_redis_t *redis);


/* NGX_OK or NGX_ERROR, as ngx_http_tgortc_redis_connect() */
ngx_int_t ngx_http_tgortc_redis_open(ngx_http_tgortc_redis_t *redis,
    ngx_addr_t *addr);

/*
 * For the write handler of a connection: opens and greets it, unless that was
 * done.  NGX_AGAIN: the handler is called again; NGX_ERROR and the reason.
 */
ngx_int_t ngx_http_tgortc_redis_begin(ngx_http_tgortc_redis_t *redis,
    ngx_http_tgortc_greet_pt greet);

#if (NGX_SSL)

/* the part of opening that is TLS, with the same results */
ngx_int_t ngx_http_tgortc_redis_tls(ngx_http_tgortc_redis_t *redis);

#endif

void ngx_http_tgortc_redis_close(ngx_http_tgortc_redis_t *redis);

/* appends a command to what is to be written when the turn ends */
ngx_int_t ngx_http_tgortc_redis_append(ngx_http_tgortc_redis_t *redis,
    int argc, const char **argv, const size_t *argvlen);

/* as much as goes; NGX_ERROR is the write handler's to deal with */
ngx_int_t ngx_http_tgortc_redis_write(ngx_http_tgortc_redis_t *redis);


#endif /* _NGX_HTTP_TGORTC_REDIS_LINK_H_INCLUDED_ */
