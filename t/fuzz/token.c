
/*
 * Copyright (C) TgoRTC contributors
 *
 * Tokens for people and rooms of any name: each says what was to be said, and
 * nothing else, when it is read again.  Lines: the uid, the room, the device.
 */


#include <openssl/evp.h>
#include "fuzz.h"
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_token.h"
#include "ngx_tgortc_validate.h"


#define SECRET  "a-secret-of-the-tests-0123456789abcdef"


static char *fuzz_token_line(const uint8_t **data, size_t *size);
static void fuzz_token_check(const char *token, size_t len,
    const ngx_tgortc_grant_t *grant);
static cJSON *fuzz_token_payload(const char *token);
static void fuzz_token_is(const cJSON *json, const char *name,
    const ngx_tgortc_str_t *value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                *uid, *room, *device, *token;
    size_t               len;
    ngx_tgortc_grant_t   grant;

    static ngx_tgortc_hmac_t  *key;

    if (key == NULL) {
        key = ngx_tgortc_hmac_key(SECRET, sizeof(SECRET) - 1);
    }

    uid = fuzz_token_line(&data, &size);
    room = fuzz_token_line(&data, &size);
    device = fuzz_token_line(&data, &size);

    memset(&grant, 0, sizeof(grant));

    grant.api_key.data = "devkey";
    grant.api_key.len = 6;
    grant.identity.data = uid;
    grant.identity.len = strlen(uid);
    grant.room.data = room;
    grant.room.len = strlen(room);
    grant.device_type.data = device;
    grant.device_type.len = strlen(device);
    grant.video = (int) (size & 1);
    grant.max_participants = (int) size;
    grant.now = 1787500042;
    grant.ttl = 3600;

    token = ngx_tgortc_token_sign(&grant, key, &len);
    fuzz_assert(token != NULL);
    fuzz_token_check(token, len, &grant);
    free(token);

    token = ngx_tgortc_token_sign_admin(&grant.api_key, key, &grant.room,
                                        grant.now, &len);
    fuzz_assert(token != NULL && strlen(token) == len);
    cJSON_Delete(fuzz_token_payload(token));
    free(token);

    free(uid);
    free(room);
    free(device);

    return 0;
}


/* of what is given only UTF-8 is taken, as the API does */

static char *
fuzz_token_line(const uint8_t **data, size_t *size)
{
    char        *text, *p;
    size_t       i, n;
    fuzz_str_t   line;

    line = fuzz_cut(data, size, '\n');
    text = fuzz_text(&line);
    p = text;

    for (i = 0; i < line.len; i += n) {
        n = ngx_tgortc_utf8_next(line.data + i, line.len - i);

        if (n == 0 || line.data[i] == '\0') {
            n = 1;
            continue;
        }

        memcpy(p, line.data + i, n);
        p += n;
    }

    *p = '\0';
    fuzz_free(&line);

    return text;
}


static void
fuzz_token_check(const char *token, size_t len,
    const ngx_tgortc_grant_t *grant)
{
    cJSON                    *json, *device, *metadata;
    ngx_tgortc_json_error_t   error;

    fuzz_assert(strlen(token) == len);

    json = fuzz_token_payload(token);

    fuzz_token_is(json, "iss", &grant->api_key);
    fuzz_token_is(json, "sub", &grant->identity);
    fuzz_token_is(cJSON_GetObjectItemCaseSensitive(json, "video"), "room",
                  &grant->room);

    metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");

    if (grant->device_type.len == 0) {
        fuzz_assert(metadata == NULL);

    } else {
        fuzz_assert(cJSON_IsString(metadata));

        device = ngx_tgortc_json_parse(metadata->valuestring,
                                       strlen(metadata->valuestring), 1,
                                       &error);
        fuzz_assert(device != NULL);
        fuzz_token_is(device, "device_type", &grant->device_type);

        cJSON_Delete(device);
    }

    cJSON_Delete(json);
}


static cJSON *
fuzz_token_payload(const char *token)
{
    int                       n;
    char                     *text, *p;
    cJSON                    *json;
    size_t                    len;
    const char               *dot, *end;
    unsigned char            *payload;
    ngx_tgortc_json_error_t   error;

    dot = strchr(token, '.');
    fuzz_assert(dot != NULL);
    end = strchr(dot + 1, '.');
    fuzz_assert(end != NULL);

    len = end - dot - 1;
    text = malloc(len + 4);
    payload = malloc(len + 4);
    fuzz_assert(text != NULL && payload != NULL);

    for (p = text; ++dot < end; p++) {
        *p = (*dot == '-') ? '+' : (*dot == '_') ? '/' : *dot;
    }

    for ( /* void */ ; (p - text) % 4 != 0; p++) {
        *p = '=';
    }

    n = EVP_DecodeBlock(payload, (unsigned char *) text, (int) (p - text));
    fuzz_assert(n >= 0);

    while (n > 0 && payload[n - 1] == '\0') {
        n--;
    }

    json = ngx_tgortc_json_parse((char *) payload, n, 16, &error);
    fuzz_assert(json != NULL);

    free(text);
    free(payload);

    return json;
}


static void
fuzz_token_is(const cJSON *json, const char *name,
    const ngx_tgortc_str_t *value)
{
    cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);

    fuzz_assert(cJSON_IsString(item));
    fuzz_assert(strlen(item->valuestring) == value->len);
    fuzz_assert(memcmp(item->valuestring, value->data, value->len) == 0);
}
