
/*
 * Copyright (C) TgoRTC contributors
 *
 * TLS on a connection to Redis or to a sentinel, by nginx's own means.
 */


#include "ngx_http_tgortc_redis_link.h"


#if (NGX_SSL)


static ngx_int_t ngx_http_tgortc_redis_tls_begin(
    ngx_http_tgortc_redis_t *redis);
static void ngx_http_tgortc_redis_tls_done(ngx_connection_t *c);
static ngx_int_t ngx_http_tgortc_redis_tls_verify(
    ngx_http_tgortc_redis_t *redis);


ngx_int_t
ngx_http_tgortc_redis_tls(ngx_http_tgortc_redis_t *redis)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = redis->connection;

    if (redis->state == NGX_HTTP_TGORTC_REDIS_CONNECTING) {
        rc = ngx_http_tgortc_redis_tls_begin(redis);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (c->ssl == NULL) {
            redis->reason = "no memory for TLS";
            return NGX_ERROR;
        }
    }

    c->read->handler = redis->read;
    c->write->handler = redis->write;

    /* why is in nginx's own line */

    if (!c->ssl->handshaked) {
        redis->reason = "TLS handshake failed";
        return NGX_ERROR;
    }

    return ngx_http_tgortc_redis_tls_verify(redis);
}


static ngx_int_t
ngx_http_tgortc_redis_tls_begin(ngx_http_tgortc_redis_t *redis)
{
    ngx_connection_t              *c;
    ngx_http_tgortc_redis_conf_t  *conf;

    c = redis->connection;
    conf = redis->conf;

    c->log_error = NGX_ERROR_ERR;

    if (ngx_ssl_create_connection(conf->ssl, c, NGX_SSL_CLIENT) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what is written may grow, and move, before it is all sent */

    SSL_set_mode(c->ssl->connection, SSL_MODE_ENABLE_PARTIAL_WRITE
                                     |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    if (conf->tls_sni
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) conf->tls_name.data)
           == 0)
    {
        return NGX_ERROR;
    }

    redis->state = NGX_HTTP_TGORTC_REDIS_HANDSHAKE;

    c->ssl->handler = ngx_http_tgortc_redis_tls_done;

    return ngx_ssl_handshake(c);
}


static void
ngx_http_tgortc_redis_tls_done(ngx_connection_t *c)
{
    ngx_http_tgortc_redis_t  *redis;

    redis = c->data;

    redis->write(c->write);
}


static ngx_int_t
ngx_http_tgortc_redis_tls_verify(ngx_http_tgortc_redis_t *redis)
{
    int                            matches;
    long                           rc;
    X509                          *cert;
    u_char                         text[NGX_SOCKADDR_STRLEN + 1];
    ngx_str_t                      name;
    ngx_connection_t              *c;
    ngx_http_tgortc_redis_conf_t  *conf;

    c = redis->connection;
    conf = redis->conf;

    if (!conf->tls_verify) {
        return NGX_OK;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        redis->reason = X509_verify_cert_error_string(rc);
        return NGX_ERROR;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        redis->reason = "has no certificate";
        return NGX_ERROR;
    }

    name = conf->tls_name;

    if (name.len == 0) {
        name.data = text;
        name.len = ngx_sock_ntop(redis->peer->sockaddr, redis->peer->socklen,
                                 text, NGX_SOCKADDR_STRLEN, 0);
        text[name.len] = '\0';
    }

    /* -2: it is no address */

    matches = X509_check_ip_asc(cert, (char *) name.data, 0);

    X509_free(cert);

    if (matches == -2) {
        matches = ngx_ssl_check_host(c, &name) == NGX_OK;
    }

    if (matches != 1) {
        redis->reason = "the certificate is for another name";
        return NGX_ERROR;
    }

    return NGX_OK;
}


#endif
