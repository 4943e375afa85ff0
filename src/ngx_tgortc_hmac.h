
/*
 * Copyright (C) TgoRTC contributors
 *
 * HMAC-SHA256 under keys that are prepared once and used often.  Plain C.
 */


#ifndef _NGX_TGORTC_HMAC_H_INCLUDED_
#define _NGX_TGORTC_HMAC_H_INCLUDED_


#include <stddef.h>
#include <openssl/evp.h>


#define NGX_TGORTC_HMAC_LEN  32


/*
 * A key of any bytes.  The caller frees it with EVP_MAC_CTX_free(), which
 * wipes it; NULL if there are no bytes, for anybody could sign with that, and
 * when memory or OpenSSL fails.
 */
EVP_MAC_CTX *ngx_tgortc_hmac_key(const void *secret, size_t len);

/* writes NGX_TGORTC_HMAC_LEN bytes to mac; returns 0 on failure, else 1 */
int ngx_tgortc_hmac(const EVP_MAC_CTX *key, const void *text, size_t len,
    unsigned char *mac);


#endif /* _NGX_TGORTC_HMAC_H_INCLUDED_ */
