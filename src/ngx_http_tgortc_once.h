
/*
 * Copyright (C) TgoRTC contributors
 *
 * Idempotency-Key: a request that is repeated with the same key is answered as
 * it was the first time.
 */


#ifndef _NGX_HTTP_TGORTC_ONCE_H_INCLUDED_
#define _NGX_HTTP_TGORTC_ONCE_H_INCLUDED_


#include "ngx_http_tgortc.h"


/*
 * Reads the key into params->once, and what the request asks for; NULL stays
 * there without the header.  NGX_OK; NGX_DECLINED if it is no key; NGX_ERROR.
 */
ngx_int_t ngx_http_tgortc_once(ngx_http_request_t *r,
    ngx_http_tgortc_params_t *params);


#endif /* _NGX_HTTP_TGORTC_ONCE_H_INCLUDED_ */
