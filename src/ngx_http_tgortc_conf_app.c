
/*
 * Copyright (C) TgoRTC contributors
 *
 * Apps: which places of the configuration serve the same one, and whether they
 * agree.
 */


#include "ngx_http_tgortc_conf.h"
#include "ngx_http_tgortc_counters.h"


#define ngx_http_tgortc_same(a, b)                                            \
    ((a).len == (b).len && ngx_memcmp((a).data, (b).data, (a).len) == 0)


static char *ngx_http_tgortc_conf_directive(ngx_http_tgortc_serves_e serves);
static ngx_uint_t ngx_http_tgortc_conf_looks_on(
    ngx_http_tgortc_serves_e serves);
static ngx_http_tgortc_app_t *ngx_http_tgortc_conf_app_create(ngx_conf_t *cf,
    ngx_http_tgortc_loc_conf_t *tlcf);
static ngx_uint_t ngx_http_tgortc_conf_same_app(
    ngx_http_tgortc_redis_conf_t *one, ngx_http_tgortc_redis_conf_t *two);
static char *ngx_http_tgortc_conf_differs(ngx_http_tgortc_settings_t *one,
    ngx_http_tgortc_settings_t *two);
static ngx_uint_t ngx_http_tgortc_conf_same_endpoints(ngx_array_t *one,
    ngx_array_t *two);
static char *ngx_http_tgortc_conf_complete(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app, ngx_http_tgortc_settings_t *settings);
static char *ngx_http_tgortc_conf_registration(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app);
static ngx_int_t ngx_http_tgortc_conf_key(ngx_conf_t *cf,
    ngx_str_t *prefix, char *name, ngx_str_t *key);
static ngx_int_t ngx_http_tgortc_conf_time(ngx_conf_t *cf, ngx_msec_t msec,
    ngx_str_t *text);


char *
ngx_http_tgortc_conf_app(ngx_conf_t *cf, ngx_http_tgortc_loc_conf_t *tlcf)
{
    char                          *differs;
    ngx_uint_t                     i;
    ngx_http_tgortc_app_t        **apps, *app;
    ngx_http_tgortc_settings_t    *settings, own;
    ngx_http_tgortc_redis_conf_t  *redis;
    ngx_http_tgortc_main_conf_t   *tmcf;

    /* most modules put theirs in the place of what is there, without a word */

    if (tlcf->handler != NULL && tlcf->core->handler != tlcf->handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" is in a location that has another handler "
                      "behind it in %s:%ui",
                      ngx_http_tgortc_conf_directive(tlcf->serves),
                      tlcf->file, tlcf->line);
        return NGX_CONF_ERROR;
    }

    own = tlcf->settings;
    settings = &own;
    redis = settings->redis;

    if (!ngx_http_tgortc_conf_looks_on(tlcf->serves)
        && settings->keys == NULL)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" needs \"tgortc_livekit_key\" in %s:%ui",
                      ngx_http_tgortc_conf_directive(tlcf->serves),
                      tlcf->file, tlcf->line);
        return NGX_CONF_ERROR;
    }

    if (tlcf->serves == NGX_HTTP_TGORTC_ROOMS
        && settings->livekit_url.len == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"tgortc_rooms\" needs \"tgortc_livekit_url\" in %s:%ui",
                      tlcf->file, tlcf->line);
        return NGX_CONF_ERROR;
    }

    /* a location inside, which may have another Redis, does not inherit it */

    if (settings->wait == 0) {
        settings->wait = ngx_max(redis->timeout / 2, 1);
    }

    if (settings->wait >= redis->timeout && settings->replicas) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"tgortc_redis_wait\" waits as long as the timeout of "
                      "\"tgortc_redis\", or longer, in %s:%ui",
                      tlcf->file, tlcf->line);
        return NGX_CONF_ERROR;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tgortc_module);

    app = NULL;
    apps = tmcf->apps.elts;

    for (i = 0; i < tmcf->apps.nelts; i++) {
        if (ngx_http_tgortc_conf_same_app(apps[i]->settings.redis, redis)) {
            app = apps[i];
            break;
        }
    }

    if (app == NULL) {
        app = ngx_http_tgortc_conf_app_create(cf, tlcf);
        if (app == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    tlcf->app = app;

    if (!ngx_http_tgortc_conf_looks_on(tlcf->serves)
        && app->settings.keys == NULL)
    {
        if (ngx_http_tgortc_conf_complete(cf, app, settings) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    differs = ngx_http_tgortc_conf_differs(&app->settings, settings);

    if (differs != NULL
        && (!ngx_http_tgortc_conf_looks_on(tlcf->serves)
            || ngx_strcmp(differs, "tgortc_redis") == 0))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" differs between %s:%ui and %s:%ui, which serve "
                      "the same app (redis \"%V\", db %i, prefix \"%V\")",
                      differs, app->file, app->line, tlcf->file, tlcf->line,
                      &redis->address, redis->db, &redis->prefix);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* places that serve no calls need not say how calls are */

static ngx_uint_t
ngx_http_tgortc_conf_looks_on(ngx_http_tgortc_serves_e serves)
{
    return serves == NGX_HTTP_TGORTC_HEALTH
           || serves == NGX_HTTP_TGORTC_METRICS;
}


static ngx_http_tgortc_app_t *
ngx_http_tgortc_conf_app_create(ngx_conf_t *cf,
    ngx_http_tgortc_loc_conf_t *tlcf)
{
    ngx_str_t                    *prefix;
    ngx_http_tgortc_app_t        *app, **slot;
    ngx_http_tgortc_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tgortc_module);

    app = ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_app_t));
    slot = ngx_array_push(&tmcf->apps);

    if (app == NULL || slot == NULL) {
        return NULL;
    }

    *slot = app;

    app->settings.redis = tlcf->settings.redis;
    app->file = tlcf->file;
    app->line = tlcf->line;

    prefix = &app->settings.redis->prefix;

    if (ngx_http_tgortc_conf_key(cf, prefix, "users", &app->users_key)
        != NGX_OK
        || ngx_http_tgortc_conf_key(cf, prefix, "deadlines",
                                    &app->deadlines_key)
           != NGX_OK
        || ngx_http_tgortc_conf_key(cf, prefix, "room:", &app->room_key)
           != NGX_OK
        || ngx_http_tgortc_conf_key(cf, prefix, "once:", &app->once_key)
           != NGX_OK
        || ngx_http_tgortc_conf_key(cf, prefix, "never", &app->never_key)
           != NGX_OK
        || ngx_http_tgortc_counters_add(cf, app) != NGX_OK)
    {
        return NULL;
    }

    return app;
}


static ngx_uint_t
ngx_http_tgortc_conf_same_endpoints(ngx_array_t *one, ngx_array_t *two)
{
    ngx_uint_t                   i, j;
    ngx_http_tgortc_secret_t    *s, *t;
    ngx_http_tgortc_endpoint_t  *a, *b;

    if (one == NULL || two == NULL || one->nelts != two->nelts) {
        return 0;
    }

    a = one->elts;
    b = two->elts;

    for (i = 0; i < one->nelts; i++) {
        if (!ngx_http_tgortc_same(a[i].name, b[i].name)
            || !ngx_http_tgortc_same(a[i].url, b[i].url)
            || a[i].timeout != b[i].timeout
            || a[i].max_in_flight != b[i].max_in_flight
            || a[i].types != b[i].types
            || a[i].secrets.nelts != b[i].secrets.nelts)
        {
            return 0;
        }

        s = a[i].secrets.elts;
        t = b[i].secrets.elts;

        for (j = 0; j < a[i].secrets.nelts; j++) {
            if (!ngx_http_tgortc_same(s[j].text, t[j].text)) {
                return 0;
            }
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_tgortc_conf_same_app(ngx_http_tgortc_redis_conf_t *one,
    ngx_http_tgortc_redis_conf_t *two)
{
    return ngx_http_tgortc_conf_redis_common(one, two) > 0
           && ngx_http_tgortc_same(one->sentinel, two->sentinel)
           && one->db == two->db
           && one->prefix.len == two->prefix.len
           && ngx_memcmp(one->prefix.data, two->prefix.data, one->prefix.len)
              == 0;
}


/* the directive in which two places of an app differ, NULL if they agree */

static char *
ngx_http_tgortc_conf_differs(ngx_http_tgortc_settings_t *one,
    ngx_http_tgortc_settings_t *two)
{
    ngx_uint_t              i;
    ngx_http_tgortc_key_t  *a, *b;

    if (one->redis != two->redis
        && !ngx_http_tgortc_conf_redis_same(one->redis, two->redis))
    {
        return "tgortc_redis";
    }

    if (one->keys != two->keys) {

        if (one->keys == NULL || two->keys == NULL
            || one->keys->nelts != two->keys->nelts)
        {
            return "tgortc_livekit_key";
        }

        a = one->keys->elts;
        b = two->keys->elts;

        for (i = 0; i < one->keys->nelts; i++) {
            if (!ngx_http_tgortc_same(a[i].name, b[i].name)
                || !ngx_http_tgortc_same(a[i].secret, b[i].secret))
            {
                return "tgortc_livekit_key";
            }
        }
    }

    if (!ngx_http_tgortc_same(one->livekit_url, two->livekit_url)) {
        return "tgortc_livekit_url";
    }

    if (!ngx_http_tgortc_same(one->livekit_api, two->livekit_api)) {
        return "tgortc_livekit_api";
    }

    if (one->token_ttl != two->token_ttl) {
        return "tgortc_token_ttl";
    }

    if (one->ring_timeout != two->ring_timeout) {
        return "tgortc_ring_timeout";
    }

    if (one->join_timeout != two->join_timeout) {
        return "tgortc_join_timeout";
    }

    if (one->room_max_age != two->room_max_age) {
        return "tgortc_room_max_age";
    }

    if (one->rejoin_grace != two->rejoin_grace) {
        return "tgortc_rejoin_grace";
    }

    if (one->room_retention != two->room_retention) {
        return "tgortc_room_retention";
    }

    if (one->log_retention != two->log_retention) {
        return "tgortc_webhook_log_retention";
    }

    if (one->replicas != two->replicas || one->wait != two->wait) {
        return "tgortc_redis_wait";
    }

    /* made by the same directives, or of the same text */

    if (one->endpoints != two->endpoints
        && !ngx_http_tgortc_conf_same_endpoints(one->endpoints,
                                                two->endpoints))
    {
        return "tgortc_webhook";
    }

    if (one->retry != two->retry
        && (one->retry->max_age != two->retry->max_age
            || one->retry->max_queued != two->retry->max_queued
            || one->retry->delays.nelts != two->retry->delays.nelts
            || ngx_memcmp(one->retry->delays.elts, two->retry->delays.elts,
                          one->retry->delays.nelts * sizeof(ngx_msec_t))
               != 0))
    {
        return "tgortc_webhook_retry";
    }

    return NULL;
}


/* the first place that serves rooms says how an app is set */

static char *
ngx_http_tgortc_conf_complete(ngx_conf_t *cf, ngx_http_tgortc_app_t *app,
    ngx_http_tgortc_settings_t *settings)
{
    ngx_http_tgortc_redis_conf_t  *redis;

    redis = app->settings.redis;
    app->settings = *settings;
    app->settings.redis = redis;

    if (ngx_http_tgortc_conf_time(cf, settings->ring_timeout,
                                  &app->ring_timeout)
        != NGX_OK
        || ngx_http_tgortc_conf_time(cf, settings->join_timeout,
                                     &app->join_timeout)
           != NGX_OK
        || ngx_http_tgortc_conf_time(cf, settings->room_max_age,
                                     &app->room_max_age)
           != NGX_OK
        || ngx_http_tgortc_conf_time(cf, settings->rejoin_grace,
                                     &app->rejoin_grace)
           != NGX_OK
        || ngx_http_tgortc_conf_time(cf, settings->room_retention,
                                     &app->room_retention)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tgortc_conf_registration(cf, app);
}


/* the arguments of register.lua */

static char *
ngx_http_tgortc_conf_registration(ngx_conf_t *cf, ngx_http_tgortc_app_t *app)
{
    u_char                      *p;
    ngx_str_t                   *arg;
    ngx_uint_t                   i, n;
    ngx_array_t                 *endpoints;
    ngx_http_tgortc_endpoint_t  *endpoint;
    ngx_http_tgortc_settings_t  *settings;

    settings = &app->settings;
    endpoints = settings->endpoints;

    n = endpoints ? endpoints->nelts : 0;

    app->abilities.len = 1;
    app->abilities.data = (u_char *) "0123" + (n > 0 ? 1 : 0)
                          + (settings->livekit_api.len ? 2 : 0);

    /* places that only look on have no calls */

    if (n == 0 && settings->keys == NULL) {
        return NGX_CONF_OK;
    }

    if (n > 0 && ngx_http_tgortc_counters_add_endpoints(cf, app) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* without endpoints too: those of before have to be forgotten */

    app->overflow = ngx_palloc(cf->pool, (n + 1) * sizeof(long long));

    if (app->overflow == NULL
        || ngx_array_init(&app->registration, cf->pool, 1 + 5 * n,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    arg = ngx_array_push_n(&app->registration, 1 + 5 * n);

    if (ngx_http_tgortc_conf_time(cf, settings->log_retention, arg++)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    endpoint = n > 0 ? endpoints->elts : NULL;

    for (i = 0; i < n; i++) {
        app->overflow[i] = -1;

        *arg++ = endpoint[i].id;
        *arg++ = endpoint[i].name;

        p = ngx_pnalloc(cf->pool, 2 * NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        arg->data = p;
        p = ngx_sprintf(p, "%ui", endpoint[i].types);
        arg->len = p - arg->data;
        arg++;

        arg->data = p;
        p = ngx_sprintf(p, "%ui", settings->retry->max_queued);
        arg->len = p - arg->data;
        arg++;

        if (ngx_http_tgortc_conf_time(cf, settings->retry->max_age, arg++)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* one hash tag for all keys of an app: in a cluster it is in one slot */

static ngx_int_t
ngx_http_tgortc_conf_key(ngx_conf_t *cf, ngx_str_t *prefix, char *name,
    ngx_str_t *key)
{
    key->len = prefix->len + sizeof("{}:") - 1 + ngx_strlen(name);
    key->data = ngx_pnalloc(cf->pool, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(key->data, "{%V}:%s", prefix, name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_conf_time(ngx_conf_t *cf, ngx_msec_t msec, ngx_str_t *text)
{
    text->data = ngx_pnalloc(cf->pool, NGX_TIME_T_LEN);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data, "%M", msec) - text->data;

    return NGX_OK;
}


static char *
ngx_http_tgortc_conf_directive(ngx_http_tgortc_serves_e serves)
{
    switch (serves) {

    case NGX_HTTP_TGORTC_ROOMS:
        return "tgortc_rooms";

    case NGX_HTTP_TGORTC_PARTICIPANTS:
        return "tgortc_participants";

    case NGX_HTTP_TGORTC_LIVEKIT:
        return "tgortc_livekit_webhook";

    case NGX_HTTP_TGORTC_LOGS:
        return "tgortc_webhook_logs";

    case NGX_HTTP_TGORTC_METRICS:
        return "tgortc_metrics";

    default:
        return "tgortc_health";
    }
}
