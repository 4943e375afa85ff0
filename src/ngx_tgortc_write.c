
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include "ngx_tgortc_write.h"


/* of a long long with its sign */

#define NGX_TGORTC_WRITE_INT     20

/* \u00xx */

#define NGX_TGORTC_WRITE_ESCAPE  6

/* below '#' only these two stand for themselves */

#define ngx_tgortc_write_escapes(c)                                           \
    ((c) == '\\'                                                              \
     || ((unsigned char) (c) < '#' && (c) != ' ' && (c) != '!'))


static char *ngx_tgortc_write_name(ngx_tgortc_write_t *w, const char *name,
    size_t len);
static char *ngx_tgortc_write_reserve(ngx_tgortc_write_t *w, size_t len);
static char *ngx_tgortc_write_escaped(char *dst, const char *src, size_t len);


/*
 * A comma follows every value, at once; the one behind the last value of all
 * is taken back.
 */


void
ngx_tgortc_write_begin(ngx_tgortc_write_t *w, size_t size)
{
    w->data = malloc(size);
    w->len = 0;
    w->size = size;
    w->failed = (w->data == NULL);
}


char *
ngx_tgortc_write_end(ngx_tgortc_write_t *w, size_t *len)
{
    if (w->failed) {
        free(w->data);
        *len = 0;
        return NULL;
    }

    w->data[--w->len] = '\0';
    *len = w->len;

    return w->data;
}


void
ngx_tgortc_write_string(ngx_tgortc_write_t *w, const char *name,
    const char *value, size_t len)
{
    char    *p;
    size_t   i, escapes;

    escapes = 0;

    for (i = 0; i < len; i++) {
        if (ngx_tgortc_write_escapes(value[i])) {
            escapes++;
        }
    }

    if (escapes == 0) {
        ngx_tgortc_write_plain(w, name, value, len);
        return;
    }

    p = ngx_tgortc_write_name(w, name, sizeof("\"\",") - 1 + len
                              + escapes * (NGX_TGORTC_WRITE_ESCAPE - 1));
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_tgortc_write_escaped(p, value, len);
    *p++ = '"';
    *p++ = ',';

    w->len = p - w->data;
}


void
ngx_tgortc_write_plain(ngx_tgortc_write_t *w, const char *name,
    const char *value, size_t len)
{
    char  *p;

    p = ngx_tgortc_write_name(w, name, sizeof("\"\",") - 1 + len);
    if (p == NULL) {
        return;
    }

    *p++ = '"';

    if (len) {
        memcpy(p, value, len);
        p += len;
    }

    *p++ = '"';
    *p++ = ',';

    w->len = p - w->data;
}


void
ngx_tgortc_write_cstr(ngx_tgortc_write_t *w, const char *name,
    const char *value)
{
    ngx_tgortc_write_string(w, name, value, strlen(value));
}


void
ngx_tgortc_write_optional(ngx_tgortc_write_t *w, const char *name,
    const char *value)
{
    if (*value == '\0') {
        ngx_tgortc_write_raw(w, name, "null");
        return;
    }

    ngx_tgortc_write_cstr(w, name, value);
}


void
ngx_tgortc_write_int(ngx_tgortc_write_t *w, const char *name, long long value)
{
    char                *p, *digit, digits[NGX_TGORTC_WRITE_INT];
    size_t               len;
    unsigned long long   n;

    n = (value < 0) ? 0 - (unsigned long long) value
                    : (unsigned long long) value;

    digit = digits + sizeof(digits);

    do {
        *--digit = (char) ('0' + n % 10);
        n /= 10;
    } while (n);

    if (value < 0) {
        *--digit = '-';
    }

    len = digits + sizeof(digits) - digit;

    p = ngx_tgortc_write_name(w, name, len + 1);
    if (p == NULL) {
        return;
    }

    memcpy(p, digit, len);
    p += len;
    *p++ = ',';

    w->len = p - w->data;
}


void
ngx_tgortc_write_raw(ngx_tgortc_write_t *w, const char *name,
    const char *value)
{
    char    *p;
    size_t   len;

    len = strlen(value);

    p = ngx_tgortc_write_name(w, name, len + 1);
    if (p == NULL) {
        return;
    }

    memcpy(p, value, len);
    p += len;
    *p++ = ',';

    w->len = p - w->data;
}


void
ngx_tgortc_write_open(ngx_tgortc_write_t *w, const char *name, char bracket)
{
    char  *p;

    p = ngx_tgortc_write_name(w, name, 1);
    if (p == NULL) {
        return;
    }

    *p++ = bracket;

    w->len = p - w->data;
}


void
ngx_tgortc_write_close(ngx_tgortc_write_t *w, char bracket)
{
    char  *p;

    p = ngx_tgortc_write_reserve(w, 2);
    if (p == NULL) {
        return;
    }

    if (p[-1] == ',') {
        p--;
    }

    *p++ = bracket;
    *p++ = ',';

    w->len = p - w->data;
}


/* writes the name, if there is one; returns where len bytes have room */

static char *
ngx_tgortc_write_name(ngx_tgortc_write_t *w, const char *name, size_t len)
{
    char    *p;
    size_t   n;

    if (name == NULL) {
        return ngx_tgortc_write_reserve(w, len);
    }

    n = strlen(name);

    p = ngx_tgortc_write_reserve(w, sizeof("\"\":") - 1 + n + len);
    if (p == NULL) {
        return NULL;
    }

    *p++ = '"';
    memcpy(p, name, n);
    p += n;
    *p++ = '"';
    *p++ = ':';

    return p;
}


static char *
ngx_tgortc_write_reserve(ngx_tgortc_write_t *w, size_t len)
{
    char    *data;
    size_t   size;

    if (w->failed) {
        return NULL;
    }

    if (len > w->size - w->len) {
        size = 2 * w->size + len;

        data = realloc(w->data, size);
        if (data == NULL) {
            w->failed = 1;
            return NULL;
        }

        w->data = data;
        w->size = size;
    }

    return w->data + w->len;
}


static char *
ngx_tgortc_write_escaped(char *dst, const char *src, size_t len)
{
    char         c;
    const char  *end, *letter;

    static const char  hex[] = "0123456789abcdef";
    static const char  special[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (end = src + len; src < end; src++) {
        c = *src;

        if (!ngx_tgortc_write_escapes(c)) {
            *dst++ = c;
            continue;
        }

        *dst++ = '\\';

        for (letter = special; *letter != '\0' && *letter != c; letter += 2) {
            /* void */
        }

        if (*letter != '\0') {
            *dst++ = letter[1];
            continue;
        }

        *dst++ = 'u';
        *dst++ = '0';
        *dst++ = '0';
        *dst++ = hex[c >> 4];
        *dst++ = hex[c & 0xf];
    }

    return dst;
}
