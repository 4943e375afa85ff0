
/*
 * Copyright (C) TgoRTC contributors
 *
 * Rooms in answers: what the replies of scripts say of a room as JSON, and
 * their refusals as errors.
 */


#ifndef _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_
#define _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_


#include "ngx_http_tgortc_call.h"

#include <cjson/cJSON.h>


/* how many values add_room() of scripts/parts/look.lua has for a room … */
#define NGX_HTTP_TGORTC_ROOM_VALUES    6

/* … and for each member */
#define NGX_HTTP_TGORTC_MEMBER_VALUES  6


/*
 * The room of a reply as room_reply() of scripts/parts/room.lua or sync.lua
 * makes it, uids from an element on, with a token for the uid of the request's
 * params; NULL without memory.  What is made refers to the reply.
 */
cJSON *ngx_http_tgortc_room_entry(ngx_http_request_t *r, redisReply *reply,
    size_t uids);

/*
 * A room as add_room() shows it, which begins at element i and has so many
 * members; NULL without memory.  What is made refers to id (NUL-terminated) and
 * to the reply.
 */
cJSON *ngx_http_tgortc_room_details(ngx_http_request_t *r, const char *id,
    redisReply *reply, size_t i, size_t members);

/* a device type, null if it is not known */
cJSON *ngx_http_tgortc_room_device(const char *device);

/* adds a member whose name is a constant; a missing item or object fails */
void ngx_http_tgortc_room_add(cJSON *object, const char *name, cJSON *item,
    ngx_uint_t *failed);

/* answers with what a script refused; returns the rc to finalize with */
ngx_int_t ngx_http_tgortc_room_refuse(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


#endif /* _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_ */
