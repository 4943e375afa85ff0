
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_params.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"


static void ngx_http_tgortc_params_fault(ngx_http_tgortc_fault_t *fault,
    ngx_tgortc_message_e message, const char *field, ngx_uint_t limit);
static void ngx_http_tgortc_params_unique(ngx_str_t *uids, ngx_str_t **sorted,
    ngx_uint_t n);
static int ngx_libc_cdecl ngx_http_tgortc_params_compare(const void *one,
    const void *two);


#define ngx_http_tgortc_offset(name)                                          \
    offsetof(ngx_http_tgortc_params_t, name)

#define ngx_http_tgortc_end_of_fields                                         \
    { NULL, 0, NGX_TGORTC_MSG_INTERNAL, 0, NULL, 0, 0 }


ngx_http_tgortc_field_t  ngx_http_tgortc_create_fields[] = {

    { "creator", ngx_http_tgortc_offset(uid),
      NGX_TGORTC_MSG_FIELD_UID, 1, ngx_tgortc_valid_uid, 0, 0 },

    { "device_type", ngx_http_tgortc_offset(device_type),
      NGX_TGORTC_MSG_FIELD_DEVICE, 1, ngx_tgortc_valid_device, 0, 0 },

    { "room_id", ngx_http_tgortc_offset(room_id),
      NGX_TGORTC_MSG_FIELD_ROOM_ID, 0, ngx_tgortc_valid_room_id, 0, 0 },

    { "rtc_type", ngx_http_tgortc_offset(rtc_type),
      NGX_TGORTC_MSG_FIELD_RTC_TYPE, 0, NULL, 0, 1 },

    { "invite_on", ngx_http_tgortc_offset(invite_on),
      NGX_TGORTC_MSG_FIELD_INVITE_ON, 0, NULL, 0, 1 },

    { "max_participants", ngx_http_tgortc_offset(max_participants),
      NGX_TGORTC_MSG_FIELD_MAX, 0, NULL,
      NGX_TGORTC_PARTICIPANTS_MIN, NGX_TGORTC_PARTICIPANTS_MAX },

    ngx_http_tgortc_end_of_fields
};


static ngx_http_tgortc_field_t  ngx_http_tgortc_named_fields[] = {

    ngx_http_tgortc_end_of_fields
};


/* join and leave */

ngx_http_tgortc_field_t  ngx_http_tgortc_member_fields[] = {

    { "uid", ngx_http_tgortc_offset(uid),
      NGX_TGORTC_MSG_FIELD_UID, 1, ngx_tgortc_valid_uid, 0, 0 },

    { "device_type", ngx_http_tgortc_offset(device_type),
      NGX_TGORTC_MSG_FIELD_DEVICE, 0, ngx_tgortc_valid_device, 0, 0 },

    ngx_http_tgortc_end_of_fields
};


ngx_http_tgortc_field_t  ngx_http_tgortc_sync_fields[] = {

    { "uid", ngx_http_tgortc_offset(uid),
      NGX_TGORTC_MSG_FIELD_UID, 1, ngx_tgortc_valid_uid, 0, 0 },

    { "device_type", ngx_http_tgortc_offset(device_type),
      NGX_TGORTC_MSG_FIELD_DEVICE, 1, ngx_tgortc_valid_device, 0, 0 },

    ngx_http_tgortc_end_of_fields
};


ngx_http_tgortc_field_t  ngx_http_tgortc_list_fields[] = {

    { "state", ngx_http_tgortc_offset(state),
      NGX_TGORTC_MSG_FIELD_STATE, 0, ngx_tgortc_valid_state, 0, 0 },

    { "creator", ngx_http_tgortc_offset(creator),
      NGX_TGORTC_MSG_FIELD_UID, 0, ngx_tgortc_valid_uid, 0, 0 },

    { "uid", ngx_http_tgortc_offset(uid),
      NGX_TGORTC_MSG_FIELD_UID, 0, ngx_tgortc_valid_uid, 0, 0 },

    { "limit", ngx_http_tgortc_offset(limit),
      NGX_TGORTC_MSG_FIELD_LIMIT, 0, ngx_tgortc_valid_limit, 0, 0 },

    { "cursor", ngx_http_tgortc_offset(cursor),
      NGX_TGORTC_MSG_FIELD_CURSOR, 0, ngx_tgortc_valid_cursor, 0, 0 },

    ngx_http_tgortc_end_of_fields
};


cJSON *
ngx_http_tgortc_params_body(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields)
{
    cJSON                    *json;
    ngx_int_t                 rc;
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    json = ngx_http_tgortc_request_json(r, &rc);
    if (json == NULL) {
        ngx_http_finalize_request(r, rc);
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_params_json(json, fields, &ctx->params, &fault);
    if (rc != NGX_OK) {
        ngx_http_tgortc_params_refuse(r, rc, &fault);
        return NULL;
    }

    return json;
}


ngx_int_t
ngx_http_tgortc_params_named(ngx_http_request_t *r)
{
    cJSON                    *json;
    ngx_int_t                 rc;
    ngx_http_tgortc_ctx_t    *ctx;
    ngx_http_tgortc_fault_t   fault;

    json = ngx_http_tgortc_params_body(r, ngx_http_tgortc_named_fields);
    if (json == NULL) {
        return NGX_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_tgortc_module);

    rc = ngx_http_tgortc_params_uids(r, json, NGX_TGORTC_PARTICIPANTS_MAX,
                                     &ctx->params, &fault);

    if (rc == NGX_OK && ctx->params.nuids == 0) {
        fault.message = NGX_TGORTC_MSG_FIELD_UIDS_EMPTY;
        fault.field = "uids";
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_http_tgortc_params_refuse(r, rc, &fault);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_tgortc_params_refuse(ngx_http_request_t *r, ngx_int_t rc,
    ngx_http_tgortc_fault_t *fault)
{
    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_finalize_request(r,
        ngx_http_tgortc_send_error(r, NGX_HTTP_BAD_REQUEST, fault->message,
                                   fault->field, fault->limit));
}


ngx_int_t
ngx_http_tgortc_params_json(cJSON *json, ngx_http_tgortc_field_t *fields,
    ngx_http_tgortc_params_t *params, ngx_http_tgortc_fault_t *fault)
{
    cJSON                    *item;
    ngx_str_t                *string;
    ngx_http_tgortc_field_t  *field;

    for (field = fields; field->name; field++) {

        item = cJSON_GetObjectItemCaseSensitive(json, field->name);

        if (item == NULL && !field->required) {
            continue;
        }

        if (field->valid == NULL) {

            if (!ngx_tgortc_json_integer(item, field->min, field->max,
                                 (long *) ((u_char *) params + field->offset)))
            {
                goto wrong;
            }

            continue;
        }

        if (!cJSON_IsString(item)) {
            goto wrong;
        }

        string = (ngx_str_t *) ((u_char *) params + field->offset);
        string->data = (u_char *) item->valuestring;
        string->len = ngx_strlen(item->valuestring);

        /* an empty room_id asks for a generated one, as an absent one does */

        if (string->len == 0 && field->valid == ngx_tgortc_valid_room_id) {
            continue;
        }

        if (!field->valid(item->valuestring, string->len)) {
            goto wrong;
        }
    }

    return NGX_OK;

wrong:

    ngx_http_tgortc_params_fault(fault, field->message, field->name, 0);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_tgortc_params_query(ngx_http_request_t *r,
    ngx_http_tgortc_field_t *fields, ngx_http_tgortc_params_t *params,
    ngx_http_tgortc_fault_t *fault)
{
    ngx_int_t                 rc;
    ngx_str_t                *string;
    ngx_http_tgortc_field_t  *field;

    for (field = fields; field->name; field++) {

        string = (ngx_str_t *) ((u_char *) params + field->offset);

        rc = ngx_http_tgortc_request_arg(r, field->name, string);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED && !field->required) {
            continue;
        }

        if (rc == NGX_DECLINED
            || !field->valid((char *) string->data, string->len))
        {
            ngx_http_tgortc_params_fault(fault, field->message, field->name,
                                         0);
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tgortc_params_uids(ngx_http_request_t *r, cJSON *json,
    ngx_uint_t max, ngx_http_tgortc_params_t *params,
    ngx_http_tgortc_fault_t *fault)
{
    cJSON       *list, *item;
    ngx_str_t   *uids, **sorted;
    ngx_uint_t   i, n;

    list = cJSON_GetObjectItemCaseSensitive(json, "uids");

    if (list == NULL) {
        return NGX_OK;
    }

    if (!cJSON_IsArray(list)) {
        goto wrong;
    }

    n = 1 + cJSON_GetArraySize(list);

    uids = ngx_palloc(r->pool, n * sizeof(ngx_str_t));
    sorted = ngx_palloc(r->pool, n * sizeof(ngx_str_t *));

    if (uids == NULL || sorted == NULL) {
        return NGX_ERROR;
    }

    uids[0] = params->uid;
    i = 1;

    cJSON_ArrayForEach(item, list) {

        if (!cJSON_IsString(item)) {
            goto wrong;
        }

        uids[i].data = (u_char *) item->valuestring;
        uids[i].len = ngx_strlen(item->valuestring);

        if (!ngx_tgortc_valid_uid(item->valuestring, uids[i].len)) {
            goto wrong;
        }

        i++;
    }

    ngx_http_tgortc_params_unique(uids, sorted, n);

    params->uids = uids + 1;

    for (i = 1; i < n; i++) {
        if (uids[i].len) {
            params->uids[params->nuids++] = uids[i];
        }
    }

    if (params->nuids > max) {
        ngx_http_tgortc_params_fault(fault,
                                     params->uid.len
                                     ? NGX_TGORTC_MSG_FIELD_UIDS_MANY
                                     : NGX_TGORTC_MSG_FIELD_UIDS_LIMIT,
                                     "uids", max);
        return NGX_DECLINED;
    }

    return NGX_OK;

wrong:

    ngx_http_tgortc_params_fault(fault, NGX_TGORTC_MSG_FIELD_UIDS, "uids", 0);

    return NGX_DECLINED;
}


static void
ngx_http_tgortc_params_fault(ngx_http_tgortc_fault_t *fault,
    ngx_tgortc_message_e message, const char *field, ngx_uint_t limit)
{
    fault->message = message;
    fault->field = field;
    *ngx_sprintf((u_char *) fault->limit, "%ui", limit) = '\0';
}


/*
 * Empties every one that is there before.  By sorting, not by a hash: many that
 * have the same one would take their square of a worker's time.
 */

static void
ngx_http_tgortc_params_unique(ngx_str_t *uids, ngx_str_t **sorted,
    ngx_uint_t n)
{
    ngx_str_t   *first;
    ngx_uint_t   i;

    for (i = 0; i < n; i++) {
        sorted[i] = &uids[i];
    }

    ngx_qsort(sorted, n, sizeof(ngx_str_t *), ngx_http_tgortc_params_compare);

    first = sorted[0];

    for (i = 1; i < n; i++) {

        if (sorted[i]->len == first->len
            && ngx_memcmp(sorted[i]->data, first->data, first->len) == 0)
        {
            sorted[i]->len = 0;

        } else {
            first = sorted[i];
        }
    }
}


static int ngx_libc_cdecl
ngx_http_tgortc_params_compare(const void *one, const void *two)
{
    int         rc;
    ngx_str_t  *a, *b;

    a = *(ngx_str_t **) one;
    b = *(ngx_str_t **) two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    rc = ngx_memcmp(a->data, b->data, a->len);

    /* of the same the first */

    return rc ? rc : (a > b) - (a < b);
}
