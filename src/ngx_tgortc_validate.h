
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the values of the API may look like: the limits of docs/api.md in
 * one place.  Plain C.
 */


#ifndef _NGX_TGORTC_VALIDATE_H_INCLUDED_
#define _NGX_TGORTC_VALIDATE_H_INCLUDED_


#include <stddef.h>


#define NGX_TGORTC_ROOM_ID_MAX       64
#define NGX_TGORTC_UID_MAX           128
#define NGX_TGORTC_DEVICE_MAX        32
#define NGX_TGORTC_KEY_MAX           255
#define NGX_TGORTC_PARTICIPANTS_MIN  2
#define NGX_TGORTC_PARTICIPANTS_MAX  1000
#define NGX_TGORTC_LIMIT_MAX         100
#define NGX_TGORTC_CURSOR_DIGITS     15


/* each returns 1 when the value may be used, else 0 */

int ngx_tgortc_valid_room_id(const char *s, size_t len);
int ngx_tgortc_valid_uid(const char *s, size_t len);
int ngx_tgortc_valid_device(const char *s, size_t len);

/* an Idempotency-Key: visible ASCII */
int ngx_tgortc_valid_key(const char *s, size_t len);

/* of a list of rooms: live or ended; 1 to 100; time in ms, "-", room id */

int ngx_tgortc_valid_state(const char *s, size_t len);
int ngx_tgortc_valid_limit(const char *s, size_t len);
int ngx_tgortc_valid_cursor(const char *s, size_t len);

/* the length in bytes (1 to 4) of the valid UTF-8 sequence at s, else 0 */
size_t ngx_tgortc_utf8_next(const char *s, size_t len);


#endif /* _NGX_TGORTC_VALIDATE_H_INCLUDED_ */
