
/*
 * Copyright (C) TgoRTC contributors
 */


#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_verify.h"


/* LiveKit's have some 300 bytes; looked at before anything else is done */

#define NGX_TGORTC_VERIFY_MAX     8192

#define NGX_TGORTC_VERIFY_DEPTH   16
#define NGX_TGORTC_VERIFY_LEEWAY  60

/* a number beyond it is no time: it would be an exp of never */

#define NGX_TGORTC_VERIFY_TIME    1e12

#define NGX_TGORTC_VERIFY_BASE64  44      /* of SHA-256, with its padding */
#define NGX_TGORTC_VERIFY_HEX     64


typedef struct {
    ngx_tgortc_str_t  header;
    ngx_tgortc_str_t  payload;
    ngx_tgortc_str_t  signature;
    ngx_tgortc_str_t  text;       /* what is signed: "header.payload" */
} ngx_tgortc_verify_jwt_t;


static void ngx_tgortc_verify_strip(ngx_tgortc_str_t *token);
static void ngx_tgortc_verify_trim(ngx_tgortc_str_t *token);
static int ngx_tgortc_verify_space(char c);
static int ngx_tgortc_verify_split(const ngx_tgortc_str_t *token,
    ngx_tgortc_verify_jwt_t *jwt);
static ngx_tgortc_verify_e ngx_tgortc_verify_header(
    const ngx_tgortc_verify_jwt_t *jwt);
static ngx_tgortc_verify_e ngx_tgortc_verify_json(
    const ngx_tgortc_str_t *part, cJSON **json);
static ngx_tgortc_verify_e ngx_tgortc_verify_signature(
    const ngx_tgortc_verify_jwt_t *jwt, const cJSON *claims,
    const ngx_tgortc_verify_key_t *keys, size_t nkeys);
static ngx_tgortc_verify_e ngx_tgortc_verify_mac(
    const ngx_tgortc_str_t *text, const ngx_tgortc_hmac_t *key,
    const unsigned char *given);
static ngx_tgortc_verify_e ngx_tgortc_verify_times(const cJSON *claims,
    time_t now);
static ngx_tgortc_verify_e ngx_tgortc_verify_hash(const cJSON *claims,
    const char *body, size_t body_len);
static int ngx_tgortc_verify_hex(const char *hex,
    const unsigned char *digest);
static int ngx_tgortc_verify_decode(const ngx_tgortc_str_t *part,
    unsigned char *dst);
static int ngx_tgortc_verify_digit(char c);


ngx_tgortc_verify_e
ngx_tgortc_verify(const char *authorization, size_t len, const char *body,
    size_t body_len, const ngx_tgortc_verify_key_t *keys, size_t nkeys,
    time_t now)
{
    cJSON                    *claims;
    ngx_tgortc_str_t          token;
    ngx_tgortc_verify_e       rc;
    ngx_tgortc_verify_jwt_t   jwt;

    token.data = authorization;
    token.len = len;

    ngx_tgortc_verify_strip(&token);

    if (token.len == 0) {
        return NGX_TGORTC_VERIFY_MISSING;
    }

    if (token.len > NGX_TGORTC_VERIFY_MAX
        || !ngx_tgortc_verify_split(&token, &jwt))
    {
        return NGX_TGORTC_VERIFY_MALFORMED;
    }

    rc = ngx_tgortc_verify_header(&jwt);

    if (rc != NGX_TGORTC_VERIFY_OK) {
        return rc;
    }

    rc = ngx_tgortc_verify_json(&jwt.payload, &claims);

    if (rc != NGX_TGORTC_VERIFY_OK) {
        return rc;
    }

    /* before the signature is verified nothing but "iss" is read */

    rc = ngx_tgortc_verify_signature(&jwt, claims, keys, nkeys);

    if (rc == NGX_TGORTC_VERIFY_OK) {
        rc = ngx_tgortc_verify_times(claims, now);
    }

    if (rc == NGX_TGORTC_VERIFY_OK) {
        rc = ngx_tgortc_verify_hash(claims, body, body_len);
    }

    cJSON_Delete(claims);

    return rc;
}


/* LiveKit sends the bare token; people with curl write "Bearer" before it */

static void
ngx_tgortc_verify_strip(ngx_tgortc_str_t *token)
{
    size_t  n;

    ngx_tgortc_verify_trim(token);

    n = sizeof("Bearer") - 1;

    if (token->len >= n && strncasecmp(token->data, "Bearer", n) == 0
        && (token->len == n || ngx_tgortc_verify_space(token->data[n])))
    {
        token->data += n;
        token->len -= n;

        ngx_tgortc_verify_trim(token);
    }
}


static void
ngx_tgortc_verify_trim(ngx_tgortc_str_t *token)
{
    while (token->len > 0 && ngx_tgortc_verify_space(token->data[0])) {
        token->data++;
        token->len--;
    }

    while (token->len > 0
           && ngx_tgortc_verify_space(token->data[token->len - 1]))
    {
        token->len--;
    }
}


static int
ngx_tgortc_verify_space(char c)
{
    return c == ' ' || c == '\t';
}


/* three parts of base64url, without padding; any of them may be empty here */

static int
ngx_tgortc_verify_split(const ngx_tgortc_str_t *token,
    ngx_tgortc_verify_jwt_t *jwt)
{
    size_t       dots, i;
    const char  *dot[2];

    dots = 0;

    for (i = 0; i < token->len; i++) {

        if (token->data[i] == '.') {
            if (dots == 2) {
                return 0;
            }

            dot[dots++] = &token->data[i];

        } else if (ngx_tgortc_verify_digit(token->data[i]) < 0) {
            return 0;
        }
    }

    if (dots != 2) {
        return 0;
    }

    jwt->header.data = token->data;
    jwt->header.len = dot[0] - token->data;

    jwt->payload.data = dot[0] + 1;
    jwt->payload.len = dot[1] - jwt->payload.data;

    jwt->signature.data = dot[1] + 1;
    jwt->signature.len = token->data + token->len - jwt->signature.data;

    jwt->text.data = token->data;
    jwt->text.len = dot[1] - token->data;

    return 1;
}


/*
 * The token does not choose how it is verified: "none" would need no key.
 * Whoever writes "crit" wants it refused by those who do not know what it
 * names (RFC 7515, 4.1.11), and we know nothing.
 */

static ngx_tgortc_verify_e
ngx_tgortc_verify_header(const ngx_tgortc_verify_jwt_t *jwt)
{
    cJSON                *alg, *header;
    ngx_tgortc_verify_e   rc;

    rc = ngx_tgortc_verify_json(&jwt->header, &header);

    if (rc != NGX_TGORTC_VERIFY_OK) {
        return rc;
    }

    alg = cJSON_GetObjectItemCaseSensitive(header, "alg");

    if (!cJSON_IsString(alg) || strcmp(alg->valuestring, "HS256") != 0
        || cJSON_GetObjectItemCaseSensitive(header, "crit") != NULL)
    {
        rc = NGX_TGORTC_VERIFY_ALGORITHM;
    }

    cJSON_Delete(header);

    return rc;
}


/* the caller deletes what is in *json after NGX_TGORTC_VERIFY_OK */

static ngx_tgortc_verify_e
ngx_tgortc_verify_json(const ngx_tgortc_str_t *part, cJSON **json)
{
    int                      n;
    unsigned char            text[NGX_TGORTC_VERIFY_MAX];
    ngx_tgortc_json_error_t  error;

    n = ngx_tgortc_verify_decode(part, text);

    if (n < 0) {
        return NGX_TGORTC_VERIFY_MALFORMED;
    }

    *json = ngx_tgortc_json_parse((char *) text, n, NGX_TGORTC_VERIFY_DEPTH,
                                  &error);

    if (*json != NULL) {
        return NGX_TGORTC_VERIFY_OK;
    }

    return (error.code == NGX_TGORTC_JSON_NO_MEMORY)
           ? NGX_TGORTC_VERIFY_NO_MEMORY : NGX_TGORTC_VERIFY_MALFORMED;
}


/* one API key may stand there with two secrets while they are rotated */

static ngx_tgortc_verify_e
ngx_tgortc_verify_signature(const ngx_tgortc_verify_jwt_t *jwt,
    const cJSON *claims, const ngx_tgortc_verify_key_t *keys, size_t nkeys)
{
    int                  n;
    cJSON               *iss;
    size_t               i, len;
    unsigned char        given[NGX_TGORTC_VERIFY_MAX];
    ngx_tgortc_verify_e  rc;

    iss = cJSON_GetObjectItemCaseSensitive(claims, "iss");

    if (!cJSON_IsString(iss) || iss->valuestring[0] == '\0') {
        return NGX_TGORTC_VERIFY_ISSUER;
    }

    rc = NGX_TGORTC_VERIFY_ISSUER;
    len = strlen(iss->valuestring);
    n = ngx_tgortc_verify_decode(&jwt->signature, given);

    for (i = 0; i < nkeys; i++) {

        if (keys[i].api_key.len != len
            || memcmp(keys[i].api_key.data, iss->valuestring, len) != 0)
        {
            continue;
        }

        rc = NGX_TGORTC_VERIFY_SIGNATURE;

        if (n == NGX_TGORTC_HMAC_LEN && keys[i].key != NULL) {
            rc = ngx_tgortc_verify_mac(&jwt->text, keys[i].key, given);
        }

        if (rc != NGX_TGORTC_VERIFY_SIGNATURE) {
            break;
        }
    }

    return rc;
}


static ngx_tgortc_verify_e
ngx_tgortc_verify_mac(const ngx_tgortc_str_t *text,
    const ngx_tgortc_hmac_t *key, const unsigned char *given)
{
    unsigned char  mac[NGX_TGORTC_HMAC_LEN];

    if (!ngx_tgortc_hmac(key, text->data, text->len, mac)) {
        return NGX_TGORTC_VERIFY_NO_MEMORY;
    }

    if (CRYPTO_memcmp(mac, given, sizeof(mac)) != 0) {
        return NGX_TGORTC_VERIFY_SIGNATURE;
    }

    return NGX_TGORTC_VERIFY_OK;
}


/* RFC 7519, 2: a NumericDate may have a fraction */

static ngx_tgortc_verify_e
ngx_tgortc_verify_times(const cJSON *claims, time_t now)
{
    double  time;
    cJSON  *exp, *nbf;

    time = (double) now;

    exp = cJSON_GetObjectItemCaseSensitive(claims, "exp");

    if (!cJSON_IsNumber(exp) || exp->valuedouble > NGX_TGORTC_VERIFY_TIME) {
        return NGX_TGORTC_VERIFY_NO_EXPIRY;
    }

    if (time >= exp->valuedouble + NGX_TGORTC_VERIFY_LEEWAY) {
        return NGX_TGORTC_VERIFY_EXPIRED;
    }

    nbf = cJSON_GetObjectItemCaseSensitive(claims, "nbf");

    if (nbf != NULL
        && (!cJSON_IsNumber(nbf)
            || time < nbf->valuedouble - NGX_TGORTC_VERIFY_LEEWAY))
    {
        return NGX_TGORTC_VERIFY_NOT_YET;
    }

    return NGX_TGORTC_VERIFY_OK;
}


/*
 * LiveKit writes standard base64.  The claim is compared as it is written
 * rather than decoded: so there is one spelling of it only.
 */

static ngx_tgortc_verify_e
ngx_tgortc_verify_hash(const cJSON *claims, const char *body, size_t body_len)
{
    int            equal;
    cJSON         *claim;
    size_t         len;
    unsigned char  digest[SHA256_DIGEST_LENGTH];
    unsigned char  text[NGX_TGORTC_VERIFY_BASE64 + 1];

    claim = cJSON_GetObjectItemCaseSensitive(claims, "sha256");

    if (!cJSON_IsString(claim)) {
        return NGX_TGORTC_VERIFY_NO_HASH;
    }

    if (EVP_Digest(body, body_len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return NGX_TGORTC_VERIFY_NO_MEMORY;
    }

    len = strlen(claim->valuestring);

    if (len == NGX_TGORTC_VERIFY_HEX) {
        equal = ngx_tgortc_verify_hex(claim->valuestring, digest);

    } else if (len == NGX_TGORTC_VERIFY_BASE64
               || len == NGX_TGORTC_VERIFY_BASE64 - 1)
    {
        /* without the "=", which some leave out, when it is not there */

        EVP_EncodeBlock(text, digest, sizeof(digest));
        equal = CRYPTO_memcmp(text, claim->valuestring, len) == 0;

    } else {
        equal = 0;
    }

    return equal ? NGX_TGORTC_VERIFY_OK : NGX_TGORTC_VERIFY_HASH;
}


static int
ngx_tgortc_verify_hex(const char *hex, const unsigned char *digest)
{
    char    c, lower[NGX_TGORTC_VERIFY_HEX], text[NGX_TGORTC_VERIFY_HEX];
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < sizeof(text); i++) {
        c = hex[i];

        lower[i] = (c >= 'A' && c <= 'F') ? c - 'A' + 'a' : c;
        text[i] = digits[(i % 2 == 0) ? digest[i / 2] >> 4
                                      : digest[i / 2] & 0xf];
    }

    return CRYPTO_memcmp(lower, text, sizeof(text)) == 0;
}


/*
 * How many bytes it wrote, or -1.  Bits left over must be zero: else several
 * texts would be the same signature.
 */

static int
ngx_tgortc_verify_decode(const ngx_tgortc_str_t *part, unsigned char *dst)
{
    int       n;
    size_t    i;
    unsigned  bits, left;

    n = 0;
    bits = 0;
    left = 0;

    for (i = 0; i < part->len; i++) {
        bits = (bits << 6) | ngx_tgortc_verify_digit(part->data[i]);
        left += 6;

        if (left >= 8) {
            left -= 8;
            dst[n++] = (unsigned char) (bits >> left);
            bits &= (1 << left) - 1;
        }
    }

    return (left == 6 || bits != 0) ? -1 : n;
}


/* RFC 4648, 5; the value of a digit, or -1 */

static int
ngx_tgortc_verify_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '-') ? 62 : (c == '_') ? 63 : -1;
}
