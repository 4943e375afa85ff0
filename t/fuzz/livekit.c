
/*
 * Copyright (C) TgoRTC contributors
 *
 * The body of a webhook, signed as LiveKit does.
 */


#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "nginx.h"


static size_t fuzz_encode(char *dst, const void *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            n, status;
    char           head[1024], claims[512], token[1024];
    unsigned char  digest[SHA256_DIGEST_LENGTH], mac[SHA256_DIGEST_LENGTH];
    unsigned char  hash[64];

    static const char  header[] = "{\"alg\":\"HS256\"}";

    fuzz_nginx_start();

    fuzz_assert(EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) == 1);
    EVP_EncodeBlock(hash, digest, sizeof(digest));

    n = snprintf(claims, sizeof(claims),
                 "{\"iss\":\"devkey\",\"exp\":%ld,\"sha256\":\"%s\"}",
                 (long) ngx_time() + 300, hash);

    n = (int) fuzz_encode(token, claims, n);
    memmove(token + 32, token, n + 1);
    status = (int) fuzz_encode(token, header, sizeof(header) - 1);
    token[status] = '.';
    memmove(token + status + 1, token + 32, n + 1);
    n += status + 1;

    fuzz_assert(HMAC(EVP_sha256(), FUZZ_SECRET, sizeof(FUZZ_SECRET) - 1,
                     (unsigned char *) token, n, mac, NULL)
                != NULL);

    token[n++] = '.';
    n += (int) fuzz_encode(token + n, mac, sizeof(mac));

    snprintf(head, sizeof(head), "Authorization: %.*s\r\n", n, token);

    status = fuzz_nginx_check(fuzz_nginx_request("POST",
                                                 "/api/v1/webhooks/livekit",
                                                 head, (const char *) data,
                                                 size), 1);

    fuzz_assert(status == 200 || status == 400 || status == 413
                || status == 503 || (status == 401 && size == 0));

    return 0;
}


static size_t
fuzz_encode(char *dst, const void *src, size_t len)
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

    dst[n] = '\0';

    return n;
}
