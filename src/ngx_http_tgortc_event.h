
/*
 * Copyright (C) TgoRTC contributors
 *
 * What an endpoint gets: the request of one event.
 */


#ifndef _NGX_HTTP_TGORTC_EVENT_H_INCLUDED_
#define _NGX_HTTP_TGORTC_EVENT_H_INCLUDED_


#include "ngx_http_tgortc.h"
#include "ngx_http_tgortc_http.h"


/* an event of a change, as sending.lua has it; the strings are borrowed */

typedef struct {
    const char                  *room_id;
    ngx_uint_t                   type;
    ngx_str_t                    nonce;
    int64_t                      time;           /* ms */
    long                         status;
    long                         duration;
    int64_t                      created;        /* ms */
    long                         rtc_type;
    long                         invite_on;
    long                         max_participants;
    const char                  *device_type;
    const char                 **uids;           /* the creator first */
    ngx_uint_t                   nuids;
    long                         seq;
    const char                  *target;         /* "" if the event has none */
} ngx_http_tgortc_event_t;


/*
 * Writes URL, headers and body of an attempt at "now" (unix seconds) into a
 * request, everything in the pool.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_tgortc_event_request(ngx_pool_t *pool,
    ngx_http_tgortc_event_t *event, ngx_http_tgortc_endpoint_t *endpoint,
    time_t now, ngx_http_tgortc_http_request_t *hr);

/* names an endpoint's queues in Redis, in hex: of its name */
#define NGX_HTTP_TGORTC_ENDPOINT_ID  16

void ngx_http_tgortc_endpoint_id(u_char *id, ngx_str_t *name);

/* the name of a type: "room.started"; NULL if there is no such type */
ngx_str_t *ngx_http_tgortc_event_name(ngx_uint_t type);

/* the type of a name, 0 if there is no such name */
ngx_uint_t ngx_http_tgortc_event_type(ngx_str_t *name);


#endif /* _NGX_HTTP_TGORTC_EVENT_H_INCLUDED_ */
