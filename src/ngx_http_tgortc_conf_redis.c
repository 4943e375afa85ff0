
/*
 * Copyright (C) TgoRTC contributors
 *
 * tgortc_redis: where Redis is, and how it is spoken to.
 */


#include "ngx_http_tgortc_conf.h"


#define NGX_HTTP_TGORTC_REDIS_ADDRESS  "127.0.0.1:6379"
#define NGX_HTTP_TGORTC_REDIS_PORT     6379
#define NGX_HTTP_TGORTC_SENTINEL_PORT  26379
#define NGX_HTTP_TGORTC_REDIS_PREFIX   "tgortc"
#define NGX_HTTP_TGORTC_REDIS_TIMEOUT  1000

#define NGX_HTTP_TGORTC_REDIS_REPLICAS_MAX  100

/* certificates between that of the server and the authority's */
#define NGX_HTTP_TGORTC_REDIS_TLS_DEPTH  9


static ngx_http_tgortc_redis_conf_t *ngx_http_tgortc_conf_redis_create(
    ngx_conf_t *cf, ngx_str_t *address);
static ngx_int_t ngx_http_tgortc_conf_redis_addresses(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, u_char *p, u_char *last,
    in_port_t port);
static ngx_int_t ngx_http_tgortc_conf_redis_address(ngx_conf_t *cf,
    ngx_array_t *addrs, ngx_str_t *address, in_port_t port, ngx_str_t *host);
static ngx_uint_t ngx_http_tgortc_conf_is_name(ngx_str_t *host);
static char *ngx_http_tgortc_conf_redis_param(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, ngx_str_t *param);
static ngx_int_t ngx_http_tgortc_conf_redis_prefix(ngx_str_t *prefix);
static char *ngx_http_tgortc_conf_redis_check(
    ngx_http_tgortc_redis_conf_t *redis);
static char *ngx_http_tgortc_conf_redis_tls(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis);


/* parameters whose value is any text */

static struct {
    ngx_str_t   name;
    size_t      offset;
} ngx_http_tgortc_redis_texts[] = {
    { ngx_string("user="), offsetof(ngx_http_tgortc_redis_conf_t, user) },
    { ngx_string("password="),
      offsetof(ngx_http_tgortc_redis_conf_t, password) },
    { ngx_string("sentinel_user="),
      offsetof(ngx_http_tgortc_redis_conf_t, sentinel_user) },
    { ngx_string("sentinel_password="),
      offsetof(ngx_http_tgortc_redis_conf_t, sentinel_password) },
    { ngx_string("tls_ca="), offsetof(ngx_http_tgortc_redis_conf_t, tls_ca) },
    { ngx_string("tls_cert="),
      offsetof(ngx_http_tgortc_redis_conf_t, tls_cert) },
    { ngx_string("tls_key="),
      offsetof(ngx_http_tgortc_redis_conf_t, tls_key) },
    { ngx_string("tls_name="),
      offsetof(ngx_http_tgortc_redis_conf_t, tls_name) },
    { ngx_null_string, 0 }
};


/* parameters whose value is "on" or "off" */

static struct {
    ngx_str_t   name;
    size_t      offset;
} ngx_http_tgortc_redis_flags[] = {
    { ngx_string("tls="), offsetof(ngx_http_tgortc_redis_conf_t, tls) },
    { ngx_string("tls_verify="),
      offsetof(ngx_http_tgortc_redis_conf_t, tls_verify) },
    { ngx_null_string, 0 }
};


#define ngx_http_tgortc_redis_text(redis, i)                                  \
    ((ngx_str_t *) ((u_char *) redis + ngx_http_tgortc_redis_texts[i].offset))

#define ngx_http_tgortc_redis_flag(redis, i)                                  \
    ((ngx_flag_t *)                                                           \
        ((u_char *) redis + ngx_http_tgortc_redis_flags[i].offset))


char *
ngx_http_tgortc_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    char                          *rv;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_tgortc_redis_conf_t  *redis;

    if (tlcf->settings.redis != NULL) {
        return "is duplicate";
    }

    if (ngx_http_tgortc_conf_once(cf, 2) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    redis = ngx_http_tgortc_conf_redis_create(cf, &value[1]);
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_tgortc_conf_redis_param(cf, redis, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    tlcf->settings.redis = redis;

    rv = ngx_http_tgortc_conf_redis_check(redis);

    if (rv != NGX_CONF_OK || !redis->tls) {
        return rv;
    }

    return ngx_http_tgortc_conf_redis_tls(cf, redis);
}


char *
ngx_http_tgortc_conf_redis_wait(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (tlcf->settings.replicas != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n > NGX_HTTP_TGORTC_REDIS_REPLICAS_MAX) {
        return "takes a number of replicas from 0 to 100";
    }

    tlcf->settings.replicas = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&value[2], 0);

    if (n == NGX_ERROR || n == 0) {
        return "takes a time that is longer than 0";
    }

    tlcf->settings.wait = n;

    return NGX_CONF_OK;
}


ngx_http_tgortc_redis_conf_t *
ngx_http_tgortc_conf_redis_default(ngx_conf_t *cf)
{
    ngx_str_t  address = ngx_string(NGX_HTTP_TGORTC_REDIS_ADDRESS);

    return ngx_http_tgortc_conf_redis_create(cf, &address);
}


static ngx_http_tgortc_redis_conf_t *
ngx_http_tgortc_conf_redis_create(ngx_conf_t *cf, ngx_str_t *address)
{
    u_char                        *p, *at, *last;
    in_port_t                      port;
    ngx_http_tgortc_redis_conf_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_redis_conf_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->address = *address;
    redis->timeout = NGX_HTTP_TGORTC_REDIS_TIMEOUT;
    redis->tls_verify = 1;
    ngx_str_set(&redis->prefix, NGX_HTTP_TGORTC_REDIS_PREFIX);

    p = address->data;
    last = p + address->len;
    port = NGX_HTTP_TGORTC_REDIS_PORT;

    if (ngx_strncmp(p, "sentinel:", sizeof("sentinel:") - 1) == 0) {
        p += sizeof("sentinel:") - 1;
        at = ngx_strlchr(p, last, '@');

        if (at == NULL || at == p) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tgortc_redis %V\" takes "
                               "sentinel:NAME@host:port,host:port", address);
            return NULL;
        }

        redis->sentinel.data = p;
        redis->sentinel.len = at - p;

        p = at + 1;
        port = NGX_HTTP_TGORTC_SENTINEL_PORT;
    }

    if (ngx_http_tgortc_conf_redis_addresses(cf, redis, p, last, port)
        != NGX_OK)
    {
        return NULL;
    }

    return redis;
}


static ngx_int_t
ngx_http_tgortc_conf_redis_addresses(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, u_char *p, u_char *last,
    in_port_t port)
{
    u_char       *comma, *first;
    ngx_str_t     address, host;
    ngx_array_t   addrs;

    if (ngx_array_init(&addrs, cf->pool, 4, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    first = p;

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        address.data = p;
        address.len = (comma ? comma : last) - p;

        if (ngx_http_tgortc_conf_redis_address(cf, &addrs, &address, port,
                                               &host)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (comma == NULL) {
            break;
        }

        p = comma + 1;
    }

    redis->addrs = addrs.elts;
    redis->naddrs = addrs.nelts;

    /* a certificate is for the name, if it is one and there is one */

    if (p == first && redis->sentinel.len == 0
        && redis->addrs[0].sockaddr->sa_family != AF_UNIX
        && ngx_http_tgortc_conf_is_name(&host))
    {
        redis->tls_host.len = host.len;
        redis->tls_host.data = ngx_pnalloc(cf->pool, host.len + 1);

        if (redis->tls_host.data == NULL) {
            return NGX_ERROR;
        }

        ngx_cpystrn(redis->tls_host.data, host.data, host.len + 1);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_conf_redis_address(ngx_conf_t *cf, ngx_array_t *addrs,
    ngx_str_t *address, in_port_t port, ngx_str_t *host)
{
    u_char      *p;
    ngx_str_t    shown;
    ngx_url_t    u;
    ngx_addr_t  *addr;

    /* of a URL that has a password what is behind it */

    shown = *address;

    for ( ;; ) {
        p = ngx_strlchr(shown.data, shown.data + shown.len, '@');

        if (p == NULL) {
            break;
        }

        p++;
        shown.len -= p - shown.data;
        shown.data = p;
    }

    /* of what is behind a slash nginx says no more than "invalid host" */

    if (ngx_strncmp(address->data, "unix:", sizeof("unix:") - 1) != 0
        && ngx_strlchr(address->data, address->data + address->len, '/'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tgortc_redis %V\" takes host:port or "
                           "unix:path, the database is \"db=\"", &shown);
        return NGX_ERROR;
    }

    /* names are resolved here, where it may block, and never by a worker */

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *address;
    u.default_port = port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the address \"%V\" of \"tgortc_redis\"",
                           u.err ? u.err : "error", &shown);
        return NGX_ERROR;
    }

    addr = ngx_array_push_n(addrs, u.naddrs);
    if (addr == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(addr, u.addrs, u.naddrs * sizeof(ngx_addr_t));

    *host = u.host;

    return NGX_OK;
}


/* not an address */

static ngx_uint_t
ngx_http_tgortc_conf_is_name(ngx_str_t *host)
{
    return ngx_inet_addr(host->data, host->len) == INADDR_NONE
           && ngx_strlchr(host->data, host->data + host->len, ':') == NULL;
}


static char *
ngx_http_tgortc_conf_redis_param(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, ngx_str_t *param)
{
    u_char      *last;
    ngx_int_t    n;
    ngx_str_t   *name, *text, value;
    ngx_flag_t  *flag;
    ngx_uint_t   i;

    last = param->data + param->len;

    for (i = 0; ngx_http_tgortc_redis_texts[i].name.len; i++) {
        name = &ngx_http_tgortc_redis_texts[i].name;

        if (ngx_strncmp(param->data, name->data, name->len) == 0) {
            text = ngx_http_tgortc_redis_text(redis, i);
            text->data = param->data + name->len;
            text->len = last - text->data;

            if (text->len == 0) {
                goto invalid;
            }

            return NGX_CONF_OK;
        }
    }

    for (i = 0; ngx_http_tgortc_redis_flags[i].name.len; i++) {
        name = &ngx_http_tgortc_redis_flags[i].name;

        if (ngx_strncmp(param->data, name->data, name->len) == 0) {
            flag = ngx_http_tgortc_redis_flag(redis, i);
            *flag = ngx_strcmp(param->data + name->len, "on") == 0;

            if (!*flag && ngx_strcmp(param->data + name->len, "off") != 0) {
                goto invalid;
            }

            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(param->data, "db=", 3) == 0) {
        redis->db = ngx_atoi(param->data + 3, param->len - 3);

        if (redis->db == NGX_ERROR) {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(param->data, "prefix=", 7) == 0) {
        redis->prefix.data = param->data + 7;
        redis->prefix.len = param->len - 7;

        if (ngx_http_tgortc_conf_redis_prefix(&redis->prefix) != NGX_OK) {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(param->data, "timeout=", 8) == 0) {
        value.data = param->data + 8;
        value.len = param->len - 8;

        n = ngx_parse_time(&value, 0);

        if (n == NGX_ERROR || n == 0) {
            goto invalid;
        }

        redis->timeout = n;

        return NGX_CONF_OK;
    }

    return ngx_http_tgortc_conf_invalid(cf, "tgortc_redis", param, 0);

invalid:

    return ngx_http_tgortc_conf_invalid(cf, "tgortc_redis", param, 1);
}


/* the prefix stands in braces, as the hash tag of a cluster */

static ngx_int_t
ngx_http_tgortc_conf_redis_prefix(ngx_str_t *prefix)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < prefix->len; i++) {
        c = prefix->data[i];

        if (c <= ' ' || c >= 0x7f || c == '{' || c == '}') {
            return NGX_ERROR;
        }
    }

    return prefix->len > 0 && prefix->len <= 64 ? NGX_OK : NGX_ERROR;
}


/* parameters that mean nothing without another */

static char *
ngx_http_tgortc_conf_redis_check(ngx_http_tgortc_redis_conf_t *redis)
{
    if (redis->user.len && redis->password.len == 0) {
        return "has \"user=\" without \"password=\"";
    }

    if (redis->sentinel_user.len && redis->sentinel_password.len == 0) {
        return "has \"sentinel_user=\" without \"sentinel_password=\"";
    }

    if (redis->sentinel_password.len && redis->sentinel.len == 0) {
        return "has \"sentinel_password=\" without a sentinel";
    }

    if (!redis->tls
        && (redis->tls_ca.len || redis->tls_cert.len || redis->tls_key.len
            || redis->tls_name.len || !redis->tls_verify))
    {
        return "has parameters of TLS without \"tls=on\"";
    }

    if ((redis->tls_cert.len == 0) != (redis->tls_key.len == 0)) {
        return "takes \"tls_cert=\" and \"tls_key=\" together only";
    }

    return NGX_CONF_OK;
}


#if (NGX_SSL)

static char *
ngx_http_tgortc_conf_redis_tls(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis)
{
    ngx_ssl_t           *ssl;
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (ssl == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (redis->tls_cert.len
        && ngx_ssl_certificate(cf, ssl, &redis->tls_cert, &redis->tls_key,
                               NULL)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (redis->tls_ca.len) {
        if (ngx_ssl_trusted_certificate(cf, ssl, &redis->tls_ca,
                                        NGX_HTTP_TGORTC_REDIS_TLS_DEPTH)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

    } else if (SSL_CTX_set_default_verify_paths(ssl->ctx) == 0) {
        return "cannot use the certificates of the system";
    }

    for (i = 0; i < redis->naddrs; i++) {
        if (redis->tls_verify && redis->tls_name.len == 0
            && redis->addrs[i].sockaddr->sa_family == AF_UNIX)
        {
            return "needs \"tls_name=\" for TLS on a unix socket";
        }
    }

    if (redis->tls_name.len == 0) {
        redis->tls_name = redis->tls_host;
    }

    redis->tls_sni = redis->tls_name.len
                     && ngx_http_tgortc_conf_is_name(&redis->tls_name);
    redis->ssl = ssl;

    return NGX_CONF_OK;
}

#else

static char *
ngx_http_tgortc_conf_redis_tls(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis)
{
    return "has \"tls=on\", which needs an nginx that is built with SSL";
}

#endif


ngx_uint_t
ngx_http_tgortc_conf_redis_common(ngx_http_tgortc_redis_conf_t *one,
    ngx_http_tgortc_redis_conf_t *two)
{
    ngx_str_t   *a, *b;
    ngx_uint_t   i, j, n;

    n = 0;

    for (i = 0; i < one->naddrs; i++) {
        a = &one->addrs[i].name;

        for (j = 0; j < two->naddrs; j++) {
            b = &two->addrs[j].name;

            if (a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0) {
                n++;
                break;
            }
        }
    }

    return n;
}


ngx_uint_t
ngx_http_tgortc_conf_redis_same(ngx_http_tgortc_redis_conf_t *one,
    ngx_http_tgortc_redis_conf_t *two)
{
    ngx_str_t   *a, *b;
    ngx_uint_t   i;

    for (i = 0; ngx_http_tgortc_redis_texts[i].name.len; i++) {
        a = ngx_http_tgortc_redis_text(one, i);
        b = ngx_http_tgortc_redis_text(two, i);

        if (a->len != b->len || ngx_memcmp(a->data, b->data, a->len) != 0) {
            return 0;
        }
    }

    for (i = 0; ngx_http_tgortc_redis_flags[i].name.len; i++) {
        if (*ngx_http_tgortc_redis_flag(one, i)
            != *ngx_http_tgortc_redis_flag(two, i))
        {
            return 0;
        }
    }

    return one->timeout == two->timeout
           && ngx_http_tgortc_conf_redis_common(one, two) == one->naddrs
           && ngx_http_tgortc_conf_redis_common(two, one) == two->naddrs;
}
