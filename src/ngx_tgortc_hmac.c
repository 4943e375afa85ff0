
/*
 * Copyright (C) TgoRTC contributors
 */


#include <openssl/core_names.h>
#include <openssl/params.h>
#include "ngx_tgortc_hmac.h"


EVP_MAC_CTX *
ngx_tgortc_hmac_key(const void *secret, size_t len)
{
    EVP_MAC      *hmac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *key;

    if (len == 0) {
        return NULL;
    }

    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL) {
        return NULL;
    }

    key = EVP_MAC_CTX_new(hmac);

    /* the context has a reference of its own */

    EVP_MAC_free(hmac);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (key != NULL && !EVP_MAC_init(key, secret, len, params)) {
        EVP_MAC_CTX_free(key);
        key = NULL;
    }

    return key;
}


int
ngx_tgortc_hmac(const EVP_MAC_CTX *key, const void *text, size_t len,
    unsigned char *mac)
{
    int           ok;
    size_t        n;
    EVP_MAC_CTX  *ctx;

    ctx = EVP_MAC_CTX_dup(key);

    ok = ctx != NULL
         && EVP_MAC_update(ctx, text, len)
         && EVP_MAC_final(ctx, mac, &n, NGX_TGORTC_HMAC_LEN);

    EVP_MAC_CTX_free(ctx);

    return ok;
}
