
/*
 * Copyright (C) TgoRTC contributors
 *
 * The module as nginx sees it: directives, configuration, what happens when a
 * worker starts and stops.  What it does is in src/.
 */


#include "ngx_http_tgortc.h"

#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_conf.h"
#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_deadlines.h"
#include "ngx_http_tgortc_dispatcher.h"
#include "ngx_http_tgortc_eviction.h"
#include "ngx_http_tgortc_http.h"
#include "ngx_http_tgortc_random.h"
#include "ngx_http_tgortc_redis.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_variables.h"


/*
 * Of the 4095 owners of leases those of one configuration.  Workers who share
 * one give back what the other sends.
 */
#define NGX_HTTP_TGORTC_OWNERS  256


static ngx_int_t ngx_http_tgortc_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_tgortc_create_main_conf(ngx_conf_t *cf);
static ngx_uint_t ngx_http_tgortc_instance(ngx_cycle_t *cycle);
static void *ngx_http_tgortc_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tgortc_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_tgortc_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_tgortc_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tgortc_free_started(ngx_cycle_t *cycle,
    ngx_shm_t *shm);
static ngx_int_t ngx_http_tgortc_init_process(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_tgortc_is_respawned(ngx_shm_t *started);
static ngx_int_t ngx_http_tgortc_init_app(ngx_http_tgortc_app_t *app,
    ngx_uint_t owner, ngx_uint_t respawned, ngx_cycle_t *cycle);
static void ngx_http_tgortc_ready(void *data);
static void ngx_http_tgortc_released(void);
static void ngx_http_tgortc_exit_process(ngx_cycle_t *cycle);


static ngx_conf_post_t  ngx_http_tgortc_msec = { ngx_http_tgortc_conf_msec };
static ngx_conf_post_t  ngx_http_tgortc_sec = { ngx_http_tgortc_conf_sec };


/* of this worker */
static ngx_http_tgortc_http_t  *ngx_http_tgortc_http;


static ngx_command_t  ngx_http_tgortc_commands[] = {

    { ngx_string("tgortc_redis"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tgortc_conf_redis,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_redis_wait"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_tgortc_conf_redis_wait,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_livekit_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_tgortc_conf_livekit_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_livekit_url"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tgortc_conf_livekit_url,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_livekit_api"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tgortc_conf_livekit_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_token_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.token_ttl),
      &ngx_http_tgortc_sec },

    { ngx_string("tgortc_ring_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.ring_timeout),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_join_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.join_timeout),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_rejoin_grace"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.rejoin_grace),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_room_max_age"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.room_max_age),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_room_retention"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.room_retention),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_webhook"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tgortc_conf_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_webhook_retry"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tgortc_conf_webhook_retry,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_webhook_log_retention"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tgortc_loc_conf_t, settings.log_retention),
      &ngx_http_tgortc_msec },

    { ngx_string("tgortc_api_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tgortc_conf_api_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_rooms"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_rooms,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_participants"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_participants,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_livekit_webhook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_livekit_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_webhook_logs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_webhook_logs,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tgortc_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tgortc_conf_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tgortc_module_ctx = {
    ngx_http_tgortc_preconfiguration,      /* preconfiguration */
    ngx_http_tgortc_postconfiguration,     /* postconfiguration */

    ngx_http_tgortc_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tgortc_create_loc_conf,       /* create location configuration */
    ngx_http_tgortc_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_tgortc_module = {
    NGX_MODULE_V1,
    &ngx_http_tgortc_module_ctx,           /* module context */
    ngx_http_tgortc_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_tgortc_init_module,           /* init module */
    ngx_http_tgortc_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_tgortc_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_tgortc_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_tgortc_variables_add(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_conf_watch(cf);
}


static void *
ngx_http_tgortc_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tgortc_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    tmcf->instance = ngx_http_tgortc_instance(cf->cycle);

    if (ngx_array_init(&tmcf->apps, cf->pool, 2,
                       sizeof(ngx_http_tgortc_app_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return tmcf;
}


/* another number for each reload, any for the first start */

static ngx_uint_t
ngx_http_tgortc_instance(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i, instance;
    ngx_cycle_t                  *old;
    ngx_http_tgortc_main_conf_t  *tmcf;

    old = cycle->old_cycle;

    /* without the module in it the old cycle has no place for our conf */

    for (i = 0; old != NULL && old->modules != NULL && old->modules[i]; i++) {

        if (old->modules[i] != &ngx_http_tgortc_module) {
            continue;
        }

        tmcf = ngx_http_cycle_get_module_main_conf(old,
                                                   ngx_http_tgortc_module);
        if (tmcf != NULL) {
            return tmcf->instance + 1;
        }
    }

    if (ngx_http_tgortc_random((u_char *) &instance, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        instance = (ngx_uint_t) ngx_pid;
    }

    return instance;
}


static void *
ngx_http_tgortc_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tgortc_loc_conf_t));
    if (tlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tlcf->settings.redis = NULL;
     *     tlcf->settings.keys = NULL;
     *     tlcf->settings.endpoints = NULL;
     *     tlcf->settings.retry = NULL;
     *     tlcf->settings.wait = 0;
     *     tlcf->settings.livekit_url = { 0, NULL };
     *     tlcf->settings.livekit_api = { 0, NULL };
     *     tlcf->api_keys = NULL;
     *     tlcf->serves = NGX_HTTP_TGORTC_NOTHING;
     *     tlcf->handler = NULL;
     *     tlcf->app = NULL;
     *     tlcf->core = NULL;
     *     tlcf->error_pages = NULL;
     *     tlcf->body_buffer_size = 0;
     *     tlcf->locations = NULL;
     */

    tlcf->settings.replicas = NGX_CONF_UNSET_UINT;
    tlcf->settings.token_ttl = NGX_CONF_UNSET;
    tlcf->settings.ring_timeout = NGX_CONF_UNSET_MSEC;
    tlcf->settings.join_timeout = NGX_CONF_UNSET_MSEC;
    tlcf->settings.rejoin_grace = NGX_CONF_UNSET_MSEC;
    tlcf->settings.room_max_age = NGX_CONF_UNSET_MSEC;
    tlcf->settings.room_retention = NGX_CONF_UNSET_MSEC;
    tlcf->settings.log_retention = NGX_CONF_UNSET_MSEC;

    return tlcf;
}


static char *
ngx_http_tgortc_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    return ngx_http_tgortc_conf_merge(cf, parent, child);
}


static ngx_int_t
ngx_http_tgortc_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *handler;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_tgortc_conf_unwatch(NULL);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handler = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (handler == NULL) {
        return NGX_ERROR;
    }

    *handler = ngx_http_tgortc_log_handler;

    ngx_http_tgortc_call_init();
    ngx_http_tgortc_response_init();

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_init_module(ngx_cycle_t *cycle)
{
    ngx_shm_t                    *shm;
    ngx_http_tgortc_main_conf_t  *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_tgortc_module);

    if (tmcf == NULL || tmcf->apps.nelts == 0) {
        return NGX_OK;
    }

    /* tells a worker that starts from one that another was here before */

    shm = &tmcf->started;
    shm->size = ngx_pagesize;
    shm->log = cycle->log;
    ngx_str_set(&shm->name, "tgortc");

    if (ngx_shm_alloc(shm) != NGX_OK
        || ngx_http_tgortc_free_started(cycle, shm) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_http_init(cycle);
}


static ngx_int_t
ngx_http_tgortc_free_started(ngx_cycle_t *cycle, ngx_shm_t *shm)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);

    if (cln == NULL) {
        ngx_shm_free(shm);
        return NGX_ERROR;
    }

    cln->handler = (ngx_pool_cleanup_pt) ngx_shm_free;
    cln->data = shm;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                     i, owner, respawned;
    ngx_http_tgortc_app_t        **apps;
    ngx_http_tgortc_main_conf_t   *tmcf;

    /* not for the cache manager and loader */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_tgortc_module);

    if (tmcf == NULL || tmcf->apps.nelts == 0) {
        return NGX_OK;
    }

    /* the time is that of the configuration's end; timers start from now */

    ngx_time_update();

    ngx_http_tgortc_http = ngx_http_tgortc_http_create(cycle,
                                                    ngx_http_tgortc_released);
    if (ngx_http_tgortc_http == NULL) {
        return NGX_ERROR;
    }

    /* the worker that comes in the place of a dead one is the same owner */

    owner = 1 + (tmcf->instance * NGX_HTTP_TGORTC_OWNERS + ngx_worker) % 4095;
    respawned = ngx_http_tgortc_is_respawned(&tmcf->started);

    apps = tmcf->apps.elts;

    for (i = 0; i < tmcf->apps.nelts; i++) {
        if (ngx_http_tgortc_init_app(apps[i], owner, respawned, cycle)
            != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Whether another one was here before and is gone.  After an upgrade of the
 * binary that was taken back it may still be here, and send.
 */

static ngx_uint_t
ngx_http_tgortc_is_respawned(ngx_shm_t *started)
{
    ngx_pid_t  *pids, before;

    pids = (ngx_pid_t *) started->addr;
    pids += ngx_worker % (started->size / sizeof(ngx_pid_t));

    before = *pids;
    *pids = ngx_pid;

    return before != 0 && kill(before, 0) == -1;
}


static ngx_int_t
ngx_http_tgortc_init_app(ngx_http_tgortc_app_t *app, ngx_uint_t owner,
    ngx_uint_t respawned, ngx_cycle_t *cycle)
{
    ngx_http_tgortc_counters_use(app);

    app->redis = ngx_http_tgortc_redis_create(app->settings.redis,
                                              app->counters,
                                              ngx_http_tgortc_ready, app,
                                              cycle->pool, cycle->log);
    if (app->redis == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tgortc_redis_wait(app->redis, app->settings.replicas,
                               app->settings.wait, &app->never_key);

    /* places that only look on have no calls */

    if (app->settings.keys == NULL) {
        return NGX_OK;
    }

    app->deadlines = ngx_http_tgortc_deadlines_create(app, cycle);
    if (app->deadlines == NULL) {
        return NGX_ERROR;
    }

    app->dispatcher = ngx_http_tgortc_dispatcher_create(app,
                                                        ngx_http_tgortc_http,
                                                        owner, respawned,
                                                        cycle);
    if (app->dispatcher == NULL) {
        return NGX_ERROR;
    }

    app->events_handler = ngx_http_tgortc_dispatcher_kick;

    return NGX_OK;
}


static void
ngx_http_tgortc_ready(void *data)
{
    ngx_http_tgortc_app_t *app = data;

    /*
     * Without endpoints it only tidies up, and that can wait; a worker that
     * ends may have some that are no more.
     */

    if (app->settings.endpoints != NULL && !ngx_exiting) {
        ngx_http_tgortc_call_register(app);
    }

    ngx_http_tgortc_eviction_check(app);
}


static void
ngx_http_tgortc_released(void)
{
    ngx_uint_t                     i;
    ngx_http_tgortc_app_t        **apps;
    ngx_http_tgortc_main_conf_t   *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_tgortc_module);
    apps = tmcf->apps.elts;

    for (i = 0; i < tmcf->apps.nelts; i++) {
        if (apps[i]->dispatcher != NULL) {
            ngx_http_tgortc_dispatcher_hand_back(apps[i]);
        }
    }
}


static void
ngx_http_tgortc_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                     i;
    ngx_http_tgortc_app_t        **apps;
    ngx_http_tgortc_main_conf_t   *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_tgortc_module);
    if (tmcf == NULL) {
        return;
    }

    if (ngx_http_tgortc_http != NULL) {
        ngx_http_tgortc_http_destroy(ngx_http_tgortc_http);
        ngx_http_tgortc_http = NULL;
    }

    apps = tmcf->apps.elts;

    for (i = 0; i < tmcf->apps.nelts; i++) {
        if (apps[i]->redis != NULL) {
            ngx_http_tgortc_redis_destroy(apps[i]->redis);
            apps[i]->redis = NULL;
        }

        if (apps[i]->dispatcher != NULL) {
            ngx_http_tgortc_dispatcher_destroy(apps[i]);
            apps[i]->dispatcher = NULL;
        }
    }
}
