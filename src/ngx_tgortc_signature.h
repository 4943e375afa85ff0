
/*
 * Copyright (C) TgoRTC contributors
 *
 * Signatures of the webhooks that we send, and when to try again.  Plain C.
 */


#ifndef _NGX_TGORTC_SIGNATURE_H_INCLUDED_
#define _NGX_TGORTC_SIGNATURE_H_INCLUDED_


#include <stddef.h>
#include <time.h>

#include "ngx_tgortc_hmac.h"


#define NGX_TGORTC_SIGNATURE_HEX     64
#define NGX_TGORTC_SIGNATURE_V1_LEN  47      /* "v1," and base64 of 32 bytes */


/*
 * The key of the Standard Webhooks signature: "whsec_…" is base64 and decoded,
 * anything else is used as it is.  Writes at most len bytes to key and returns
 * how many; -1 if what follows whsec_ is not base64, or is empty.
 */
int ngx_tgortc_signature_key(const char *secret, size_t len,
    unsigned char *key);

/*
 * X-Signature: lower-case hex HMAC-SHA256 of the body; its key is the secret as
 * it is written in the configuration.  Writes 64 characters and a NUL.  Returns
 * 0 when OpenSSL fails, else 1.
 */
int ngx_tgortc_signature_hex(char *out, const ngx_tgortc_hmac_t *key,
    const char *body, size_t body_len);

/*
 * One signature of webhook-signature, "v1,<base64>" over id.timestamp.body
 * (Standard Webhooks 1.0.0); its key is that of ngx_tgortc_signature_key().
 * Writes 47 characters and a NUL.  Returns 0 on failure, else 1.
 */
int ngx_tgortc_signature_v1(char *out, const ngx_tgortc_hmac_t *key,
    const char *id, time_t timestamp, const char *body, size_t body_len);

/*
 * Seconds to wait according to Retry-After (RFC 9110, 10.2.3: seconds or a
 * date), 0 if it says nothing usable or a time gone by; at most max.
 */
long ngx_tgortc_retry_after(const char *value, time_t now, long max);


#endif /* _NGX_TGORTC_SIGNATURE_H_INCLUDED_ */
