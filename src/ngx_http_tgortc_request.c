
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_request.h"

#include <openssl/crypto.h>

#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_json.h"


/* an object with lists in it */
#define NGX_HTTP_TGORTC_BODY_DEPTH  2


static ngx_int_t ngx_http_tgortc_request_refuse(ngx_http_request_t *r,
    ngx_int_t rc, ngx_uint_t status, ngx_tgortc_message_e message);
static ngx_uint_t ngx_http_tgortc_request_forged(ngx_http_request_t *r);
static void ngx_http_tgortc_request_free_json(void *data);


ngx_int_t
ngx_http_tgortc_request_start(ngx_http_request_t *r,
    ngx_http_tgortc_operation_t *operation, ngx_uint_t public)
{
    ngx_int_t               rc;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_tgortc_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->began = ngx_http_tgortc_clock();
    ctx->op = operation ? operation->op : NGX_HTTP_TGORTC_OP_UNKNOWN;

    if (!public && !ngx_http_tgortc_request_authorized(r)) {
        rc = ngx_http_tgortc_add_header(r, "WWW-Authenticate", "Bearer");

        return ngx_http_tgortc_request_refuse(r, rc, NGX_HTTP_UNAUTHORIZED,
                                              NGX_TGORTC_MSG_API_KEY);
    }

    if (!public && ngx_http_tgortc_request_forged(r)) {
        return ngx_http_tgortc_request_refuse(r, NGX_OK, NGX_HTTP_FORBIDDEN,
                                              NGX_TGORTC_MSG_FORBIDDEN);
    }

    if (operation == NULL) {
        return ngx_http_tgortc_request_refuse(r, NGX_OK, NGX_HTTP_NOT_FOUND,
                                              NGX_TGORTC_MSG_NO_PATH);
    }

    if (!(r->method & operation->methods)) {
        rc = ngx_http_tgortc_add_header(r, "Allow", operation->allow);

        return ngx_http_tgortc_request_refuse(r, rc, NGX_HTTP_NOT_ALLOWED,
                                              NGX_TGORTC_MSG_METHOD);
    }

    if (r->method == NGX_HTTP_POST) {

        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r, operation->handler);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;
    operation->handler(r);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_tgortc_request_refuse(ngx_http_request_t *r, ngx_int_t rc,
    ngx_uint_t status, ngx_tgortc_message_e message)
{
    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a body that is not read would be taken for the next request */

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    return ngx_http_tgortc_send_error(r, status, message, NULL, NULL);
}


/*
 * Who is let in by where he is, or by what his browser sends by itself, may be
 * on a page of another site that has his browser send a POST.  Only about JSON
 * does the browser ask first; and no browser sends our key by itself.
 */

static ngx_uint_t
ngx_http_tgortc_request_forged(ngx_http_request_t *r)
{
    u_char                      *p, *last;
    ngx_str_t                    name, *host;
    ngx_table_elt_t             *h;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    if (r->method != NGX_HTTP_POST || tlcf->api_keys != NULL) {
        return 0;
    }

    h = r->headers_in.content_type;

    if (h != NULL
        && ngx_strncasecmp(h->value.data, (u_char *) "application/json",
                           sizeof("application/json") - 1)
           == 0)
    {
        return 0;
    }

    /* what the browser says, who may know it by another name than we do */

    ngx_str_set(&name, "Sec-Fetch-Site");
    h = ngx_http_tgortc_request_header(r, &name);

    if (h != NULL) {
        return ngx_strcmp(h->value.data, "cross-site") == 0
               || ngx_strcmp(h->value.data, "same-site") == 0;
    }

    ngx_str_set(&name, "Origin");
    h = ngx_http_tgortc_request_header(r, &name);

    if (h == NULL) {
        return 0;
    }

    if (r->headers_in.host == NULL) {
        return 1;
    }

    host = &r->headers_in.host->value;
    last = h->value.data + h->value.len;
    p = ngx_strlchr(h->value.data, last, '/');

    return p == NULL || (size_t) (last - p) != sizeof("//") - 1 + host->len
           || ngx_strncasecmp(p + sizeof("//") - 1, host->data, host->len)
              != 0;
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_request_operation(ngx_http_tgortc_operation_t *operations,
    ngx_str_t *path)
{
    ngx_http_tgortc_operation_t  *operation;

    for (operation = operations; operation->handler; operation++) {
        if (operation->name.len == path->len
            && ngx_strncmp(operation->name.data, path->data, path->len) == 0)
        {
            return operation;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_tgortc_request_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    if (r->uri.len < tlcf->prefix.len) {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + tlcf->prefix.len;
    path->len = r->uri.len - tlcf->prefix.len;

    /* nginx takes a location that ends with a slash only with that slash */

    if (path->len == 1 && tlcf->core->name.len > tlcf->prefix.len) {
        path->len = 0;
    }

    return path->len == 0 || path->data[0] == '/' ? NGX_OK : NGX_DECLINED;
}


ngx_http_tgortc_ctx_t *
ngx_http_tgortc_ctx(ngx_http_request_t *r)
{
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_tgortc_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_tgortc_module);
    }

    return ctx;
}


ngx_tgortc_language_e
ngx_http_tgortc_request_language(ngx_http_request_t *r)
{
    ngx_str_t               lang, x_name, accept_name;
    ngx_table_elt_t        *x, *accept;
    ngx_http_tgortc_ctx_t  *ctx;

    ctx = ngx_http_tgortc_ctx(r);

    if (ctx == NULL) {
        return NGX_TGORTC_EN_US;
    }

    if (ctx->language_known) {
        return ctx->language;
    }

    ngx_str_set(&x_name, "X-Language");
    ngx_str_set(&accept_name, "Accept-Language");

    x = ngx_http_tgortc_request_header(r, &x_name);
    accept = ngx_http_tgortc_request_header(r, &accept_name);

    if (ngx_http_tgortc_request_arg(r, "lang", &lang) != NGX_OK) {
        ngx_str_null(&lang);
    }

    ctx->language = ngx_tgortc_language(x ? (char *) x->value.data : NULL,
                                        x ? x->value.len : 0,
                                        (char *) lang.data, lang.len,
                                        accept ? (char *) accept->value.data
                                               : NULL,
                                        accept ? accept->value.len : 0);
    ctx->language_known = 1;

    return ctx->language;
}


ngx_uint_t
ngx_http_tgortc_request_authorized(ngx_http_request_t *r)
{
    size_t                       len;
    u_char                      *p;
    ngx_str_t                   *key;
    ngx_uint_t                   i, found;
    ngx_table_elt_t             *h;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    if (tlcf->api_keys == NULL) {
        return 1;
    }

    h = r->headers_in.authorization;

    if (h == NULL || h->value.len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return 0;
    }

    p = h->value.data + sizeof("Bearer ") - 1;
    len = h->value.len - (sizeof("Bearer ") - 1);

    while (len && *p == ' ') {
        p++;
        len--;
    }

    /* all of them: the time it takes must not tell which one was close */

    found = 0;
    key = tlcf->api_keys->elts;

    for (i = 0; i < tlcf->api_keys->nelts; i++) {
        if (key[i].len == len && CRYPTO_memcmp(key[i].data, p, len) == 0) {
            found = 1;
        }
    }

    return found;
}


ngx_int_t
ngx_http_tgortc_request_arg(ngx_http_request_t *r, char *name,
    ngx_str_t *value)
{
    u_char     *p, *dst, *end;
    ngx_int_t   byte;
    ngx_str_t   raw;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, raw.len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    end = raw.data + raw.len;

    for (p = raw.data; p < end; p++) {

        if (*p == '+') {
            *dst++ = ' ';
            continue;
        }

        if (*p == '%' && end - p > 2) {
            byte = ngx_hextoi(p + 1, 2);

            if (byte != NGX_ERROR) {
                *dst++ = (u_char) byte;
                p += 2;
                continue;
            }
        }

        *dst++ = *p;
    }

    *dst = '\0';
    value->len = dst - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_tgortc_request_body(ngx_http_request_t *r, ngx_str_t *body)
{
    size_t        len;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *bufs;

    ngx_str_null(body);

    bufs = r->request_body ? r->request_body->bufs : NULL;

    if (bufs == NULL) {
        return NGX_OK;
    }

    if (bufs->next == NULL && !bufs->buf->in_file) {
        body->data = bufs->buf->pos;
        body->len = bufs->buf->last - bufs->buf->pos;
        return NGX_OK;
    }

    len = 0;

    for (cl = bufs; cl; cl = cl->next) {
        len += (size_t) ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = len;

    for (cl = bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        len = (size_t) (b->file_last - b->file_pos);

        n = ngx_read_file(b->file, p, len, b->file_pos);

        if (n != (ssize_t) len) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "tgortc: request body was cut off in file \"%V\"",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


cJSON *
ngx_http_tgortc_request_json(ngx_http_request_t *r, ngx_int_t *rc)
{
    ngx_str_t  body;

    if (ngx_http_tgortc_request_body(r, &body) != NGX_OK) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    return ngx_http_tgortc_request_parse(r, &body, NGX_HTTP_TGORTC_BODY_DEPTH,
                                         rc);
}


cJSON *
ngx_http_tgortc_request_parse(ngx_http_request_t *r, ngx_str_t *body,
    ngx_uint_t depth, ngx_int_t *rc)
{
    cJSON                    *json;
    u_char                    offset[NGX_SIZE_T_LEN + 1];
    ngx_pool_cleanup_t       *cln;
    ngx_tgortc_message_e      message;
    ngx_tgortc_json_error_t   error;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    if (depth) {
        json = ngx_tgortc_json_parse((char *) body->data, body->len,
                                     (unsigned) depth, &error);

    } else {
        error.code = NGX_TGORTC_JSON_INVALID;
        error.offset = 0;
        json = cJSON_ParseWithLength((char *) body->data, body->len);
    }

    if (json != NULL) {
        cln->handler = ngx_http_tgortc_request_free_json;
        cln->data = json;
        return json;
    }

    *ngx_sprintf(offset, "%uz", error.offset) = '\0';

    switch (error.code) {

    case NGX_TGORTC_JSON_NO_MEMORY:
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;

    case NGX_TGORTC_JSON_NOT_OBJECT:
        message = NGX_TGORTC_MSG_BODY_NOT_OBJECT;
        break;

    case NGX_TGORTC_JSON_TOO_DEEP:
        message = NGX_TGORTC_MSG_BODY_TOO_DEEP;
        break;

    case NGX_TGORTC_JSON_REPEATED:
        message = NGX_TGORTC_MSG_BODY_REPEATED;
        break;

    default:
        message = NGX_TGORTC_MSG_BODY_INVALID;
    }

    *rc = ngx_http_tgortc_send_error(r, NGX_HTTP_BAD_REQUEST, message,
                                     (char *) offset, NULL);
    return NULL;
}


ngx_table_elt_t *
ngx_http_tgortc_request_header(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == name->len
            && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
        {
            return &h[i];
        }
    }
}


static void
ngx_http_tgortc_request_free_json(void *data)
{
    cJSON_Delete(data);
}
