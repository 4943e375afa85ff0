
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include "ngx_tgortc_hmac.h"


struct ngx_tgortc_hmac_s {
    EVP_MAC_CTX  *ctx;
    int           again;    /* whether it begins anew by itself */
};


static EVP_MAC_CTX *ngx_tgortc_hmac_ctx(void);
static int ngx_tgortc_hmac_begins_anew(EVP_MAC_CTX *ctx);
static int ngx_tgortc_hmac_once(EVP_MAC_CTX *ctx, const void *text, size_t len,
    unsigned char *mac);


ngx_tgortc_hmac_t *
ngx_tgortc_hmac_key(const void *secret, size_t len)
{
    OSSL_PARAM          params[2];
    ngx_tgortc_hmac_t  *key;

    if (len == 0) {
        return NULL;
    }

    key = malloc(sizeof(ngx_tgortc_hmac_t));
    if (key == NULL) {
        return NULL;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    key->ctx = ngx_tgortc_hmac_ctx();

    if (key->ctx == NULL || !EVP_MAC_init(key->ctx, secret, len, params)) {
        goto failed;
    }

    key->again = ngx_tgortc_hmac_begins_anew(key->ctx);

    if (!key->again && !EVP_MAC_init(key->ctx, secret, len, NULL)) {
        goto failed;
    }

    return key;

failed:

    ngx_tgortc_hmac_free(key);

    return NULL;
}


static EVP_MAC_CTX *
ngx_tgortc_hmac_ctx(void)
{
    EVP_MAC      *hmac;
    EVP_MAC_CTX  *ctx;

    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL) {
        return NULL;
    }

    ctx = EVP_MAC_CTX_new(hmac);

    /* the context has a reference of its own */

    EVP_MAC_free(hmac);

    return ctx;
}


/*
 * Providers before 3.0.3 do not begin anew without a key, and do not say so
 * (openssl#17811).  That is theirs, not libcrypto's, whose version says nothing
 * of it: a FIPS provider may be older.
 */

static int
ngx_tgortc_hmac_begins_anew(EVP_MAC_CTX *ctx)
{
    int            anew;
    unsigned char  first[NGX_TGORTC_HMAC_LEN], second[NGX_TGORTC_HMAC_LEN];

    ERR_set_mark();

    anew = ngx_tgortc_hmac_once(ctx, "a", 1, first)
           && EVP_MAC_init(ctx, NULL, 0, NULL)
           && ngx_tgortc_hmac_once(ctx, "a", 1, second)
           && memcmp(first, second, NGX_TGORTC_HMAC_LEN) == 0;

    /* a refusal is an answer, not an error */

    ERR_pop_to_mark();

    return anew;
}


static int
ngx_tgortc_hmac_once(EVP_MAC_CTX *ctx, const void *text, size_t len,
    unsigned char *mac)
{
    size_t  n;

    return EVP_MAC_update(ctx, text, len)
           && EVP_MAC_final(ctx, mac, &n, NGX_TGORTC_HMAC_LEN);
}


int
ngx_tgortc_hmac(const ngx_tgortc_hmac_t *key, const void *text, size_t len,
    unsigned char *mac)
{
    int           ok;
    EVP_MAC_CTX  *ctx;

    if (key->again) {
        return EVP_MAC_init(key->ctx, NULL, 0, NULL)
               && ngx_tgortc_hmac_once(key->ctx, text, len, mac);
    }

    /* a copy costs as much as half of the rest */

    ctx = EVP_MAC_CTX_dup(key->ctx);

    ok = ctx != NULL && ngx_tgortc_hmac_once(ctx, text, len, mac);

    EVP_MAC_CTX_free(ctx);

    return ok;
}


void
ngx_tgortc_hmac_free(ngx_tgortc_hmac_t *key)
{
    if (key != NULL) {
        EVP_MAC_CTX_free(key->ctx);
        free(key);
    }
}
