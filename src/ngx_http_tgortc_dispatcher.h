
/*
 * Copyright (C) TgoRTC contributors
 *
 * Delivers what waits in the outbox: claims from Redis, sends by HTTP, reports
 * to Redis.  One dispatcher per app and worker; see docs/webhooks.md.
 */


#ifndef _NGX_HTTP_TGORTC_DISPATCHER_H_INCLUDED_
#define _NGX_HTTP_TGORTC_DISPATCHER_H_INCLUDED_


#include "ngx_http_tgortc.h"
#include "ngx_http_tgortc_http.h"


/*
 * owner: this worker's place among all, from 1 to 4095, see sending.lua;
 * respawned: it comes in the place of one that died.
 */
ngx_http_tgortc_dispatcher_t *ngx_http_tgortc_dispatcher_create(
    ngx_http_tgortc_app_t *app, ngx_http_tgortc_http_t *http,
    ngx_uint_t owner, ngx_uint_t respawned, ngx_cycle_t *cycle);

/* there may be something to deliver */
void ngx_http_tgortc_dispatcher_kick(ngx_http_tgortc_app_t *app);

/* the worker ends without waiting for answers: others may send at once */
void ngx_http_tgortc_dispatcher_hand_back(ngx_http_tgortc_app_t *app);

/* frees what is under way, when neither HTTP nor Redis answer any more */
void ngx_http_tgortc_dispatcher_destroy(ngx_http_tgortc_app_t *app);


#endif /* _NGX_HTTP_TGORTC_DISPATCHER_H_INCLUDED_ */
