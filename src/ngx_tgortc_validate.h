
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the values of the API may look like: the limits of the contract in
 * one place.  Plain C.
 */


#ifndef _NGX_TGORTC_VALIDATE_H_INCLUDED_
#define _NGX_TGORTC_VALIDATE_H_INCLUDED_


#include <stddef.h>


#define NGX_TGORTC_ROOM_ID_MAX       64
#define NGX_TGORTC_UID_MAX           128
#define NGX_TGORTC_DEVICE_MAX        32
#define NGX_TGORTC_PARTICIPANTS_MIN  2
#define NGX_TGORTC_PARTICIPANTS_MAX  1000


/* each returns 1 when the value may be used, else 0 */

int ngx_tgortc_valid_room_id(const char *s, size_t len);
int ngx_tgortc_valid_uid(const char *s, size_t len);
int ngx_tgortc_valid_device(const char *s, size_t len);

/* the length in bytes (1 to 4) of the valid UTF-8 sequence at s, else 0 */
size_t ngx_tgortc_utf8_next(const char *s, size_t len);


#endif /* _NGX_TGORTC_VALIDATE_H_INCLUDED_ */
