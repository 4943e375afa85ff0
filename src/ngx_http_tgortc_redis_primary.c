
/*
 * Copyright (C) TgoRTC contributors
 *
 * Who is served from: which server is connected to, what a server is asked
 * before anything else.
 */


#include "ngx_http_tgortc_redis_link.h"


static ngx_int_t ngx_http_tgortc_redis_time(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_uint_t ngx_http_tgortc_redis_is_pair(redisReply *reply);
static ngx_int_t ngx_http_tgortc_redis_primary(ngx_http_tgortc_redis_t *redis,
    redisReply *reply);
static ngx_int_t ngx_http_tgortc_redis_primary_addr(
    ngx_http_tgortc_redis_t *redis, const char *host, size_t len,
    ngx_int_t port);


ngx_int_t
ngx_http_tgortc_redis_connect(ngx_http_tgortc_redis_t *redis)
{
    ngx_http_tgortc_redis_conf_t  *conf;

    conf = redis->conf;

    if (redis->primary.socklen) {
        return ngx_http_tgortc_redis_open(redis, &redis->primary);
    }

    if (redis->watch != NULL) {
        return ngx_http_tgortc_redis_seek(redis);
    }

    return ngx_http_tgortc_redis_open(redis,
                                 &conf->addrs[redis->addr++ % conf->naddrs]);
}


/*
 * Who we are, which database, whether Redis serves at all (TIME alone is
 * answered even while it is loading), whether it is what a sentinel takes it
 * for, its clock.
 */

ngx_int_t
ngx_http_tgortc_redis_greet(ngx_http_tgortc_redis_t *redis)
{
    u_char                         db[NGX_INT_T_LEN];
    ngx_str_t                      args[2], ping, role, time;
    ngx_http_tgortc_redis_conf_t  *conf;

    conf = redis->conf;

    redis->state = NGX_HTTP_TGORTC_REDIS_GREETING;
    redis->nsteps = 0;
    redis->step = 0;
    redis->again = 0;
    redis->greeted_at = ngx_current_msec;

    if (ngx_http_tgortc_redis_auth(redis) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conf->db) {
        ngx_str_set(&args[0], "SELECT");
        args[1].data = db;
        args[1].len = ngx_sprintf(db, "%i", conf->db) - db;

        if (ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_OK, args, 2)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&ping, "PING");
    ngx_str_set(&role, "ROLE");
    ngx_str_set(&time, "TIME");

    if (ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_PONG, &ping, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (redis->watch != NULL
        && ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_ROLE, &role,
                                     1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_TIME, &time,
                                     1);
}


ngx_int_t
ngx_http_tgortc_redis_auth(ngx_http_tgortc_redis_t *redis)
{
    ngx_str_t                      args[3];
    ngx_uint_t                     n;
    ngx_http_tgortc_redis_conf_t  *conf;

    conf = redis->conf;

    if (conf->password.len == 0) {
        return NGX_OK;
    }

    n = 0;
    ngx_str_set(&args[n], "AUTH");
    n++;

    if (conf->user.len) {
        args[n++] = conf->user;
    }

    args[n++] = conf->password;

    return ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_OK, args, n);
}


ngx_int_t
ngx_http_tgortc_redis_ask(ngx_http_tgortc_redis_t *redis,
    ngx_http_tgortc_redis_step_e step, ngx_str_t *args, ngx_uint_t n)
{
    size_t       len[3];
    ngx_uint_t   i;
    const char  *arg[3];

    for (i = 0; i < n; i++) {
        arg[i] = (const char *) args[i].data;
        len[i] = args[i].len;
    }

    redis->steps[redis->nsteps++] = step;

    return ngx_http_tgortc_redis_append(redis, (int) n, arg, len);
}


/*
 * Anything else than what comes next would have us give later replies to the
 * wrong commands.
 */

ngx_int_t
ngx_http_tgortc_redis_greeted(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    ngx_uint_t  good;

    if (redis->step == redis->nsteps) {
        return NGX_ERROR;
    }

    switch (redis->steps[redis->step]) {

    case NGX_HTTP_TGORTC_REDIS_OK:
        good = ngx_http_tgortc_redis_is_status(reply, "OK");
        break;

    case NGX_HTTP_TGORTC_REDIS_PONG:
        good = ngx_http_tgortc_redis_is_status(reply, "PONG");
        break;

    case NGX_HTTP_TGORTC_REDIS_ROLE:
        good = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
               && reply->element[0]->type == REDIS_REPLY_STRING
               && ngx_strcmp(reply->element[0]->str, "master") == 0;

        if (!good) {
            redis->reason = "is not the primary that a sentinel takes it for";
        }

        break;

    case NGX_HTTP_TGORTC_REDIS_PRIMARY:
        return ngx_http_tgortc_redis_primary(redis, reply);

    default: /* NGX_HTTP_TGORTC_REDIS_TIME */
        return ngx_http_tgortc_redis_time(redis, reply);
    }

    redis->step++;

    return good ? NGX_AGAIN : NGX_ERROR;
}


static ngx_int_t
ngx_http_tgortc_redis_time(ngx_http_tgortc_redis_t *redis, redisReply *reply)
{
    ngx_str_t  time;

    if (!ngx_http_tgortc_redis_is_pair(reply)
        || (size_t) reply->element[0]->len >= NGX_INT32_LEN
        || (size_t) reply->element[1]->len >= NGX_INT32_LEN)
    {
        return NGX_ERROR;
    }

    /* a time that was read late, by a worker that had no time, says little */

    if (!redis->again
        && ngx_current_msec - redis->greeted_at
           > redis->conf->timeout / NGX_HTTP_TGORTC_REDIS_MARGIN)
    {
        redis->again = 1;
        redis->greeted_at = ngx_current_msec;
        redis->nsteps = 0;
        redis->step = 0;

        ngx_str_set(&time, "TIME");

        return ngx_http_tgortc_redis_ask(redis, NGX_HTTP_TGORTC_REDIS_TIME,
                                         &time, 1)
               == NGX_OK ? NGX_AGAIN : NGX_ERROR;
    }

    ngx_http_tgortc_redis_clock(redis,
                                (int64_t) atoll(reply->element[0]->str) * 1000
                                + atoll(reply->element[1]->str) / 1000,
                                redis->greeted_at);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_tgortc_redis_is_pair(redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
           && reply->element[0]->type == REDIS_REPLY_STRING
           && reply->element[1]->type == REDIS_REPLY_STRING;
}


static ngx_int_t
ngx_http_tgortc_redis_primary(ngx_http_tgortc_redis_t *redis,
    redisReply *reply)
{
    redisReply  *host, *port;

    if (reply->type == REDIS_REPLY_NIL) {
        redis->reason = "is a sentinel that knows no primary of that name";
        return NGX_ERROR;
    }

    if (!ngx_http_tgortc_redis_is_pair(reply)) {
        redis->reason = "is not a sentinel";
        return NGX_ERROR;
    }

    host = reply->element[0];
    port = reply->element[1];

    if (ngx_http_tgortc_redis_primary_addr(redis, host->str, host->len,
                                           ngx_atoi((u_char *) port->str,
                                                    port->len))
        != NGX_OK)
    {
        redis->reason = "is a sentinel that tells no IP address of the primary"
                        " (resolve-hostnames, announce-hostnames)";
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tgortc_redis_moved(ngx_http_tgortc_redis_t *redis, redisReply *reply)
{
    u_char     *host, *port, *last;
    ngx_int_t   n;

    last = (u_char *) reply->str + reply->len;

    host = ngx_strlchr((u_char *) reply->str + sizeof("MOVED ") - 1, last,
                       ' ');
    if (host == NULL) {
        return NGX_ERROR;
    }

    host++;

    for (port = last; port > host && port[-1] != ':'; port--) { /* void */ }

    if (port == host) {
        return NGX_ERROR;
    }

    n = ngx_atoi(port, last - port);

    /* no host: that of the node that says so */

    if (port - 1 == host && n > 0 && n <= 65535) {
        ngx_memcpy(&redis->sockaddr, redis->peer->sockaddr,
                   redis->peer->socklen);
        ngx_inet_set_port(&redis->sockaddr.sockaddr, (in_port_t) n);

        redis->primary.socklen = redis->peer->socklen;
        redis->primary.sockaddr = &redis->sockaddr.sockaddr;

        return NGX_OK;
    }

    return ngx_http_tgortc_redis_primary_addr(redis, (char *) host,
                                              port - 1 - host, n);
}


/* names are never resolved in a worker */

static ngx_int_t
ngx_http_tgortc_redis_primary_addr(ngx_http_tgortc_redis_t *redis,
    const char *host, size_t len, ngx_int_t port)
{
    in_addr_t             in_addr;
    socklen_t             socklen;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    if (port < 1 || port > 65535) {
        return NGX_ERROR;
    }

    ngx_memzero(&redis->sockaddr, sizeof(ngx_sockaddr_t));

    in_addr = ngx_inet_addr((u_char *) host, len);

    if (in_addr != INADDR_NONE) {
        sin = &redis->sockaddr.sockaddr_in;
        sin->sin_family = AF_INET;
        sin->sin_addr.s_addr = in_addr;
        socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)

    } else if (ngx_inet6_addr((u_char *) host, len,
                         redis->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        sin6 = &redis->sockaddr.sockaddr_in6;
        sin6->sin6_family = AF_INET6;
        socklen = sizeof(struct sockaddr_in6);

#endif

    } else {
        return NGX_ERROR;
    }

    ngx_inet_set_port(&redis->sockaddr.sockaddr, (in_port_t) port);

    redis->primary.sockaddr = &redis->sockaddr.sockaddr;
    redis->primary.socklen = socklen;

    return NGX_OK;
}
