
/*
 * Copyright (C) TgoRTC contributors
 *
 * HMAC-SHA256 under keys that are prepared once and used often.  Plain C.
 */


#ifndef _NGX_TGORTC_HMAC_H_INCLUDED_
#define _NGX_TGORTC_HMAC_H_INCLUDED_


#include <stddef.h>


#define NGX_TGORTC_HMAC_LEN  32


typedef struct ngx_tgortc_hmac_s  ngx_tgortc_hmac_t;


/*
 * A key of any bytes.  The caller frees it with ngx_tgortc_hmac_free(); NULL
 * if there are no bytes, for anybody could sign with that, and when memory or
 * OpenSSL fails.
 */
ngx_tgortc_hmac_t *ngx_tgortc_hmac_key(const void *secret, size_t len);

/* writes NGX_TGORTC_HMAC_LEN bytes to mac; returns 0 on failure, else 1 */
int ngx_tgortc_hmac(const ngx_tgortc_hmac_t *key, const void *text, size_t len,
    unsigned char *mac);

/* wipes the key; NULL is none */
void ngx_tgortc_hmac_free(ngx_tgortc_hmac_t *key);


#endif /* _NGX_TGORTC_HMAC_H_INCLUDED_ */
