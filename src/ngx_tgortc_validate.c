
/*
 * Copyright (C) TgoRTC contributors
 */


#include <string.h>
#include "ngx_tgortc_validate.h"


static int ngx_tgortc_room_id_char(char c);
static int ngx_tgortc_valid_text(const char *s, size_t len, size_t max);
static int ngx_tgortc_control(const char *s, size_t n);


int
ngx_tgortc_valid_room_id(const char *s, size_t len)
{
    size_t  i;

    if (len == 0 || len > NGX_TGORTC_ROOM_ID_MAX) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!ngx_tgortc_room_id_char(s[i])) {
            return 0;
        }
    }

    /*
     * clients and proxies resolve the dot segments of a path (RFC 3986),
     * and "sync" is a path of the API itself
     */

    return !(len == 1 && s[0] == '.')
           && !(len == 2 && memcmp(s, "..", 2) == 0)
           && !(len == 4 && memcmp(s, "sync", 4) == 0);
}


int
ngx_tgortc_valid_uid(const char *s, size_t len)
{
    return ngx_tgortc_valid_text(s, len, NGX_TGORTC_UID_MAX);
}


int
ngx_tgortc_valid_device(const char *s, size_t len)
{
    return ngx_tgortc_valid_text(s, len, NGX_TGORTC_DEVICE_MAX);
}


int
ngx_tgortc_valid_key(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~') {
            return 0;
        }
    }

    return len > 0 && len <= NGX_TGORTC_KEY_MAX;
}


int
ngx_tgortc_valid_state(const char *s, size_t len)
{
    return (len == 4 && memcmp(s, "live", 4) == 0)
           || (len == 5 && memcmp(s, "ended", 5) == 0);
}


int
ngx_tgortc_valid_limit(const char *s, size_t len)
{
    int     n;
    size_t  i;

    if (len > 3) {
        return 0;
    }

    n = 0;

    for (i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return 0;
        }

        n = 10 * n + (s[i] - '0');
    }

    return n >= 1 && n <= NGX_TGORTC_LIMIT_MAX;
}


int
ngx_tgortc_valid_cursor(const char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++) { /* void */ }

    return i >= 1 && i <= NGX_TGORTC_CURSOR_DIGITS && i < len && s[i] == '-'
           && ngx_tgortc_valid_room_id(s + i + 1, len - i - 1);
}


size_t
ngx_tgortc_utf8_next(const char *s, size_t len)
{
    size_t                i, n;
    unsigned long         code;
    const unsigned char  *u;

    /* the least code point that needs so many bytes: less is overlong */

    static const unsigned long  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    if (len == 0) {
        return 0;
    }

    u = (const unsigned char *) s;

    if (u[0] < 0x80) {
        return 1;
    }

    if ((u[0] & 0xe0) == 0xc0) {
        n = 2;

    } else if ((u[0] & 0xf0) == 0xe0) {
        n = 3;

    } else if ((u[0] & 0xf8) == 0xf0) {
        n = 4;

    } else {
        return 0;
    }

    if (len < n) {
        return 0;
    }

    code = u[0] & (0x7f >> n);

    for (i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = (code << 6) | (u[i] & 0x3f);
    }

    if (code < least[n] || code > 0x10ffff
        || (code >= 0xd800 && code <= 0xdfff))
    {
        return 0;
    }

    return n;
}


static int
ngx_tgortc_room_id_char(char c)
{
    return (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("_-.~:@", c) != NULL);
}


static int
ngx_tgortc_valid_text(const char *s, size_t len, size_t max)
{
    size_t  i, n;

    if (len == 0 || len > max) {
        return 0;
    }

    for (i = 0; i < len; i += n) {
        n = ngx_tgortc_utf8_next(s + i, len - i);

        if (n == 0 || ngx_tgortc_control(s + i, n)) {
            return 0;
        }
    }

    return 1;
}


static int
ngx_tgortc_control(const char *s, size_t n)
{
    const unsigned char  *u;

    u = (const unsigned char *) s;

    if (n == 1) {
        return u[0] < 0x20 || u[0] == 0x7f;
    }

    /* C1: U+0080 to U+009F */

    return n == 2 && u[0] == 0xc2 && u[1] < 0xa0;
}
