
/*
 * Copyright (C) TgoRTC contributors
 *
 * A yardstick for t/bench/run.sh, not for use and not installed: the least
 * that a module can do to create a room.  It reads the body and forgets it,
 * runs the same script as the real module for users it makes up, and answers
 * a constant.  It has no validation, no JSON, no token, no timeouts, and ends
 * the worker when Redis is lost.
 *
 *     location /yardstick {
 *         tgortc_yardstick  unix:/run/redis.sock;
 *     }
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_event_connect.h>

#include <hiredis/hiredis.h>

#include "ngx_http_tgortc_lua.h"


#define NGX_HTTP_TGORTC_YARDSTICK_BUFFER    16384

/* requests under way, a power of 2; no more than worker_connections */
#define NGX_HTTP_TGORTC_YARDSTICK_REQUESTS  4096

/* in bytes: more than a command has, and all of those under way */
#define NGX_HTTP_TGORTC_YARDSTICK_COMMAND   1024
#define NGX_HTTP_TGORTC_YARDSTICK_OUT                                         \
    (NGX_HTTP_TGORTC_YARDSTICK_COMMAND * NGX_HTTP_TGORTC_YARDSTICK_REQUESTS)


typedef struct {
    ngx_url_t            url;

    ngx_connection_t    *connection;
    redisReader         *reader;
    char                 sha1[41];     /* empty until Redis has the script */

    u_char              *out;
    size_t               out_len;

    /* a ring, in the order in which the replies will come */
    ngx_http_request_t  *requests[NGX_HTTP_TGORTC_YARDSTICK_REQUESTS];
    ngx_uint_t           sent;
    ngx_uint_t           answered;
} ngx_http_tgortc_yardstick_conf_t;


static void *ngx_http_tgortc_yardstick_create_conf(ngx_conf_t *cf);
static char *ngx_http_tgortc_yardstick(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_tgortc_yardstick_init_process(ngx_cycle_t *cycle);
static void ngx_http_tgortc_yardstick_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tgortc_yardstick_handler(ngx_http_request_t *r);
static void ngx_http_tgortc_yardstick_body_handler(ngx_http_request_t *r);
static u_char *ngx_http_tgortc_yardstick_command(u_char *p, char *sha1,
    ngx_uint_t n);
static void ngx_http_tgortc_yardstick_write_handler(ngx_event_t *wev);
static void ngx_http_tgortc_yardstick_read_handler(ngx_event_t *rev);
static void ngx_http_tgortc_yardstick_reply(
    ngx_http_tgortc_yardstick_conf_t *ycf, redisReply *reply);
static ngx_int_t ngx_http_tgortc_yardstick_send(ngx_http_request_t *r);


static ngx_command_t  ngx_http_tgortc_yardstick_commands[] = {

    { ngx_string("tgortc_yardstick"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tgortc_yardstick,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tgortc_yardstick_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_tgortc_yardstick_create_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_tgortc_yardstick_module = {
    NGX_MODULE_V1,
    &ngx_http_tgortc_yardstick_module_ctx, /* module context */
    ngx_http_tgortc_yardstick_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_tgortc_yardstick_init_process,
                                           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_tgortc_yardstick_exit_process,
                                           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_tgortc_yardstick_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_yardstick_conf_t));
}


static char *
ngx_http_tgortc_yardstick(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_yardstick_conf_t *ycf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    ycf->url.url = value[1];

    if (ngx_parse_url(cf->pool, &ycf->url) != NGX_OK) {
        return ycf->url.err ? ycf->url.err : NGX_CONF_ERROR;
    }

    ycf->out = ngx_palloc(cf->pool, NGX_HTTP_TGORTC_YARDSTICK_OUT);
    if (ycf->out == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tgortc_yardstick_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tgortc_yardstick_init_process(ngx_cycle_t *cycle)
{
    u_char                            *p;
    ngx_int_t                          rc;
    ngx_connection_t                  *c;
    ngx_peer_connection_t              pc;
    ngx_http_tgortc_yardstick_conf_t  *ycf;

    ycf = ngx_http_cycle_get_module_main_conf(cycle,
                                             ngx_http_tgortc_yardstick_module);

    if (ycf == NULL || ycf->url.naddrs == 0) {
        return NGX_OK;
    }

    ycf->reader = redisReaderCreate();
    if (ycf->reader == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = ycf->url.addrs[0].sockaddr;
    pc.socklen = ycf->url.addrs[0].socklen;
    pc.name = &ycf->url.addrs[0].name;
    pc.get = ngx_event_get_peer;
    pc.log = cycle->log;
    pc.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return NGX_ERROR;
    }

    c = pc.connection;
    c->data = ycf;
    c->log = cycle->log;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->read->handler = ngx_http_tgortc_yardstick_read_handler;
    c->write->handler = ngx_http_tgortc_yardstick_write_handler;

    ycf->connection = c;

    p = ngx_sprintf(ycf->out, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n"
                    "$%uz\r\n%s\r\n",
                    sizeof(ngx_http_tgortc_lua_create) - 1,
                    ngx_http_tgortc_lua_create);
    ycf->out_len = p - ycf->out;

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_tgortc_yardstick_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tgortc_yardstick_conf_t  *ycf;

    ycf = ngx_http_cycle_get_module_main_conf(cycle,
                                             ngx_http_tgortc_yardstick_module);

    if (ycf != NULL && ycf->connection != NULL) {
        ngx_close_connection(ycf->connection);
        redisReaderFree(ycf->reader);
    }
}


static ngx_int_t
ngx_http_tgortc_yardstick_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                       ngx_http_tgortc_yardstick_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_tgortc_yardstick_body_handler(ngx_http_request_t *r)
{
    ngx_uint_t                         n;
    ngx_event_t                       *wev;
    ngx_http_tgortc_yardstick_conf_t  *ycf;

    ycf = ngx_http_get_module_main_conf(r, ngx_http_tgortc_yardstick_module);

    if (ycf->sha1[0] == '\0'
        || ycf->sent - ycf->answered == NGX_HTTP_TGORTC_YARDSTICK_REQUESTS)
    {
        ngx_http_finalize_request(r, NGX_HTTP_SERVICE_UNAVAILABLE);
        return;
    }

    n = ycf->sent++;

    ycf->requests[n % NGX_HTTP_TGORTC_YARDSTICK_REQUESTS] = r;
    ycf->out_len = ngx_http_tgortc_yardstick_command(ycf->out + ycf->out_len,
                                                     ycf->sha1, n)
                   - ycf->out;

    /* what one turn of the event loop brings is written when the turn ends */

    wev = ycf->connection->write;

    if (!wev->posted) {
        ngx_post_event(wev, &ngx_posted_events);
    }
}


/* the arguments are explained in parts/base.lua and create.lua */

static u_char *
ngx_http_tgortc_yardstick_command(u_char *p, char *sha1, ngx_uint_t n)
{
    uint64_t     not_after;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    not_after = (uint64_t) tp->sec * 1000 + tp->msec + 1000;

    return ngx_sprintf(p, "*22\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n4\r\n"
                       "$17\r\n{yardstick}:users\r\n"
                       "$21\r\n{yardstick}:deadlines\r\n"
                       "$39\r\n{yardstick}:room:%022xi\r\n"
                       "$17\r\n{yardstick}:never\r\n"
                       "$13\r\n%013uL\r\n"
                       "$8\r\n%08xi\r\n"
                       "$22\r\n%022xi\r\n"
                       "$1\r\n0\r\n$5\r\n30000\r\n$5\r\n60000\r\n"
                       "$5\r\n10000\r\n$8\r\n86400000\r\n"
                       "$8\r\n86400000\r\n"
                       "$12\r\nu_%010ui\r\n"
                       "$3\r\napp\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n2\r\n"
                       "$12\r\nu_%010ui\r\n",
                       sha1, n, not_after, n, n, 2 * n, 2 * n + 1);
}


static void
ngx_http_tgortc_yardstick_write_handler(ngx_event_t *wev)
{
    ssize_t                            n;
    ngx_connection_t                  *c;
    ngx_http_tgortc_yardstick_conf_t  *ycf;

    c = wev->data;
    ycf = c->data;

    if (ycf->out_len == 0) {
        return;
    }

    n = c->send(c, ycf->out, ycf->out_len);

    if (n == NGX_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, c->log, ngx_socket_errno,
                      "yardstick: cannot write to redis");
        ngx_terminate = 1;
        return;
    }

    if (n > 0) {
        ycf->out_len -= n;
        ngx_memmove(ycf->out, ycf->out + n, ycf->out_len);
    }
}


static void
ngx_http_tgortc_yardstick_read_handler(ngx_event_t *rev)
{
    void                              *reply;
    u_char                             buf[NGX_HTTP_TGORTC_YARDSTICK_BUFFER];
    ssize_t                            n;
    ngx_connection_t                  *c;
    ngx_http_tgortc_yardstick_conf_t  *ycf;

    c = rev->data;
    ycf = c->data;

    do {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            return;
        }

        if (n <= 0
            || redisReaderFeed(ycf->reader, (char *) buf, n) != REDIS_OK)
        {
            goto failed;
        }

        for ( ;; ) {
            if (redisReaderGetReply(ycf->reader, &reply) != REDIS_OK) {
                goto failed;
            }

            if (reply == NULL) {
                break;
            }

            ngx_http_tgortc_yardstick_reply(ycf, reply);
            freeReplyObject(reply);
        }

    } while (rev->ready);

    return;

failed:

    ngx_log_error(NGX_LOG_EMERG, c->log, 0, "yardstick: redis is lost");
    ngx_terminate = 1;
}


static void
ngx_http_tgortc_yardstick_reply(ngx_http_tgortc_yardstick_conf_t *ycf,
    redisReply *reply)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (ycf->sha1[0] == '\0') {

        /* of SCRIPT LOAD */

        if (reply->type == REDIS_REPLY_STRING && reply->len == 40) {
            ngx_memcpy(ycf->sha1, reply->str, 40);
        }

        return;
    }

    r = ycf->requests[ycf->answered++ % NGX_HTTP_TGORTC_YARDSTICK_REQUESTS];
    c = r->connection;

    rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 2
        && ngx_strcmp(reply->element[0]->str, "ok") == 0)
    {
        rc = ngx_http_tgortc_yardstick_send(r);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_tgortc_yardstick_send(ngx_http_request_t *r)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_str_t    body = ngx_string("{\"created\":true}");
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = body.len;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
