
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_conf.h"

#include <openssl/err.h>

#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_validate.h"


/* what a location takes that does not say so itself */
#define NGX_HTTP_TGORTC_BODY_SIZE      (64 * 1024)
#define NGX_HTTP_TGORTC_LIVEKIT_SIZE   (4 * 1024 * 1024)

/* RFC 7518, 3.2: a key of HS256 has at least the size of the hash */
#define NGX_HTTP_TGORTC_SECRET_MIN     32


static void ngx_http_tgortc_conf_free_hmac(void *data);
static char *ngx_http_tgortc_conf_serve(ngx_conf_t *cf,
    ngx_http_tgortc_loc_conf_t *tlcf, ngx_http_tgortc_serves_e serves,
    ngx_http_handler_pt handler);
static char *ngx_http_tgortc_conf_body_size(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void ngx_http_tgortc_conf_merge_core(ngx_http_tgortc_loc_conf_t *prev,
    ngx_http_tgortc_loc_conf_t *conf);


char *
ngx_http_tgortc_conf_livekit_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_array_t            *keys;
    ngx_http_tgortc_key_t  *key;

    value = cf->args->elts;
    keys = tlcf->settings.keys;

    if (value[1].len == 0) {
        return "has an empty key";
    }

    if (value[2].len == 0) {
        return "has an empty secret";
    }

    if (value[2].len < NGX_HTTP_TGORTC_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the secret of \"tgortc_livekit_key %V\" is shorter "
                           "than %d bytes", &value[1],
                           NGX_HTTP_TGORTC_SECRET_MIN);
    }

    if (keys == NULL) {
        keys = ngx_array_create(cf->pool, 2, sizeof(ngx_http_tgortc_key_t));
        if (keys == NULL) {
            return NGX_CONF_ERROR;
        }

        tlcf->settings.keys = keys;
    }

    key = keys->elts;

    for (i = 0; i < keys->nelts; i++) {
        if (key[i].name.len == value[1].len
            && ngx_memcmp(key[i].name.data, value[1].data, value[1].len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tgortc_livekit_key\" has key \"%V\" twice",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    key = ngx_array_push(keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    key->name = value[1];
    key->secret = value[2];

    key->hmac = ngx_http_tgortc_conf_hmac(cf, value[2].data, value[2].len);
    if (key->hmac == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tgortc_conf_livekit_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    u_char       *p, *last;
    size_t        n;
    ngx_str_t    *url;
    ngx_uint_t    i;
    static char  *schemes[] = {
        "wss://", "ws://", "https://", "http://", NULL
    };

    if (tlcf->settings.livekit_url.data != NULL) {
        return "is duplicate";
    }

    url = (ngx_str_t *) cf->args->elts + 1;
    last = url->data + url->len;

    for (i = 0; schemes[i]; i++) {
        if (ngx_strncasecmp(url->data, (u_char *) schemes[i],
                            ngx_strlen(schemes[i]))
            == 0)
        {
            break;
        }
    }

    if (schemes[i] == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tgortc_livekit_url %V\" does not begin with "
                           "\"wss://\", \"ws://\", \"https://\" or "
                           "\"http://\"", url);
        return NGX_CONF_ERROR;
    }

    p = url->data + ngx_strlen(schemes[i]);

    if (p == last || *p == '/' || *p == ':') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tgortc_livekit_url %V\" has no host", url);
        return NGX_CONF_ERROR;
    }

    for ( /* void */ ; p < last; p += n) {
        n = ngx_tgortc_utf8_next((char *) p, last - p);

        if (n == 0 || *p <= ' ' || *p == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tgortc_livekit_url %V\" has a space or a "
                               "control character, or is not UTF-8", url);
            return NGX_CONF_ERROR;
        }
    }

    tlcf->settings.livekit_url = *url;

    return NGX_CONF_OK;
}


char *
ngx_http_tgortc_conf_livekit_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    ngx_str_t  *url;

    if (tlcf->settings.livekit_api.data != NULL) {
        return "is duplicate";
    }

    url = (ngx_str_t *) cf->args->elts + 1;

    if (ngx_http_tgortc_conf_url(cf, "tgortc_livekit_api", url) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strlchr(url->data, url->data + url->len, '?') != NULL) {
        return "takes a URL without a query";
    }

    if (url->data[url->len - 1] == '/') {
        url->len--;
    }

    tlcf->settings.livekit_api = *url;

    return NGX_CONF_OK;
}


char *
ngx_http_tgortc_conf_api_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    ngx_str_t  *value, *key;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "is empty";
    }

    if (tlcf->api_keys == NULL) {
        tlcf->api_keys = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (tlcf->api_keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    key = ngx_array_push(tlcf->api_keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    *key = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_tgortc_conf_rooms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_ROOMS,
                                      ngx_http_tgortc_rooms_handler);
}


char *
ngx_http_tgortc_conf_participants(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_PARTICIPANTS,
                                      ngx_http_tgortc_participants_handler);
}


char *
ngx_http_tgortc_conf_livekit_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_LIVEKIT,
                                      ngx_http_tgortc_livekit_handler);
}


char *
ngx_http_tgortc_conf_webhook_logs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_LOGS,
                                      ngx_http_tgortc_logs_handler);
}


char *
ngx_http_tgortc_conf_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_HEALTH,
                                      ngx_http_tgortc_health_handler);
}


char *
ngx_http_tgortc_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_tgortc_conf_serve(cf, conf, NGX_HTTP_TGORTC_METRICS,
                                      ngx_http_tgortc_metrics_handler);
}


char *
ngx_http_tgortc_conf_msec(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t  *msec = data;

    return *msec ? NGX_CONF_OK : "must be longer than 0";
}


char *
ngx_http_tgortc_conf_sec(ngx_conf_t *cf, void *post, void *data)
{
    time_t  *sec = data;

    return *sec ? NGX_CONF_OK : "must be longer than 0";
}


/*
 * The command of the core is wrapped while http{} is read, and put back when
 * that is done, or has failed and the pool of its cycle goes.
 */

static ngx_command_t  *ngx_http_tgortc_body_size;
static char          *(*ngx_http_tgortc_set_body_size)(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


ngx_int_t
ngx_http_tgortc_conf_watch(ngx_conf_t *cf)
{
    ngx_command_t       *cmd;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_tgortc_conf_unwatch;

    for (cmd = ngx_http_core_module.commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, "client_max_body_size") == 0) {
            ngx_http_tgortc_body_size = cmd;
            ngx_http_tgortc_set_body_size = cmd->set;
            cmd->set = ngx_http_tgortc_conf_body_size;
            break;
        }
    }

    return NGX_OK;
}


void
ngx_http_tgortc_conf_unwatch(void *data)
{
    if (ngx_http_tgortc_body_size != NULL) {
        ngx_http_tgortc_body_size->set = ngx_http_tgortc_set_body_size;
        ngx_http_tgortc_body_size = NULL;
    }
}


static char *
ngx_http_tgortc_conf_body_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_tgortc_module);
    tlcf->own_body_size = 1;

    return ngx_http_tgortc_set_body_size(cf, cmd, conf);
}


char *
ngx_http_tgortc_conf_merge(ngx_conf_t *cf, ngx_http_tgortc_loc_conf_t *prev,
    ngx_http_tgortc_loc_conf_t *conf)
{
    ngx_http_tgortc_settings_t  *from, *to;

    from = &prev->settings;
    to = &conf->settings;

    if (from->redis == NULL) {
        from->redis = ngx_http_tgortc_conf_redis_default(cf);
        if (from->redis == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (to->redis == NULL) {
        to->redis = from->redis;
    }

    if (to->replicas == NGX_CONF_UNSET_UINT) {
        to->replicas = from->replicas == NGX_CONF_UNSET_UINT ? 0
                                                             : from->replicas;
        to->wait = from->wait;
    }

    if (to->keys == NULL) {
        to->keys = from->keys;
    }

    if (to->endpoints == NULL) {
        to->endpoints = from->endpoints;
    }

    if (from->retry == NULL) {
        from->retry = ngx_http_tgortc_conf_retry_create(cf);
        if (from->retry == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (to->retry == NULL) {
        to->retry = from->retry;
    }

    if (conf->api_keys == NULL) {
        conf->api_keys = prev->api_keys;
    }

    ngx_conf_merge_str_value(to->livekit_url, from->livekit_url, "");
    ngx_conf_merge_str_value(to->livekit_api, from->livekit_api, "");
    ngx_conf_merge_sec_value(to->token_ttl, from->token_ttl,
                             NGX_HTTP_TGORTC_TOKEN_TTL);
    ngx_conf_merge_msec_value(to->ring_timeout, from->ring_timeout,
                              NGX_HTTP_TGORTC_RING_TIMEOUT);
    ngx_conf_merge_msec_value(to->join_timeout, from->join_timeout,
                              NGX_HTTP_TGORTC_JOIN_TIMEOUT);
    ngx_conf_merge_msec_value(to->rejoin_grace, from->rejoin_grace,
                              NGX_HTTP_TGORTC_REJOIN_GRACE);
    ngx_conf_merge_msec_value(to->log_retention, from->log_retention,
                              NGX_HTTP_TGORTC_LOG_RETENTION);
    ngx_conf_merge_msec_value(to->room_max_age, from->room_max_age,
                              NGX_HTTP_TGORTC_ROOM_MAX_AGE);
    ngx_conf_merge_msec_value(to->room_retention, from->room_retention,
                              NGX_HTTP_TGORTC_ROOM_RETENTION);

    conf->core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    conf->error_pages = conf->core->error_pages;
    conf->body_buffer_size = conf->core->client_body_buffer_size;

    /* "if" and "limit_except" are the same location under other conditions */

    if (conf->serves == NGX_HTTP_TGORTC_NOTHING && conf->core->noname) {
        conf->serves = prev->serves;
        conf->prefix = prev->prefix;
        conf->file = prev->file;
        conf->line = prev->line;

        if (conf->core->lmt_excpt && conf->core->handler == NULL
            && conf->serves != NGX_HTTP_TGORTC_NOTHING)
        {
            conf->core->handler = prev->core->handler;
        }
    }

    if (conf->serves == NGX_HTTP_TGORTC_NOTHING) {
        return NGX_CONF_OK;
    }

    ngx_http_tgortc_conf_merge_core(prev, conf);

    return ngx_http_tgortc_conf_app(cf, conf);
}


char *
ngx_http_tgortc_conf_invalid(ngx_conf_t *cf, char *directive,
    ngx_str_t *param, ngx_uint_t known)
{
    u_char     *last;
    ngx_str_t   shown;

    shown = *param;
    last = ngx_strlchr(param->data, param->data + param->len, '=');

    /* under a name that is misspelt the value may be a secret */

    if (last != NULL && !known) {
        shown.len = last - param->data + 1;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "%s parameter \"%V\" of \"%s\"",
                       known ? "invalid" : "unknown", &shown, directive);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_tgortc_conf_once(ngx_conf_t *cf, ngx_uint_t first)
{
    size_t       len;
    u_char      *last;
    ngx_str_t   *value, name;
    ngx_uint_t   i, j;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        last = ngx_strlchr(value[i].data, value[i].data + value[i].len, '=');

        if (last == NULL) {
            continue;
        }

        len = last + 1 - value[i].data;

        for (j = first; j < i; j++) {

            if (value[j].len < len
                || ngx_strncmp(value[j].data, value[i].data, len) != 0
                || ngx_strncmp(value[j].data, "secret=", len) == 0)
            {
                continue;
            }

            name.data = value[i].data;
            name.len = len;

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" of \"%V\"",
                               &name, &value[0]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_tgortc_hmac_t *
ngx_http_tgortc_conf_hmac(ngx_conf_t *cf, u_char *secret, size_t len)
{
    ngx_tgortc_hmac_t   *hmac;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    hmac = ngx_tgortc_hmac_key(secret, len);

    if (hmac == NULL) {
        ERR_clear_error();
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "OpenSSL makes no HMAC-SHA256: its configuration "
                           "may lack a provider");
        return NULL;
    }

    cln->handler = ngx_http_tgortc_conf_free_hmac;
    cln->data = hmac;

    return hmac;
}


static void
ngx_http_tgortc_conf_free_hmac(void *data)
{
    ngx_tgortc_hmac_free(data);
}


static char *
ngx_http_tgortc_conf_serve(ngx_conf_t *cf, ngx_http_tgortc_loc_conf_t *tlcf,
    ngx_http_tgortc_serves_e serves, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_tgortc_loc_conf_t   *server, **location;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "is in a location that has a handler already";
    }

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
        )
    {
        return "takes a location with a prefix, neither named nor a regular "
               "expression";
    }

    clcf->handler = handler;

    tlcf->serves = serves;
    tlcf->handler = handler;
    tlcf->prefix = clcf->name;
    tlcf->file = cf->conf_file->file.name.data;
    tlcf->line = cf->conf_file->line;

    if (tlcf->prefix.len && tlcf->prefix.data[tlcf->prefix.len - 1] == '/') {
        tlcf->prefix.len--;
    }

    server = cscf->ctx->loc_conf[ngx_http_tgortc_module.ctx_index];

    if (server->locations == NULL) {
        server->locations = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_http_tgortc_loc_conf_t *));
        if (server->locations == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    location = ngx_array_push(server->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    *location = tlcf;

    return NGX_CONF_OK;
}


/*
 * In our locations the core's settings mean something only if they were made
 * there: an error_page of the server would turn our errors into pages, and a
 * server's client_max_body_size is meant for something else.  The core has
 * merged its own before, of all levels: the same pages, the same buffer as it
 * had for the outer level are inherited ones.
 */

static void
ngx_http_tgortc_conf_merge_core(ngx_http_tgortc_loc_conf_t *prev,
    ngx_http_tgortc_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *outer, *inner;

    outer = prev->core;
    inner = conf->core;

    if (outer == NULL) {
        return;
    }

    conf->foreign_pages = inner->noname ? prev->foreign_pages
                                        : prev->error_pages;

    if (inner->error_pages == conf->foreign_pages) {
        inner->error_pages = NULL;
    }

    /* "if" and "limit_except", which have none of their own */

    if (inner->noname) {
        inner->client_max_body_size = outer->client_max_body_size;
        inner->client_body_buffer_size = outer->client_body_buffer_size;
        return;
    }

    if (!conf->own_body_size) {
        inner->client_max_body_size = conf->serves == NGX_HTTP_TGORTC_LIVEKIT
                                      ? NGX_HTTP_TGORTC_LIVEKIT_SIZE
                                      : NGX_HTTP_TGORTC_BODY_SIZE;
    }

    /* a body that fits in memory never waits for a disk */

    if (inner->client_body_buffer_size == prev->body_buffer_size) {
        inner->client_body_buffer_size = NGX_HTTP_TGORTC_BODY_SIZE;
    }
}
