
/*
 * Copyright (C) TgoRTC contributors
 *
 * Authorization, a newline, and the body.  Nobody who does not know the secret
 * gets through.
 */


#include "fuzz.h"
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_verify.h"


#define str(s)  { sizeof(s) - 1, s }


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_str_t           header, body;
    ngx_tgortc_verify_e  rc;

    static ngx_tgortc_verify_key_t  keys[] = {
        { str("devkey"), NULL },
        { str("devkey"), NULL },
        { str("empty"), NULL }
    };

    if (keys[0].key == NULL) {
        keys[0].key = ngx_tgortc_hmac_key("nobody ever wrote this: 4f1c", 28);
        keys[1].key = ngx_tgortc_hmac_key("nor that: 90d2ab17", 18);
    }

    header = fuzz_cut(&data, &size, '\n');
    body.data = (const char *) data;
    body.len = size;

    rc = ngx_tgortc_verify(header.data, header.len, body.data, body.len, keys,
                           sizeof(keys) / sizeof(keys[0]), 1787500042);

    fuzz_assert(rc != NGX_TGORTC_VERIFY_OK);
    fuzz_assert(rc != NGX_TGORTC_VERIFY_NO_MEMORY);

    fuzz_free(&header);

    return 0;
}
