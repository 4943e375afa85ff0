
/*
 * Copyright (C) TgoRTC contributors
 *
 * Lines: X-Language, the "lang" argument, Accept-Language, what a message
 * names.  The first byte chooses the message, the second the room it has.
 */


#include "fuzz.h"
#include "ngx_tgortc_messages.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   *arg, *buf;
    size_t                  room, len;
    fuzz_str_t              x, lang, accept, rest;
    ngx_tgortc_message_e    id;
    ngx_tgortc_language_e   language;

    if (size < 2) {
        return 0;
    }

    id = data[0] % NGX_TGORTC_MESSAGES;
    room = data[1];
    data += 2;
    size -= 2;

    x = fuzz_cut(&data, &size, '\n');
    lang = fuzz_cut(&data, &size, '\n');
    accept = fuzz_cut(&data, &size, '\n');
    rest = fuzz_cut(&data, &size, '\n');

    language = ngx_tgortc_language(x.len ? x.data : NULL, x.len,
                                   lang.len ? lang.data : NULL, lang.len,
                                   accept.len ? accept.data : NULL,
                                   accept.len);

    fuzz_assert(language < NGX_TGORTC_LANGUAGES);
    fuzz_assert(ngx_tgortc_language_tag(language) != NULL);

    arg = fuzz_text(&rest);
    buf = malloc(room ? room : 1);
    fuzz_assert(buf != NULL);

    len = ngx_tgortc_message(buf, room, id, language, arg, arg);

    fuzz_assert(len > 0);
    fuzz_assert(len == ngx_tgortc_message(NULL, 0, id, language, arg, arg));

    free(buf);
    free(arg);
    fuzz_free(&x);
    fuzz_free(&lang);
    fuzz_free(&accept);
    fuzz_free(&rest);

    return 0;
}
