
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_written.h"


static void ngx_http_tgortc_written_free(void *data);


ngx_int_t
ngx_http_tgortc_written(ngx_pool_t *pool, ngx_tgortc_write_t *w,
    ngx_str_t *text)
{
    ngx_pool_cleanup_t  *cln;

    text->data = (u_char *) ngx_tgortc_write_end(w, &text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(pool, 0);

    if (cln == NULL) {
        ngx_http_tgortc_written_free(text->data);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_tgortc_written_free;
    cln->data = text->data;

    return NGX_OK;
}


static void
ngx_http_tgortc_written_free(void *data)
{
    free(data);
}
