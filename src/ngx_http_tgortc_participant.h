
/*
 * Copyright (C) TgoRTC contributors
 *
 * What LiveKit says of a participant, in its webhooks (camelCase) and in the
 * answers of RoomService (snake_case).
 */


#ifndef _NGX_HTTP_TGORTC_PARTICIPANT_H_INCLUDED_
#define _NGX_HTTP_TGORTC_PARTICIPANT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <cjson/cJSON.h>


/* a sid has 15 characters; this bounds what a room remembers */
#define NGX_HTTP_TGORTC_SID_MAX  64


/* a string member of 1 to max bytes, left where it is, or NGX_DECLINED */
ngx_int_t ngx_http_tgortc_json_string(cJSON *object, const char *name,
    size_t max, ngx_str_t *value);

/* sid and identity of a person; NGX_DECLINED if it is none (kind, hidden) */
ngx_int_t ngx_http_tgortc_participant_person(cJSON *participant,
    ngx_str_t *sid, ngx_str_t *identity);

/* ms since 1970 when the session was made, as text in the pool */
ngx_int_t ngx_http_tgortc_participant_made_at(ngx_pool_t *pool,
    cJSON *participant, ngx_str_t *text);

/* the same of when LiveKit told of an event, by its clock, in whole seconds */
ngx_int_t ngx_http_tgortc_participant_told_at(ngx_pool_t *pool, cJSON *event,
    ngx_str_t *text);

/* the device type, in the pool; empty if the metadata has none */
void ngx_http_tgortc_participant_device(ngx_pool_t *pool, cJSON *participant,
    ngx_str_t *device);


#endif /* _NGX_HTTP_TGORTC_PARTICIPANT_H_INCLUDED_ */
