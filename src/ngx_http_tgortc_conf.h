
/*
 * Copyright (C) TgoRTC contributors
 *
 * Reading the configuration: directives whose value is more than a number,
 * and the checks of "nginx -t".
 */


#ifndef _NGX_HTTP_TGORTC_CONF_H_INCLUDED_
#define _NGX_HTTP_TGORTC_CONF_H_INCLUDED_


#include "ngx_http_tgortc.h"


#define NGX_HTTP_TGORTC_TOKEN_TTL       3600
#define NGX_HTTP_TGORTC_RING_TIMEOUT    30000
#define NGX_HTTP_TGORTC_JOIN_TIMEOUT    60000
#define NGX_HTTP_TGORTC_REJOIN_GRACE    10000
#define NGX_HTTP_TGORTC_ROOM_MAX_AGE    86400000
#define NGX_HTTP_TGORTC_ROOM_RETENTION  86400000
#define NGX_HTTP_TGORTC_LOG_RETENTION   (7 * 86400000)


char *ngx_http_tgortc_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_redis_wait(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_livekit_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_livekit_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_livekit_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_api_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_rooms(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_participants(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_livekit_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_webhook_logs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_health(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tgortc_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* what tgortc_redis is by default; NULL if not, and logged */
ngx_http_tgortc_redis_conf_t *ngx_http_tgortc_conf_redis_default(
    ngx_conf_t *cf);

/* how many addresses of one are addresses of the other as well */
ngx_uint_t ngx_http_tgortc_conf_redis_common(ngx_http_tgortc_redis_conf_t *one,
    ngx_http_tgortc_redis_conf_t *two);

/* whether the same Redis is spoken to in the same way */
ngx_uint_t ngx_http_tgortc_conf_redis_same(ngx_http_tgortc_redis_conf_t *one,
    ngx_http_tgortc_redis_conf_t *two);

/* an http or https URL that libcurl takes: NGX_OK, or it was logged */
ngx_int_t ngx_http_tgortc_conf_url(ngx_conf_t *cf, char *directive,
    ngx_str_t *url);

/*
 * Logs a parameter whose value is wrong, or (known is 0) whose name is; returns
 * NGX_CONF_ERROR.
 */
char *ngx_http_tgortc_conf_invalid(ngx_conf_t *cf, char *directive,
    ngx_str_t *param, ngx_uint_t known);

/*
 * Whether of the directive's arguments from the first on none has the name of
 * another, but "secret=", which may be repeated: NGX_OK, or it was logged.
 */
ngx_int_t ngx_http_tgortc_conf_once(ngx_conf_t *cf, ngx_uint_t first);

/* a key of HMACs for as long as the configuration; NULL and a line if none */
ngx_tgortc_hmac_t *ngx_http_tgortc_conf_hmac(ngx_conf_t *cf, u_char *secret,
    size_t len);

/* the schedule of retries that is the default; NULL without memory */
ngx_http_tgortc_retry_t *ngx_http_tgortc_conf_retry_create(ngx_conf_t *cf);

/* post handlers: a time of 0 is refused */
char *ngx_http_tgortc_conf_msec(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_tgortc_conf_sec(ngx_conf_t *cf, void *post, void *data);

/*
 * Finds or makes the app of a location that serves something, and checks that
 * all its places agree; what is wrong is logged.
 */
char *ngx_http_tgortc_conf_app(ngx_conf_t *cf,
    ngx_http_tgortc_loc_conf_t *tlcf);

/*
 * Before and after http{} is read: what a location says of its own about
 * client_max_body_size is noted, because merging leaves no trace of it.
 */
ngx_int_t ngx_http_tgortc_conf_watch(ngx_conf_t *cf);
void ngx_http_tgortc_conf_unwatch(void *data);

char *ngx_http_tgortc_conf_merge(ngx_conf_t *cf,
    ngx_http_tgortc_loc_conf_t *prev, ngx_http_tgortc_loc_conf_t *conf);


#endif /* _NGX_HTTP_TGORTC_CONF_H_INCLUDED_ */
