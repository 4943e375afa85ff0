
/*
 * Copyright (C) TgoRTC contributors
 */


#include <string.h>
#include "ngx_tgortc_validate.h"
#include "tap.h"


#define text(s)  s, sizeof(s) - 1


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
    size_t       result;
} check_t;


typedef int (*valid_pt)(const char *s, size_t len);


static const check_t  utf8[] = {
    { "nothing", text(""), 0 },
    { "ASCII", text("a"), 1 },
    { "NUL", text("\0"), 1 },
    { "U+007F", text("\x7f"), 1 },
    { "U+0080", text("\xc2\x80"), 2 },
    { "U+07FF", text("\xdf\xbf"), 2 },
    { "U+0800", text("\xe0\xa0\x80"), 3 },
    { "U+D7FF, before the surrogates", text("\xed\x9f\xbf"), 3 },
    { "U+D800, the first surrogate", text("\xed\xa0\x80"), 0 },
    { "U+DFFF, the last surrogate", text("\xed\xbf\xbf"), 0 },
    { "U+E000, behind the surrogates", text("\xee\x80\x80"), 3 },
    { "U+FFFF", text("\xef\xbf\xbf"), 3 },
    { "U+10000", text("\xf0\x90\x80\x80"), 4 },
    { "U+10FFFF, the last", text("\xf4\x8f\xbf\xbf"), 4 },
    { "U+110000, beyond the last", text("\xf4\x90\x80\x80"), 0 },
    { "F5, never in UTF-8", text("\xf5\x80\x80\x80"), 0 },
    { "FF, never in UTF-8", text("\xff\xff\xff\xff"), 0 },
    { "five bytes", text("\xf8\x88\x80\x80\x80"), 0 },
    { "a continuation byte alone", text("\x80"), 0 },
    { "overlong NUL", text("\xc0\x80"), 0 },
    { "overlong of two bytes", text("\xc1\xbf"), 0 },
    { "overlong of three bytes", text("\xe0\x9f\xbf"), 0 },
    { "overlong of four bytes", text("\xf0\x8f\xbf\xbf"), 0 },
    { "two bytes, cut", text("\xc2"), 0 },
    { "three bytes, cut", text("\xe2\x82"), 0 },
    { "four bytes, cut", text("\xf0\x9f\x98"), 0 },
    { "a continuation that is ASCII", text("\xc3(\xa9"), 0 },
    { "a continuation that is a lead", text("\xe2\x82\xc3"), 0 },
    { "only the first sequence counts", text("\xc3\xa9\xff"), 2 }
};


static const check_t  room_ids[] = {
    { "one character", text("a"), 1 },
    { "all kinds", text("Az09_-.~:@"), 1 },
    { "three dots", text("..."), 1 },
    { "a dot first", text(".a"), 1 },
    { "longer than sync", text("syncs"), 1 },
    { "Sync", text("Sync"), 1 },
    { "empty", text(""), 0 },
    { "dot", text("."), 0 },
    { "dot dot", text(".."), 0 },
    { "sync", text("sync"), 0 },
    { "slash", text("a/b"), 0 },
    { "space", text("a b"), 0 },
    { "percent", text("a%20"), 0 },
    { "plus", text("a+b"), 0 },
    { "brace", text("{a}"), 0 },
    { "NUL", text("a\0b"), 0 },
    { "newline at the end", text("a\n"), 0 },
    { "not ASCII", text("caf\xc3\xa9"), 0 }
};


static const check_t  texts[] = {
    { "ASCII", text("user 1/\"\\"), 1 },
    { "other scripts", text("\xe7\x94\xa8\xe6\x88\xb7\xf0\x9f\x98\x80"), 1 },
    { "U+00A0, behind C1", text("\xc2\xa0"), 1 },
    { "U+00C0, whose last byte is 80", text("\xc3\x80"), 1 },
    { "empty", text(""), 0 },
    { "NUL", text("a\0"), 0 },
    { "newline", text("a\nb"), 0 },
    { "U+001F, the last of C0", text("\x1f"), 0 },
    { "DEL", text("a\x7f"), 0 },
    { "U+0080, the first of C1", text("\xc2\x80"), 0 },
    { "U+009F, the last of C1", text("a\xc2\x9f"), 0 },
    { "invalid UTF-8", text("a\xff"), 0 },
    { "a sequence cut at the end", text("a\xe2\x82"), 0 }
};


static const check_t  keys[] = {
    { "a UUID", text("8e03978e-40d5-43e8-bc93-6894a57f9324"), 1 },
    { "the first visible one", text("!"), 1 },
    { "the last visible one", text("~"), 1 },
    { "empty", text(""), 0 },
    { "space", text("a b"), 0 },
    { "NUL", text("a\0"), 0 },
    { "DEL", text("a\x7f"), 0 },
    { "not ASCII", text("caf\xc3\xa9"), 0 }
};


static const check_t  states[] = {
    { "live", text("live"), 1 },
    { "ended", text("ended"), 1 },
    { "empty", text(""), 0 },
    { "Live", text("Live"), 0 },
    { "lived", text("lived"), 0 },
    { "end", text("end"), 0 }
};


static const check_t  limits[] = {
    { "1", text("1"), 1 },
    { "100", text("100"), 1 },
    { "with zeros", text("007"), 1 },
    { "empty", text(""), 0 },
    { "0", text("0"), 0 },
    { "101", text("101"), 0 },
    { "999", text("999"), 0 },
    { "four digits", text("0001"), 0 },
    { "a sign", text("+1"), 0 },
    { "a letter", text("1x"), 0 }
};


static const check_t  cursors[] = {
    { "time and room", text("1704096500123-room_abc123"), 1 },
    { "a dash in the room", text("1-a-b"), 1 },
    { "15 digits", text("123456789012345-a"), 1 },
    { "empty", text(""), 0 },
    { "16 digits", text("1234567890123456-a"), 0 },
    { "no time", text("-a"), 0 },
    { "no dash", text("123"), 0 },
    { "no room", text("123-"), 0 },
    { "no room's id", text("123-a b"), 0 },
    { "a sign", text("-1-a"), 0 }
};


static void
check(const char *what, valid_pt valid, const check_t *checks, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        tap_ok(valid(checks[i].data, checks[i].len)
               == (int) checks[i].result,
               "%s: %s", what, checks[i].name);
    }
}


static void
check_length(const char *what, valid_pt valid, size_t max)
{
    char  buf[256];

    memset(buf, 'x', sizeof(buf));

    tap_ok(valid(buf, 1), "%s: 1 byte", what);
    tap_ok(valid(buf, max), "%s: %zu bytes", what, max);
    tap_ok(!valid(buf, max + 1), "%s: not %zu bytes", what, max + 1);
}


static void
check_bytes_not_characters(void)
{
    char    buf[NGX_TGORTC_UID_MAX + 1];
    size_t  i;

    for (i = 0; i < NGX_TGORTC_UID_MAX; i += 2) {
        memcpy(buf + i, "\xc3\xa9", 2);
    }

    buf[NGX_TGORTC_UID_MAX] = 'x';

    tap_ok(ngx_tgortc_valid_uid(buf, NGX_TGORTC_UID_MAX)
           && !ngx_tgortc_valid_uid(buf, NGX_TGORTC_UID_MAX + 1),
           "uid: the limit counts bytes");
}


static void
check_room_id_alphabet(void)
{
    int   c, wrong;
    char  s;

    wrong = 0;

    for (c = 0; c < 256; c++) {
        s = (char) c;
        wrong += ngx_tgortc_valid_room_id(&s, 1)
                 != (c != 0 && c != '.'
                     && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"
                               "0123456789_-.~:@", c)
                        != NULL);
    }

    tap_ok(wrong == 0, "room id: each of the 256 bytes");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < tap_items(utf8); i++) {
        tap_ok(ngx_tgortc_utf8_next(utf8[i].data, utf8[i].len)
               == utf8[i].result,
               "UTF-8: %s", utf8[i].name);
    }

    check("room id", ngx_tgortc_valid_room_id, room_ids, tap_items(room_ids));
    check("uid", ngx_tgortc_valid_uid, texts, tap_items(texts));
    check("device", ngx_tgortc_valid_device, texts, tap_items(texts));
    check("key", ngx_tgortc_valid_key, keys, tap_items(keys));
    check("state", ngx_tgortc_valid_state, states, tap_items(states));
    check("limit", ngx_tgortc_valid_limit, limits, tap_items(limits));
    check("cursor", ngx_tgortc_valid_cursor, cursors, tap_items(cursors));

    check_length("room id", ngx_tgortc_valid_room_id, 64);
    check_length("uid", ngx_tgortc_valid_uid, 128);
    check_length("device", ngx_tgortc_valid_device, 32);
    check_length("key", ngx_tgortc_valid_key, 255);

    check_bytes_not_characters();
    check_room_id_alphabet();

    return tap_done();
}
