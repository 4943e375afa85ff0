
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include "ngx_tgortc_token.h"
#include "tap.h"


#define str(s)  { sizeof(s) - 1, s }


typedef struct {
    const char          *name;
    ngx_tgortc_grant_t   grant;
    const char          *claims;
} token_t;


/* the claims are told byte for byte: order, nothing missing, nothing more */

static const token_t  tokens[] = {
    { "audio",
      { str("devkey"), str("secret"), str("alice"), str("call-1"),
        str("app"), 0, 2, 1704096500, 3600 },
      "{\"iss\":\"devkey\",\"sub\":\"alice\",\"nbf\":1704096500,"
      "\"iat\":1704096500,\"exp\":1704100100,"
      "\"metadata\":\"{\\\"device_type\\\":\\\"app\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"call-1\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true,"
      "\"canPublishSources\":[\"microphone\"]},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "video",
      { str("devkey"), str("secret"), str("alice"), str("call-1"),
        str("app"), 1, 1000, 1704096500, 60 },
      "{\"iss\":\"devkey\",\"sub\":\"alice\",\"nbf\":1704096500,"
      "\"iat\":1704096500,\"exp\":1704096560,"
      "\"metadata\":\"{\\\"device_type\\\":\\\"app\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"call-1\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":1000}}" },

    { "no device",
      { str("k"), str("s"), str("u"), str("r"), str(""), 1, 2, 1, 1 },
      "{\"iss\":\"k\",\"sub\":\"u\",\"nbf\":1,\"iat\":1,\"exp\":2,"
      "\"video\":{\"roomJoin\":true,\"room\":\"r\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "quotes and backslashes",
      { str("k"), str("s"), str("u\"\\"), str("r"), str("a\"\\b"), 1, 2, 1,
        1 },
      "{\"iss\":\"k\",\"sub\":\"u\\\"\\\\\",\"nbf\":1,\"iat\":1,\"exp\":2,"
      "\"metadata\":"
      "\"{\\\"device_type\\\":\\\"a\\\\\\\"\\\\\\\\b\\\"}\","
      "\"video\":{\"roomJoin\":true,\"room\":\"r\",\"canPublish\":true,"
      "\"canSubscribe\":true,\"canPublishData\":true},"
      "\"roomConfig\":{\"maxParticipants\":2}}" },

    { "other scripts, after 2038",
      { str("k"), str("s"), str("用户😀"), str("r"), str("é"), 1, 2,
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


static int  allocations;


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
verify(const char *token, size_t len, const ngx_tgortc_str_t *key, char *text)
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

    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key->data, key->len,
              (const unsigned char *) token, seal - 1 - token,
              mac, sizeof(mac), &n);

    return n == 32 && decode(given, seal, strlen(seal)) == n
           && memcmp(given, mac, n) == 0;
}


static void
check_tokens(void)
{
    char    *token, text[4096];
    size_t   i, len;

    for (i = 0; i < tap_items(tokens); i++) {
        token = ngx_tgortc_token_sign(&tokens[i].grant, &len);

        tap_ok(verify(token, len, &tokens[i].grant.secret, text)
               && strcmp(text, tokens[i].claims) == 0,
               "claims: %s", tokens[i].name);

        free(token);
    }
}


static void
check_vector(void)
{
    char    *token;
    size_t   len;

    token = ngx_tgortc_token_sign(&tokens[0].grant, &len);

    tap_ok(len == strlen(vector) && strcmp(token, vector) == 0,
           "the token of another implementation");

    free(token);
}


/* raw bytes as the key, longer than a block of SHA-256 too */

static void
check_secrets(void)
{
    char                *token, text[4096], secret[200];
    size_t               i, len, wrong;
    ngx_tgortc_grant_t   grant;

    wrong = 0;
    grant = tokens[0].grant;
    grant.secret.data = secret;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (char) (i * 7);
        grant.secret.len = i + 1;

        token = ngx_tgortc_token_sign(&grant, &len);
        wrong += !verify(token, len, &grant.secret, text);
        free(token);
    }

    tap_ok(wrong == 0, "secrets of any bytes and length");
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

        token = ngx_tgortc_token_sign(&grant, &len);
        wrong += !verify(token, len, &grant.secret, text)
                 || strstr(text, sub) == NULL;

        free(token);
        free(identity);
    }

    tap_ok(wrong == 0, "identities of any length");
}


static void *
allocate(size_t size)
{
    return allocations-- > 0 ? malloc(size) : NULL;
}


static void
check_memory(void)
{
    int           n;
    char         *token;
    size_t        len;
    cJSON_Hooks   hooks;

    hooks.malloc_fn = allocate;
    hooks.free_fn = free;
    cJSON_InitHooks(&hooks);

    for (n = 0; n < 1000; n++) {
        allocations = n;
        token = ngx_tgortc_token_sign(&tokens[0].grant, &len);

        if (token != NULL) {
            break;
        }
    }

    tap_ok(n > 10 && token != NULL && strcmp(token, vector) == 0,
           "NULL whenever memory fails");

    free(token);
    cJSON_InitHooks(NULL);
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
