
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_verify.h"
#include "tap.h"


#define str(s)   { sizeof(s) - 1, s }

#define HS256    "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define BODY     "{\"event\":\"room_started\",\"id\":\"EV_1\"}"
#define NOW      1787500042

/* SHA-256 of BODY, and of an empty body */

#define HASH     "ZYQ+lXP6v+9WEJABoE/0hl6cUiPYTBHbDM4ow9BzwQE="
#define HEX      "65843e9573fabfef56109001a04ff486" \
                 "5e9c5223d84c11db0cce28c3d073c101"
#define NOTHING  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

#define EXP      "\"exp\":1787500342"
#define SHA      "\"sha256\":\"" HASH "\""
#define CLAIMS   "{\"iss\":\"devkey\"," EXP ",\"nbf\":1787500042,"         \
                 "\"iat\":1787500042," SHA "}"


static const struct {
    ngx_tgortc_str_t  api_key;
    ngx_tgortc_str_t  secret;
} secrets[] = {
    { str("devkey"), str("secret") },
    { str("rotated"), str("the old one") },
    { str("rotated"), str("the new one") },
    { str("unlocked"), str("") },
    { str(""), str("nobody's") }
};

static ngx_tgortc_verify_key_t  keys[tap_items(secrets)];


typedef struct {
    const char           *name;
    const char           *header;
    const char           *claims;
    const char           *secret;
    ngx_tgortc_verify_e   result;
} token_t;


/* each is signed with the secret, whatever it says */

static const token_t  tokens[] = {
    { "as LiveKit writes it", HS256, CLAIMS, "secret", NGX_TGORTC_VERIFY_OK },

    { "no typ", "{\"alg\":\"HS256\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_OK },

    { "another typ, a kid", "{\"typ\":1,\"kid\":\"x\",\"alg\":\"HS256\"}",
      CLAIMS, "secret", NGX_TGORTC_VERIFY_OK },

    { "space in the JSON", " {\n\"alg\" : \"HS256\" } ", " " CLAIMS "\r\n",
      "secret", NGX_TGORTC_VERIFY_OK },

    { "an escaped alg", "{\"\\u0061lg\":\"H\\u005325\\u0036\"}", CLAIMS,
      "secret", NGX_TGORTC_VERIFY_OK },

    { "unknown claims", HS256,
      "{\"video\":{\"roomJoin\":[true,null,{}]},\"iss\":\"devkey\"," EXP ","
      SHA "}", "secret", NGX_TGORTC_VERIFY_OK },


    { "no JSON in the header", "HS256", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "nothing in the header", "", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "an array as the header", "[\"HS256\"]", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "alg twice", "{\"alg\":\"HS256\",\"alg\":\"none\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "no JSON in the payload", HS256, CLAIMS "}", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "nothing in the payload", HS256, "", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "a string as the payload", HS256, "\"devkey\"", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "iss twice", HS256,
      "{\"iss\":\"devkey\",\"iss\":\"devkey\"," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "sha256 twice", HS256,
      "{\"iss\":\"devkey\"," SHA "," EXP ",\"sha\\u0032" "56\":\"\"}",
      "secret", NGX_TGORTC_VERIFY_MALFORMED },

    { "a payload that is no UTF-8", HS256, "{\"iss\":\"\xff\"}", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },

    { "a payload too deep", HS256,
      "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "secret",
      NGX_TGORTC_VERIFY_MALFORMED },


    { "no alg", "{\"typ\":\"JWT\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg none", "{\"alg\":\"none\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg RS256", "{\"alg\":\"RS256\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg HS512", "{\"alg\":\"HS512\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg hs256", "{\"alg\":\"hs256\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "ALG", "{\"ALG\":\"HS256\"}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg of two", "{\"alg\":[\"HS256\"]}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "alg null", "{\"alg\":null}", CLAIMS, "secret",
      NGX_TGORTC_VERIFY_ALGORITHM },

    { "a critical extension",
      "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS,
      "secret", NGX_TGORTC_VERIFY_ALGORITHM },


    { "no iss", HS256, "{" EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_ISSUER },

    { "another iss", HS256, "{\"iss\":\"devkez\"," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_ISSUER },

    { "the beginning of iss", HS256, "{\"iss\":\"devke\"," EXP "," SHA "}",
      "secret", NGX_TGORTC_VERIFY_ISSUER },

    { "more than iss", HS256, "{\"iss\":\"devkey2\"," EXP "," SHA "}",
      "secret", NGX_TGORTC_VERIFY_ISSUER },

    { "iss in upper case", HS256, "{\"iss\":\"DEVKEY\"," EXP "," SHA "}",
      "secret", NGX_TGORTC_VERIFY_ISSUER },

    { "an empty iss", HS256, "{\"iss\":\"\"," EXP "," SHA "}", "nobody's",
      NGX_TGORTC_VERIFY_ISSUER },

    { "a number as iss", HS256, "{\"iss\":1," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_ISSUER },


    { "another secret", HS256, CLAIMS, "secres", NGX_TGORTC_VERIFY_SIGNATURE },

    { "no secret", HS256, CLAIMS, "", NGX_TGORTC_VERIFY_SIGNATURE },

    { "the secret of another key", HS256,
      "{\"iss\":\"rotated\"," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_SIGNATURE },

    { "the first of two secrets", HS256,
      "{\"iss\":\"rotated\"," EXP "," SHA "}", "the old one",
      NGX_TGORTC_VERIFY_OK },

    { "the second of two secrets", HS256,
      "{\"iss\":\"rotated\"," EXP "," SHA "}", "the new one",
      NGX_TGORTC_VERIFY_OK },

    { "an empty secret never verifies", HS256,
      "{\"iss\":\"unlocked\"," EXP "," SHA "}", "",
      NGX_TGORTC_VERIFY_SIGNATURE },

    { "signature before expiry", HS256, "{\"iss\":\"devkey\",\"exp\":1}",
      "?", NGX_TGORTC_VERIFY_SIGNATURE },


    { "no exp", HS256, "{\"iss\":\"devkey\"," SHA "}", "secret",
      NGX_TGORTC_VERIFY_NO_EXPIRY },

    { "exp null", HS256, "{\"iss\":\"devkey\",\"exp\":null," SHA "}",
      "secret", NGX_TGORTC_VERIFY_NO_EXPIRY },

    { "a string as exp", HS256,
      "{\"iss\":\"devkey\",\"exp\":\"1787500342\"," SHA "}", "secret",
      NGX_TGORTC_VERIFY_NO_EXPIRY },

    { "exp of never", HS256, "{\"iss\":\"devkey\",\"exp\":1e999," SHA "}",
      "secret", NGX_TGORTC_VERIFY_NO_EXPIRY },

    { "Exp", HS256, "{\"iss\":\"devkey\",\"Exp\":1787500342," SHA "}",
      "secret", NGX_TGORTC_VERIFY_NO_EXPIRY },

    { "exp of 59 seconds ago", HS256,
      "{\"iss\":\"devkey\",\"exp\":1787499983," SHA "}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "exp of a minute ago", HS256,
      "{\"iss\":\"devkey\",\"exp\":1787499982," SHA "}", "secret",
      NGX_TGORTC_VERIFY_EXPIRED },

    { "exp with a fraction", HS256,
      "{\"iss\":\"devkey\",\"exp\":1787499982.5," SHA "}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "exp with an exponent", HS256,
      "{\"iss\":\"devkey\",\"exp\":1.7875e9," SHA "}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "exp in the past", HS256, "{\"iss\":\"devkey\",\"exp\":-1e999," SHA "}",
      "secret", NGX_TGORTC_VERIFY_EXPIRED },

    { "expiry before hash", HS256,
      "{\"iss\":\"devkey\",\"exp\":0,\"sha256\":\"\"}", "secret",
      NGX_TGORTC_VERIFY_EXPIRED },


    { "no nbf", HS256, "{\"iss\":\"devkey\"," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "nbf in a minute", HS256,
      "{\"iss\":\"devkey\",\"nbf\":1787500102," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "nbf in 61 seconds", HS256,
      "{\"iss\":\"devkey\",\"nbf\":1787500103," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_NOT_YET },

    { "nbf with a fraction", HS256,
      "{\"iss\":\"devkey\",\"nbf\":1787500102.5," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_NOT_YET },

    { "nbf null", HS256, "{\"iss\":\"devkey\",\"nbf\":null," EXP "," SHA "}",
      "secret", NGX_TGORTC_VERIFY_NOT_YET },

    { "a string as nbf", HS256,
      "{\"iss\":\"devkey\",\"nbf\":\"1\"," EXP "," SHA "}", "secret",
      NGX_TGORTC_VERIFY_NOT_YET },

    { "nbf before hash", HS256,
      "{\"iss\":\"devkey\",\"nbf\":1e999," EXP "}", "secret",
      NGX_TGORTC_VERIFY_NOT_YET },


    { "no sha256", HS256, "{\"iss\":\"devkey\"," EXP "}", "secret",
      NGX_TGORTC_VERIFY_NO_HASH },

    { "a token to join with", HS256,
      "{\"iss\":\"devkey\",\"sub\":\"alice\"," EXP ",\"video\":"
      "{\"roomJoin\":true,\"room\":\"call-1\"}}", "secret",
      NGX_TGORTC_VERIFY_NO_HASH },

    { "sha256 null", HS256, "{\"iss\":\"devkey\"," EXP ",\"sha256\":null}",
      "secret", NGX_TGORTC_VERIFY_NO_HASH },

    { "SHA256", HS256, "{\"iss\":\"devkey\"," EXP ",\"SHA256\":\"" HASH "\"}",
      "secret", NGX_TGORTC_VERIFY_NO_HASH },

    { "an empty sha256", HS256, "{\"iss\":\"devkey\"," EXP ",\"sha256\":\"\"}",
      "secret", NGX_TGORTC_VERIFY_HASH },

    { "sha256 of another body", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":\"" NOTHING "\"}", "secret",
      NGX_TGORTC_VERIFY_HASH },

    { "sha256 without padding", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ+lXP6v+9WEJABoE/0hl6cUiPYTBHbDM4ow9BzwQE\"}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "sha256 with escapes", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ\\u002blXP6v\\u002b9WEJABoE\\/0hl6cUiPYTBHbDM4ow9BzwQE\\u003D\"}",
      "secret", NGX_TGORTC_VERIFY_OK },

    { "sha256 with other bits behind it", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ+lXP6v+9WEJABoE/0hl6cUiPYTBHbDM4ow9BzwQF=\"}", "secret",
      NGX_TGORTC_VERIFY_HASH },

    { "sha256 in base64url", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ-lXP6v-9WEJABoE_0hl6cUiPYTBHbDM4ow9BzwQE=\"}", "secret",
      NGX_TGORTC_VERIFY_HASH },

    { "sha256 with a newline", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ+lXP6v+9WEJABoE/0hl6cUiPYTBHbDM4ow9BzwQE=\\n\"}", "secret",
      NGX_TGORTC_VERIFY_HASH },

    { "the beginning of sha256", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"ZYQ+lXP6v+9WEJABoE/0hl6cUiPYTBHbDM4ow9BzwQ\"}", "secret",
      NGX_TGORTC_VERIFY_HASH },

    { "hex", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":\"" HEX "\"}", "secret",
      NGX_TGORTC_VERIFY_OK },

    { "hex in upper case too", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"65843E9573FABFEF56109001A04FF4865e9c5223d84c11db0cce28c3d073c101\"}",
      "secret", NGX_TGORTC_VERIFY_OK },

    { "hex of another body", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"65843e9573fabfef56109001a04ff4865e9c5223d84c11db0cce28c3d073c108\"}",
      "secret", NGX_TGORTC_VERIFY_HASH },

    { "hex with what is no digit", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"\\u00165843e9573fabfef56109001a04ff4865e9c5223d84c11db0cce28c3d073c10"
      "1\"}", "secret", NGX_TGORTC_VERIFY_HASH },

    { "63 digits of hex", HS256,
      "{\"iss\":\"devkey\"," EXP ",\"sha256\":"
      "\"65843e9573fabfef56109001a04ff4865e9c5223d84c11db0cce28c3d073c10\"}",
      "secret", NGX_TGORTC_VERIFY_HASH }
};


/* a body of LiveKit, and the token that comes with it */

static const char  vector[] =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJkZXZrZXkiLCJleHAiOjE3ODc1MDAzNDIsIm5iZiI6MTc4NzUwMDA0Miwi"
    "aWF0IjoxNzg3NTAwMDQyLCJzaGEyNTYiOiJCTUFsZ29PQS9KYThySmlaSUx4M3NWd2dZ"
    "dmpESDl0SzBNVzVNRFhrbmE4PSJ9."
    "xzxvXqeIzvzzwWQQ4rwueHr6MVTExpwymNeERjAxqwg";

static char     body[2048];
static size_t   body_len;

static int      allocations;


/* base64url without padding, made of what OpenSSL writes */

static char *
encode(char *dst, const unsigned char *src, size_t len)
{
    char  *p;

    EVP_EncodeBlock((unsigned char *) dst, src, (int) len);

    for (p = dst; *p != '\0' && *p != '='; p++) {
        *p = (*p == '+') ? '-' : (*p == '/') ? '_' : *p;
    }

    *p = '\0';

    return p;
}


/* signs the token that ends at p; returns the length of the whole */

static size_t
seal(char *token, char *p, const char *secret)
{
    size_t          n;
    unsigned char   mac[EVP_MAX_MD_SIZE];

    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, strlen(secret),
              (unsigned char *) token, p - token, mac, sizeof(mac), &n);

    *p++ = '.';

    return encode(p, mac, n) - token;
}


static size_t
sign(char *token, const char *header, const char *claims, size_t len,
    const char *secret)
{
    char  *p;

    p = encode(token, (const unsigned char *) header, strlen(header));
    *p++ = '.';
    p = encode(p, (const unsigned char *) claims, len);

    return seal(token, p, secret);
}


/* with copies of exact size, for ASan to see that nothing reads beyond */

static ngx_tgortc_verify_e
verify(const char *token, size_t len, const char *data, size_t data_len,
    time_t now)
{
    char                 *one, *two;
    ngx_tgortc_verify_e   rc;

    one = malloc(len > 0 ? len : 1);
    two = malloc(data_len > 0 ? data_len : 1);

    memcpy(one, token, len);
    memcpy(two, data, data_len);

    rc = ngx_tgortc_verify(one, len, two, data_len, keys, tap_items(keys),
                           now);

    free(one);
    free(two);

    return rc;
}


static void
check_tokens(void)
{
    char                  token[4096];
    size_t                i, len;
    const token_t        *t;
    ngx_tgortc_verify_e   rc;

    for (i = 0; i < tap_items(tokens); i++) {
        t = &tokens[i];
        len = sign(token, t->header, t->claims, strlen(t->claims), t->secret);
        rc = verify(token, len, BODY, sizeof(BODY) - 1, NOW);

        tap_ok(rc == t->result, "%s: %d", t->name, rc);
    }
}


static void
check_vector(void)
{
    char                 moved[2048];
    size_t               len;
    ngx_tgortc_verify_e  rc;

    len = sizeof(vector) - 1;

    tap_ok(body_len == 1018, "the body is as LiveKit sends it");
    tap_ok(verify(vector, len, body, body_len, NOW) == NGX_TGORTC_VERIFY_OK,
           "a webhook of LiveKit");

    tap_ok(verify(vector, len, body, body_len, NOW - 60)
           == NGX_TGORTC_VERIFY_OK
           && verify(vector, len, body, body_len, NOW - 61)
              == NGX_TGORTC_VERIFY_NOT_YET,
           "its nbf");

    tap_ok(verify(vector, len, body, body_len, NOW + 359)
           == NGX_TGORTC_VERIFY_OK
           && verify(vector, len, body, body_len, NOW + 360)
              == NGX_TGORTC_VERIFY_EXPIRED,
           "its exp");

    tap_ok(verify(vector, len, body, body_len - 1, NOW)
           == NGX_TGORTC_VERIFY_HASH
           && verify(vector, len, body, 0, NOW) == NGX_TGORTC_VERIFY_HASH,
           "its body cut short");

    memcpy(moved, body, body_len);
    moved[body_len] = '\n';

    tap_ok(verify(vector, len, moved, body_len + 1, NOW)
           == NGX_TGORTC_VERIFY_HASH,
           "a newline after its body");

    rc = ngx_tgortc_verify(vector, len, body, body_len, NULL, 0, NOW);
    tap_ok(rc == NGX_TGORTC_VERIFY_ISSUER, "no keys");
}


static void
check_empty_body(void)
{
    char        token[4096];
    size_t      len;
    const char  claims[] = "{\"iss\":\"devkey\"," EXP ",\"sha256\":\""
                           NOTHING "\"}";

    len = sign(token, HS256, claims, sizeof(claims) - 1, "secret");

    tap_ok(ngx_tgortc_verify(token, len, NULL, 0, keys, tap_items(keys), NOW)
           == NGX_TGORTC_VERIFY_OK,
           "an empty body");
}


/* \/ is how some write a slash, and the hash of this body has one */

static void
check_escapes(void)
{
    char        token[4096];
    size_t      len;
    const char  claims[] =
        "{\"iss\":\"dev\\u006bey\"," EXP ",\"sha256\":"
        "\"BMAlgoOA\\/Ja8rJiZILx3sVwgYvjDH9tK0MW5MDXkna8\\u003d\"}";

    len = sign(token, HS256, claims, sizeof(claims) - 1, "secret");

    tap_ok(verify(token, len, body, body_len, NOW) == NGX_TGORTC_VERIFY_OK,
           "escapes in the claims");
}


static void
check_headers(void)
{
    char                  text[1024];
    size_t                i, len;
    ngx_tgortc_verify_e   rc;

    static const struct {
        const char           *before;
        const char           *after;        /* NULL: without the token */
        ngx_tgortc_verify_e   result;

    } headers[] = {
        { "Bearer ", "", NGX_TGORTC_VERIFY_OK },
        { "bearer ", "", NGX_TGORTC_VERIFY_OK },
        { "BEARER   ", "  ", NGX_TGORTC_VERIFY_OK },
        { " \t Bearer\t", "\t", NGX_TGORTC_VERIFY_OK },
        { "  ", " ", NGX_TGORTC_VERIFY_OK },

        { "", NULL, NGX_TGORTC_VERIFY_MISSING },
        { " \t ", NULL, NGX_TGORTC_VERIFY_MISSING },
        { "Bearer", NULL, NGX_TGORTC_VERIFY_MISSING },
        { "bearer \t", NULL, NGX_TGORTC_VERIFY_MISSING },

        { "Bearer", "", NGX_TGORTC_VERIFY_MALFORMED },
        { "Bearer Bearer ", "", NGX_TGORTC_VERIFY_MALFORMED },
        { "Basic ", "", NGX_TGORTC_VERIFY_MALFORMED },
        { "Bearer: ", "", NGX_TGORTC_VERIFY_MALFORMED },
        { "\"", "\"", NGX_TGORTC_VERIFY_MALFORMED },
        { "", "=", NGX_TGORTC_VERIFY_MALFORMED },
        { "", "\n", NGX_TGORTC_VERIFY_MALFORMED },
        { "", ".", NGX_TGORTC_VERIFY_MALFORMED },
        { ".", "", NGX_TGORTC_VERIFY_MALFORMED },
        { "", ".x", NGX_TGORTC_VERIFY_MALFORMED },
        { "", ",x", NGX_TGORTC_VERIFY_MALFORMED },
        { "x", NULL, NGX_TGORTC_VERIFY_MALFORMED },
        { ".", NULL, NGX_TGORTC_VERIFY_MALFORMED },
        { "..", NULL, NGX_TGORTC_VERIFY_MALFORMED },
        { "...", NULL, NGX_TGORTC_VERIFY_MALFORMED },

        { "", "A", NGX_TGORTC_VERIFY_SIGNATURE },
        { "", "AA", NGX_TGORTC_VERIFY_SIGNATURE },
        { "", "AAA", NGX_TGORTC_VERIFY_SIGNATURE }
    };

    for (i = 0; i < tap_items(headers); i++) {
        len = sprintf(text, "%s%s%s", headers[i].before,
                      headers[i].after != NULL ? vector : "",
                      headers[i].after != NULL ? headers[i].after : "");

        rc = verify(text, len, body, body_len, NOW);

        tap_ok(rc == headers[i].result, "header %zu: %d", i, rc);
    }

    tap_ok(ngx_tgortc_verify(NULL, 0, body, body_len, keys, tap_items(keys),
                             NOW)
           == NGX_TGORTC_VERIFY_MISSING,
           "no header");
}


/* a token without its signature, and unsigned ones of other algorithms */

static void
check_unsigned(void)
{
    char                  token[4096];
    size_t                i, len;
    ngx_tgortc_verify_e   rc;

    static const struct {
        const char           *header;
        ngx_tgortc_verify_e   result;

    } headers[] = {
        { HS256, NGX_TGORTC_VERIFY_SIGNATURE },
        { "{\"alg\":\"none\"}", NGX_TGORTC_VERIFY_ALGORITHM },
        { "{\"alg\":\"None\"}", NGX_TGORTC_VERIFY_ALGORITHM },
        { "{\"alg\":\"\"}", NGX_TGORTC_VERIFY_ALGORITHM }
    };

    for (i = 0; i < tap_items(headers); i++) {
        len = sign(token, headers[i].header, CLAIMS, sizeof(CLAIMS) - 1,
                   "secret");
        len = strrchr(token, '.') + 1 - token;

        rc = verify(token, len, BODY, sizeof(BODY) - 1, NOW);
        tap_ok(rc == headers[i].result, "unsigned: %s", headers[i].header);
    }
}


/* base64url that decodes to the same, but nobody writes so: signed too */

static void
check_spellings(void)
{
    char    token[4096], *p;
    size_t  i, len;

    static const struct {
        const char           *header;
        ngx_tgortc_verify_e   result;

    } spellings[] = {
        { "eyJhbGciOiJIUzI1NiJ9", NGX_TGORTC_VERIFY_OK },
        { "eyJhbGciOiJIUzI1NiJ9A", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9=", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9 ", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9\n", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9IA", NGX_TGORTC_VERIFY_OK },
        { "eyJhbGciOiJIUzI1NiJ9IA==", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9IB", NGX_TGORTC_VERIFY_MALFORMED },
        { "eyJhbGciOiJIUzI1NiJ9ICA", NGX_TGORTC_VERIFY_OK },
        { "eyJhbGciOiJIUzI1NiJ9ICB", NGX_TGORTC_VERIFY_MALFORMED }
    };

    for (i = 0; i < tap_items(spellings); i++) {
        p = token + sprintf(token, "%s.", spellings[i].header);
        p = encode(p, (const unsigned char *) CLAIMS, sizeof(CLAIMS) - 1);
        len = seal(token, p, "secret");

        tap_ok(verify(token, len, BODY, sizeof(BODY) - 1, NOW)
               == spellings[i].result,
               "spelling %zu", i);
    }
}


static void
check_size(void)
{
    char    *claims, *token;
    size_t   bound, i, len, wrong;

    wrong = 0;
    bound = 0;
    claims = malloc(20000);
    token = malloc(40000);

    for (i = 0; i < 10000; i += 7) {
        len = sprintf(claims, CLAIMS);
        memset(claims + len, ' ', i);
        len = sign(token, HS256, claims, len + i, "secret");

        if (len > 8192) {
            wrong += verify(token, len, BODY, sizeof(BODY) - 1, NOW)
                     != NGX_TGORTC_VERIFY_MALFORMED;
            continue;
        }

        bound = len;
        wrong += verify(token, len, BODY, sizeof(BODY) - 1, NOW)
                 != NGX_TGORTC_VERIFY_OK;
    }

    tap_ok(wrong == 0 && bound > 8180, "tokens of up to 8 KiB");

    free(claims);
    free(token);
}


/* no octet of a token can be another one, or be missing */

static void
check_every_octet(void)
{
    int      c;
    char     text[sizeof(vector)];
    size_t   i, len, wrong;

    wrong = 0;
    len = sizeof(vector) - 1;

    for (i = 0; i < len; i++) {
        memcpy(text, vector, len);

        for (c = 0; c < 256; c++) {

            if ((char) c == vector[i]) {
                continue;
            }

            text[i] = (char) c;
            wrong += verify(text, len, body, body_len, NOW)
                     == NGX_TGORTC_VERIFY_OK;
        }

        wrong += verify(vector, i, body, body_len, NOW)
                 == NGX_TGORTC_VERIFY_OK;

        memmove(text + i, vector + i + 1, len - i - 1);
        wrong += verify(text, len - 1, body, body_len, NOW)
                 == NGX_TGORTC_VERIFY_OK;
    }

    tap_ok(wrong == 0, "any octet of the token changed or missing");
}


static void
check_every_body_bit(void)
{
    char    text[2048];
    size_t  i, wrong;

    wrong = 0;
    memcpy(text, body, body_len);

    for (i = 0; i < body_len * 8; i++) {
        text[i / 8] ^= (char) (1 << i % 8);

        wrong += verify(vector, sizeof(vector) - 1, text, body_len, NOW)
                 != NGX_TGORTC_VERIFY_HASH;

        text[i / 8] ^= (char) (1 << i % 8);
    }

    tap_ok(wrong == 0, "any bit of the body changed");
}


/*
 * Claims and headers of any shape, signed.  What remains valid still has to
 * be of this body and of this issuer.
 */

static void
check_mutations(void)
{
    char     claims[512], header[128], token[4096], *p;
    size_t   i, len, n, valid, wrong;

    static const char  octets[] = "{}[]\",:\\/u0129ae+-. \t\n\x01\x7f\xc3\xff";

    wrong = 0;
    valid = 0;
    srand(1);

    for (i = 0; i < 100000; i++) {
        len = sprintf(claims, CLAIMS);
        n = sprintf(header, HS256);

        do {
            if (rand() % 4 == 0) {
                header[rand() % n] = octets[rand() % (sizeof(octets) - 1)];
                continue;
            }

            p = claims + rand() % len;

            switch (rand() % 3) {

            case 0:
                *p = octets[rand() % (sizeof(octets) - 1)];
                break;

            case 1:
                memmove(p, p + 1, claims + len - p);
                len--;
                break;

            default:
                memmove(p + 1, p, claims + len + 1 - p);
                *p = octets[rand() % (sizeof(octets) - 1)];
                len++;
            }

        } while (rand() % 3 > 0 && len > 20 && len < 400);

        if (memchr(header, '\0', n) != NULL) {
            continue;
        }

        len = sign(token, header, claims, len, "secret");

        if (verify(token, len, BODY, sizeof(BODY) - 1, NOW)
            == NGX_TGORTC_VERIFY_OK)
        {
            valid++;
            wrong += verify(token, len, body, body_len, NOW)
                     != NGX_TGORTC_VERIFY_HASH;
        }
    }

    tap_ok(valid > 0 && wrong == 0, "signed mutations");
}


static void *
allocate(size_t size)
{
    return allocations-- > 0 ? malloc(size) : NULL;
}


static void
check_memory(void)
{
    int                  n;
    cJSON_Hooks          hooks;
    ngx_tgortc_verify_e  rc;

    hooks.malloc_fn = allocate;
    hooks.free_fn = free;
    cJSON_InitHooks(&hooks);

    for (n = 0; n < 1000; n++) {
        allocations = n;
        rc = verify(vector, sizeof(vector) - 1, body, body_len, NOW);

        if (rc != NGX_TGORTC_VERIFY_NO_MEMORY) {
            break;
        }
    }

    tap_ok(n > 10 && rc == NGX_TGORTC_VERIFY_OK,
           "no memory whenever memory fails");

    cJSON_InitHooks(NULL);
}


/* the bodies lie beside the program */

static void
read_body(const char *program)
{
    FILE  *f;
    char   path[4096];

    snprintf(path, sizeof(path), "%.*slivekit/participant_left.json",
             (int) (strrchr(program, '/') + 1 - program), program);

    f = fopen(path, "rb");

    if (f == NULL) {
        printf("Bail out! no %s\n", path);
        exit(1);
    }

    body_len = fread(body, 1, sizeof(body), f);
    fclose(f);
}


int
main(int argc, char **argv)
{
    size_t  i;

    (void) argc;

    read_body(argv[0]);

    for (i = 0; i < tap_items(keys); i++) {
        keys[i].api_key = secrets[i].api_key;
        keys[i].key = ngx_tgortc_hmac_key(secrets[i].secret.data,
                                          secrets[i].secret.len);
    }

    check_tokens();
    check_vector();
    check_empty_body();
    check_escapes();
    check_headers();
    check_unsigned();
    check_spellings();
    check_size();
    check_every_octet();
    check_every_body_bit();
    check_mutations();
    check_memory();

    for (i = 0; i < tap_items(keys); i++) {
        ngx_tgortc_hmac_free(keys[i].key);
    }

    return tap_done();
}
