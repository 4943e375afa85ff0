
/*
 * Copyright (C) TgoRTC contributors
 *
 * The operation of the room API that has a file of its own.
 */


#ifndef _NGX_HTTP_TGORTC_ROOMS_H_INCLUDED_
#define _NGX_HTTP_TGORTC_ROOMS_H_INCLUDED_


#include "ngx_http_tgortc.h"


/* GET of all rooms, page by page: a handler of an operation */
void ngx_http_tgortc_rooms_list(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TGORTC_ROOMS_H_INCLUDED_ */
