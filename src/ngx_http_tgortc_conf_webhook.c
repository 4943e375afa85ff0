
/*
 * Copyright (C) TgoRTC contributors
 *
 * tgortc_webhook and tgortc_webhook_retry.
 */


#include "ngx_http_tgortc_conf.h"

#include <curl/curl.h>

#include "ngx_http_tgortc_event.h"
#include "ngx_tgortc_signature.h"
#include "ngx_tgortc_validate.h"


#define NGX_HTTP_TGORTC_WEBHOOK_TIMEOUT      10000
#define NGX_HTTP_TGORTC_WEBHOOK_TIMEOUT_MAX  60000
#define NGX_HTTP_TGORTC_MAX_IN_FLIGHT        64
#define NGX_HTTP_TGORTC_MAX_IN_FLIGHT_MAX    1024
#define NGX_HTTP_TGORTC_RETRY_MAX_AGE        86400000
#define NGX_HTTP_TGORTC_RETRY_MAX_QUEUED     1000000


static char *ngx_http_tgortc_conf_webhook_param(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *param);
static void ngx_http_tgortc_conf_webhook_nameless(ngx_conf_t *cf,
    ngx_str_t *url);
static ngx_int_t ngx_http_tgortc_conf_webhook_secret(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *text);
static ngx_int_t ngx_http_tgortc_conf_webhook_events(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *list);
static ngx_int_t ngx_http_tgortc_conf_retry_delays(
    ngx_http_tgortc_retry_t *retry, ngx_str_t *list);
static ngx_uint_t ngx_http_tgortc_conf_cut(ngx_str_t *list, ngx_str_t *item);
static ngx_uint_t ngx_http_tgortc_conf_is(ngx_str_t *param, char *name,
    ngx_str_t *value);


/* after about 1 s, 5 s, 30 s, 2 min, 10 min, 30 min, then hourly */

static ngx_msec_t  ngx_http_tgortc_delays[] = {
    1000, 5000, 30000, 120000, 600000, 1800000, 3600000
};


char *
ngx_http_tgortc_conf_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_array_t                 *endpoints;
    ngx_http_tgortc_endpoint_t  *endpoint, *other;

    value = cf->args->elts;
    endpoints = tlcf->settings.endpoints;

    if (ngx_http_tgortc_conf_url(cf, "tgortc_webhook", &value[1]) != NGX_OK
        || ngx_http_tgortc_conf_once(cf, 2) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (endpoints == NULL) {
        endpoints = ngx_array_create(cf->pool, 2,
                                     sizeof(ngx_http_tgortc_endpoint_t));
        if (endpoints == NULL) {
            return NGX_CONF_ERROR;
        }

        tlcf->settings.endpoints = endpoints;
    }

    endpoint = ngx_array_push(endpoints);
    if (endpoint == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(endpoint, sizeof(ngx_http_tgortc_endpoint_t));

    endpoint->url = value[1];
    endpoint->name = value[1];
    endpoint->timeout = NGX_HTTP_TGORTC_WEBHOOK_TIMEOUT;
    endpoint->max_in_flight = NGX_HTTP_TGORTC_MAX_IN_FLIGHT;
    endpoint->types = (1 << NGX_HTTP_TGORTC_TYPES) - 2;

    if (ngx_array_init(&endpoint->secrets, cf->pool, 2,
                       sizeof(ngx_http_tgortc_secret_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_tgortc_conf_webhook_param(cf, endpoint, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (endpoint->name.data == value[1].data) {
        ngx_http_tgortc_conf_webhook_nameless(cf, &value[1]);
    }

    endpoint->id.len = NGX_HTTP_TGORTC_ENDPOINT_ID;
    endpoint->id.data = ngx_pnalloc(cf->pool, NGX_HTTP_TGORTC_ENDPOINT_ID);

    if (endpoint->id.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_tgortc_endpoint_id(endpoint->id.data, &endpoint->name);

    other = endpoints->elts;

    for (i = 0; i < endpoints->nelts - 1; i++) {
        if (other[i].name.len == endpoint->name.len
            && ngx_memcmp(other[i].name.data, endpoint->name.data,
                          endpoint->name.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "two \"tgortc_webhook\" have the name \"%V\"",
                               &endpoint->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tgortc_conf_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tgortc_loc_conf_t *tlcf = conf;

    ngx_int_t                 n;
    ngx_str_t                *param, value;
    ngx_uint_t                i;
    ngx_http_tgortc_retry_t  *retry;

    if (tlcf->settings.retry != NULL) {
        return "is duplicate";
    }

    if (ngx_http_tgortc_conf_once(cf, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    retry = ngx_http_tgortc_conf_retry_create(cf);
    if (retry == NULL) {
        return NGX_CONF_ERROR;
    }

    tlcf->settings.retry = retry;
    param = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_tgortc_conf_is(&param[i], "delays=", &value)) {
            if (ngx_http_tgortc_conf_retry_delays(retry, &value) != NGX_OK) {
                goto invalid;
            }

        } else if (ngx_http_tgortc_conf_is(&param[i], "max_age=", &value)) {
            n = ngx_parse_time(&value, 0);
            if (n == NGX_ERROR || n == 0) {
                goto invalid;
            }

            retry->max_age = n;

        } else if (ngx_http_tgortc_conf_is(&param[i], "max_queued=", &value)) {
            n = ngx_atoi(value.data, value.len);
            if (n == NGX_ERROR || n == 0) {
                goto invalid;
            }

            retry->max_queued = n;

        } else {
            return ngx_http_tgortc_conf_invalid(cf, "tgortc_webhook_retry",
                                                &param[i], 0);
        }
    }

    if (*(ngx_msec_t *) retry->delays.elts > retry->max_age) {
        return "has a first delay that is longer than \"max_age=\"";
    }

    return NGX_CONF_OK;

invalid:

    return ngx_http_tgortc_conf_invalid(cf, "tgortc_webhook_retry",
                                        &param[i], 1);
}


ngx_http_tgortc_retry_t *
ngx_http_tgortc_conf_retry_create(ngx_conf_t *cf)
{
    ngx_http_tgortc_retry_t  *retry;

    retry = ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_retry_t));

    if (retry == NULL
        || ngx_array_init(&retry->delays, cf->pool, 8, sizeof(ngx_msec_t))
           != NGX_OK)
    {
        return NULL;
    }

    retry->max_age = NGX_HTTP_TGORTC_RETRY_MAX_AGE;
    retry->max_queued = NGX_HTTP_TGORTC_RETRY_MAX_QUEUED;

    ngx_memcpy(retry->delays.elts, ngx_http_tgortc_delays,
               sizeof(ngx_http_tgortc_delays));
    retry->delays.nelts = sizeof(ngx_http_tgortc_delays) / sizeof(ngx_msec_t);

    return retry;
}


ngx_int_t
ngx_http_tgortc_conf_url(ngx_conf_t *cf, char *directive, ngx_str_t *url)
{
    CURLU      *parsed;
    size_t      i, host;
    CURLUcode   rc;

    if (ngx_strncasecmp(url->data, (u_char *) "http://", 7) == 0) {
        host = 7;

    } else if (ngx_strncasecmp(url->data, (u_char *) "https://", 8) == 0) {
        host = 8;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s %V\" does not begin with \"http://\" or "
                           "\"https://\"", directive, url);
        return NGX_ERROR;
    }

    if (url->len == host || ngx_strchr("/:?#", url->data[host])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s %V\" has no host", directive, url);
        return NGX_ERROR;
    }

    for (i = 0; i < url->len; i++) {
        if (url->data[i] <= ' ' || url->data[i] >= 0x7f
            || url->data[i] == '#')
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s %V\" has a character that no URL has",
                               directive, url);
            return NGX_ERROR;
        }
    }

    /* what libcurl would refuse at every attempt */

    parsed = curl_url();
    if (parsed == NULL) {
        return NGX_ERROR;
    }

    rc = curl_url_set(parsed, CURLUPART_URL, (char *) url->data, 0);
    curl_url_cleanup(parsed);

    if (rc != CURLUE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s %V\" is not a URL",
                           directive, url);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_tgortc_conf_webhook_param(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *param)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_tgortc_conf_is(param, "name=", &value)) {
        /* it is shown in JSON */

        if (value.len > 64
            || !ngx_tgortc_valid_uid((char *) value.data, value.len))
        {
            goto invalid;
        }

        endpoint->name = value;

        return NGX_CONF_OK;
    }

    if (ngx_http_tgortc_conf_is(param, "secret=", &value)) {
        if (ngx_http_tgortc_conf_webhook_secret(cf, endpoint, &value)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_http_tgortc_conf_is(param, "timeout=", &value)) {
        n = ngx_parse_time(&value, 0);

        if (n == NGX_ERROR || n == 0
            || n > NGX_HTTP_TGORTC_WEBHOOK_TIMEOUT_MAX)
        {
            goto invalid;
        }

        endpoint->timeout = n;

        return NGX_CONF_OK;
    }

    if (ngx_http_tgortc_conf_is(param, "max_in_flight=", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_HTTP_TGORTC_MAX_IN_FLIGHT_MAX) {
            goto invalid;
        }

        endpoint->max_in_flight = n;

        return NGX_CONF_OK;
    }

    if (ngx_http_tgortc_conf_is(param, "events=", &value)) {
        if (ngx_http_tgortc_conf_webhook_events(cf, endpoint, &value)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    return ngx_http_tgortc_conf_invalid(cf, "tgortc_webhook", param, 0);

invalid:

    return ngx_http_tgortc_conf_invalid(cf, "tgortc_webhook", param, 1);
}


/* its URL is shown as its name, and a password with it */

static void
ngx_http_tgortc_conf_webhook_nameless(ngx_conf_t *cf, ngx_str_t *url)
{
    char   *password;
    CURLU  *parsed;

    parsed = curl_url();
    if (parsed == NULL) {
        return;
    }

    if (curl_url_set(parsed, CURLUPART_URL, (char *) url->data, 0) == CURLUE_OK
        && curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
    {
        curl_free(password);

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "a \"tgortc_webhook\" with a password in its URL "
                           "has no \"name=\": logs and metrics show it");
    }

    curl_url_cleanup(parsed);
}


/* what is wrong with a secret is said without saying the secret */

static ngx_int_t
ngx_http_tgortc_conf_webhook_secret(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *text)
{
    int                        n;
    u_char                    *key;
    ngx_http_tgortc_secret_t  *secret;

    if (text->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "an empty \"secret=\" of \"tgortc_webhook %V\"",
                           &endpoint->url);
        return NGX_ERROR;
    }

    secret = ngx_array_push(&endpoint->secrets);
    key = ngx_pnalloc(cf->pool, text->len);

    if (secret == NULL || key == NULL) {
        return NGX_ERROR;
    }

    n = ngx_tgortc_signature_key((char *) text->data, text->len, key);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a \"secret=whsec_...\" of \"tgortc_webhook %V\" "
                           "is not base64", &endpoint->url);
        return NGX_ERROR;
    }

    secret->text = *text;
    secret->text_hmac = ngx_http_tgortc_conf_hmac(cf, text->data, text->len);
    secret->key_hmac = ngx_http_tgortc_conf_hmac(cf, key, n);

    if (secret->text_hmac == NULL || secret->key_hmac == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_conf_webhook_events(ngx_conf_t *cf,
    ngx_http_tgortc_endpoint_t *endpoint, ngx_str_t *list)
{
    ngx_str_t   name;
    ngx_uint_t  type;

    endpoint->types = 0;

    while (ngx_http_tgortc_conf_cut(list, &name)) {
        type = ngx_http_tgortc_event_type(&name);

        if (type == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown event \"%V\" in \"events=\" of "
                               "\"tgortc_webhook %V\"", &name,
                               &endpoint->url);
            return NGX_ERROR;
        }

        endpoint->types |= 1 << type;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_conf_retry_delays(ngx_http_tgortc_retry_t *retry,
    ngx_str_t *list)
{
    ngx_int_t    n;
    ngx_str_t    item;
    ngx_msec_t  *delay;

    retry->delays.nelts = 0;

    while (ngx_http_tgortc_conf_cut(list, &item)) {
        n = ngx_parse_time(&item, 0);

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        delay = ngx_array_push(&retry->delays);
        if (delay == NULL) {
            return NGX_ERROR;
        }

        *delay = n;
    }

    return retry->delays.nelts ? NGX_OK : NGX_ERROR;
}


/* takes the next item off a list with commas; 0 if there is none */

static ngx_uint_t
ngx_http_tgortc_conf_cut(ngx_str_t *list, ngx_str_t *item)
{
    u_char  *p, *last;

    if (list->data == NULL) {
        return 0;
    }

    last = list->data + list->len;
    p = ngx_strlchr(list->data, last, ',');

    item->data = list->data;
    item->len = (p ? p : last) - list->data;

    list->data = p ? p + 1 : NULL;
    list->len = p ? (size_t) (last - p - 1) : 0;

    return 1;
}


static ngx_uint_t
ngx_http_tgortc_conf_is(ngx_str_t *param, char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (param->len < len || ngx_strncmp(param->data, name, len) != 0) {
        return 0;
    }

    value->data = param->data + len;
    value->len = param->len - len;

    return 1;
}
