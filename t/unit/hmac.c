
/*
 * Copyright (C) TgoRTC contributors
 */


#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include "ngx_tgortc_hmac.h"
#include "memory.h"
#include "tap.h"


/* RFC 4231, 4.3 */

#define SECRET  "Jefe"
#define TEXT    "what do ya want for nothing?"

static const unsigned char  vector[NGX_TGORTC_HMAC_LEN] = {
    0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
    0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
    0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
    0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43
};


/* how OpenSSL takes it to begin anew without a key */

typedef enum {
    GENUINE, IGNORES, REFUSES
} openssl_e;

static openssl_e  openssl;
static int        copies;


int __real_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t len,
    const OSSL_PARAM params[]);
EVP_MAC_CTX *__real_EVP_MAC_CTX_dup(const EVP_MAC_CTX *ctx);


int
__wrap_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t len,
    const OSSL_PARAM params[])
{
    if (key == NULL && openssl == IGNORES) {
        return 1;
    }

    if (key == NULL && openssl == REFUSES) {
        ERR_raise(ERR_LIB_EVP, ERR_R_UNSUPPORTED);
        return 0;
    }

    return __real_EVP_MAC_init(ctx, key, len, params);
}


EVP_MAC_CTX *
__wrap_EVP_MAC_CTX_dup(const EVP_MAC_CTX *ctx)
{
    copies++;

    return __real_EVP_MAC_CTX_dup(ctx);
}


static void
check_openssl(openssl_e one, const char *name, int wanted)
{
    int                 i, wrong;
    unsigned char       mac[NGX_TGORTC_HMAC_LEN];
    ngx_tgortc_hmac_t  *key;

    openssl = one;
    copies = 0;
    wrong = 0;

    key = ngx_tgortc_hmac_key(SECRET, sizeof(SECRET) - 1);

    for (i = 0; i < 3; i++) {
        memset(mac, 0, sizeof(mac));
        wrong += !ngx_tgortc_hmac(key, TEXT, sizeof(TEXT) - 1, mac)
                 || memcmp(mac, vector, sizeof(mac)) != 0;
    }

    ngx_tgortc_hmac_free(key);

    tap_ok(wrong == 0, "%s: three in a row", name);
    tap_ok(copies == wanted, "%s: %d copies", name, wanted);
    tap_ok(ERR_peek_error() == 0, "%s: no error is left", name);

    openssl = GENUINE;
}


static void
check_memory(void)
{
    ngx_tgortc_hmac_t  *key;

    allocations = 0;
    key = ngx_tgortc_hmac_key(SECRET, sizeof(SECRET) - 1);
    allocations = -1;

    tap_ok(key == NULL, "NULL without memory");

    ngx_tgortc_hmac_free(NULL);
}


int
main(void)
{
    check_openssl(GENUINE, "this OpenSSL",
                  OpenSSL_version_num() < 0x30000030 ? 3 : 0);
    check_openssl(IGNORES, "before 3.0.3", 3);
    check_openssl(REFUSES, "another provider", 3);
    check_memory();

    return tap_done();
}
