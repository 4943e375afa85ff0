
/*
 * Copyright (C) TgoRTC contributors
 *
 * Whether this worker can serve: 200 if Redis answers, else 503.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"


static void ngx_http_tgortc_health_ping(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_health_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_health[] = {

    { ngx_string(""), NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
      ngx_http_tgortc_health_ping, NGX_HTTP_TGORTC_OP_HEALTH },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


ngx_int_t
ngx_http_tgortc_health_handler(ngx_http_request_t *r)
{
    return ngx_http_tgortc_request_start(r, ngx_http_tgortc_health, 1);
}


static void
ngx_http_tgortc_health_ping(ngx_http_request_t *r)
{
    ngx_http_tgortc_call_ping(r, ngx_http_tgortc_health_answer);
}


static ngx_int_t
ngx_http_tgortc_health_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_str_t  body = ngx_string("{\"status\":\"ok\"}");

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_send_unavailable(r);
    }

    return ngx_http_tgortc_send_text(r, "application/json", &body);
}
