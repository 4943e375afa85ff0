
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_counters.h"


/* what nginx asks for as the least that a zone has */
#define NGX_HTTP_TGORTC_ZONE_PAGES  8


static ngx_shm_zone_t *ngx_http_tgortc_counters_zone(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app, ngx_str_t *endpoint, ngx_shm_zone_init_pt init);
static ngx_int_t ngx_http_tgortc_counters_init_app(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_tgortc_counters_init_endpoint(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_tgortc_counters_init(ngx_shm_zone_t *zone,
    void *data, size_t size);


const uint64_t  ngx_http_tgortc_bounds[] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000
};

const char  *ngx_http_tgortc_bound_labels[] = {
    "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
    "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"
};

const char  *ngx_http_tgortc_op_labels[NGX_HTTP_TGORTC_OPS] = {
    "unknown", "create", "invite", "join", "leave", "end", "cancel", "kick",
    "sync", "get", "rooms", "calling", "livekit", "logs", "logs_stats",
    "logs_cleanup", "logs_replay", "health", "metrics"
};

const char  *ngx_http_tgortc_code_labels[NGX_HTTP_TGORTC_CODES] = {
    "200", "400", "401", "403", "404", "405", "408", "409", "410", "411",
    "413", "422", "429", "499", "500", "501", "502", "503", "504", "other"
};

const char
*ngx_http_tgortc_redis_error_labels[NGX_HTTP_TGORTC_REDIS_ERRORS] = {
    "timeout", "error", "lost", "refused"
};

const char  *ngx_http_tgortc_deadline_labels[NGX_HTTP_TGORTC_DEADLINE_KINDS] = {
    "ring", "connect", "rejoin", "age"
};

const char  *ngx_http_tgortc_livekit_labels[NGX_HTTP_TGORTC_LIVEKIT_EVENTS] = {
    "room_started", "room_finished", "participant_joined", "participant_left",
    "participant_connection_aborted", "track_published", "other"
};

const char
*ngx_http_tgortc_refusal_labels[NGX_HTTP_TGORTC_LIVEKIT_REFUSALS] = {
    "missing", "malformed", "algorithm", "issuer", "signature", "no_expiry",
    "expired", "not_yet", "no_hash", "hash", "body"
};

const char  *ngx_http_tgortc_method_labels[NGX_HTTP_TGORTC_LIVEKIT_METHODS] = {
    "DeleteRoom", "RemoveParticipant", "ListParticipants"
};

const char  *ngx_http_tgortc_result_labels[NGX_HTTP_TGORTC_RESULTS] = {
    "ok", "retry", "dead", "unreported"
};


ngx_int_t
ngx_http_tgortc_counters_add(ngx_conf_t *cf, ngx_http_tgortc_app_t *app)
{
    ngx_str_t  none = ngx_null_string;

    app->zone = ngx_http_tgortc_counters_zone(cf, app, &none,
                                          ngx_http_tgortc_counters_init_app);

    return app->zone ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_tgortc_counters_add_endpoints(ngx_conf_t *cf,
    ngx_http_tgortc_app_t *app)
{
    ngx_uint_t                   i, n;
    ngx_http_tgortc_endpoint_t  *endpoint;

    n = app->settings.endpoints->nelts;
    endpoint = app->settings.endpoints->elts;

    app->endpoint_zones = ngx_palloc(cf->pool, n * sizeof(ngx_shm_zone_t *));
    app->deliveries = ngx_pcalloc(cf->pool,
                               n * sizeof(ngx_http_tgortc_deliveries_t *));

    if (app->endpoint_zones == NULL || app->deliveries == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        app->endpoint_zones[i] = ngx_http_tgortc_counters_zone(cf, app,
                                     &endpoint[i].id,
                                     ngx_http_tgortc_counters_init_endpoint);

        if (app->endpoint_zones[i] == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_tgortc_counters_use(ngx_http_tgortc_app_t *app)
{
    ngx_uint_t  i;

    app->counters = app->zone->data;

    if (app->deliveries == NULL) {
        return;
    }

    for (i = 0; i < app->settings.endpoints->nelts; i++) {
        app->deliveries[i] = app->endpoint_zones[i]->data;
    }
}


uint64_t
ngx_http_tgortc_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_tgortc_observe(ngx_http_tgortc_histogram_t *histogram, uint64_t us)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TGORTC_BOUNDS; i++) {
        if (us <= ngx_http_tgortc_bounds[i]) {
            break;
        }
    }

    ngx_http_tgortc_count(histogram->counts[i]);
    (void) ngx_atomic_fetch_add(&histogram->sum, (ngx_atomic_int_t) us);
}


void
ngx_http_tgortc_counters_request(ngx_http_tgortc_counters_t *counters,
    ngx_http_tgortc_op_e op, ngx_uint_t status, uint64_t us)
{
    ngx_uint_t           i;
    static ngx_uint_t    codes[] = {
        200, 400, 401, 403, 404, 405, 408, 409, 410, 411,
        413, 422, 429, 499, 500, 501, 502, 503, 504
    };

    for (i = 0; i < NGX_HTTP_TGORTC_CODES - 1; i++) {
        if (status == codes[i]) {
            break;
        }
    }

    ngx_http_tgortc_count(counters->requests[op][i]);
    ngx_http_tgortc_observe(&counters->durations[op], us);
}


/*
 * The zones of one app: one for itself and one for each endpoint, all of a size
 * that no configuration changes, for nginx keeps a zone over a reload if name
 * and size are the same.  Of several addresses the least is in the name: DNS
 * gives them in any order.
 */

static ngx_shm_zone_t *
ngx_http_tgortc_counters_zone(ngx_conf_t *cf, ngx_http_tgortc_app_t *app,
    ngx_str_t *endpoint, ngx_shm_zone_init_pt init)
{
    u_char                        *p;
    ngx_str_t                      name, *address, *other;
    ngx_uint_t                     i;
    ngx_shm_zone_t                *zone;
    ngx_http_tgortc_redis_conf_t  *redis;

    redis = app->settings.redis;
    address = &redis->addrs[0].name;

    for (i = 1; i < redis->naddrs; i++) {
        other = &redis->addrs[i].name;

        if (ngx_memn2cmp(other->data, address->data, other->len, address->len)
            < 0)
        {
            address = other;
        }
    }

    p = ngx_pnalloc(cf->pool, sizeof("tgortc    ") + redis->sentinel.len
                              + address->len + NGX_INT_T_LEN
                              + redis->prefix.len + endpoint->len);
    if (p == NULL) {
        return NULL;
    }

    name.data = p;
    name.len = ngx_sprintf(p, "tgortc %V %V %i %V%s%V", &redis->sentinel,
                           address, redis->db, &redis->prefix,
                           endpoint->len ? " " : "", endpoint)
               - p;

    zone = ngx_shared_memory_add(cf, &name,
                                 NGX_HTTP_TGORTC_ZONE_PAGES * ngx_pagesize,
                                 &ngx_http_tgortc_module);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = init;

    return zone;
}


static ngx_int_t
ngx_http_tgortc_counters_init_app(ngx_shm_zone_t *zone, void *data)
{
    return ngx_http_tgortc_counters_init(zone, data,
                                         sizeof(ngx_http_tgortc_counters_t));
}


static ngx_int_t
ngx_http_tgortc_counters_init_endpoint(ngx_shm_zone_t *zone, void *data)
{
    return ngx_http_tgortc_counters_init(zone, data,
                                         sizeof(ngx_http_tgortc_deliveries_t));
}


static ngx_int_t
ngx_http_tgortc_counters_init(ngx_shm_zone_t *zone, void *data, size_t size)
{
    /* a reload goes on counting */

    zone->data = data ? data
                      : ngx_slab_calloc((ngx_slab_pool_t *) zone->shm.addr,
                                        size);

    return zone->data ? NGX_OK : NGX_ERROR;
}
