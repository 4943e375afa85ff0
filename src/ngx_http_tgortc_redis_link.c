
/*
 * Copyright (C) TgoRTC contributors
 *
 * The connection to Redis: opened, written to, closed.
 */


#include "ngx_http_tgortc_redis_link.h"


#define NGX_HTTP_TGORTC_REDIS_OUT_MIN      16384

/* bytes, a few commands: Redis works on them while we make the next */
#define NGX_HTTP_TGORTC_REDIS_OUT_BATCH    2048

/*
 * The largest reply of ours has six values for each of 4000 members (claim.lua
 * ends one before it is larger).  What claims to be larger is not Redis, and
 * must not cost a worker its time.
 */
#define NGX_HTTP_TGORTC_REDIS_ELEMENTS     100000

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_tgortc_redis_elements_t;
#else
typedef int     ngx_http_tgortc_redis_elements_t;
#endif


static u_char *ngx_http_tgortc_redis_length(u_char *p, u_char type, size_t n);
static ngx_int_t ngx_http_tgortc_redis_opened(ngx_http_tgortc_redis_t *redis);
static ngx_int_t ngx_http_tgortc_redis_reserve(ngx_http_tgortc_redis_t *redis,
    size_t len);
static redisReader *ngx_http_tgortc_redis_reader(void);
static void *ngx_http_tgortc_redis_string(const redisReadTask *task,
    char *text, size_t len);
static void *ngx_http_tgortc_redis_array(const redisReadTask *task,
    ngx_http_tgortc_redis_elements_t n);


ngx_int_t
ngx_http_tgortc_redis_open(ngx_http_tgortc_redis_t *redis, ngx_addr_t *addr)
{
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_peer_connection_t  pc;

    redis->peer = addr;
    redis->addr_text.data = redis->text;
    redis->addr_text.len = ngx_sock_ntop(addr->sockaddr, addr->socklen,
                                         redis->text, NGX_SOCKADDR_STRLEN, 1);

    redis->reader = ngx_http_tgortc_redis_reader();
    if (redis->reader == NULL) {
        redis->err = ngx_errno;
        redis->reason = "no memory";
        return NGX_ERROR;
    }

    /* an outage is logged once, by us, and not at every attempt */

    redis->quiet = *redis->log;
    redis->quiet.log_level = NGX_LOG_EMERG;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = addr->sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &redis->addr_text;
    pc.get = ngx_event_get_peer;
    pc.log = &redis->quiet;
    pc.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        redis->err = ngx_socket_errno;
        redis->reason = "connect() failed";

        /* nginx's own table is full, of which errno says nothing */

        if (ngx_cycle->free_connection_n == 0) {
            redis->err = 0;
            redis->reason = "worker_connections are not enough";
        }

        return NGX_ERROR;
    }

    c = pc.connection;
    redis->connection = c;

#if (NGX_SSL)

    if (redis->conf->ssl != NULL) {
        c->pool = ngx_create_pool(1024, redis->log);
        if (c->pool == NULL) {
            redis->reason = "no memory for TLS";
            return NGX_ERROR;
        }
    }

#endif

    c->data = redis;
    c->log = redis->outage ? &redis->quiet : redis->log;
    c->read->log = redis->log;
    c->write->log = redis->log;
    c->read->handler = redis->read;
    c->write->handler = redis->write;

    redis->state = NGX_HTTP_TGORTC_REDIS_CONNECTING;

    ngx_add_timer(&redis->timer, redis->conf->timeout);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_redis_opened(ngx_http_tgortc_redis_t *redis)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    c = redis->connection;

#if (NGX_SSL)

    if (redis->state == NGX_HTTP_TGORTC_REDIS_HANDSHAKE) {
        return ngx_http_tgortc_redis_tls(redis);
    }

#endif

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        redis->err = err;
        redis->reason = "connect() failed";
        return NGX_ERROR;
    }

    if (c->sockaddr == NULL || c->sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

#if (NGX_SSL)

    if (redis->conf->ssl != NULL) {
        return ngx_http_tgortc_redis_tls(redis);
    }

#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_tgortc_redis_begin(ngx_http_tgortc_redis_t *redis,
    ngx_http_tgortc_greet_pt greet)
{
    ngx_int_t     rc;
    ngx_event_t  *rev;

    if (redis->state >= NGX_HTTP_TGORTC_REDIS_GREETING) {
        return NGX_OK;
    }

    rc = ngx_http_tgortc_redis_opened(redis);

    if (rc != NGX_OK) {
        return rc;
    }

    if (greet(redis) != NGX_OK) {
        redis->err = 0;
        redis->reason = "no memory";
        return NGX_ERROR;
    }

    rev = redis->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
    }

    return NGX_OK;
}


void
ngx_http_tgortc_redis_close(ngx_http_tgortc_redis_t *redis)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    redis->state = NGX_HTTP_TGORTC_REDIS_DOWN;
    redis->stale = 0;
    redis->elsewhere = 0;
    redis->unwaited = 0;
    redis->waits = 0;
    redis->reason = NULL;
    redis->err = 0;
    redis->out_pos = 0;
    redis->out_len = 0;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    c = redis->connection;

    if (c != NULL) {
        redis->connection = NULL;
        pool = c->pool;

#if (NGX_SSL)

        /* without a word, which could not be waited for */

        if (c->ssl != NULL) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;

            (void) ngx_ssl_shutdown(c);
        }

#endif

        ngx_close_connection(c);

        if (pool != NULL) {
            ngx_destroy_pool(pool);
        }
    }

    if (redis->reader != NULL) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }
}


ngx_int_t
ngx_http_tgortc_redis_write(ngx_http_tgortc_redis_t *redis)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = redis->connection;

    while (redis->out_pos < redis->out_len) {

        n = c->send(c, redis->out + redis->out_pos,
                    redis->out_len - redis->out_pos);

        if (n == NGX_AGAIN) {
            return NGX_OK;
        }

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        redis->out_pos += n;
    }

    redis->out_pos = 0;
    redis->out_len = 0;

    return NGX_OK;
}


/* room for so many bytes more behind what is to be written */

static ngx_int_t
ngx_http_tgortc_redis_reserve(ngx_http_tgortc_redis_t *redis, size_t len)
{
    u_char  *out;
    size_t   rest, size;

    if (redis->out_size - redis->out_len >= len) {
        return NGX_OK;
    }

    /* a Redis that is always behind never lets it run empty */

    rest = redis->out_len - redis->out_pos;

    if (redis->out_pos > rest) {
        ngx_memmove(redis->out, redis->out + redis->out_pos, rest);
        redis->out_pos = 0;
        redis->out_len = rest;

        if (redis->out_size - rest >= len) {
            return NGX_OK;
        }
    }

    size = ngx_max(2 * redis->out_size, NGX_HTTP_TGORTC_REDIS_OUT_MIN);
    size = ngx_max(size, redis->out_len + len);

    out = ngx_alloc(size, redis->log);
    if (out == NULL) {
        return NGX_ERROR;
    }

    if (redis->out != NULL) {
        ngx_memcpy(out, redis->out, redis->out_len);
        ngx_free(redis->out);
    }

    redis->out = out;
    redis->out_size = size;

    return NGX_OK;
}


/*
 * What one turn of the event loop brings is written when the turn ends, or as
 * soon as it is worth a write.
 */

ngx_int_t
ngx_http_tgortc_redis_append(ngx_http_tgortc_redis_t *redis, int argc,
    const char **argv, const size_t *argvlen)
{
    int           i;
    u_char       *p;
    size_t        size;
    ngx_event_t  *wev;

    /* "*argc", then "$length" and the bytes of each; CRLF behind all */

    size = 1 + NGX_SIZE_T_LEN + 2;

    for (i = 0; i < argc; i++) {
        size += 1 + NGX_SIZE_T_LEN + 2 + argvlen[i] + 2;
    }

    if (ngx_http_tgortc_redis_reserve(redis, size) != NGX_OK) {
        return NGX_ERROR;
    }

    p = redis->out + redis->out_len;
    p = ngx_http_tgortc_redis_length(p, '*', argc);

    for (i = 0; i < argc; i++) {
        p = ngx_http_tgortc_redis_length(p, '$', argvlen[i]);
        p = ngx_cpymem(p, argv[i], argvlen[i]);
        *p++ = CR; *p++ = LF;
    }

    redis->out_len = p - redis->out;

    wev = redis->connection->write;

    if (!wev->posted) {
        ngx_post_event(wev, &ngx_posted_events);
    }

    if (redis->out_len - redis->out_pos >= NGX_HTTP_TGORTC_REDIS_OUT_BATCH
        && wev->ready)
    {
        (void) ngx_http_tgortc_redis_write(redis);
    }

    return NGX_OK;
}


/* most have one or two digits: sprintf() would be half of a command's cost */

static u_char *
ngx_http_tgortc_redis_length(u_char *p, u_char type, size_t n)
{
    u_char  *digit, digits[NGX_SIZE_T_LEN];

    digit = digits + sizeof(digits);

    do {
        *--digit = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    *p++ = type;
    p = ngx_cpymem(p, digit, digits + sizeof(digits) - digit);
    *p++ = CR; *p++ = LF;

    return p;
}


static redisReplyObjectFunctions  ngx_http_tgortc_redis_functions;
static redisReplyObjectFunctions *ngx_http_tgortc_redis_defaults;


/* hiredis's reader: plain errors, and a bound to the arrays that it makes */

static redisReader *
ngx_http_tgortc_redis_reader(void)
{
    redisReader  *reader;

    reader = redisReaderCreate();

    if (reader != NULL) {
        ngx_http_tgortc_redis_defaults = reader->fn;
        ngx_http_tgortc_redis_functions = *reader->fn;
        ngx_http_tgortc_redis_functions.createString =
                                                 ngx_http_tgortc_redis_string;
        ngx_http_tgortc_redis_functions.createArray =
                                                  ngx_http_tgortc_redis_array;
        reader->fn = &ngx_http_tgortc_redis_functions;
    }

    return reader;
}


/*
 * What a command of a script was refused for begins an error in Redis 7.0 and
 * later, but is at the end of it in Redis 6.2: "ERR Error running script (call
 * to f_SHA1): @user_script:1: @user_script: 1: -OOM ...".
 */

static void *
ngx_http_tgortc_redis_string(const redisReadTask *task, char *text, size_t len)
{
    u_char             *p, *last;
    static const char   script[] = "@user_script: ";

    if (task->type == REDIS_REPLY_ERROR) {
        last = (u_char *) text + len;
        p = ngx_strnstr((u_char *) text, (char *) script, len);

        if (p != NULL) {
            p += sizeof(script) - 1;
            p = ngx_strnstr(p, ": -", last - p);
        }

        if (p != NULL) {
            text = (char *) p + sizeof(": -") - 1;
            len = (char *) last - text;
        }
    }

    return ngx_http_tgortc_redis_defaults->createString(task, text, len);
}


static void *
ngx_http_tgortc_redis_array(const redisReadTask *task,
    ngx_http_tgortc_redis_elements_t n)
{
    if (n > NGX_HTTP_TGORTC_REDIS_ELEMENTS) {
        return NULL;
    }

    return ngx_http_tgortc_redis_defaults->createArray(task, n);
}
