
/*
 * Copyright (C) TgoRTC contributors
 *
 * JSON that was written for a request, ours or somebody else's.
 */


#ifndef _NGX_HTTP_TGORTC_WRITTEN_H_INCLUDED_
#define _NGX_HTTP_TGORTC_WRITTEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_tgortc_write.h"


/*
 * Ends the writing: the text, NUL-terminated, is freed with the pool.
 * NGX_ERROR without memory.
 */
ngx_int_t ngx_http_tgortc_written(ngx_pool_t *pool, ngx_tgortc_write_t *w,
    ngx_str_t *text);


#endif /* _NGX_HTTP_TGORTC_WRITTEN_H_INCLUDED_ */
