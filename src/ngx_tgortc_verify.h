
/*
 * Copyright (C) TgoRTC contributors
 *
 * Whether a webhook is LiveKit's: a JWT (HS256) whose sha256 claim is the hash
 * of the body.  Plain C.
 */


#ifndef _NGX_TGORTC_VERIFY_H_INCLUDED_
#define _NGX_TGORTC_VERIFY_H_INCLUDED_


#include <stddef.h>
#include <time.h>

#include "ngx_tgortc_token.h"


typedef enum {
    NGX_TGORTC_VERIFY_OK = 0,
    NGX_TGORTC_VERIFY_MISSING,      /* no Authorization, or an empty one */
    NGX_TGORTC_VERIFY_MALFORMED,    /* not a JWT of three parts, or no JSON */
    NGX_TGORTC_VERIFY_ALGORITHM,    /* other than HS256 */
    NGX_TGORTC_VERIFY_ISSUER,       /* not one of the configured API keys */
    NGX_TGORTC_VERIFY_SIGNATURE,
    NGX_TGORTC_VERIFY_NO_EXPIRY,
    NGX_TGORTC_VERIFY_EXPIRED,
    NGX_TGORTC_VERIFY_NOT_YET,
    NGX_TGORTC_VERIFY_NO_HASH,      /* no sha256 claim */
    NGX_TGORTC_VERIFY_HASH,         /* of another body */
    NGX_TGORTC_VERIFY_NO_MEMORY
} ngx_tgortc_verify_e;


typedef struct {
    ngx_tgortc_str_t    api_key;
    ngx_tgortc_hmac_t  *key;       /* of ngx_tgortc_hmac_key(); NULL: none */
} ngx_tgortc_verify_key_t;


/*
 * authorization: the header's value, with or without "Bearer ".  The leeway
 * of exp and nbf is a minute.  Nothing of the token is kept or printed.
 */
ngx_tgortc_verify_e ngx_tgortc_verify(const char *authorization, size_t len,
    const char *body, size_t body_len, const ngx_tgortc_verify_key_t *keys,
    size_t nkeys, time_t now);


#endif /* _NGX_TGORTC_VERIFY_H_INCLUDED_ */
