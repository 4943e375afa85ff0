
/*
 * Copyright (C) TgoRTC contributors
 *
 * Rooms in answers: what the replies of scripts say of a room as JSON, and
 * their refusals as errors.
 */


#ifndef _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_
#define _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_


#include "ngx_http_tgortc_call.h"
#include "ngx_tgortc_write.h"


/* how many values add_room() of scripts/parts/look.lua has for a room … */
#define NGX_HTTP_TGORTC_ROOM_VALUES    6

/* … and for each member */
#define NGX_HTTP_TGORTC_MEMBER_VALUES  6


/*
 * Writes the room of a reply as room_reply() of scripts/parts/room.lua or
 * sync.lua makes it, uids from an element on, with a token for the uid of the
 * request's params.
 */
void ngx_http_tgortc_room_entry(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    redisReply *reply, size_t uids);

/*
 * Writes a room as add_room() shows it, which begins at element i and has so
 * many members.
 */
void ngx_http_tgortc_room_details(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, const char *id, redisReply *reply, size_t i,
    size_t members);

/* answers with what a script refused; returns the rc to finalize with */
ngx_int_t ngx_http_tgortc_room_refuse(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


#endif /* _NGX_HTTP_TGORTC_ROOM_H_INCLUDED_ */
