
/*
 * Copyright (C) TgoRTC contributors
 *
 * Whether this worker can serve: 200 if Redis answers, else 503.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_response.h"


static ngx_int_t ngx_http_tgortc_health_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


ngx_int_t
ngx_http_tgortc_health_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_tgortc_send_not_allowed(r, "GET, HEAD");
    }

    r->main->count++;
    ngx_http_tgortc_call_ping(r, ngx_http_tgortc_health_answer);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_tgortc_health_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    cJSON  *json;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_send_unavailable(r);
    }

    json = cJSON_CreateObject();

    if (cJSON_AddStringToObject(json, "status", "ok") == NULL) {
        cJSON_Delete(json);
        json = NULL;
    }

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, json);
}
