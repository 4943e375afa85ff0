
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_redis.h"
#include "ngx_http_tgortc_counters.h"


/*
 * Why not hiredis's asynchronous context: it asserts, and so kills the worker,
 * on a reply nobody asked for; has no timeouts in 0.14; frees itself under its
 * callbacks, differently in 0.14 and 1.x; and closes a descriptor that nginx
 * watches.  Its reader and formatter have none of this, and an nginx connection
 * needs no bridge to nginx's events.
 */


#define NGX_HTTP_TGORTC_REDIS_BUFFER       16384
#define NGX_HTTP_TGORTC_REDIS_OUT_MIN      16384
#define NGX_HTTP_TGORTC_REDIS_OUT_KEPT     262144

/* bytes, a few commands: Redis works on them while we make the next */
#define NGX_HTTP_TGORTC_REDIS_OUT_BATCH    2048

/* commands under way or waiting, in one worker */
#define NGX_HTTP_TGORTC_REDIS_PENDING_MAX  32768

/*
 * The largest reply of ours has six values for each of 4000 members.  What
 * claims to be much larger is not Redis, and must not cost a worker its time.
 */
#define NGX_HTTP_TGORTC_REDIS_ELEMENTS     100000
#define NGX_HTTP_TGORTC_REDIS_REPLY        (64 * 1024 * 1024)

/* the part of the timeout by which Redis's clock may be mistaken: an eighth */
#define NGX_HTTP_TGORTC_REDIS_MARGIN       8

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_tgortc_redis_elements_t;
#else
typedef int     ngx_http_tgortc_redis_elements_t;
#endif

/* ms between two attempts to connect, doubled after each that fails */
#define NGX_HTTP_TGORTC_REDIS_BACKOFF_MIN  50
#define NGX_HTTP_TGORTC_REDIS_BACKOFF_MAX  1000


typedef enum {
    NGX_HTTP_TGORTC_REDIS_DOWN = 0,
    NGX_HTTP_TGORTC_REDIS_CONNECTING,
    NGX_HTTP_TGORTC_REDIS_GREETING,
    NGX_HTTP_TGORTC_REDIS_READY
} ngx_http_tgortc_redis_state_e;


struct ngx_http_tgortc_redis_s {
    ngx_http_tgortc_redis_conf_t   *conf;
    ngx_http_tgortc_counters_t     *counters;
    ngx_http_tgortc_ready_pt        ready;
    void                           *data;      /* of ready's */
    ngx_http_tgortc_redis_state_e   state;
    ngx_connection_t               *connection;
    redisReader                    *reader;

    ngx_event_t                     timer;     /* of connecting, of backoff */
    ngx_msec_t                      backoff;
    ngx_msec_t                      down_since;
    ngx_msec_t                      heard_at;  /* any bytes from Redis */
    uint64_t                        heard_us;
    ngx_uint_t                      addr;      /* next to try */
    ngx_uint_t                      greetings; /* replies still awaited */
    ngx_msec_t                      greeted_at;

    int64_t                         clock;     /* ms ahead of ours */

    u_char                         *out;
    size_t                          out_pos;
    size_t                          out_len;
    size_t                          out_size;

    ngx_queue_t                     waiting;
    ngx_queue_t                     sent;
    ngx_uint_t                      pending;

    ngx_log_t                      *log;
    ngx_str_t                       addr_text;
    u_char                          text[NGX_SOCKADDR_STRLEN];

    unsigned                        again:1;   /* was asked for the time */
    unsigned                        served:1;  /* has been ready before */
    unsigned                        outage:1;  /* was logged */
    unsigned                        stale:1;   /* to be opened anew */
};


static redisReader *ngx_http_tgortc_redis_reader(void);
static void *ngx_http_tgortc_redis_array(const redisReadTask *task,
    ngx_http_tgortc_redis_elements_t n);
static void ngx_http_tgortc_redis_connect(ngx_http_tgortc_redis_t *redis);
static ngx_int_t ngx_http_tgortc_redis_connected(ngx_connection_t *c);
static ngx_int_t ngx_http_tgortc_redis_greet(ngx_http_tgortc_redis_t *redis);
static ngx_uint_t ngx_http_tgortc_redis_is_greeting(
    ngx_http_tgortc_redis_t *redis, redisReply *reply);
static void ngx_http_tgortc_redis_greeted(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static void ngx_http_tgortc_redis_close(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_fail(ngx_http_tgortc_redis_t *redis,
    ngx_err_t err, const char *reason);
static void ngx_http_tgortc_redis_timer_handler(ngx_event_t *ev);
static void ngx_http_tgortc_redis_write_handler(ngx_event_t *wev);
static ngx_int_t ngx_http_tgortc_redis_write(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_http_tgortc_redis_replies(ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_dispatch(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_uint_t ngx_http_tgortc_redis_is_useless(redisReply *reply);
static void ngx_http_tgortc_redis_complete(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);
static void ngx_http_tgortc_redis_command_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_tgortc_redis_push(ngx_http_tgortc_command_t *cmd);
static ngx_int_t ngx_http_tgortc_redis_append(ngx_http_tgortc_redis_t *redis,
    int argc, const char **argv, const size_t *argvlen);


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
    redis->down_since = ngx_current_msec;

    redis->timer.handler = ngx_http_tgortc_redis_timer_handler;
    redis->timer.data = redis;
    redis->timer.log = log;
    redis->timer.cancelable = 1;

    ngx_queue_init(&redis->waiting);
    ngx_queue_init(&redis->sent);

    ngx_http_tgortc_redis_connect(redis);

    return redis;
}


void
ngx_http_tgortc_redis_destroy(ngx_http_tgortc_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    ngx_http_tgortc_redis_close(redis);

    ngx_queue_add(&redis->waiting, &redis->sent);
    ngx_queue_init(&redis->sent);

    while (!ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_head(&redis->waiting);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);
        ngx_http_tgortc_redis_complete(cmd, NULL);
    }

    if (redis->out != NULL) {
        ngx_free(redis->out);
        redis->out = NULL;
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

    /* a short outage is waited out, in a longer one nobody has to wait */

    if (redis->state != NGX_HTTP_TGORTC_REDIS_READY
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


static redisReplyObjectFunctions  ngx_http_tgortc_redis_functions;
static redisReplyObjectFunctions *ngx_http_tgortc_redis_defaults;


/* hiredis's reader, with a bound to the arrays that it makes */

static redisReader *
ngx_http_tgortc_redis_reader(void)
{
    redisReader  *reader;

    reader = redisReaderCreate();

    if (reader != NULL) {
        ngx_http_tgortc_redis_defaults = reader->fn;
        ngx_http_tgortc_redis_functions = *reader->fn;
        ngx_http_tgortc_redis_functions.createArray =
                                                  ngx_http_tgortc_redis_array;
        reader->fn = &ngx_http_tgortc_redis_functions;
    }

    return reader;
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


static void
ngx_http_tgortc_redis_connect(ngx_http_tgortc_redis_t *redis)
{
    ngx_int_t              rc;
    ngx_log_t              quiet;
    ngx_addr_t            *addr;
    ngx_connection_t      *c;
    ngx_peer_connection_t  pc;

    addr = &redis->conf->addrs[redis->addr++ % redis->conf->naddrs];

    redis->addr_text.data = redis->text;
    redis->addr_text.len = ngx_sock_ntop(addr->sockaddr, addr->socklen,
                                         redis->text, NGX_SOCKADDR_STRLEN, 1);

    redis->reader = ngx_http_tgortc_redis_reader();
    if (redis->reader == NULL) {
        ngx_http_tgortc_redis_fail(redis, ngx_errno, "no memory");
        return;
    }

    /* an outage is logged once, by us, and not at every attempt */

    quiet = *redis->log;
    quiet.log_level = NGX_LOG_EMERG;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = addr->sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &addr->name;
    pc.get = ngx_event_get_peer;
    pc.log = &quiet;
    pc.log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(&pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_http_tgortc_redis_fail(redis, ngx_socket_errno,
                                   "connect() failed");
        return;
    }

    c = pc.connection;
    c->data = redis;
    c->log = redis->log;
    c->read->log = redis->log;
    c->write->log = redis->log;
    c->read->handler = ngx_http_tgortc_redis_read_handler;
    c->write->handler = ngx_http_tgortc_redis_write_handler;

    redis->connection = c;
    redis->state = NGX_HTTP_TGORTC_REDIS_CONNECTING;

    ngx_add_timer(&redis->timer, redis->conf->timeout);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


static ngx_int_t
ngx_http_tgortc_redis_connected(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_http_tgortc_redis_fail(c->data, err, "connect() failed");
        return NGX_ERROR;
    }

    if (c->sockaddr == NULL || c->sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

    return NGX_OK;
}


/*
 * What comes first on a connection: who we are, which database, whether Redis
 * serves at all (TIME alone is answered even while it is loading), its clock.
 */

static ngx_int_t
ngx_http_tgortc_redis_greet(ngx_http_tgortc_redis_t *redis)
{
    int                            n;
    u_char                         db[NGX_INT_T_LEN];
    size_t                         len[3];
    const char                    *arg[3];
    ngx_http_tgortc_redis_conf_t  *conf;

    conf = redis->conf;
    redis->greetings = 0;
    redis->again = 0;

    if (conf->password.len) {
        n = 0;
        arg[n] = "AUTH";
        len[n++] = sizeof("AUTH") - 1;

        if (conf->user.len) {
            arg[n] = (const char *) conf->user.data;
            len[n++] = conf->user.len;
        }

        arg[n] = (const char *) conf->password.data;
        len[n++] = conf->password.len;

        if (ngx_http_tgortc_redis_append(redis, n, arg, len) != NGX_OK) {
            return NGX_ERROR;
        }

        redis->greetings++;
    }

    if (conf->db) {
        arg[0] = "SELECT";
        len[0] = sizeof("SELECT") - 1;
        arg[1] = (const char *) db;
        len[1] = ngx_sprintf(db, "%i", conf->db) - db;

        if (ngx_http_tgortc_redis_append(redis, 2, arg, len) != NGX_OK) {
            return NGX_ERROR;
        }

        redis->greetings++;
    }

    arg[0] = "PING";
    len[0] = sizeof("PING") - 1;
    arg[1] = "TIME";
    len[1] = sizeof("TIME") - 1;

    if (ngx_http_tgortc_redis_append(redis, 1, &arg[0], &len[0]) != NGX_OK
        || ngx_http_tgortc_redis_append(redis, 1, &arg[1], &len[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    redis->greetings += 2;

    return NGX_OK;
}


/*
 * Whether that is what comes next: "OK" for each of AUTH and SELECT, "PONG",
 * the time.  Anything else would have us give later replies to the wrong
 * commands.
 */

static ngx_uint_t
ngx_http_tgortc_redis_is_greeting(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    switch (redis->greetings) {

    case 0:
        return 0;

    case 1:
        return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
               && reply->element[0]->type == REDIS_REPLY_STRING
               && (size_t) reply->element[0]->len < NGX_INT32_LEN
               && reply->element[1]->type == REDIS_REPLY_STRING
               && (size_t) reply->element[1]->len < NGX_INT32_LEN;

    case 2:
        return ngx_http_tgortc_redis_is_status(reply, "PONG");

    default:
        return ngx_http_tgortc_redis_is_status(reply, "OK");
    }
}


static void
ngx_http_tgortc_redis_greeted(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    size_t                      len;
    const char                 *arg;
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    if (!ngx_http_tgortc_redis_is_greeting(redis, reply)) {
        redis->stale = 1;
        return;
    }

    if (--redis->greetings > 0) {
        return;
    }

    /* a time that was read late, by a worker that had no time, says little */

    if (!redis->again
        && ngx_current_msec - redis->greeted_at
           > redis->conf->timeout / NGX_HTTP_TGORTC_REDIS_MARGIN)
    {
        redis->again = 1;
        redis->greeted_at = ngx_current_msec;
        redis->greetings = 1;

        arg = "TIME";
        len = sizeof("TIME") - 1;

        redis->stale = ngx_http_tgortc_redis_append(redis, 1, &arg, &len)
                       != NGX_OK;
        return;
    }

    ngx_http_tgortc_redis_clock(redis,
                                (int64_t) atoll(reply->element[0]->str) * 1000
                                + atoll(reply->element[1]->str) / 1000,
                                redis->greeted_at);

    redis->state = NGX_HTTP_TGORTC_REDIS_READY;

    if (redis->served) {
        ngx_http_tgortc_count(redis->counters->redis_reconnects);
    }

    redis->served = 1;

    ngx_del_timer(&redis->timer);

    if (redis->outage) {
        redis->outage = 0;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "tgortc: redis \"%V\" is back", &redis->conf->address);
    }

    redis->ready(redis->data);

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
ngx_http_tgortc_redis_close(ngx_http_tgortc_redis_t *redis)
{
    redis->state = NGX_HTTP_TGORTC_REDIS_DOWN;
    redis->stale = 0;
    redis->out_pos = 0;
    redis->out_len = 0;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    if (redis->connection != NULL) {
        ngx_close_connection(redis->connection);
        redis->connection = NULL;
    }

    if (redis->reader != NULL) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }
}


/*
 * The connection is lost.  What was sent and not answered may have been done
 * or not; unless the caller said "once", it is sent once more on the next
 * connection, the scripts know it by its nonce.
 */

static void
ngx_http_tgortc_redis_fail(ngx_http_tgortc_redis_t *redis, ngx_err_t err,
    const char *reason)
{
    ngx_msec_t                  delay;
    ngx_queue_t                *q, lost;
    ngx_http_tgortc_command_t  *cmd;

    if (!redis->outage) {
        redis->outage = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, err,
                      "tgortc: redis \"%V\" (%V): %s", &redis->conf->address,
                      &redis->addr_text, reason);
    }

    if (redis->state == NGX_HTTP_TGORTC_REDIS_READY) {
        redis->down_since = ngx_current_msec;
    }

    ngx_http_tgortc_redis_close(redis);

    delay = ngx_max(redis->backoff, NGX_HTTP_TGORTC_REDIS_BACKOFF_MIN);
    redis->backoff = ngx_min(2 * delay, NGX_HTTP_TGORTC_REDIS_BACKOFF_MAX);

    ngx_add_timer(&redis->timer, delay / 2 + ngx_random() % (delay + 1));

    ngx_queue_init(&lost);

    while (!ngx_queue_empty(&redis->sent)) {
        q = ngx_queue_last(&redis->sent);
        cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

        ngx_queue_remove(q);

        if (cmd->abandoned || cmd->once || cmd->resent) {
            ngx_queue_insert_head(&lost, q);

        } else {
            cmd->resent = 1;
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


static void
ngx_http_tgortc_redis_timer_handler(ngx_event_t *ev)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = ev->data;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_DOWN) {
        ngx_http_tgortc_redis_connect(redis);
        return;
    }

    ngx_http_tgortc_redis_fail(redis, NGX_ETIMEDOUT, "connecting timed out");
}


static void
ngx_http_tgortc_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *redis;

    c = wev->data;
    redis = c->data;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_CONNECTING) {

        if (ngx_http_tgortc_redis_connected(c) != NGX_OK) {
            return;
        }

        redis->state = NGX_HTTP_TGORTC_REDIS_GREETING;

        if (ngx_http_tgortc_redis_greet(redis) != NGX_OK) {
            ngx_http_tgortc_redis_fail(redis, 0, "no memory");
            return;
        }

        redis->greeted_at = ngx_current_msec;
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


/* as much as goes; NGX_ERROR is the write handler's to deal with */

static ngx_int_t
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


static void
ngx_http_tgortc_redis_read_handler(ngx_event_t *rev)
{
    u_char                    buf[NGX_HTTP_TGORTC_REDIS_BUFFER];
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_tgortc_redis_t  *redis;

    c = rev->data;
    redis = c->data;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_CONNECTING
        && ngx_http_tgortc_redis_connected(c) != NGX_OK)
    {
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

        redis->heard_at = ngx_current_msec;
        redis->heard_us = ngx_http_tgortc_clock();

        if (redisReaderFeed(redis->reader, (const char *) buf, n) != REDIS_OK
            || ngx_http_tgortc_redis_replies(redis) != NGX_OK
            || redis->reader->len - redis->reader->pos
               > NGX_HTTP_TGORTC_REDIS_REPLY)
        {
            ngx_http_tgortc_redis_fail(redis, 0,
                                       redis->reader->err
                                       ? redis->reader->errstr
                                       : "does not serve us");
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

        ngx_http_tgortc_redis_dispatch(redis, reply);
        freeReplyObject(reply);

        if (redis->stale) {
            return NGX_ERROR;
        }
    }
}


static void
ngx_http_tgortc_redis_dispatch(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    ngx_queue_t                *q;
    ngx_http_tgortc_command_t  *cmd;

    if (reply->type == REDIS_REPLY_ERROR
        && (redis->state != NGX_HTTP_TGORTC_REDIS_READY
            || ngx_http_tgortc_redis_is_useless(reply)))
    {
        if (!redis->outage) {
            redis->outage = 1;
            ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                          "tgortc: redis \"%V\" (%V) says \"%s\"",
                          &redis->conf->address, &redis->addr_text,
                          reply->str);
        }

        redis->stale = 1;
    }

    if (redis->state != NGX_HTTP_TGORTC_REDIS_READY) {

        if (!redis->stale) {
            ngx_http_tgortc_redis_greeted(redis, reply);
        }

        return;
    }

    if (ngx_queue_empty(&redis->sent)) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "tgortc: redis \"%V\" (%V) answered what nobody asked",
                      &redis->conf->address, &redis->addr_text);
        redis->stale = 1;
        return;
    }

    if (!redis->stale) {
        redis->backoff = 0;
    }

    q = ngx_queue_head(&redis->sent);
    cmd = ngx_queue_data(q, ngx_http_tgortc_command_t, queue);

    ngx_http_tgortc_observe(&redis->counters->redis,
                            redis->heard_us - cmd->sent_us);

    /* a script that Redis has lost is no trouble */

    if (reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) != 0)
    {
        ngx_http_tgortc_count(
                   redis->counters->redis_errors[NGX_HTTP_TGORTC_REDIS_ERROR]);
    }

    ngx_http_tgortc_redis_complete(cmd, reply);
}


/* errors after which another connection may do better, this one never will */

static ngx_uint_t
ngx_http_tgortc_redis_is_useless(redisReply *reply)
{
    ngx_uint_t         i;
    static const char  *codes[] = {
        "-READONLY", "READONLY ", "LOADING ", "MASTERDOWN ", "NOAUTH ", NULL
    };

    for (i = 0; codes[i]; i++) {
        if (ngx_strncmp(reply->str, codes[i], ngx_strlen(codes[i])) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
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


static ngx_int_t
ngx_http_tgortc_redis_push(ngx_http_tgortc_command_t *cmd)
{
    int64_t                   not_after;
    ngx_msec_t                margin;
    ngx_http_tgortc_redis_t  *redis;

    redis = cmd->redis;

    if (cmd->not_after_arg) {

        /*
         * Redis's clock is known to a few ms at best: sooner, so that nothing
         * can happen after its timeout was answered.
         */

        margin = redis->conf->timeout / NGX_HTTP_TGORTC_REDIS_MARGIN;
        not_after = (int64_t) cmd->deadline + redis->clock - (int64_t) margin;

        cmd->argv[cmd->not_after_arg] = cmd->not_after;
        cmd->argvlen[cmd->not_after_arg] =
                             ngx_sprintf((u_char *) cmd->not_after, "%L",
                                         not_after)
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

    return NGX_OK;
}


/*
 * What one turn of the event loop brings is written when the turn ends, or as
 * soon as it is worth a write.
 */

static ngx_int_t
ngx_http_tgortc_redis_append(ngx_http_tgortc_redis_t *redis, int argc,
    const char **argv, const size_t *argvlen)
{
    char         *command;
    u_char       *out;
    size_t        size;
    ngx_event_t  *wev;
    long long     len;

    len = redisFormatCommandArgv(&command, argc, argv, argvlen);
    if (len < 0) {
        return NGX_ERROR;
    }

    if (redis->out_size - redis->out_len < (size_t) len) {

        size = ngx_max(2 * redis->out_size, NGX_HTTP_TGORTC_REDIS_OUT_MIN);
        size = ngx_max(size, redis->out_len + (size_t) len);

        out = ngx_alloc(size, redis->log);
        if (out == NULL) {
            redisFreeCommand(command);
            return NGX_ERROR;
        }

        if (redis->out != NULL) {
            ngx_memcpy(out, redis->out, redis->out_len);
            ngx_free(redis->out);
        }

        redis->out = out;
        redis->out_size = size;
    }

    ngx_memcpy(redis->out + redis->out_len, command, len);
    redis->out_len += len;

    redisFreeCommand(command);

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
