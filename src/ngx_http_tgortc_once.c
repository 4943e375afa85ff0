
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_once.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_tgortc_validate.h"

#include <openssl/evp.h>


static ngx_int_t ngx_http_tgortc_once_fingerprint(ngx_http_request_t *r,
    u_char *digest);


ngx_int_t
ngx_http_tgortc_once(ngx_http_request_t *r, ngx_http_tgortc_params_t *params)
{
    u_char                   digest[NGX_HTTP_TGORTC_SHA256];
    ngx_str_t                name = ngx_string("Idempotency-Key");
    ngx_table_elt_t         *h;
    ngx_http_tgortc_once_t  *once;

    h = ngx_http_tgortc_request_header(r, &name);

    if (h == NULL) {
        return NGX_OK;
    }

    if (!ngx_tgortc_valid_key((char *) h->value.data, h->value.len)) {
        return NGX_DECLINED;
    }

    once = ngx_palloc(r->pool, sizeof(ngx_http_tgortc_once_t));

    if (once == NULL
        || EVP_Digest(h->value.data, h->value.len, digest, NULL, EVP_sha256(),
                      NULL)
           != 1
        || ngx_http_tgortc_once_fingerprint(r, once->fingerprint) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_hex_dump(once->key, digest, sizeof(digest));

    params->once = once;

    return NGX_OK;
}


/*
 * Operation and room are in the path below the location, which may have other
 * prefixes elsewhere; all that take a key are POST.
 */

static ngx_int_t
ngx_http_tgortc_once_fingerprint(ngx_http_request_t *r, u_char *digest)
{
    ngx_int_t    rc;
    ngx_str_t    path, body;
    EVP_MD_CTX  *sha256;

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK
        || ngx_http_tgortc_request_body(r, &body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    sha256 = EVP_MD_CTX_new();

    /* a NUL between them, which is in no path */

    if (sha256 != NULL
        && EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(sha256, path.data, path.len) == 1
        && EVP_DigestUpdate(sha256, "", 1) == 1
        && EVP_DigestUpdate(sha256, body.data, body.len) == 1
        && EVP_DigestFinal_ex(sha256, digest, NULL) == 1)
    {
        rc = NGX_OK;

    } else {
        rc = NGX_ERROR;
    }

    EVP_MD_CTX_free(sha256);

    return rc;
}
