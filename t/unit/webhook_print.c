
/*
 * Copyright (C) TgoRTC contributors
 *
 * Verifies a webhook that the command line gives, or signs one.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_signature.h"
#include "ngx_tgortc_verify.h"


static int
verify(char **argv)
{
    ngx_tgortc_verify_key_t  key;

    key.api_key.data = argv[2];
    key.api_key.len = strlen(argv[2]);
    key.key = ngx_tgortc_hmac_key(argv[3], strlen(argv[3]));

    printf("%d\n", ngx_tgortc_verify(argv[0], strlen(argv[0]), argv[1],
                                     strlen(argv[1]), &key, 1,
                                     atol(argv[4])));

    ngx_tgortc_hmac_free(key.key);

    return 0;
}


static int
sign(char **argv)
{
    int                 n;
    char                hex[NGX_TGORTC_SIGNATURE_HEX + 1];
    char                v1[NGX_TGORTC_SIGNATURE_V1_LEN + 1];
    size_t              len;
    unsigned char      *bytes;
    ngx_tgortc_hmac_t  *key, *text;

    len = strlen(argv[0]);
    bytes = malloc(len + 1);
    n = ngx_tgortc_signature_key(argv[0], len, bytes);

    if (n < 0) {
        free(bytes);
        return 1;
    }

    key = ngx_tgortc_hmac_key(bytes, n);
    text = ngx_tgortc_hmac_key(argv[0], len);

    if (!ngx_tgortc_signature_v1(v1, key, argv[1], atol(argv[2]), argv[3],
                                 strlen(argv[3]))
        || !ngx_tgortc_signature_hex(hex, text, argv[3], strlen(argv[3])))
    {
        return 1;
    }

    printf("%s\n%s\n", v1, hex);

    ngx_tgortc_hmac_free(key);
    ngx_tgortc_hmac_free(text);
    free(bytes);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "verify") == 0) {
        return verify(argv + 2);
    }

    if (argc == 6 && strcmp(argv[1], "sign") == 0) {
        return sign(argv + 2);
    }

    fprintf(stderr,
            "usage: webhook_print verify authorization body key secret now\n"
            "       webhook_print sign secret id timestamp body\n");

    return 2;
}
