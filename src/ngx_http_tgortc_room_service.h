
/*
 * Copyright (C) TgoRTC contributors
 *
 * LiveKit's RoomService over Twirp: what we ask of it and what it answers.
 */


#ifndef _NGX_HTTP_TGORTC_ROOM_SERVICE_H_INCLUDED_
#define _NGX_HTTP_TGORTC_ROOM_SERVICE_H_INCLUDED_


#include "ngx_http_tgortc.h"
#include "ngx_http_tgortc_http.h"


/* types of what waits in the queue "livekit", see parts/outbox.lua */

#define NGX_HTTP_TGORTC_DELETE_ROOM         16
#define NGX_HTTP_TGORTC_REMOVE_PARTICIPANT  17
#define NGX_HTTP_TGORTC_LIST_PARTICIPANTS   18


/*
 * Writes a request, everything in the pool; identity is who is removed.
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_tgortc_room_service_request(ngx_pool_t *pool,
    ngx_http_tgortc_settings_t *settings, ngx_uint_t type,
    const char *room_id, const char *identity,
    ngx_http_tgortc_http_request_t *hr);

/* whether it is done: what is not there any more needs not be removed */
ngx_uint_t ngx_http_tgortc_room_service_done(
    ngx_http_tgortc_http_request_t *hr);

/*
 * The people that a listing has, as arguments of listed.lua, in the pool;
 * NULL if it cannot be read.
 */
ngx_array_t *ngx_http_tgortc_room_service_people(ngx_pool_t *pool,
    ngx_http_tgortc_http_request_t *hr);


#endif /* _NGX_HTTP_TGORTC_ROOM_SERVICE_H_INCLUDED_ */
