
/*
 * Copyright (C) TgoRTC contributors
 */


#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include "ngx_tgortc_signature.h"


#define NGX_TGORTC_SIGNATURE_PREFIX  "whsec_"

/* the dots and the timestamp of what is signed: 64 bits in decimal */

#define NGX_TGORTC_SIGNATURE_TIME    sizeof(".-9223372036854775808.")


static long ngx_tgortc_retry_seconds(const char *value);
static long ngx_tgortc_retry_until(const char *value, time_t now, long max);
static const char *ngx_tgortc_retry_date(const char *value,
    const char *format, struct tm *tm);
static const char *ngx_tgortc_retry_field(const char *value, char field,
    struct tm *tm);
static const char *ngx_tgortc_retry_day(const char *value);
static const char *ngx_tgortc_retry_month(const char *value, int *month);
static const char *ngx_tgortc_retry_year(const char *value, char field,
    int *year);
static const char *ngx_tgortc_retry_number(const char *value, int digits,
    int *number);
static int ngx_tgortc_retry_time(struct tm *tm, time_t *time);
static const char *ngx_tgortc_retry_space(const char *value);


int
ngx_tgortc_signature_key(const char *secret, size_t len, unsigned char *key)
{
    int     n;
    size_t  i, padding, prefix;

    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    prefix = sizeof(NGX_TGORTC_SIGNATURE_PREFIX) - 1;

    if (len < prefix
        || memcmp(secret, NGX_TGORTC_SIGNATURE_PREFIX, prefix) != 0)
    {
        if (len > 0) {
            memcpy(key, secret, len);
        }

        return (int) len;
    }

    secret += prefix;
    len -= prefix;

    /* padded, because the libraries of the receivers insist on it */

    if (len == 0 || len % 4 != 0) {
        return -1;
    }

    padding = (secret[len - 1] != '=') ? 0 : (secret[len - 2] != '=') ? 1 : 2;

    /* OpenSSL's decoder would let spaces pass and "=" in the midst of it */

    for (i = 0; i < len - padding; i++) {
        if (memchr(digits, secret[i], sizeof(digits) - 1) == NULL) {
            return -1;
        }
    }

    n = EVP_DecodeBlock(key, (const unsigned char *) secret, (int) len);

    return (n < 0) ? -1 : n - (int) padding;
}


int
ngx_tgortc_signature_hex(char *out, const ngx_tgortc_hmac_t *key,
    const char *body, size_t body_len)
{
    size_t         i;
    unsigned char  mac[NGX_TGORTC_HMAC_LEN];

    static const char  digits[] = "0123456789abcdef";

    if (!ngx_tgortc_hmac(key, body, body_len, mac)) {
        return 0;
    }

    for (i = 0; i < sizeof(mac); i++) {
        *out++ = digits[mac[i] >> 4];
        *out++ = digits[mac[i] & 0xf];
    }

    *out = '\0';

    return 1;
}


int
ngx_tgortc_signature_v1(char *out, const ngx_tgortc_hmac_t *key,
    const char *id, time_t timestamp, const char *body, size_t body_len)
{
    int             n, ok;
    char           *text;
    size_t          size;
    unsigned char   mac[NGX_TGORTC_HMAC_LEN];

    size = strlen(id) + NGX_TGORTC_SIGNATURE_TIME;

    text = malloc(size + body_len);
    if (text == NULL) {
        return 0;
    }

    n = snprintf(text, size, "%s.%lld.", id, (long long) timestamp);

    if (body_len > 0) {
        memcpy(text + n, body, body_len);
    }

    ok = ngx_tgortc_hmac(key, text, n + body_len, mac);

    free(text);

    if (!ok) {
        return 0;
    }

    memcpy(out, "v1,", 3);
    EVP_EncodeBlock((unsigned char *) out + 3, mac, sizeof(mac));

    return 1;
}


long
ngx_tgortc_retry_after(const char *value, time_t now, long max)
{
    long  seconds;

    if (value == NULL) {
        return 0;
    }

    value = ngx_tgortc_retry_space(value);

    if (*value >= '0' && *value <= '9') {
        seconds = ngx_tgortc_retry_seconds(value);
        return (seconds < max) ? seconds : max;
    }

    return ngx_tgortc_retry_until(value, now, max);
}


static long
ngx_tgortc_retry_seconds(const char *value)
{
    int   digit;
    long  seconds;

    seconds = 0;

    for ( /* void */ ; *value >= '0' && *value <= '9'; value++) {
        digit = *value - '0';

        if (seconds > (LONG_MAX - digit) / 10) {
            return 0;
        }

        seconds = seconds * 10 + digit;
    }

    return (*ngx_tgortc_retry_space(value) == '\0') ? seconds : 0;
}


/* the three of RFC 9110, 5.6.7; strptime() would depend on the locale */

static long
ngx_tgortc_retry_until(const char *value, time_t now, long max)
{
    size_t       i;
    time_t       time;
    struct tm    tm;
    const char  *end;

    /* the letters of strftime(), without the "%" */

    static const char *const  formats[] = {
        "a, d b Y H:M:S Z",           /* Sun, 06 Nov 1994 08:49:37 GMT */
        "a, d-b-y H:M:S Z",           /* Sunday, 06-Nov-94 08:49:37 GMT */
        "a b e H:M:S Y"               /* Sun Nov  6 08:49:37 1994 */
    };

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {

        /* a year of two digits is to be near this one */

        if (gmtime_r(&now, &tm) == NULL) {
            return 0;
        }

        end = ngx_tgortc_retry_date(value, formats[i], &tm);

        if (end == NULL || *ngx_tgortc_retry_space(end) != '\0') {
            continue;
        }

        if (!ngx_tgortc_retry_time(&tm, &time) || time <= now) {
            return 0;
        }

        return (time - now < max) ? (long) (time - now) : max;
    }

    return 0;
}


/* these return where the date or the part of it ends, or NULL */

static const char *
ngx_tgortc_retry_date(const char *value, const char *format, struct tm *tm)
{
    for ( /* void */ ; *format != '\0' && value != NULL; format++) {

        if (strchr("abdeyYHMSZ", *format) != NULL) {
            value = ngx_tgortc_retry_field(value, *format, tm);

        } else {
            value = (*value == *format) ? value + 1 : NULL;
        }
    }

    return value;
}


static const char *
ngx_tgortc_retry_field(const char *value, char field, struct tm *tm)
{
    switch (field) {

    case 'a':
        return ngx_tgortc_retry_day(value);

    case 'b':
        return ngx_tgortc_retry_month(value, &tm->tm_mon);

    case 'd':
        return ngx_tgortc_retry_number(value, 2, &tm->tm_mday);

    case 'e':
        return (*value == ' ')
               ? ngx_tgortc_retry_number(value + 1, 1, &tm->tm_mday)
               : ngx_tgortc_retry_number(value, 2, &tm->tm_mday);

    case 'H':
        return ngx_tgortc_retry_number(value, 2, &tm->tm_hour);

    case 'M':
        return ngx_tgortc_retry_number(value, 2, &tm->tm_min);

    case 'S':
        return ngx_tgortc_retry_number(value, 2, &tm->tm_sec);

    case 'Z':
        return (strncmp(value, "GMT", 3) == 0) ? value + 3 : NULL;

    default:    /* 'y', 'Y' */
        return ngx_tgortc_retry_year(value, field, &tm->tm_year);
    }
}


/* short or long; which day it is follows from the date */

static const char *
ngx_tgortc_retry_day(const char *value)
{
    size_t  i, len;

    static const char *const  days[] = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
        "Saturday"
    };

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {

        if (strncmp(value, days[i], 3) == 0) {
            len = strlen(days[i]);
            return value + ((strncmp(value, days[i], len) == 0) ? len : 3);
        }
    }

    return NULL;
}


static const char *
ngx_tgortc_retry_month(const char *value, int *month)
{
    static const char *const  months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };

    for (*month = 0; *month < 12; (*month)++) {

        if (strncmp(value, months[*month], 3) == 0) {
            return value + 3;
        }
    }

    return NULL;
}


/*
 * In and out as in struct tm.  Two digits that seem to be more than 50 years
 * ahead mean the past (RFC 9110, 5.6.7).
 */

static const char *
ngx_tgortc_retry_year(const char *value, char field, int *year)
{
    int  n;

    if (field == 'Y') {
        value = ngx_tgortc_retry_number(value, 4, &n);
        *year = (value != NULL) ? n - 1900 : *year;
        return value;
    }

    value = ngx_tgortc_retry_number(value, 2, &n);

    if (value != NULL) {
        n += *year / 100 * 100;
        *year = (n > *year + 50) ? n - 100 : n;
    }

    return value;
}


static const char *
ngx_tgortc_retry_number(const char *value, int digits, int *number)
{
    for (*number = 0; digits > 0; digits--, value++) {

        if (*value < '0' || *value > '9') {
            return NULL;
        }

        *number = *number * 10 + *value - '0';
    }

    return value;
}


/* timegm() would make the third of March of the thirty-first of February */

static int
ngx_tgortc_retry_time(struct tm *tm, time_t *time)
{
    int  day, seconds;

    if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60) {
        return 0;
    }

    day = tm->tm_mday;
    seconds = (tm->tm_hour * 60 + tm->tm_min) * 60 + tm->tm_sec;

    tm->tm_hour = 0;
    tm->tm_min = 0;
    tm->tm_sec = 0;

    *time = timegm(tm) + seconds;

    return tm->tm_mday == day;
}


static const char *
ngx_tgortc_retry_space(const char *value)
{
    while (*value == ' ' || *value == '\t') {
        value++;
    }

    return value;
}
