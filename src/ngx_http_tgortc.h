
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the module's files share: an app, its configuration, a request.
 */


#ifndef _NGX_HTTP_TGORTC_H_INCLUDED_
#define _NGX_HTTP_TGORTC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_messages.h"


typedef struct ngx_http_tgortc_app_s         ngx_http_tgortc_app_t;
typedef struct ngx_http_tgortc_redis_s       ngx_http_tgortc_redis_t;
typedef struct ngx_http_tgortc_dispatcher_s  ngx_http_tgortc_dispatcher_t;
typedef struct ngx_http_tgortc_deadlines_s   ngx_http_tgortc_deadlines_t;
typedef struct ngx_http_tgortc_counters_s    ngx_http_tgortc_counters_t;
typedef struct ngx_http_tgortc_deliveries_s  ngx_http_tgortc_deliveries_t;


/* types of events, as scripts/parts/events.lua numbers them */

#define NGX_HTTP_TGORTC_ROOM_STARTED   1
#define NGX_HTTP_TGORTC_ROOM_FINISHED  2
#define NGX_HTTP_TGORTC_INVITED        3
#define NGX_HTTP_TGORTC_JOINED         4
#define NGX_HTTP_TGORTC_LEFT           5
#define NGX_HTTP_TGORTC_REJECTED       6
#define NGX_HTTP_TGORTC_MISSED         7
#define NGX_HTTP_TGORTC_CANCELLED      8
#define NGX_HTTP_TGORTC_TYPES          9


/* what a request asks for, by path; named by ngx_http_tgortc_op_labels */

typedef enum {
    NGX_HTTP_TGORTC_OP_UNKNOWN = 0,
    NGX_HTTP_TGORTC_OP_CREATE,
    NGX_HTTP_TGORTC_OP_INVITE,
    NGX_HTTP_TGORTC_OP_JOIN,
    NGX_HTTP_TGORTC_OP_LEAVE,
    NGX_HTTP_TGORTC_OP_END,
    NGX_HTTP_TGORTC_OP_CANCEL,
    NGX_HTTP_TGORTC_OP_KICK,
    NGX_HTTP_TGORTC_OP_SYNC,
    NGX_HTTP_TGORTC_OP_GET,
    NGX_HTTP_TGORTC_OP_ROOMS,
    NGX_HTTP_TGORTC_OP_CALLING,
    NGX_HTTP_TGORTC_OP_LIVEKIT,
    NGX_HTTP_TGORTC_OP_LOGS,
    NGX_HTTP_TGORTC_OP_LOGS_STATS,
    NGX_HTTP_TGORTC_OP_LOGS_CLEANUP,
    NGX_HTTP_TGORTC_OP_LOGS_REPLAY,
    NGX_HTTP_TGORTC_OP_HEALTH,
    NGX_HTTP_TGORTC_OP_METRICS,
    NGX_HTTP_TGORTC_OPS
} ngx_http_tgortc_op_e;


typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  secret;
    ngx_tgortc_hmac_t         *hmac;           /* under that secret */
} ngx_http_tgortc_key_t;


/* one tgortc_redis directive */

typedef struct {
    ngx_str_t                  address;        /* as configured */
    ngx_addr_t                *addrs;          /* of Redis, or of sentinels */
    ngx_uint_t                 naddrs;
    ngx_str_t                  sentinel;       /* name of the primary, or "" */
    ngx_str_t                  sentinel_user;
    ngx_str_t                  sentinel_password;
    ngx_int_t                  db;
    ngx_str_t                  user;
    ngx_str_t                  password;
    ngx_str_t                  prefix;
    ngx_msec_t                 timeout;
    ngx_flag_t                 tls;
    ngx_flag_t                 tls_verify;
    ngx_str_t                  tls_ca;         /* files */
    ngx_str_t                  tls_cert;
    ngx_str_t                  tls_key;
    ngx_str_t                  tls_host;       /* of the address, a name */
    ngx_str_t                  tls_name;       /* "": the address itself */
    ngx_uint_t                 tls_sni;        /* it is a host's */
#if (NGX_SSL)
    ngx_ssl_t                 *ssl;            /* NULL: without TLS */
#endif
} ngx_http_tgortc_redis_conf_t;


/* a secret of an endpoint: as configured, and the key that is in it */

typedef struct {
    ngx_str_t                  text;
    ngx_tgortc_hmac_t         *text_hmac;
    ngx_tgortc_hmac_t         *key_hmac;
} ngx_http_tgortc_secret_t;


/* one tgortc_webhook directive */

typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  id;             /* in Redis, of the name */
    ngx_str_t                  url;
    ngx_array_t                secrets;        /* ngx_http_tgortc_secret_t */
    ngx_msec_t                 timeout;
    ngx_uint_t                 max_in_flight;  /* in one worker */
    ngx_uint_t                 types;          /* bits */
} ngx_http_tgortc_endpoint_t;


/* tgortc_webhook_retry */

typedef struct {
    ngx_array_t                delays;         /* ngx_msec_t */
    ngx_msec_t                 max_age;
    ngx_uint_t                 max_queued;
} ngx_http_tgortc_retry_t;


/* what all places of one app agree on */

typedef struct {
    ngx_http_tgortc_redis_conf_t  *redis;
    ngx_array_t                   *keys;       /* ngx_http_tgortc_key_t */
    ngx_array_t                   *endpoints;  /* ngx_http_tgortc_endpoint_t */
    ngx_http_tgortc_retry_t       *retry;
    ngx_str_t                      livekit_url;
    ngx_str_t                      livekit_api;    /* no "/" last */
    time_t                         token_ttl;
    ngx_msec_t                     ring_timeout;
    ngx_msec_t                     join_timeout;
    ngx_msec_t                     rejoin_grace;
    ngx_msec_t                     room_max_age;
    ngx_msec_t                     room_retention;
    ngx_msec_t                     log_retention;
    ngx_uint_t                     replicas;       /* tgortc_redis_wait */
    ngx_msec_t                     wait;
} ngx_http_tgortc_settings_t;


/*
 * An app: one Redis (address and db) and prefix.  The names of its keys and
 * the arguments of its scripts are written once, at configuration.
 */

struct ngx_http_tgortc_app_s {
    ngx_http_tgortc_settings_t  settings;
    u_char                     *file;          /* where it was first seen */
    ngx_uint_t                  line;

    ngx_str_t                   users_key;
    ngx_str_t                   deadlines_key;
    ngx_str_t                   room_key;      /* without the room's id */
    ngx_str_t                   once_key;      /* without the hash */
    ngx_str_t                   never_key;
    ngx_str_t                   ring_timeout;
    ngx_str_t                   join_timeout;
    ngx_str_t                   rejoin_grace;
    ngx_str_t                   room_max_age;
    ngx_str_t                   room_retention;
    ngx_str_t                   abilities;     /* bits, see parts/base.lua */
    ngx_array_t                 registration;  /* ngx_str_t */
    long long                  *overflow;      /* of each, -1 at first */
    ngx_shm_zone_t             *zone;
    ngx_shm_zone_t            **endpoint_zones;

    /* of this worker */

    ngx_http_tgortc_counters_t    *counters;
    ngx_http_tgortc_deliveries_t **deliveries; /* of each endpoint */
    ngx_http_tgortc_redis_t       *redis;
    u_char                         eviction[32];   /* Redis's last policy */
    ngx_http_tgortc_dispatcher_t  *dispatcher;
    ngx_http_tgortc_deadlines_t   *deadlines;
    void                         (*events_handler)(ngx_http_tgortc_app_t *app);
};


typedef struct {
    ngx_array_t                 apps;          /* ngx_http_tgortc_app_t * */
    ngx_uint_t                  instance;      /* of this configuration */
    ngx_shm_t                   started;       /* the pid of each worker */
} ngx_http_tgortc_main_conf_t;


typedef enum {
    NGX_HTTP_TGORTC_NOTHING = 0,
    NGX_HTTP_TGORTC_ROOMS,
    NGX_HTTP_TGORTC_PARTICIPANTS,
    NGX_HTTP_TGORTC_LIVEKIT,
    NGX_HTTP_TGORTC_LOGS,
    NGX_HTTP_TGORTC_HEALTH,
    NGX_HTTP_TGORTC_METRICS
} ngx_http_tgortc_serves_e;


typedef struct {
    ngx_http_tgortc_settings_t  settings;
    ngx_array_t                *api_keys;      /* ngx_str_t */

    ngx_http_tgortc_serves_e    serves;
    ngx_http_handler_pt         handler;       /* that does it */
    ngx_uint_t                  own_body_size; /* is set in it */
    ngx_str_t                   prefix;        /* of its paths, no "/" last */
    u_char                     *file;
    ngx_uint_t                  line;

    ngx_http_tgortc_app_t      *app;
    ngx_http_core_loc_conf_t   *core;
    ngx_array_t                *foreign_pages; /* error_page of the server */

    /* of the core, before its settings were changed for what is served */
    ngx_array_t                *error_pages;
    size_t                      body_buffer_size;

    /* of a server itself: its locations, ngx_http_tgortc_loc_conf_t * */
    ngx_array_t                *locations;
} ngx_http_tgortc_loc_conf_t;


/* what goes with an Idempotency-Key, see scripts/parts/once.lua */

#define NGX_HTTP_TGORTC_SHA256  32

typedef struct {
    u_char                      key[2 * NGX_HTTP_TGORTC_SHA256];    /* hex */
    u_char                      fingerprint[NGX_HTTP_TGORTC_SHA256];
} ngx_http_tgortc_once_t;


/* what a request says, see ngx_http_tgortc_params.h; empty if it does not */

typedef struct {
    ngx_str_t                   room_id;
    ngx_str_t                   uid;           /* creator, joiner, leaver … */
    ngx_str_t                   device_type;
    long                        rtc_type;
    long                        invite_on;
    long                        max_participants;
    ngx_str_t                  *uids;
    ngx_uint_t                  nuids;

    /* of a list of rooms, with the uid of somebody who is active in them */

    ngx_str_t                   state;
    ngx_str_t                   creator;
    ngx_str_t                   limit;
    ngx_str_t                   cursor;

    ngx_http_tgortc_once_t     *once;          /* NULL: as often as asked */
} ngx_http_tgortc_params_t;


typedef struct {
    ngx_http_tgortc_params_t    params;
    ngx_tgortc_language_e       language;
    ngx_str_t                   replacement;   /* for the body of an error */
    ngx_str_t                  *replay;        /* arguments of replay.lua */
    long long                   replayed;
    ngx_http_tgortc_op_e        op;
    uint64_t                    began;         /* µs, 0 if it was refused */
    ngx_msec_t                  redis_since;   /* waits for it since then */
    ngx_msec_t                  redis_time;    /* has waited for it */
    unsigned                    redis_asked:1;
    unsigned                    redis_waiting:1;
    unsigned                    language_known:1;
    unsigned                    replaced:1;
} ngx_http_tgortc_ctx_t;


ngx_int_t ngx_http_tgortc_rooms_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tgortc_participants_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tgortc_livekit_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tgortc_logs_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tgortc_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tgortc_metrics_handler(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_tgortc_module;


#endif /* _NGX_HTTP_TGORTC_H_INCLUDED_ */
