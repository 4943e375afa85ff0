
/*
 * Copyright (C) TgoRTC contributors
 *
 * Random bytes of OpenSSL, fetched many at once: a few at a time cost as much.
 */


#ifndef _NGX_HTTP_TGORTC_RANDOM_H_INCLUDED_
#define _NGX_HTTP_TGORTC_RANDOM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* as good as a key; NGX_ERROR if OpenSSL has none */
ngx_int_t ngx_http_tgortc_random(u_char *bytes, size_t len);


#endif /* _NGX_HTTP_TGORTC_RANDOM_H_INCLUDED_ */
