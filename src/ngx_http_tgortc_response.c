
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_written.h"


#define NGX_HTTP_TGORTC_JSON_TYPE   "application/json"

/* bytes of most errors */
#define NGX_HTTP_TGORTC_ERROR_SIZE  256


static ngx_int_t ngx_http_tgortc_send(ngx_http_request_t *r,
    ngx_uint_t status, char *type, ngx_str_t *body);
static void ngx_http_tgortc_content_type(ngx_http_request_t *r, char *type,
    size_t len);
static void ngx_http_tgortc_error(ngx_tgortc_write_t *w,
    ngx_http_request_t *r, ngx_uint_t status, ngx_tgortc_message_e message,
    const char *arg1, const char *arg2);
static ngx_tgortc_message_e ngx_http_tgortc_status_message(ngx_uint_t status);
static ngx_int_t ngx_http_tgortc_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_tgortc_is_ours(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_tgortc_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_tgortc_write_t *w)
{
    ngx_str_t  body;

    if (ngx_http_tgortc_written(r->pool, w, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_tgortc_send(r, status, NGX_HTTP_TGORTC_JSON_TYPE, &body);
}


ngx_int_t
ngx_http_tgortc_send_done(ngx_http_request_t *r)
{
    ngx_str_t  body = ngx_string("{}");

    return ngx_http_tgortc_send(r, NGX_HTTP_OK, NGX_HTTP_TGORTC_JSON_TYPE,
                                &body);
}


ngx_int_t
ngx_http_tgortc_send_text(ngx_http_request_t *r, char *type, ngx_str_t *text)
{
    return ngx_http_tgortc_send(r, NGX_HTTP_OK, type, text);
}


ngx_int_t
ngx_http_tgortc_send_error(ngx_http_request_t *r, ngx_uint_t status,
    ngx_tgortc_message_e message, const char *arg1, const char *arg2)
{
    ngx_tgortc_write_t  w;

    ngx_http_tgortc_error(&w, r, status, message, arg1, arg2);

    return ngx_http_tgortc_send_json(r, status, &w);
}


ngx_int_t
ngx_http_tgortc_send_unavailable(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_add_header(r, "Retry-After", "1") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_tgortc_send_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      NGX_TGORTC_MSG_UNAVAILABLE, NULL, NULL);
}


ngx_int_t
ngx_http_tgortc_send_empty(ngx_http_request_t *r)
{
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;
    r->disable_not_modified = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_tgortc_add_header(ngx_http_request_t *r, char *name, char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}


void
ngx_http_tgortc_response_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tgortc_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_tgortc_body_filter;
}


static ngx_int_t
ngx_http_tgortc_send(ngx_http_request_t *r, ngx_uint_t status, char *type,
    ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = status;
    ngx_http_tgortc_content_type(r, type, body->len);

    /* what was done is not undone by an If-None-Match */

    r->disable_not_modified = 1;

    /* tokens are nothing for a cache */

    if (ngx_http_tgortc_add_header(r, "Cache-Control", "no-store") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_tgortc_content_type(ngx_http_request_t *r, char *type, size_t len)
{
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);
    r->headers_out.content_length_n = len;

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }
}


static void
ngx_http_tgortc_error(ngx_tgortc_write_t *w, ngx_http_request_t *r,
    ngx_uint_t status, ngx_tgortc_message_e message, const char *arg1,
    const char *arg2)
{
    char                   *text;
    size_t                  len;
    ngx_tgortc_language_e   language;

    language = ngx_http_tgortc_request_language(r);

    len = ngx_tgortc_message(NULL, 0, message, language, arg1, arg2);
    text = ngx_pnalloc(r->pool, len + 1);

    ngx_tgortc_write_begin(w, NGX_HTTP_TGORTC_ERROR_SIZE);

    if (text == NULL) {
        w->failed = 1;
        return;
    }

    (void) ngx_tgortc_message(text, len + 1, message, language, arg1, arg2);

    ngx_tgortc_write_open(w, NULL, '{');
    ngx_tgortc_write_int(w, "code", status);
    ngx_tgortc_write_cstr(w, "message", text);
    ngx_tgortc_write_close(w, '}');
}


static ngx_tgortc_message_e
ngx_http_tgortc_status_message(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        return NGX_TGORTC_MSG_BAD_REQUEST;

    case NGX_HTTP_UNAUTHORIZED:
        return NGX_TGORTC_MSG_UNAUTHORIZED;

    case NGX_HTTP_FORBIDDEN:
        return NGX_TGORTC_MSG_FORBIDDEN;

    case NGX_HTTP_NOT_FOUND:
        return NGX_TGORTC_MSG_NO_PATH;

    case NGX_HTTP_NOT_ALLOWED:
        return NGX_TGORTC_MSG_METHOD;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return NGX_TGORTC_MSG_TOO_LARGE;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return NGX_TGORTC_MSG_TOO_MANY;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        return NGX_TGORTC_MSG_INTERNAL;
    }

    return status < 500 ? NGX_TGORTC_MSG_CLIENT_ERROR
                        : NGX_TGORTC_MSG_SERVER_ERROR;
}


/*
 * nginx makes its own error pages by setting err_status and sending a header
 * and a page; we never set err_status.
 */

static ngx_int_t
ngx_http_tgortc_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t              status;
    ngx_tgortc_write_t      w;
    ngx_http_tgortc_ctx_t  *ctx;

    if (r->err_status < NGX_HTTP_BAD_REQUEST || !ngx_http_tgortc_is_ours(r)) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_tgortc_ctx(r);
    status = r->headers_out.status;

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_tgortc_error(&w, r, status,
                          ngx_http_tgortc_status_message(status), NULL, NULL);

    if (ngx_http_tgortc_written(r->pool, &w, &ctx->replacement) != NGX_OK) {
        return ngx_http_next_header_filter(r);
    }

    ctx->replaced = 1;
    ngx_http_tgortc_content_type(r, NGX_HTTP_TGORTC_JSON_TYPE,
                                 ctx->replacement.len);

    return ngx_http_next_header_filter(r);
}


/*
 * A request without the client certificate that it needs, of a wrong host, or
 * with a path that cannot be decoded is refused before nginx has looked for its
 * location: then the server knows which are ours.
 */

static ngx_uint_t
ngx_http_tgortc_is_ours(ngx_http_request_t *r)
{
    ngx_str_t                     uri, *prefix;
    ngx_uint_t                    i;
    ngx_http_tgortc_loc_conf_t   *tlcf, **location;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    if (tlcf->serves != NGX_HTTP_TGORTC_NOTHING) {
        return 1;
    }

    if (tlcf->locations == NULL) {
        return 0;
    }

    uri = r->uri;

    /* nginx has come past the path, so that its end is known */

    if (uri.len == 0 && r->http_protocol.data != NULL) {
        uri.data = r->uri_start;
        uri.len = r->uri_end - r->uri_start;
    }

    location = tlcf->locations->elts;

    for (i = 0; i < tlcf->locations->nelts; i++) {
        prefix = &location[i]->prefix;

        if (uri.len >= prefix->len
            && ngx_strncmp(uri.data, prefix->data, prefix->len) == 0
            && (uri.len == prefix->len
                || (uri.data[prefix->len] == '/'
                    && (!location[i]->core->exact_match
                        || uri.len == location[i]->core->name.len))))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_tgortc_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t              *b;
    ngx_chain_t             out;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (in == NULL || ctx == NULL || !ctx->replaced) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx->replaced = 0;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->replacement.data;
    b->last = b->pos + ctx->replacement.len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}
