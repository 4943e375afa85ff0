
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_token.h"
#include "ngx_tgortc_write.h"


/* {"alg":"HS256","typ":"JWT"} and the dot after it */

#define NGX_TGORTC_TOKEN_HEADER  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

/* bytes that hold those of a usual call */

#define NGX_TGORTC_TOKEN_CLAIMS    512
#define NGX_TGORTC_TOKEN_METADATA  64

/* seconds; the clocks may differ by a minute on top */

#define NGX_TGORTC_TOKEN_ADMIN_TTL  60

#define ngx_tgortc_base64url_len(len)  (((len) * 4 + 2) / 3)


static char *ngx_tgortc_token_claims(const ngx_tgortc_grant_t *grant,
    size_t *len);
static void ngx_tgortc_token_metadata(ngx_tgortc_write_t *w,
    const ngx_tgortc_str_t *device_type);
static void ngx_tgortc_token_video(ngx_tgortc_write_t *w,
    const ngx_tgortc_grant_t *grant);
static char *ngx_tgortc_token_seal(char *claims, size_t claims_len,
    const ngx_tgortc_hmac_t *key, size_t *len);
static void ngx_tgortc_token_string(ngx_tgortc_write_t *w, const char *name,
    const ngx_tgortc_str_t *value);
static char *ngx_tgortc_base64url(char *dst, const unsigned char *src,
    size_t len);


char *
ngx_tgortc_token_sign(const ngx_tgortc_grant_t *grant,
    const ngx_tgortc_hmac_t *key, size_t *len)
{
    char    *claims;
    size_t   n;

    claims = ngx_tgortc_token_claims(grant, &n);

    return ngx_tgortc_token_seal(claims, n, key, len);
}


char *
ngx_tgortc_token_sign_admin(const ngx_tgortc_str_t *api_key,
    const ngx_tgortc_hmac_t *key, const ngx_tgortc_str_t *room, time_t now,
    size_t *len)
{
    char                *claims;
    size_t               n;
    ngx_tgortc_write_t   w;

    ngx_tgortc_write_begin(&w, NGX_TGORTC_TOKEN_CLAIMS);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_token_string(&w, "iss", api_key);
    ngx_tgortc_write_int(&w, "nbf", now);
    ngx_tgortc_write_int(&w, "exp", now + NGX_TGORTC_TOKEN_ADMIN_TTL);
    ngx_tgortc_write_open(&w, "video", '{');

    if (room == NULL) {
        ngx_tgortc_write_raw(&w, "roomCreate", "true");

    } else {
        ngx_tgortc_write_raw(&w, "roomAdmin", "true");
        ngx_tgortc_token_string(&w, "room", room);
    }

    ngx_tgortc_write_close(&w, '}');
    ngx_tgortc_write_close(&w, '}');

    claims = ngx_tgortc_write_end(&w, &n);

    return ngx_tgortc_token_seal(claims, n, key, len);
}


static char *
ngx_tgortc_token_claims(const ngx_tgortc_grant_t *grant, size_t *len)
{
    ngx_tgortc_write_t  w;

    ngx_tgortc_write_begin(&w, NGX_TGORTC_TOKEN_CLAIMS);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_token_string(&w, "iss", &grant->api_key);
    ngx_tgortc_token_string(&w, "sub", &grant->identity);
    ngx_tgortc_write_int(&w, "nbf", grant->now);
    ngx_tgortc_write_int(&w, "iat", grant->now);
    ngx_tgortc_write_int(&w, "exp", grant->now + grant->ttl);

    if (grant->device_type.len) {
        ngx_tgortc_token_metadata(&w, &grant->device_type);
    }

    ngx_tgortc_token_video(&w, grant);

    ngx_tgortc_write_open(&w, "roomConfig", '{');
    ngx_tgortc_write_int(&w, "maxParticipants", grant->max_participants);
    ngx_tgortc_write_close(&w, '}');
    ngx_tgortc_write_close(&w, '}');

    return ngx_tgortc_write_end(&w, len);
}


/* JSON inside of a string: LiveKit passes metadata on without reading it */

static void
ngx_tgortc_token_metadata(ngx_tgortc_write_t *w,
    const ngx_tgortc_str_t *device_type)
{
    ngx_tgortc_str_t    text;
    ngx_tgortc_write_t  metadata;

    ngx_tgortc_write_begin(&metadata, NGX_TGORTC_TOKEN_METADATA);
    ngx_tgortc_write_open(&metadata, NULL, '{');
    ngx_tgortc_token_string(&metadata, "device_type", device_type);
    ngx_tgortc_write_close(&metadata, '}');

    text.data = ngx_tgortc_write_end(&metadata, &text.len);

    if (text.data == NULL) {
        w->failed = 1;
        return;
    }

    ngx_tgortc_token_string(w, "metadata", &text);
    free((char *) text.data);
}


static void
ngx_tgortc_token_video(ngx_tgortc_write_t *w, const ngx_tgortc_grant_t *grant)
{
    ngx_tgortc_write_open(w, "video", '{');
    ngx_tgortc_write_raw(w, "roomJoin", "true");
    ngx_tgortc_token_string(w, "room", &grant->room);
    ngx_tgortc_write_raw(w, "canPublish", "true");
    ngx_tgortc_write_raw(w, "canSubscribe", "true");
    ngx_tgortc_write_raw(w, "canPublishData", "true");

    /* an audio call: nobody turns on a camera in it */

    if (!grant->video) {
        ngx_tgortc_write_raw(w, "canPublishSources", "[\"microphone\"]");
    }

    ngx_tgortc_write_close(w, '}');
}


/* frees the claims, which may be NULL */

static char *
ngx_tgortc_token_seal(char *claims, size_t claims_len,
    const ngx_tgortc_hmac_t *key, size_t *len)
{
    char           *p, *token;
    size_t          n;
    unsigned char   mac[NGX_TGORTC_HMAC_LEN];

    if (claims == NULL) {
        return NULL;
    }

    n = sizeof(NGX_TGORTC_TOKEN_HEADER) - 1;

    token = malloc(n + ngx_tgortc_base64url_len(claims_len) + 1
                   + ngx_tgortc_base64url_len(sizeof(mac)) + 1);
    if (token == NULL) {
        free(claims);
        return NULL;
    }

    memcpy(token, NGX_TGORTC_TOKEN_HEADER, n);

    p = ngx_tgortc_base64url(token + n, (unsigned char *) claims, claims_len);
    free(claims);

    if (!ngx_tgortc_hmac(key, token, p - token, mac)) {
        free(token);
        return NULL;
    }

    *p++ = '.';
    p = ngx_tgortc_base64url(p, mac, sizeof(mac));
    *p = '\0';

    *len = p - token;

    return token;
}


static void
ngx_tgortc_token_string(ngx_tgortc_write_t *w, const char *name,
    const ngx_tgortc_str_t *value)
{
    ngx_tgortc_write_string(w, name, value->data, value->len);
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
