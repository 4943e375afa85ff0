
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_token.h"


/* {"alg":"HS256","typ":"JWT"} and the dot after it */

#define NGX_TGORTC_TOKEN_HEADER  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

/* holds the claims of a usual call, so that cJSON need not grow it */

#define NGX_TGORTC_TOKEN_CLAIMS  512

/* seconds; the clocks may differ by a minute on top */

#define NGX_TGORTC_TOKEN_ADMIN_TTL  60

#define ngx_tgortc_base64url_len(len)  (((len) * 4 + 2) / 3)


static char *ngx_tgortc_token_claims(const ngx_tgortc_grant_t *grant);
static int ngx_tgortc_token_add_string(cJSON *object, const char *name,
    const ngx_tgortc_str_t *value);
static int ngx_tgortc_token_add_integer(cJSON *object, const char *name,
    long long value);
static int ngx_tgortc_token_add_metadata(cJSON *claims,
    const ngx_tgortc_str_t *device_type);
static int ngx_tgortc_token_add_video(cJSON *claims,
    const ngx_tgortc_grant_t *grant);
static int ngx_tgortc_token_add_sources(cJSON *video);
static char *ngx_tgortc_token_seal(const char *claims,
    const ngx_tgortc_str_t *secret, size_t *len);
static char *ngx_tgortc_base64url(char *dst, const unsigned char *src,
    size_t len);


char *
ngx_tgortc_token_sign(const ngx_tgortc_grant_t *grant, size_t *len)
{
    char  *claims, *token;

    claims = ngx_tgortc_token_claims(grant);
    if (claims == NULL) {
        return NULL;
    }

    token = ngx_tgortc_token_seal(claims, &grant->secret, len);

    cJSON_free(claims);

    return token;
}


char *
ngx_tgortc_token_sign_admin(const ngx_tgortc_str_t *api_key,
    const ngx_tgortc_str_t *secret, const ngx_tgortc_str_t *room, time_t now,
    size_t *len)
{
    int     ok;
    char   *text, *token;
    cJSON  *claims, *video;

    claims = cJSON_CreateObject();

    ok = ngx_tgortc_token_add_string(claims, "iss", api_key)
         && ngx_tgortc_token_add_integer(claims, "nbf", now)
         && ngx_tgortc_token_add_integer(claims, "exp",
                                         now + NGX_TGORTC_TOKEN_ADMIN_TTL)
         && (video = cJSON_AddObjectToObject(claims, "video")) != NULL
         && (room == NULL
             ? cJSON_AddTrueToObject(video, "roomCreate") != NULL
             : (cJSON_AddTrueToObject(video, "roomAdmin") != NULL
                && ngx_tgortc_token_add_string(video, "room", room)));

    text = ok ? cJSON_PrintUnformatted(claims) : NULL;
    cJSON_Delete(claims);

    if (text == NULL) {
        return NULL;
    }

    token = ngx_tgortc_token_seal(text, secret, len);
    cJSON_free(text);

    return token;
}


static char *
ngx_tgortc_token_claims(const ngx_tgortc_grant_t *grant)
{
    char   *text;
    cJSON  *claims, *config;

    text = NULL;
    claims = cJSON_CreateObject();

    if (ngx_tgortc_token_add_string(claims, "iss", &grant->api_key)
        && ngx_tgortc_token_add_string(claims, "sub", &grant->identity)
        && ngx_tgortc_token_add_integer(claims, "nbf", grant->now)
        && ngx_tgortc_token_add_integer(claims, "iat", grant->now)
        && ngx_tgortc_token_add_integer(claims, "exp",
                                        grant->now + grant->ttl)
        && ngx_tgortc_token_add_metadata(claims, &grant->device_type)
        && ngx_tgortc_token_add_video(claims, grant)
        && (config = cJSON_AddObjectToObject(claims, "roomConfig")) != NULL
        && ngx_tgortc_token_add_integer(config, "maxParticipants",
                                        grant->max_participants))
    {
        text = cJSON_PrintBuffered(claims, NGX_TGORTC_TOKEN_CLAIMS, 0);
    }

    cJSON_Delete(claims);

    return text;
}


static int
ngx_tgortc_token_add_integer(cJSON *object, const char *name, long long value)
{
    cJSON  *item;

    item = ngx_tgortc_json_int(value);

    if (!cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
        return 0;
    }

    return 1;
}


static int
ngx_tgortc_token_add_string(cJSON *object, const char *name,
    const ngx_tgortc_str_t *value)
{
    char   *copy;
    cJSON  *item;

    copy = malloc(value->len + 1);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, value->data, value->len);
    copy[value->len] = '\0';

    item = cJSON_AddStringToObject(object, name, copy);

    free(copy);

    return item != NULL;
}


/* JSON inside of a string: LiveKit passes metadata on without reading it */

static int
ngx_tgortc_token_add_metadata(cJSON *claims,
    const ngx_tgortc_str_t *device_type)
{
    char   *text;
    cJSON  *item, *metadata;

    if (device_type->len == 0) {
        return 1;
    }

    item = NULL;
    text = NULL;
    metadata = cJSON_CreateObject();

    if (ngx_tgortc_token_add_string(metadata, "device_type", device_type)) {
        text = cJSON_PrintUnformatted(metadata);
    }

    if (text != NULL) {
        item = cJSON_AddStringToObject(claims, "metadata", text);
    }

    cJSON_free(text);
    cJSON_Delete(metadata);

    return item != NULL;
}


static int
ngx_tgortc_token_add_video(cJSON *claims, const ngx_tgortc_grant_t *grant)
{
    cJSON  *video;

    video = cJSON_AddObjectToObject(claims, "video");

    return cJSON_AddTrueToObject(video, "roomJoin") != NULL
           && ngx_tgortc_token_add_string(video, "room", &grant->room)
           && cJSON_AddTrueToObject(video, "canPublish") != NULL
           && cJSON_AddTrueToObject(video, "canSubscribe") != NULL
           && cJSON_AddTrueToObject(video, "canPublishData") != NULL
           && (grant->video || ngx_tgortc_token_add_sources(video));
}


/* an audio call: nobody turns on a camera in it */

static int
ngx_tgortc_token_add_sources(cJSON *video)
{
    cJSON  *source, *sources;

    sources = cJSON_AddArrayToObject(video, "canPublishSources");
    source = cJSON_CreateString("microphone");

    if (!cJSON_AddItemToArray(sources, source)) {
        cJSON_Delete(source);
        return 0;
    }

    return 1;
}


static char *
ngx_tgortc_token_seal(const char *claims, const ngx_tgortc_str_t *secret,
    size_t *len)
{
    char           *p, *token;
    size_t          n;
    unsigned char   mac[SHA256_DIGEST_LENGTH];

    n = strlen(claims);

    token = malloc(sizeof(NGX_TGORTC_TOKEN_HEADER)
                   + ngx_tgortc_base64url_len(n) + 1
                   + ngx_tgortc_base64url_len(sizeof(mac)));
    if (token == NULL) {
        return NULL;
    }

    n = sizeof(NGX_TGORTC_TOKEN_HEADER) - 1;
    memcpy(token, NGX_TGORTC_TOKEN_HEADER, n);

    p = ngx_tgortc_base64url(token + n, (const unsigned char *) claims,
                             strlen(claims));

    if (HMAC(EVP_sha256(), secret->data, (int) secret->len,
             (unsigned char *) token, p - token, mac, NULL)
        == NULL)
    {
        free(token);
        return NULL;
    }

    *p++ = '.';
    p = ngx_tgortc_base64url(p, mac, sizeof(mac));
    *p = '\0';

    *len = p - token;

    return token;
}


/* RFC 4648, 5, without padding; returns the end of what it wrote */

static char *
ngx_tgortc_base64url(char *dst, const unsigned char *src, size_t len)
{
    unsigned long  bits;

    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for ( /* void */ ; len >= 3; len -= 3, src += 3) {
        bits = (src[0] << 16) | (src[1] << 8) | src[2];

        *dst++ = digits[bits >> 18];
        *dst++ = digits[(bits >> 12) & 0x3f];
        *dst++ = digits[(bits >> 6) & 0x3f];
        *dst++ = digits[bits & 0x3f];
    }

    if (len > 0) {
        bits = (src[0] << 16) | (len == 2 ? src[1] << 8 : 0);

        *dst++ = digits[bits >> 18];
        *dst++ = digits[(bits >> 12) & 0x3f];

        if (len == 2) {
            *dst++ = digits[(bits >> 6) & 0x3f];
        }
    }

    return dst;
}
