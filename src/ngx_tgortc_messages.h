
/*
 * Copyright (C) TgoRTC contributors
 *
 * The texts of the API's refusals in its five languages, and the choice of
 * the language.  Plain C.
 */


#ifndef _NGX_TGORTC_MESSAGES_H_INCLUDED_
#define _NGX_TGORTC_MESSAGES_H_INCLUDED_


#include <stddef.h>


typedef enum {
    NGX_TGORTC_EN_US = 0,
    NGX_TGORTC_ZH_CN,
    NGX_TGORTC_ZH_TW,
    NGX_TGORTC_FR_FR,
    NGX_TGORTC_JA_JP,
    NGX_TGORTC_LANGUAGES
} ngx_tgortc_language_e;


typedef enum {

    /* 400: after the language's "Parameter error: " prefix */

    NGX_TGORTC_MSG_BODY_INVALID,       /* %1 the offset in bytes */
    NGX_TGORTC_MSG_BODY_NOT_OBJECT,
    NGX_TGORTC_MSG_BODY_TOO_DEEP,      /* %1 the offset in bytes */
    NGX_TGORTC_MSG_BODY_REPEATED,      /* %1 the offset in bytes */
    NGX_TGORTC_MSG_FIELD_ROOM_ID,      /* %1 the field's JSON name; so below */
    NGX_TGORTC_MSG_FIELD_UID,
    NGX_TGORTC_MSG_FIELD_DEVICE,
    NGX_TGORTC_MSG_FIELD_RTC_TYPE,
    NGX_TGORTC_MSG_FIELD_INVITE_ON,
    NGX_TGORTC_MSG_FIELD_MAX,
    NGX_TGORTC_MSG_FIELD_UIDS,
    NGX_TGORTC_MSG_FIELD_UIDS_EMPTY,   /* must name at least one user */
    NGX_TGORTC_MSG_FIELD_UIDS_MANY,    /* %2 how many at most */
    NGX_TGORTC_MSG_FIELD_UIDS_LIMIT,   /* the same, the creator among them */
    NGX_TGORTC_MSG_FIELD_KEY,          /* an Idempotency-Key */
    NGX_TGORTC_MSG_FIELD_STATE,        /* of rooms */
    NGX_TGORTC_MSG_FIELD_LIVE_ONLY,
    NGX_TGORTC_MSG_FIELD_DAYS,
    NGX_TGORTC_MSG_FIELD_LIMIT,
    NGX_TGORTC_MSG_FIELD_CURSOR,
    NGX_TGORTC_MSG_FIELD_EVENT,        /* a type of events */
    NGX_TGORTC_MSG_FIELD_REPLAY,

    /* the other refusals of ours */

    NGX_TGORTC_MSG_API_KEY,            /* 401 */

    /* 401 of LiveKit's webhook, in the order of ngx_tgortc_verify_e */

    NGX_TGORTC_MSG_VERIFY_MISSING,
    NGX_TGORTC_MSG_VERIFY_MALFORMED,
    NGX_TGORTC_MSG_VERIFY_ALGORITHM,
    NGX_TGORTC_MSG_VERIFY_ISSUER,
    NGX_TGORTC_MSG_VERIFY_SIGNATURE,
    NGX_TGORTC_MSG_VERIFY_NO_EXPIRY,
    NGX_TGORTC_MSG_VERIFY_EXPIRED,
    NGX_TGORTC_MSG_VERIFY_NOT_YET,
    NGX_TGORTC_MSG_VERIFY_NO_HASH,
    NGX_TGORTC_MSG_VERIFY_HASH,

    NGX_TGORTC_MSG_NOT_INVITED,        /* 403 */
    NGX_TGORTC_MSG_NO_ROOM,            /* 404 */
    NGX_TGORTC_MSG_NO_PARTICIPANT,     /* 404 */
    NGX_TGORTC_MSG_NO_PATH,            /* 404 */
    NGX_TGORTC_MSG_METHOD,             /* 405 */
    NGX_TGORTC_MSG_ROOM_TAKEN,         /* 409 */
    NGX_TGORTC_MSG_BUSY,               /* 409, %1 the uids, comma-separated */
    NGX_TGORTC_MSG_ROOM_FULL,          /* 409 */
    NGX_TGORTC_MSG_ROOM_ENDED,         /* 410 */
    NGX_TGORTC_MSG_KEY_REUSED,         /* 422 */
    NGX_TGORTC_MSG_INTERNAL,           /* 500 */
    NGX_TGORTC_MSG_UNAVAILABLE,        /* 503 */

    /* what nginx itself refuses inside our locations */

    NGX_TGORTC_MSG_BAD_REQUEST,        /* 400 of HTTP itself */
    NGX_TGORTC_MSG_UNAUTHORIZED,       /* 401 of auth_basic, auth_request */
    NGX_TGORTC_MSG_FORBIDDEN,          /* 403 of deny */
    NGX_TGORTC_MSG_TOO_LARGE,          /* 413 */
    NGX_TGORTC_MSG_TOO_MANY,           /* 429 */
    NGX_TGORTC_MSG_CLIENT_ERROR,       /* any other 4xx */
    NGX_TGORTC_MSG_SERVER_ERROR,       /* any other 5xx */

    NGX_TGORTC_MESSAGES
} ngx_tgortc_message_e;


/*
 * Chooses the language: X-Language, else the "lang" argument, else
 * Accept-Language (RFC 9110, 12.5.4: quality values, prefixes), else en-US.
 * A source that is absent (NULL) or names nothing we have is passed over.
 */
ngx_tgortc_language_e ngx_tgortc_language(const char *x_language,
    size_t x_language_len, const char *lang, size_t lang_len,
    const char *accept_language, size_t accept_language_len);

/* the tag of a language: "en-US" */
const char *ngx_tgortc_language_tag(ngx_tgortc_language_e language);

/*
 * Writes a message, for a 400 with its prefix, into buf and returns the
 * length it has or would have (as snprintf does; the caller may call with
 * size 0 first).  Arguments a message does not take are ignored.
 */
size_t ngx_tgortc_message(char *buf, size_t size, ngx_tgortc_message_e id,
    ngx_tgortc_language_e language, const char *arg1, const char *arg2);


#endif /* _NGX_TGORTC_MESSAGES_H_INCLUDED_ */
