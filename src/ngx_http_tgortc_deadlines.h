
/*
 * Copyright (C) TgoRTC contributors
 *
 * Sees to it that what is due in Redis happens: any worker does what it sees
 * first, the script does it once.
 */


#ifndef _NGX_HTTP_TGORTC_DEADLINES_H_INCLUDED_
#define _NGX_HTTP_TGORTC_DEADLINES_H_INCLUDED_


#include "ngx_http_tgortc_call.h"


ngx_http_tgortc_deadlines_t *ngx_http_tgortc_deadlines_create(
    ngx_http_tgortc_app_t *app, ngx_cycle_t *cycle);


/* counts and logs what scripts acted on, which a reply has at i */
void ngx_http_tgortc_deadlines_fired(ngx_http_tgortc_app_t *app,
    redisReply *reply, size_t i);


#endif /* _NGX_HTTP_TGORTC_DEADLINES_H_INCLUDED_ */
