
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define NGX_HTTP_TGORTC_RANDOM_STOCK  1024


static u_char     ngx_http_tgortc_random_stock[NGX_HTTP_TGORTC_RANDOM_STOCK];
static size_t     ngx_http_tgortc_random_left;
static ngx_pid_t  ngx_http_tgortc_random_owner;


ngx_int_t
ngx_http_tgortc_random(u_char *bytes, size_t len)
{
    u_char  *p;

    if (len > NGX_HTTP_TGORTC_RANDOM_STOCK) {
        return RAND_bytes(bytes, (int) len) == 1 ? NGX_OK : NGX_ERROR;
    }

    /* two processes must not have the same stock after a fork */

    if (ngx_http_tgortc_random_left < len
        || ngx_http_tgortc_random_owner != ngx_pid)
    {
        if (RAND_bytes(ngx_http_tgortc_random_stock,
                       NGX_HTTP_TGORTC_RANDOM_STOCK)
            != 1)
        {
            ngx_http_tgortc_random_left = 0;
            return NGX_ERROR;
        }

        ngx_http_tgortc_random_left = NGX_HTTP_TGORTC_RANDOM_STOCK;
        ngx_http_tgortc_random_owner = ngx_pid;
    }

    ngx_http_tgortc_random_left -= len;

    p = ngx_http_tgortc_random_stock + ngx_http_tgortc_random_left;

    ngx_memcpy(bytes, p, len);
    OPENSSL_cleanse(p, len);

    return NGX_OK;
}
