
/*
 * Copyright (C) TgoRTC contributors
 *
 * Answers: JSON, the error envelope, and the same envelope for what nginx
 * itself refuses inside our locations.
 */


#ifndef _NGX_HTTP_TGORTC_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_TGORTC_RESPONSE_H_INCLUDED_


#include "ngx_http_tgortc.h"

#include "ngx_tgortc_write.h"


/*
 * These send the whole response and return what ngx_http_finalize_request()
 * takes.  The first one ends the writing.
 */
ngx_int_t ngx_http_tgortc_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_tgortc_write_t *w);
ngx_int_t ngx_http_tgortc_send_error(ngx_http_request_t *r, ngx_uint_t status,
    ngx_tgortc_message_e message, const char *arg1, const char *arg2);

/* 200 and an empty object */
ngx_int_t ngx_http_tgortc_send_done(ngx_http_request_t *r);

/* 200 and text that is at hand; both must outlive the request */
ngx_int_t ngx_http_tgortc_send_text(ngx_http_request_t *r, char *type,
    ngx_str_t *text);

/* 503: Redis is out of reach or too slow */
ngx_int_t ngx_http_tgortc_send_unavailable(ngx_http_request_t *r);

/* 200 without a body */
ngx_int_t ngx_http_tgortc_send_empty(ngx_http_request_t *r);

/* adds a header to the response to come; both must outlive the request */
ngx_int_t ngx_http_tgortc_add_header(ngx_http_request_t *r, char *name,
    char *value);

/* installs the filters; called at postconfiguration */
void ngx_http_tgortc_response_init(void);


#endif /* _NGX_HTTP_TGORTC_RESPONSE_H_INCLUDED_ */
