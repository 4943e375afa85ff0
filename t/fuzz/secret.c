
/*
 * Copyright (C) TgoRTC contributors
 *
 * Secrets of webhooks, "whsec_…" or anything else, and signing with them: the
 * secret, a newline, the body.
 */


#include "fuzz.h"
#include "ngx_tgortc_signature.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 n;
    char                v1[NGX_TGORTC_SIGNATURE_V1_LEN + 1];
    char                hex[NGX_TGORTC_SIGNATURE_HEX + 1];
    fuzz_str_t          secret, body;
    unsigned char      *key;
    ngx_tgortc_hmac_t  *hmac;

    secret = fuzz_cut(&data, &size, '\n');
    body = fuzz_cut(&data, &size, '\n');

    key = malloc(secret.len ? secret.len : 1);
    fuzz_assert(key != NULL);

    n = ngx_tgortc_signature_key(secret.data, secret.len, key);

    fuzz_assert(n >= -1 && n <= (int) secret.len);

    if (secret.len < 6 || memcmp(secret.data, "whsec_", 6) != 0) {
        fuzz_assert(n == (int) secret.len);
        fuzz_assert(memcmp(key, secret.data, secret.len) == 0);

    } else {
        fuzz_assert(n != 0);
    }

    if (n > 0) {
        hmac = ngx_tgortc_hmac_key(key, n);
        fuzz_assert(ngx_tgortc_signature_v1(v1, hmac, "id", 1, body.data,
                                            body.len));
        ngx_tgortc_hmac_free(hmac);

        fuzz_assert(strlen(v1) == NGX_TGORTC_SIGNATURE_V1_LEN);
        fuzz_assert(strncmp(v1, "v1,", 3) == 0);

        hmac = ngx_tgortc_hmac_key(secret.data, secret.len);
        fuzz_assert(ngx_tgortc_signature_hex(hex, hmac, body.data, body.len));
        ngx_tgortc_hmac_free(hmac);

        fuzz_assert(strlen(hex) == NGX_TGORTC_SIGNATURE_HEX);
    }

    free(key);
    fuzz_free(&secret);
    fuzz_free(&body);

    return 0;
}
