
/*
 * Copyright (C) TgoRTC contributors
 *
 * Who is in a call.
 */


#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_http_tgortc_room.h"
#include "ngx_tgortc_json.h"


/* where the reply of calling.lua begins to have users, and values for each */
#define NGX_HTTP_TGORTC_CALLING_FIRST   3
#define NGX_HTTP_TGORTC_CALLING_VALUES  5


static void ngx_http_tgortc_participants_calling(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_participants_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static cJSON *ngx_http_tgortc_participants_json(redisReply *reply, size_t i);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_participants[] = {

    { ngx_string("/calling"), NGX_HTTP_POST, "POST",
      ngx_http_tgortc_participants_calling, NGX_HTTP_TGORTC_OP_CALLING },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


ngx_int_t
ngx_http_tgortc_participants_handler(ngx_http_request_t *r)
{
    return ngx_http_tgortc_request_start(r,
                                         ngx_http_tgortc_participants_route(r),
                                         0);
}


ngx_http_tgortc_operation_t *
ngx_http_tgortc_participants_route(ngx_http_request_t *r)
{
    ngx_str_t  path;

    if (ngx_http_tgortc_request_path(r, &path) != NGX_OK) {
        return NULL;
    }

    return ngx_http_tgortc_request_operation(ngx_http_tgortc_participants,
                                             &path);
}


static void
ngx_http_tgortc_participants_calling(ngx_http_request_t *r)
{
    if (ngx_http_tgortc_params_named(r) == NGX_OK) {
        ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_CALLING, NULL, 0,
                                    ngx_http_tgortc_participants_answer);
    }
}


static ngx_int_t
ngx_http_tgortc_participants_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    cJSON       *json, *list, *item;
    size_t       i;
    ngx_uint_t   failed;

    if (outcome != NGX_HTTP_TGORTC_OK) {
        return ngx_http_tgortc_room_refuse(r, outcome, reply);
    }

    json = cJSON_CreateObject();
    list = cJSON_CreateArray();

    failed = 0;

    ngx_http_tgortc_room_add(json, "participants", list, &failed);

    for (i = NGX_HTTP_TGORTC_CALLING_FIRST;
         !failed && i < reply->elements;
         i += NGX_HTTP_TGORTC_CALLING_VALUES)
    {
        item = ngx_http_tgortc_participants_json(reply, i);

        if (!cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            failed = 1;
        }
    }

    if (failed) {
        cJSON_Delete(json);
        json = NULL;
    }

    return ngx_http_tgortc_send_json(r, NGX_HTTP_OK, json);
}


static cJSON *
ngx_http_tgortc_participants_json(redisReply *reply, size_t i)
{
    cJSON       *json;
    ngx_uint_t   failed;

    json = cJSON_CreateObject();
    failed = 0;

    ngx_http_tgortc_room_add(json, "uid",
        cJSON_CreateStringReference(ngx_http_tgortc_reply_string(reply, i)),
        &failed);
    ngx_http_tgortc_room_add(json, "room_id",
        cJSON_CreateStringReference(
            ngx_http_tgortc_reply_string(reply, i + 1)), &failed);
    ngx_http_tgortc_room_add(json, "status",
        ngx_tgortc_json_int(
            ngx_http_tgortc_reply_integer(reply, i + 2)), &failed);
    ngx_http_tgortc_room_add(json, "device_type",
        ngx_http_tgortc_room_device(
            ngx_http_tgortc_reply_string(reply, i + 3)), &failed);
    ngx_http_tgortc_room_add(json, "connected",
        cJSON_CreateBool(ngx_http_tgortc_reply_integer(reply, i + 4) != 0),
        &failed);

    if (failed) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}
