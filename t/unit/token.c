
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_token.h"
#include "memory.h"
#include "tap.h"


#define str(s)  { sizeof(s) - 1, s }


typedef struct {
    const char          *name;
    const char          *secret;
    ngx_tgortc_grant_t   grant;
    const char          *claims;
} token_t;


/* the claims are told byte for byte: order, nothing missing, nothing more */

static const token_t  tokens[] = {
    { "audio", "secret",
      { str("devkey"), str("alice"), str("call-1"),
        str("app"), 0, 2, 1704096500, 3600 },
      "{\"iss\":\"devkey\",\"sub\":\"alice\",\"nbf\":1704096500,"
      "\"iat\":1704096500,\"exp\":1704100100,"
      "\"metadata\":\"{\\\"device_type\\\":\\\"app\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"call-1\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true,"
      "\"canPublishSources\":[\"microphone\"]},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "video", "secret",
      { str("devkey"), str("alice"), str("call-1"),
        str("app"), 1, 1000, 1704096500, 60 },
      "{\"iss\":\"devkey\",\"sub\":\"alice\",\"nbf\":1704096500,"
      "\"iat\":1704096500,\"exp\":1704096560,"
      "\"metadata\":\"{\\\"device_type\\\":\\\"app\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"call-1\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":1000}}" },

    { "no device", "s",
      { str("k"), str("u"), str("r"), str(""), 1, 2, 1, 1 },
      "{\"iss\":\"k\",\"sub\":\"u\",\"nbf\":1,\"iat\":1,\"exp\":2,"
      "\"video\":{\"roomJoin\":true,\"room\":\"r\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "quotes and backslashes", "s",
      { str("k"), str("u\"\\"), str("r"), str("a\"\\b"), 1, 2, 1,
        1 },
      "{\"iss\":\"k\",\"sub\":\"u\\\"\\\\\",\"nbf\":1,\"iat\":1,\"exp\":2,"
      "\"metadata\":"
      "\"{\\\"device_type\\\":\\\"a\\\\\\\"\\\\\\\\b\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"r\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "other scripts, after 2038", "s",
      { str("k"), str("用户😀"), str("r"), str("é"), 1, 2,
        4102444800, 3600 },
      "{\"iss\":\"k\",\"sub\":\"用户😀\",\"nbf\":4102444800,"
      "\"iat\":4102444800,\"exp\":4102448400,"
      "\"metadata\":\"{\\\"device_type\\\":\\\"é\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"r\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":2}}" }
};


/* tokens[0], made by another implementation */

static const char  vector[] =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJhbGljZSIsIm5iZiI6MTcwNDA5NjUwMCwiaWF0"
    "IjoxNzA0MDk2NTAwLCJleHAiOjE3MDQxMDAxMDAsIm1ldGFkYXRhIjoie1wiZGV2aWNl"
    "X3R5cGVcIjpcImFwcFwifSIsInZpZGVvIjp7InJvb21Kb2luIjp0cnVlLCJyb29tIjoi"
    "Y2FsbC0xIiwiY2FuUHVibGlzaCI6dHJ1ZSwiY2FuU3Vic2NyaWJlIjp0cnVlLCJjYW5Q"
    "dWJsaXNoRGF0YSI6dHJ1ZSwiY2FuUHVibGlzaFNvdXJjZXMiOlsibWljcm9waG9uZSJd"
    "fSwicm9vbUNvbmZpZyI6eyJtYXhQYXJ0aWNpcGFudHMiOjJ9fQ."
    "1k_ODUY7ceRhz8i2JeG1NMYo3vkg7lB_1O7ejnWI1uU";


/* decodes base64url as OpenSSL's own decoder does once it has padding */

static size_t
decode(unsigned char *dst, const char *src, size_t len)
{
    int     n;
    char    text[4096];
    size_t  i, padded;

    padded = (len + 3) / 4 * 4;
    memset(text, '=', padded);

    for (i = 0; i < len; i++) {
        text[i] = src[i] == '-' ? '+' : src[i] == '_' ? '/' : src[i];
    }

    n = EVP_DecodeBlock(dst, (unsigned char *) text, (int) padded);

    return n < 0 ? 0 : (size_t) n - (padded - len);
}


/* 1 when the token is signed with the key; its claims are then in text */

static int
verify(const char *token, size_t len, const char *secret, size_t secret_len,
    char *text)
{
    size_t          n;
    const char     *claims, *seal;
    unsigned char   given[256], mac[EVP_MAX_MD_SIZE];

    if (strlen(token) != len || strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_.")
                                != len)
    {
        return 0;
    }

    claims = strchr(token, '.') + 1;
    seal = strchr(claims, '.') + 1;

    n = decode((unsigned char *) text, token, claims - 1 - token);
    text[n] = '\0';

    if (strcmp(text, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}") != 0) {
        return 0;
    }

    n = decode((unsigned char *) text, claims, seal - 1 - claims);
    text[n] = '\0';

    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, secret_len,
              (const unsigned char *) token, seal - 1 - token,
              mac, sizeof(mac), &n);

    return n == 32 && decode(given, seal, strlen(seal)) == n
           && memcmp(given, mac, n) == 0;
}


static char *
sign(const ngx_tgortc_grant_t *grant, const char *secret, size_t secret_len,
    size_t *len)
{
    char               *token;
    ngx_tgortc_hmac_t  *key;

    key = ngx_tgortc_hmac_key(secret, secret_len);
    token = ngx_tgortc_token_sign(grant, key, len);
    ngx_tgortc_hmac_free(key);

    return token;
}


static void
check_tokens(void)
{
    char           *token, text[4096];
    size_t          i, len;
    const token_t  *t;

    for (i = 0; i < tap_items(tokens); i++) {
        t = &tokens[i];
        token = sign(&t->grant, t->secret, strlen(t->secret), &len);

        tap_ok(verify(token, len, t->secret, strlen(t->secret), text)
               && strcmp(text, t->claims) == 0,
               "claims: %s", t->name);

        free(token);
    }
}


static void
check_vector(void)
{
    char    *token;
    size_t   len;

    token = sign(&tokens[0].grant, "secret", 6, &len);

    tap_ok(len == strlen(vector) && strcmp(token, vector) == 0,
           "the token of another implementation");

    free(token);
}


/* raw bytes as the key, longer than a block of SHA-256 too */

static void
check_secrets(void)
{
    char    *token, text[4096], secret[200];
    size_t   i, len, wrong;

    wrong = 0;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (char) (i * 7);

        token = sign(&tokens[0].grant, secret, i + 1, &len);
        wrong += !verify(token, len, secret, i + 1, text);
        free(token);
    }

    tap_ok(wrong == 0, "secrets of any bytes and length");
    tap_ok(ngx_tgortc_hmac_key(secret, 0) == NULL, "no secret, no key");
}


/* identities of exact size, for ASan to see that nothing reads beyond */

static void
check_lengths(void)
{
    char                *identity, *token, text[4096], sub[256];
    size_t               i, len, wrong;
    ngx_tgortc_grant_t   grant;

    wrong = 0;
    grant = tokens[0].grant;

    for (i = 1; i <= 128; i++) {
        identity = malloc(i);
        memset(identity, '~' - i % 3, i);
        snprintf(sub, sizeof(sub), "\"sub\":\"%.*s\",", (int) i, identity);

        grant.identity.data = identity;
        grant.identity.len = i;

        token = sign(&grant, "secret", 6, &len);
        wrong += !verify(token, len, "secret", 6, text)
                 || strstr(text, sub) == NULL;

        free(token);
        free(identity);
    }

    tap_ok(wrong == 0, "identities of any length");
}


static void
check_memory(void)
{
    int                 n;
    char               *token;
    size_t              len;
    ngx_tgortc_hmac_t  *key;

    key = ngx_tgortc_hmac_key("secret", 6);

    for (n = 0; n < 1000; n++) {
        allocations = n;
        token = ngx_tgortc_token_sign(&tokens[0].grant, key, &len);
        allocations = -1;

        if (token != NULL) {
            break;
        }
    }

    tap_ok(n == 3 && token != NULL && strcmp(token, vector) == 0,
           "NULL whenever memory fails");

    free(token);
    ngx_tgortc_hmac_free(key);
}


int
main(void)
{
    check_tokens();
    check_vector();
    check_secrets();
    check_lengths();
    check_memory();

    return tap_done();
}
