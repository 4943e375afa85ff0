
/*
 * Copyright (C) TgoRTC contributors
 *
 * Variables for access logs and limits: what a request is about.
 */


#ifndef _NGX_HTTP_TGORTC_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_TGORTC_VARIABLES_H_INCLUDED_


#include "ngx_http_tgortc.h"


/* adds the variables, before the configuration is read */
ngx_int_t ngx_http_tgortc_variables_add(ngx_conf_t *cf);

/* counts and logs an answer: the handler of the log phase */
ngx_int_t ngx_http_tgortc_log_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TGORTC_VARIABLES_H_INCLUDED_ */
