
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


static ngx_http_tgortc_redis_conf_t *ngx_http_tgortc_conf_redis_create(
    ngx_conf_t *cf, ngx_str_t *address);
static ngx_int_t ngx_http_tgortc_conf_redis_addresses(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, u_char *p, u_char *last,
    in_port_t port);
static ngx_int_t ngx_http_tgortc_conf_redis_address(ngx_conf_t *cf,
    ngx_array_t *addrs, ngx_str_t *address, in_port_t port);
static char *ngx_http_tgortc_conf_redis_param(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, ngx_str_t *param);
static ngx_int_t ngx_http_tgortc_conf_redis_prefix(ngx_str_t *prefix);
static char *ngx_http_tgortc_conf_redis_check(
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
    { ngx_null_string, 0 }
};


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

    return ngx_http_tgortc_conf_redis_check(redis);
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
    u_char       *comma;
    ngx_str_t     address;
    ngx_array_t   addrs;

    if (ngx_array_init(&addrs, cf->pool, 4, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        address.data = p;
        address.len = (comma ? comma : last) - p;

        if (ngx_http_tgortc_conf_redis_address(cf, &addrs, &address, port)
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

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_conf_redis_address(ngx_conf_t *cf, ngx_array_t *addrs,
    ngx_str_t *address, in_port_t port)
{
    ngx_url_t    u;
    ngx_addr_t  *addr;

    /* names are resolved here, where it may block, and never by a worker */

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *address;
    u.default_port = port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the address \"%V\" of \"tgortc_redis\"",
                           u.err ? u.err : "error", address);
        return NGX_ERROR;
    }

    if (u.uri.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tgortc_redis %V\" takes host:port or "
                           "unix:path, the database is \"db=\"", address);
        return NGX_ERROR;
    }

    addr = ngx_array_push_n(addrs, u.naddrs);
    if (addr == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(addr, u.addrs, u.naddrs * sizeof(ngx_addr_t));

    return NGX_OK;
}


static char *
ngx_http_tgortc_conf_redis_param(ngx_conf_t *cf,
    ngx_http_tgortc_redis_conf_t *redis, ngx_str_t *param)
{
    u_char      *last;
    ngx_int_t    n;
    ngx_str_t   *name, *text, value;
    ngx_uint_t   i;

    last = param->data + param->len;

    for (i = 0; ngx_http_tgortc_redis_texts[i].name.len; i++) {
        name = &ngx_http_tgortc_redis_texts[i].name;

        if (ngx_strncmp(param->data, name->data, name->len) == 0) {
            text = (ngx_str_t *) ((u_char *) redis
                                  + ngx_http_tgortc_redis_texts[i].offset);

            text->data = param->data + name->len;
            text->len = last - text->data;

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

    return NGX_CONF_OK;
}
