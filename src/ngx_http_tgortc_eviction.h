
/*
 * Copyright (C) TgoRTC contributors
 *
 * Warns of a Redis that may throw state away to make room for other.
 */


#ifndef _NGX_HTTP_TGORTC_EVICTION_H_INCLUDED_
#define _NGX_HTTP_TGORTC_EVICTION_H_INCLUDED_


#include "ngx_http_tgortc.h"


/* asks Redis for its maxmemory-policy; a bad one is logged, once */
void ngx_http_tgortc_eviction_check(ngx_http_tgortc_app_t *app);


#endif /* _NGX_HTTP_TGORTC_EVICTION_H_INCLUDED_ */
