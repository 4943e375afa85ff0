
/*
 * Copyright (C) TgoRTC contributors
 *
 * The bodies of requests.  The first byte is the depth that is allowed.
 */


#include <math.h>
#include "fuzz.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"


#define DEPTH_MAX  32


static int fuzz_json_walk(const cJSON *item, unsigned depth);
static void fuzz_json_string(const char *s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                     *copy, *text;
    cJSON                    *json, *again;
    unsigned                  depth;
    ngx_tgortc_json_error_t   error;

    if (size == 0) {
        return 0;
    }

    depth = data[0] % DEPTH_MAX;
    data++;
    size--;

    copy = malloc(size ? size : 1);
    fuzz_assert(copy != NULL);
    memcpy(copy, data, size);

    json = ngx_tgortc_json_parse(copy, size, depth, &error);

    if (json == NULL) {
        fuzz_assert(error.code != NGX_TGORTC_JSON_OK);
        fuzz_assert(error.offset <= size);

        /* what the scanner lets through cJSON has to read */

        fuzz_assert(error.code != NGX_TGORTC_JSON_NO_MEMORY);

        free(copy);
        return 0;
    }

    fuzz_assert(error.code == NGX_TGORTC_JSON_OK);
    fuzz_assert(cJSON_IsObject(json));

    if (fuzz_json_walk(json, depth)) {

        text = cJSON_PrintUnformatted(json);
        fuzz_assert(text != NULL);

        again = ngx_tgortc_json_parse(text, strlen(text), depth, &error);

        fuzz_assert(again != NULL);
        fuzz_assert(cJSON_Compare(json, again, 1));

        cJSON_Delete(again);
        cJSON_free(text);
    }

    cJSON_Delete(json);
    free(copy);

    return 0;
}


/* whether all numbers are finite, and so can be written again */

static int
fuzz_json_walk(const cJSON *item, unsigned depth)
{
    int           finite;
    long          value;
    const cJSON  *child;

    finite = 1;

    if (cJSON_IsNumber(item)) {

        if (ngx_tgortc_json_integer(item, -1000, 1000, &value)) {
            fuzz_assert(value >= -1000 && value <= 1000);
            fuzz_assert((double) value == item->valuedouble);
        }

        finite = isfinite(item->valuedouble);
    }

    if (cJSON_IsString(item)) {
        fuzz_json_string(item->valuestring);
    }

    if (item->string != NULL) {
        fuzz_json_string(item->string);
    }

    if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        fuzz_assert(depth > 0);
    }

    for (child = item->child; child != NULL; child = child->next) {
        finite &= fuzz_json_walk(child, depth - 1);
    }

    return finite;
}


static void
fuzz_json_string(const char *s)
{
    size_t  n, len;

    for (len = strlen(s); len > 0; len -= n, s += n) {
        n = ngx_tgortc_utf8_next(s, len);
        fuzz_assert(n >= 1 && n <= len);
    }
}
