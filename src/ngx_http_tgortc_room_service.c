
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_room_service.h"
#include "ngx_http_tgortc_participant.h"
#include "ngx_http_tgortc_written.h"
#include "ngx_tgortc_token.h"


/* what waits for an answer is a deadline, and it waits for three seconds */
#define NGX_HTTP_TGORTC_ROOM_SERVICE_TIMEOUT   2500

#define NGX_HTTP_TGORTC_ROOM_SERVICE_HEADERS   3

/* bytes of a request, of an answer */
#define NGX_HTTP_TGORTC_ROOM_SERVICE_BODY      256
#define NGX_HTTP_TGORTC_ROOM_SERVICE_RESPONSE  4096

/* a thousand participants with their tracks; touched only as far as it fills */
#define NGX_HTTP_TGORTC_ROOM_SERVICE_LISTING   (4 * 1024 * 1024)


static ngx_int_t ngx_http_tgortc_room_service_body(ngx_pool_t *pool,
    const char *room_id, const char *identity,
    ngx_http_tgortc_http_request_t *hr);
static ngx_int_t ngx_http_tgortc_room_service_authorize(ngx_pool_t *pool,
    ngx_http_tgortc_settings_t *settings, ngx_uint_t type,
    const char *room_id, ngx_http_tgortc_http_request_t *hr);


ngx_int_t
ngx_http_tgortc_room_service_request(ngx_pool_t *pool,
    ngx_http_tgortc_settings_t *settings, ngx_uint_t type,
    const char *room_id, const char *identity,
    ngx_http_tgortc_http_request_t *hr)
{
    char    *method;
    u_char  *url;

    switch (type) {

    case NGX_HTTP_TGORTC_DELETE_ROOM:
        method = "DeleteRoom";
        break;

    case NGX_HTTP_TGORTC_REMOVE_PARTICIPANT:
        method = "RemoveParticipant";
        break;

    case NGX_HTTP_TGORTC_LIST_PARTICIPANTS:
        method = "ListParticipants";
        break;

    default:
        return NGX_ERROR;
    }

    url = ngx_pnalloc(pool, settings->livekit_api.len
                      + sizeof("/twirp/livekit.RoomService/RemoveParticipant"));
    if (url == NULL) {
        return NGX_ERROR;
    }

    *ngx_sprintf(url, "%V/twirp/livekit.RoomService/%s",
                 &settings->livekit_api, method) = '\0';

    hr->url = (char *) url;
    hr->timeout = NGX_HTTP_TGORTC_ROOM_SERVICE_TIMEOUT;
    hr->response_size = type == NGX_HTTP_TGORTC_LIST_PARTICIPANTS
                        ? NGX_HTTP_TGORTC_ROOM_SERVICE_LISTING
                        : NGX_HTTP_TGORTC_ROOM_SERVICE_RESPONSE;
    hr->response = ngx_pnalloc(pool, hr->response_size);

    if (hr->response == NULL
        || ngx_http_tgortc_room_service_body(pool, room_id, identity, hr)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_room_service_authorize(pool, settings, type,
                                                  room_id, hr);
}


ngx_uint_t
ngx_http_tgortc_room_service_done(ngx_http_tgortc_http_request_t *hr)
{
    cJSON       *json, *code;
    ngx_uint_t   gone;

    if (hr->status == NGX_HTTP_OK) {
        return 1;
    }

    if (hr->status != NGX_HTTP_NOT_FOUND) {
        return 0;
    }

    /* Twirp says 404 also of a path that it does not know: "bad_route" */

    json = cJSON_ParseWithLength(hr->response, hr->response_len);
    code = cJSON_GetObjectItemCaseSensitive(json, "code");

    gone = cJSON_IsString(code)
           && ngx_strcmp(code->valuestring, "not_found") == 0;

    cJSON_Delete(json);

    return gone;
}


ngx_array_t *
ngx_http_tgortc_room_service_people(ngx_pool_t *pool,
    ngx_http_tgortc_http_request_t *hr)
{
    cJSON        *json, *list, *item;
    ngx_str_t     sid, identity, state, *arg;
    ngx_array_t  *people;

    json = cJSON_ParseWithLength(hr->response, hr->response_len);
    if (json == NULL) {
        return NULL;
    }

    list = cJSON_GetObjectItemCaseSensitive(json, "participants");

    /*
     * Nobody is there if LiveKit says so: the list is empty, or left out of an
     * object that has nothing else, as protobuf may.  Others say 200 as well.
     */

    if (!cJSON_IsArray(list)
        && !(cJSON_IsObject(json) && json->child == NULL))
    {
        cJSON_Delete(json);
        return NULL;
    }

    people = ngx_array_create(pool, 16, sizeof(ngx_str_t));

    cJSON_ArrayForEach(item, list) {

        if (people == NULL) {
            break;
        }

        if (ngx_http_tgortc_participant_person(item, &sid, &identity)
            != NGX_OK
            || ngx_http_tgortc_json_string(item, "state", 16, &state)
               != NGX_OK
            || ngx_strcmp(state.data, "ACTIVE") != 0)
        {
            continue;
        }

        arg = ngx_array_push_n(people, 4);

        if (arg == NULL) {
            people = NULL;
            break;
        }

        arg[0].data = ngx_pstrdup(pool, &identity);
        arg[0].len = identity.len;
        arg[1].data = ngx_pstrdup(pool, &sid);
        arg[1].len = sid.len;

        if (arg[0].data == NULL || arg[1].data == NULL
            || ngx_http_tgortc_participant_made_at(pool, item, &arg[2])
               != NGX_OK)
        {
            people = NULL;
            break;
        }

        ngx_http_tgortc_participant_device(pool, item, &arg[3]);
    }

    cJSON_Delete(json);

    return people;
}


static ngx_int_t
ngx_http_tgortc_room_service_body(ngx_pool_t *pool, const char *room_id,
    const char *identity, ngx_http_tgortc_http_request_t *hr)
{
    ngx_str_t           body;
    ngx_tgortc_write_t  w;

    ngx_tgortc_write_begin(&w, NGX_HTTP_TGORTC_ROOM_SERVICE_BODY);
    ngx_tgortc_write_open(&w, NULL, '{');
    ngx_tgortc_write_cstr(&w, "room", room_id);

    if (*identity) {
        ngx_tgortc_write_cstr(&w, "identity", identity);
    }

    ngx_tgortc_write_close(&w, '}');

    if (ngx_http_tgortc_written(pool, &w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    hr->body = (char *) body.data;
    hr->body_len = body.len;

    return NGX_OK;
}


/* least privilege: roomCreate deletes rooms, roomAdmin is of one room */

static ngx_int_t
ngx_http_tgortc_room_service_authorize(ngx_pool_t *pool,
    ngx_http_tgortc_settings_t *settings, ngx_uint_t type,
    const char *room_id, ngx_http_tgortc_http_request_t *hr)
{
    char                   *token;
    size_t                  len;
    u_char                 *header;
    ngx_tgortc_str_t        api_key, room;
    ngx_http_tgortc_key_t  *key;

    key = settings->keys->elts;

    api_key.data = (char *) key->name.data;
    api_key.len = key->name.len;
    room.data = room_id;
    room.len = ngx_strlen(room_id);

    token = ngx_tgortc_token_sign_admin(&api_key, key->hmac,
                                        type == NGX_HTTP_TGORTC_DELETE_ROOM
                                        ? NULL : &room,
                                        ngx_time(), &len);
    if (token == NULL) {
        return NGX_ERROR;
    }

    header = ngx_pnalloc(pool, sizeof("Authorization: Bearer ") + len);
    hr->headers = ngx_palloc(pool, NGX_HTTP_TGORTC_ROOM_SERVICE_HEADERS
                                   * sizeof(char *));

    if (header == NULL || hr->headers == NULL) {
        free(token);
        return NGX_ERROR;
    }

    *ngx_sprintf(header, "Authorization: Bearer %s", token) = '\0';
    free(token);

    hr->headers[0] = "Content-Type: application/json";
    hr->headers[1] = "User-Agent: TgoRTC";
    hr->headers[2] = (char *) header;
    hr->nheaders = NGX_HTTP_TGORTC_ROOM_SERVICE_HEADERS;

    return NGX_OK;
}
