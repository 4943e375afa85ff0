
/*
 * Copyright (C) TgoRTC contributors
 *
 * Lines: the header and the claims of a JWT, and the body; signed as it has to
 * be, so that the claims are looked at.  "$" in the claims stands for the hash
 * of the body, which nobody would guess.
 */


#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "fuzz.h"
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_verify.h"


#define str(s)  { sizeof(s) - 1, s }

#define SECRET  "a-secret-of-the-tests-0123456789abcdef"
#define NOW     1787500042


static char *fuzz_claims_hash(const fuzz_str_t *claims,
    const fuzz_str_t *body);
static size_t fuzz_claims_encode(char *dst, const unsigned char *src,
    size_t len);
static void fuzz_claims_check(const char *claims);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 *token, *claims;
    size_t                n;
    fuzz_str_t            header, piece, body;
    unsigned char         mac[SHA256_DIGEST_LENGTH];
    ngx_tgortc_verify_e   rc;

    static ngx_tgortc_verify_key_t  key = { str("devkey"), NULL };

    if (key.key == NULL) {
        key.key = ngx_tgortc_hmac_key(SECRET, sizeof(SECRET) - 1);
    }

    header = fuzz_cut(&data, &size, '\n');
    piece = fuzz_cut(&data, &size, '\n');
    body = fuzz_cut(&data, &size, '\n');
    claims = fuzz_claims_hash(&piece, &body);

    token = malloc(2 * (header.len + strlen(claims)) + 128);
    fuzz_assert(token != NULL);

    n = fuzz_claims_encode(token, (unsigned char *) header.data, header.len);
    token[n++] = '.';
    n += fuzz_claims_encode(token + n, (unsigned char *) claims,
                            strlen(claims));

    fuzz_assert(HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1,
                     (unsigned char *) token, n, mac, NULL)
                != NULL);

    token[n++] = '.';
    n += fuzz_claims_encode(token + n, mac, sizeof(mac));

    rc = ngx_tgortc_verify(token, n, body.data, body.len, &key, 1, NOW);

    fuzz_assert(rc != NGX_TGORTC_VERIFY_SIGNATURE);
    fuzz_assert(rc != NGX_TGORTC_VERIFY_NO_MEMORY);

    if (rc == NGX_TGORTC_VERIFY_OK) {
        fuzz_claims_check(claims);
    }

    free(token);
    free(claims);
    fuzz_free(&header);
    fuzz_free(&piece);
    fuzz_free(&body);

    return 0;
}


static char *
fuzz_claims_hash(const fuzz_str_t *claims, const fuzz_str_t *body)
{
    char           *text, *p;
    size_t          i;
    unsigned char   digest[SHA256_DIGEST_LENGTH];

    fuzz_assert(EVP_Digest(body->data, body->len, digest, NULL, EVP_sha256(),
                           NULL)
                == 1);

    text = malloc(45 * claims->len + 1);
    fuzz_assert(text != NULL);

    p = text;

    for (i = 0; i < claims->len; i++) {

        if (claims->data[i] == '$') {
            p += EVP_EncodeBlock((unsigned char *) p, digest, sizeof(digest));

        } else if (claims->data[i] != '\0') {
            *p++ = claims->data[i];
        }
    }

    *p = '\0';

    return text;
}


static size_t
fuzz_claims_encode(char *dst, const unsigned char *src, size_t len)
{
    char    *p;
    size_t   n;

    n = EVP_EncodeBlock((unsigned char *) dst, src, (int) len);

    while (n > 0 && dst[n - 1] == '=') {
        n--;
    }

    for (p = dst; p < dst + n; p++) {
        *p = (*p == '+') ? '-' : (*p == '/') ? '_' : *p;
    }

    return n;
}


/* what let it through has to be there, and strict JSON */

static void
fuzz_claims_check(const char *claims)
{
    cJSON                    *json, *exp, *nbf, *iss;
    ngx_tgortc_json_error_t   error;

    json = ngx_tgortc_json_parse(claims, strlen(claims), 16, &error);
    fuzz_assert(json != NULL);

    iss = cJSON_GetObjectItemCaseSensitive(json, "iss");
    exp = cJSON_GetObjectItemCaseSensitive(json, "exp");
    nbf = cJSON_GetObjectItemCaseSensitive(json, "nbf");

    fuzz_assert(cJSON_IsString(iss) && strcmp(iss->valuestring, "devkey") == 0);
    fuzz_assert(cJSON_IsNumber(exp) && exp->valuedouble > NOW - 60
                && exp->valuedouble <= 1e12);
    fuzz_assert(nbf == NULL
                || (cJSON_IsNumber(nbf) && nbf->valuedouble <= NOW + 60));
    fuzz_assert(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json,
                                                                "sha256")));

    cJSON_Delete(json);
}
