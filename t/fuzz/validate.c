
/*
 * Copyright (C) TgoRTC contributors
 *
 * What values may look like, UTF-8 first of all: held against a decoder that
 * is written another way.
 */


#include "fuzz.h"
#include "ngx_tgortc_validate.h"


static size_t fuzz_utf8(const unsigned char *s, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      i, n, broken;
    fuzz_str_t  s;

    s.data = malloc(size ? size : 1);
    s.len = size;
    fuzz_assert(s.data != NULL);
    memcpy((char *) s.data, data, size);

    broken = 0;

    for (i = 0; i < s.len; i += n ? n : 1) {
        n = ngx_tgortc_utf8_next(s.data + i, s.len - i);

        fuzz_assert(n == fuzz_utf8((unsigned char *) s.data + i, s.len - i));

        broken |= (n == 0);
    }

    if (ngx_tgortc_valid_uid(s.data, s.len)) {
        fuzz_assert(!broken && s.len >= 1 && s.len <= NGX_TGORTC_UID_MAX);
        fuzz_assert(memchr(s.data, '\0', s.len) == NULL);
    }

    if (ngx_tgortc_valid_room_id(s.data, s.len)) {
        fuzz_assert(!broken && s.len >= 1 && s.len <= NGX_TGORTC_ROOM_ID_MAX);
        fuzz_assert(memchr(s.data, '/', s.len) == NULL);
        fuzz_assert(memchr(s.data, '\0', s.len) == NULL);
    }

    if (ngx_tgortc_valid_device(s.data, s.len)) {
        fuzz_assert(!broken && s.len <= NGX_TGORTC_DEVICE_MAX);
        fuzz_assert(memchr(s.data, '\0', s.len) == NULL);
    }

    if (ngx_tgortc_valid_key(s.data, s.len)) {
        fuzz_assert(!broken && s.len >= 1 && s.len <= NGX_TGORTC_KEY_MAX);

        for (i = 0; i < s.len; i++) {
            fuzz_assert(s.data[i] > ' ' && s.data[i] < 0x7f);
        }
    }

    if (ngx_tgortc_valid_limit(s.data, s.len)) {
        fuzz_assert(s.len >= 1 && s.len <= 3);
    }

    if (ngx_tgortc_valid_cursor(s.data, s.len)) {
        fuzz_assert(memchr(s.data, '-', s.len) != NULL);
        fuzz_assert(memchr(s.data, '\0', s.len) == NULL);
    }

    (void) ngx_tgortc_valid_state(s.data, s.len);

    fuzz_free(&s);

    return 0;
}


/* by the code point that comes out: not a surrogate, nor too long for it */

static size_t
fuzz_utf8(const unsigned char *s, size_t len)
{
    size_t    i, n;
    uint32_t  code;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    for (n = 0; n < 8 && (s[0] & (0x80 >> n)); n++) { /* void */ }

    if (n == 0) {
        return 1;
    }

    if (n == 1 || n > 4 || n > len) {
        return 0;
    }

    code = s[0] & (0x7f >> n);

    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = (code << 6) | (s[i] & 0x3f);
    }

    if (code < least[n] || code > 0x10ffff
        || (code >= 0xd800 && code <= 0xdfff))
    {
        return 0;
    }

    return n;
}
