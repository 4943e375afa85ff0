
/*
 * Copyright (C) TgoRTC contributors
 */


#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "ngx_tgortc_write.h"
#include "memory.h"
#include "tap.h"


static char *
end(ngx_tgortc_write_t *w)
{
    char    *text;
    size_t   len;

    text = ngx_tgortc_write_end(w, &len);

    return text != NULL && strlen(text) == len ? text : NULL;
}


/* one of everything, from a buffer of the size on */

static char *
write_all(size_t size)
{
    ngx_tgortc_write_t  w;

    ngx_tgortc_write_begin(&w, size);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_cstr(&w, "s", "a,");
    ngx_tgortc_write_string(&w, "l", "longer", 4);
    ngx_tgortc_write_plain(&w, "p", "abc", 2);
    ngx_tgortc_write_optional(&w, "o", "x");
    ngx_tgortc_write_optional(&w, "n", "");
    ngx_tgortc_write_int(&w, "i", -12);
    ngx_tgortc_write_raw(&w, "r", "true");
    ngx_tgortc_write_open(&w, "e", '{');
    ngx_tgortc_write_close(&w, '}');
    ngx_tgortc_write_open(&w, "a", '[');
    ngx_tgortc_write_open(&w, NULL, '[');
    ngx_tgortc_write_close(&w, ']');
    ngx_tgortc_write_cstr(&w, NULL, "");
    ngx_tgortc_write_int(&w, NULL, 7);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_cstr(&w, "\xc3\xa9", "\xf0\x9f\x98\x80");
    ngx_tgortc_write_close(&w, '}');
    ngx_tgortc_write_close(&w, ']');
    ngx_tgortc_write_close(&w, '}');

    return end(&w);
}


static const char  all[] =
    "{\"s\":\"a,\",\"l\":\"long\",\"p\":\"ab\",\"o\":\"x\",\"n\":null,"
    "\"i\":-12,\"r\":true,\"e\":{},\"a\":[[],\"\",7,"
    "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}]}";


static void
check_values(void)
{
    char    *text;
    size_t   size, wrong;

    text = write_all(1024);
    tap_ok(text != NULL && strcmp(text, all) == 0, "every value: %s", text);
    free(text);

    wrong = 0;

    for (size = 1; size < 2 * sizeof(all); size++) {
        text = write_all(size);
        wrong += text == NULL || strcmp(text, all) != 0;
        free(text);
    }

    tap_ok(wrong == 0, "from a buffer of any size");
}


static void
check_escapes(void)
{
    char                *text;
    ngx_tgortc_write_t   w;

    ngx_tgortc_write_begin(&w, 1);
    ngx_tgortc_write_cstr(&w, NULL, " !\"#[\\]/\b\f\n\r\t\x01\x1f\x7f");
    text = end(&w);

    tap_ok(text != NULL
           && strcmp(text, "\" !\\\"#[\\\\]/\\b\\f\\n\\r\\t\\u0001\\u001f"
                           "\x7f\"") == 0,
           "escapes: %s", text);

    free(text);
}


/* strings of all bytes are read again as they were */

static void
check_bytes(void)
{
    char                 value[300], *text;
    cJSON               *json;
    size_t               i, len, wrong;
    ngx_tgortc_write_t   w;

    wrong = 0;

    for (len = 0; len < sizeof(value); len++) {
        for (i = 0; i < len; i++) {
            value[i] = (char) ((i * 7 + len) % 255 + 1);
        }

        value[len] = '\0';

        ngx_tgortc_write_begin(&w, 8);
        ngx_tgortc_write_string(&w, NULL, value, len);
        text = end(&w);

        json = cJSON_Parse(text);
        wrong += !cJSON_IsString(json)
                 || strcmp(json->valuestring, value) != 0;

        cJSON_Delete(json);
        free(text);
    }

    tap_ok(wrong == 0, "strings of any bytes and length");
}


static void
check_integers(void)
{
    char                *text;
    size_t               i;
    ngx_tgortc_write_t   w;

    static const struct {
        long long    value;
        const char  *text;
    } written[] = {
        { 0, "0" }, { -1, "-1" }, { 10, "10" }, { 1787500000, "1787500000" },
        { 9007199254740993LL, "9007199254740993" },
        { LLONG_MAX, "9223372036854775807" },
        { LLONG_MIN, "-9223372036854775808" }
    };

    for (i = 0; i < tap_items(written); i++) {
        ngx_tgortc_write_begin(&w, 1);
        ngx_tgortc_write_int(&w, NULL, written[i].value);
        text = end(&w);

        tap_ok(text != NULL && strcmp(text, written[i].text) == 0,
               "written: %s", written[i].text);

        free(text);
    }
}


static void
check_memory(void)
{
    int    n;
    char  *text;

    for (n = 0; n < 100; n++) {
        allocations = n;
        text = write_all(1);
        allocations = -1;

        if (text != NULL) {
            break;
        }
    }

    tap_ok(n > 3 && text != NULL && strcmp(text, all) == 0,
           "NULL whenever memory fails");

    free(text);
}


int
main(void)
{
    check_values();
    check_escapes();
    check_bytes();
    check_integers();
    check_memory();

    return tap_done();
}
