
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_participant.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"


/* beyond it a double no longer tells an integer from the next: 2^53 */
#define NGX_HTTP_TGORTC_INTEGER_MAX  9007199254740992.0

#define NGX_HTTP_TGORTC_METADATA_DEPTH  8


static ngx_uint_t ngx_http_tgortc_participant_is_person(cJSON *participant);
static ngx_int_t ngx_http_tgortc_participant_ms(ngx_pool_t *pool, int64_t ms,
    ngx_str_t *text);
static int64_t ngx_http_tgortc_participant_integer(cJSON *object,
    const char *camel, const char *snake);


ngx_int_t
ngx_http_tgortc_json_string(cJSON *object, const char *name, size_t max,
    ngx_str_t *value)
{
    size_t   len;
    cJSON   *item;

    item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsString(item)) {
        return NGX_DECLINED;
    }

    len = ngx_strlen(item->valuestring);

    if (len == 0 || len > max) {
        return NGX_DECLINED;
    }

    value->data = (u_char *) item->valuestring;
    value->len = len;

    return NGX_OK;
}


ngx_int_t
ngx_http_tgortc_participant_person(cJSON *participant, ngx_str_t *sid,
    ngx_str_t *identity)
{
    if (ngx_http_tgortc_json_string(participant, "sid",
                                    NGX_HTTP_TGORTC_SID_MAX, sid)
        != NGX_OK
        || ngx_http_tgortc_json_string(participant, "identity",
                                       NGX_TGORTC_UID_MAX, identity)
           != NGX_OK
        || !ngx_tgortc_valid_uid((char *) identity->data, identity->len)
        || !ngx_http_tgortc_participant_is_person(participant))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* ms; older servers say only seconds */

ngx_int_t
ngx_http_tgortc_participant_made_at(ngx_pool_t *pool, cJSON *participant,
    ngx_str_t *text)
{
    int64_t  ms;

    ms = ngx_http_tgortc_participant_integer(participant, "joinedAtMs",
                                             "joined_at_ms");

    if (ms == 0) {
        ms = 1000 * ngx_http_tgortc_participant_integer(participant,
                                                        "joinedAt",
                                                        "joined_at");
    }

    return ngx_http_tgortc_participant_ms(pool, ms, text);
}


ngx_int_t
ngx_http_tgortc_participant_told_at(ngx_pool_t *pool, cJSON *event,
    ngx_str_t *text)
{
    int64_t  ms;

    ms = 1000 * ngx_http_tgortc_participant_integer(event, "createdAt",
                                                    "created_at");

    return ngx_http_tgortc_participant_ms(pool, ms, text);
}


/* the metadata is what we put into the token: {"device_type":"app"} */

void
ngx_http_tgortc_participant_device(ngx_pool_t *pool, cJSON *participant,
    ngx_str_t *device)
{
    cJSON                    *metadata, *json;
    u_char                   *copy;
    ngx_str_t                 type;
    ngx_tgortc_json_error_t   error;

    ngx_str_set(device, "");

    metadata = cJSON_GetObjectItemCaseSensitive(participant, "metadata");

    if (!cJSON_IsString(metadata)) {
        return;
    }

    json = ngx_tgortc_json_parse(metadata->valuestring,
                                 ngx_strlen(metadata->valuestring),
                                 NGX_HTTP_TGORTC_METADATA_DEPTH, &error);

    if (ngx_http_tgortc_json_string(json, "device_type",
                                    NGX_TGORTC_DEVICE_MAX, &type)
        == NGX_OK
        && ngx_tgortc_valid_device((char *) type.data, type.len))
    {
        copy = ngx_pstrdup(pool, &type);

        if (copy != NULL) {
            device->data = copy;
            device->len = type.len;
        }
    }

    cJSON_Delete(json);
}


static ngx_int_t
ngx_http_tgortc_participant_ms(ngx_pool_t *pool, int64_t ms, ngx_str_t *text)
{
    text->data = ngx_pnalloc(pool, NGX_INT64_LEN);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data, "%L", ms) - text->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_tgortc_participant_is_person(cJSON *participant)
{
    int           number;
    cJSON        *kind, *permission;
    ngx_uint_t    i;

    static struct {
        const char  *name;
        int          number;
    } machines[] = {
        { "INGRESS", 1 }, { "EGRESS", 2 }, { "AGENT", 4 }, { NULL, 0 }
    };

    kind = cJSON_GetObjectItemCaseSensitive(participant, "kind");
    permission = cJSON_GetObjectItemCaseSensitive(participant, "permission");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(permission, "hidden"))) {
        return 0;
    }

    number = cJSON_IsNumber(kind) ? kind->valueint : 0;

    for (i = 0; machines[i].name; i++) {
        if (number == machines[i].number
            || (cJSON_IsString(kind)
                && ngx_strcmp(kind->valuestring, machines[i].name) == 0))
        {
            return 0;
        }
    }

    return 1;
}


/* protobuf's JSON has 64-bit integers as strings, and may have numbers */

static int64_t
ngx_http_tgortc_participant_integer(cJSON *object, const char *camel,
    const char *snake)
{
    off_t   n;
    cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(object, camel);

    if (item == NULL) {
        item = cJSON_GetObjectItemCaseSensitive(object, snake);
    }

    if (cJSON_IsString(item)) {
        n = ngx_atoof((u_char *) item->valuestring,
                      ngx_strlen(item->valuestring));

        return n == NGX_ERROR || n >= NGX_HTTP_TGORTC_INTEGER_MAX ? 0 : n;
    }

    if (cJSON_IsNumber(item) && item->valuedouble > 0
        && item->valuedouble < NGX_HTTP_TGORTC_INTEGER_MAX)
    {
        return (int64_t) item->valuedouble;
    }

    return 0;
}
