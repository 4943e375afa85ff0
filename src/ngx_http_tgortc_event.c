
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_event.h"

#include <ngx_sha1.h>

#include "ngx_http_tgortc_written.h"
#include "ngx_tgortc_signature.h"


/* of a nonce in hex, "-", a sequence number */
#define NGX_HTTP_TGORTC_EVENT_ID_LEN  64

/* fixed ones, and those of a signature */
#define NGX_HTTP_TGORTC_HEADERS       10

/* bytes of most bodies */
#define NGX_HTTP_TGORTC_EVENT_SIZE    512


static ngx_int_t ngx_http_tgortc_event_body(ngx_pool_t *pool,
    ngx_http_tgortc_event_t *event, ngx_str_t *body);
static ngx_int_t ngx_http_tgortc_event_sign(ngx_pool_t *pool,
    ngx_http_tgortc_endpoint_t *endpoint, const char *id, time_t now,
    ngx_http_tgortc_http_request_t *hr);
static ngx_int_t ngx_http_tgortc_event_header(ngx_pool_t *pool,
    ngx_http_tgortc_http_request_t *hr, const char *name, const char *value);


static ngx_str_t  ngx_http_tgortc_event_names[] = {
    ngx_null_string,
    ngx_string("room.started"),
    ngx_string("room.finished"),
    ngx_string("participant.invited"),
    ngx_string("participant.joined"),
    ngx_string("participant.left"),
    ngx_string("participant.rejected"),
    ngx_string("participant.missed"),
    ngx_string("participant.cancelled")
};


ngx_int_t
ngx_http_tgortc_event_request(ngx_pool_t *pool,
    ngx_http_tgortc_event_t *event, ngx_http_tgortc_endpoint_t *endpoint,
    time_t now, ngx_http_tgortc_http_request_t *hr)
{
    u_char     *p, *url;
    u_char      id[NGX_HTTP_TGORTC_EVENT_ID_LEN];
    u_char      text[NGX_INT64_LEN + 1];
    char       *name;
    ngx_str_t  *type, body;

    type = ngx_http_tgortc_event_name(event->type);

    if (type == NULL
        || event->nonce.len * 2 > sizeof(id) - sizeof("-") - NGX_INT64_LEN)
    {
        return NGX_ERROR;
    }

    name = (char *) type->data;

    p = ngx_hex_dump(id, event->nonce.data, event->nonce.len);
    *ngx_sprintf(p, "-%l", event->seq) = '\0';

    url = ngx_pnalloc(pool, endpoint->url.len + type->len
                      + sizeof("?event_type=&event_id=") + sizeof(id));
    hr->headers = ngx_palloc(pool, NGX_HTTP_TGORTC_HEADERS * sizeof(char *));

    if (url == NULL || hr->headers == NULL) {
        return NGX_ERROR;
    }

    *ngx_sprintf(url, "%V%sevent_type=%s&event_id=%s", &endpoint->url,
                 ngx_strlchr(endpoint->url.data,
                             endpoint->url.data + endpoint->url.len, '?')
                 ? "&" : "?", name, id) = '\0';

    hr->url = (char *) url;

    if (ngx_http_tgortc_event_body(pool, event, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    hr->body = (char *) body.data;
    hr->body_len = body.len;
    hr->timeout = endpoint->timeout;
    hr->nheaders = 0;

    if (ngx_http_tgortc_event_header(pool, hr, "Content-Type",
                                     "application/json")
        != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "User-Agent", "TgoRTC")
           != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "X-Event-Type", name)
           != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "X-Event-ID", (char *) id)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *ngx_sprintf(text, "%l", event->seq) = '\0';

    if (ngx_http_tgortc_event_header(pool, hr, "X-Event-Seq", (char *) text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *ngx_sprintf(text, "%L", event->time / 1000) = '\0';

    if (ngx_http_tgortc_event_header(pool, hr, "X-Timestamp", (char *) text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_event_sign(pool, endpoint, (char *) id, now, hr);
}


void
ngx_http_tgortc_endpoint_id(u_char *id, ngx_str_t *name)
{
    u_char      digest[20];
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, name->data, name->len);
    ngx_sha1_final(digest, &sha1);

    ngx_hex_dump(id, digest, NGX_HTTP_TGORTC_ENDPOINT_ID / 2);
}


ngx_str_t *
ngx_http_tgortc_event_name(ngx_uint_t type)
{
    if (type == 0 || type >= NGX_HTTP_TGORTC_TYPES) {
        return NULL;
    }

    return &ngx_http_tgortc_event_names[type];
}


ngx_uint_t
ngx_http_tgortc_event_type(ngx_str_t *name)
{
    ngx_str_t   *known;
    ngx_uint_t   type;

    for (type = 1; type < NGX_HTTP_TGORTC_TYPES; type++) {
        known = &ngx_http_tgortc_event_names[type];

        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            return type;
        }
    }

    return 0;
}


/* in the order of the reference */

static ngx_int_t
ngx_http_tgortc_event_body(ngx_pool_t *pool, ngx_http_tgortc_event_t *event,
    ngx_str_t *body)
{
    ngx_uint_t          i;
    ngx_tgortc_write_t  w;

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_EVENT_SIZE);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_cstr(&w, "room_id", event->room_id);
    ngx_tgortc_write_cstr(&w, "creator", event->nuids ? event->uids[0] : "");
    ngx_tgortc_write_int(&w, "rtc_type", event->rtc_type);
    ngx_tgortc_write_int(&w, "invite_on", event->invite_on);
    ngx_tgortc_write_int(&w, "status", event->status);
    ngx_tgortc_write_int(&w, "max_participants", event->max_participants);
    ngx_tgortc_write_int(&w, "duration", event->duration);

    ngx_tgortc_write_open(&w, "uids", '[');

    for (i = 0; i < event->nuids; i++) {
        ngx_tgortc_write_cstr(&w, NULL, event->uids[i]);
    }

    ngx_tgortc_write_close(&w, ']');

    ngx_tgortc_write_int(&w, "created_at", event->created / 1000);
    ngx_tgortc_write_int(&w, "updated_at", event->time / 1000);

    if (*event->target) {
        ngx_tgortc_write_cstr(&w, "uid", event->target);

        if (event->type == NGX_HTTP_TGORTC_JOINED && *event->device_type) {
            ngx_tgortc_write_cstr(&w, "device_type", event->device_type);
        }

        if (event->type == NGX_HTTP_TGORTC_INVITED
            || event->type == NGX_HTTP_TGORTC_MISSED)
        {
            ngx_tgortc_write_open(&w, event->type == NGX_HTTP_TGORTC_INVITED
                                      ? "invited_uids" : "missed_uids", '[');
            ngx_tgortc_write_cstr(&w, NULL, event->target);
            ngx_tgortc_write_close(&w, ']');
        }
    }

    ngx_tgortc_write_close(&w, '}');

    return ngx_http_tgortc_written(pool, &w, body);
}


static ngx_int_t
ngx_http_tgortc_event_sign(ngx_pool_t *pool,
    ngx_http_tgortc_endpoint_t *endpoint, const char *id, time_t now,
    ngx_http_tgortc_http_request_t *hr)
{
    char                       hex[NGX_TGORTC_SIGNATURE_HEX + 1];
    char                       v1[NGX_TGORTC_SIGNATURE_V1_LEN + 1];
    u_char                    *p, *list, text[NGX_INT64_LEN + 1];
    ngx_uint_t                 i;
    ngx_http_tgortc_secret_t  *secret;

    if (endpoint->secrets.nelts == 0) {
        return NGX_OK;
    }

    secret = endpoint->secrets.elts;

    list = ngx_pnalloc(pool, endpoint->secrets.nelts * (sizeof(v1) + 1));
    if (list == NULL) {
        return NGX_ERROR;
    }

    p = list;

    for (i = 0; i < endpoint->secrets.nelts; i++) {

        if (!ngx_tgortc_signature_v1(v1, secret[i].key_hmac, id, now, hr->body,
                                     hr->body_len))
        {
            return NGX_ERROR;
        }

        p = ngx_sprintf(p, "%s%s", i ? " " : "", v1);
    }

    *p = '\0';

    if (!ngx_tgortc_signature_hex(hex, secret[0].text_hmac, hr->body,
                                  hr->body_len))
    {
        return NGX_ERROR;
    }

    *ngx_sprintf(text, "%T", now) = '\0';

    if (ngx_http_tgortc_event_header(pool, hr, "X-Signature", hex) != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "webhook-id", id) != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "webhook-timestamp",
                                        (char *) text)
           != NGX_OK
        || ngx_http_tgortc_event_header(pool, hr, "webhook-signature",
                                        (char *) list)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_event_header(ngx_pool_t *pool,
    ngx_http_tgortc_http_request_t *hr, const char *name, const char *value)
{
    u_char  *header;

    header = ngx_pnalloc(pool, ngx_strlen(name) + ngx_strlen(value) + 3);
    if (header == NULL) {
        return NGX_ERROR;
    }

    *ngx_sprintf(header, "%s: %s", name, value) = '\0';

    hr->headers[hr->nheaders++] = (char *) header;

    return NGX_OK;
}
