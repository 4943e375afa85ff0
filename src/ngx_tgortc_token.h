
/*
 * Copyright (C) TgoRTC contributors
 *
 * LiveKit access tokens: JWS compact serialization, HS256 (RFC 7515, 7518).
 * Plain C: no nginx in here, so that it can be tested and fuzzed on its own.
 */


#ifndef _NGX_TGORTC_TOKEN_H_INCLUDED_
#define _NGX_TGORTC_TOKEN_H_INCLUDED_


#include <stddef.h>
#include <time.h>
#include "ngx_tgortc_hmac.h"


typedef struct {
    size_t       len;
    const char  *data;
} ngx_tgortc_str_t;


/* what a participant's token says; all strings are valid UTF-8 without NUL */

typedef struct {
    ngx_tgortc_str_t  api_key;           /* "iss" */
    ngx_tgortc_str_t  identity;          /* "sub": the uid */
    ngx_tgortc_str_t  room;
    ngx_tgortc_str_t  device_type;       /* empty: no "metadata" */
    int               video;             /* 0: microphone only */
    int               max_participants;
    time_t            now;               /* "nbf" and "iat", unix seconds */
    time_t            ttl;               /* "exp" is now + ttl, seconds */
} ngx_tgortc_grant_t;


/*
 * Signs a join token for one participant of one room, with a key of
 * ngx_tgortc_hmac_key(): the secret's raw bytes, never decoded.  Returns a
 * NUL-terminated string that the caller frees with free(), its length in
 * *len; NULL when memory or OpenSSL fails.
 */
char *ngx_tgortc_token_sign(const ngx_tgortc_grant_t *grant,
    const ngx_tgortc_hmac_t *key, size_t *len);


/*
 * Signs a token for RoomService, good for a minute: to delete rooms if room is
 * NULL, else to administer that room.  As above.
 */
char *ngx_tgortc_token_sign_admin(const ngx_tgortc_str_t *api_key,
    const ngx_tgortc_hmac_t *key, const ngx_tgortc_str_t *room, time_t now,
    size_t *len);


#endif /* _NGX_TGORTC_TOKEN_H_INCLUDED_ */
