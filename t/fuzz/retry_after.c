
/*
 * Copyright (C) TgoRTC contributors
 *
 * Retry-After.  The first two bytes say which day it is.
 */


#include "fuzz.h"
#include "ngx_tgortc_signature.h"


#define MAX  3600


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        *text;
    long         seconds;
    time_t       now;
    fuzz_str_t   value;

    if (size < 2) {
        return 0;
    }

    now = (time_t) (data[0] * 256 + data[1]) * 86400 + 61;
    data += 2;
    size -= 2;

    value = fuzz_cut(&data, &size, '\0');
    text = fuzz_text(&value);

    seconds = ngx_tgortc_retry_after(text, now, MAX);

    fuzz_assert(seconds >= 0 && seconds <= MAX);

    free(text);
    fuzz_free(&value);

    return 0;
}
