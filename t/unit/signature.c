
/*
 * Copyright (C) TgoRTC contributors
 */


#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/evp.h>
#include "ngx_tgortc_signature.h"
#include "tap.h"


#define SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BODY    "{\"test\": 2432232314}"

/* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */

#define THEN    784111777

/* Sun, 23 Aug 2026 12:00:00 GMT */

#define NOW     1787486400


static void
check_keys(void)
{
    int             n;
    char           *secret;
    size_t          i, len;
    unsigned char  *key;

    /* what is expected is NULL when the secret is to be refused */

    static const struct {
        const char  *secret;
        const char  *key;
    } keys[] = {
        { SECRET, "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4"
                  "\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d\xa4\xb0" },
        { "whsec_Zm9v", "foo" },
        { "whsec_Zm8=", "fo" },
        { "whsec_Zg==", "f" },
        { "whsec_Zh==", "f" },
        { "whsec_++//", "\xfb\xef\xff" },

        { "", "" },
        { "x", "x" },
        { "secret", "secret" },
        { "whsec", "whsec" },
        { "WHSEC_Zm9v", "WHSEC_Zm9v" },
        { " whsec_Zm9v", " whsec_Zm9v" },
        { "whsek_Zm9v", "whsek_Zm9v" },
        { "Zm9vYmFy", "Zm9vYmFy" },
        { "m\xc3\xa9tro \xf0\x9f\x9a\x87", "m\xc3\xa9tro \xf0\x9f\x9a\x87" },

        { "whsec_", NULL },
        { "whsec_=", NULL },
        { "whsec_====", NULL },
        { "whsec_Z===", NULL },
        { "whsec_Z", NULL },
        { "whsec_Zm8", NULL },
        { "whsec_Zm9vZ", NULL },
        { "whsec_Zm9vZg", NULL },
        { "whsec_Zm9v====", NULL },
        { "whsec_Zg==Zm9v", NULL },
        { "whsec_Z=9v", NULL },
        { "whsec_--__", NULL },
        { "whsec_Zm9 ", NULL },
        { "whsec_ Zm9v   ", NULL },
        { "whsec_    Zm9v", NULL },
        { "whsec_Zm9vZm9\n", NULL },
        { "whsec_Zm9-", NULL },
        { "whsec_Zm9\xe9", NULL },
        { "whsec_whsec_Zm9v", NULL }
    };

    for (i = 0; i < tap_items(keys); i++) {
        len = strlen(keys[i].secret);
        secret = malloc(len + 1);
        key = malloc(len + 1);

        /* of exact size, for ASan to see reads and writes beyond */

        secret = realloc(secret, len > 0 ? len : 1);
        key = realloc(key, len > 0 ? len : 1);
        memcpy(secret, keys[i].secret, len);

        n = ngx_tgortc_signature_key(secret, len, key);

        tap_ok(keys[i].key == NULL
               ? n == -1
               : n == (int) strlen(keys[i].key)
                 && memcmp(key, keys[i].key, n) == 0,
               "key %zu: %d bytes", i, n);

        free(secret);
        free(key);
    }

    secret = "whsec_Zm9v\0Zm9";
    key = malloc(14);

    tap_ok(ngx_tgortc_signature_key(secret, 14, key) == -1,
           "a NUL in the key");

    free(key);
}


static void
check_key_lengths(void)
{
    int             n;
    char            secret[256];
    size_t          i, len, wrong;
    unsigned char   key[256], raw[128];

    wrong = 0;
    memcpy(secret, "whsec_", 6);

    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = (unsigned char) (i * 37);
    }

    for (i = 1; i <= sizeof(raw); i++) {
        len = 6 + EVP_EncodeBlock((unsigned char *) secret + 6, raw, (int) i);

        n = ngx_tgortc_signature_key(secret, len, key);
        wrong += n != (int) i || memcmp(key, raw, i) != 0;
    }

    tap_ok(wrong == 0, "keys of any length");
}


static void
check_hex(void)
{
    int                 rc;
    char                out[NGX_TGORTC_SIGNATURE_HEX + 2];
    size_t              i;
    ngx_tgortc_hmac_t  *key;

    static const struct {
        const char  *secret;
        const char  *body;
        const char  *hex;
    } bodies[] = {

        /* RFC 4231, 4.3 and 4.2 */

        { "Jefe", "what do ya want for nothing?",
          "5bdcc146bf60754e6a042426089575c7"
          "5a003f089d2739839dec58b964ec3843" },
        { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
          "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
          "b0344c61d8db38535ca8afceaf0bf12b"
          "881dc200c9833da726e9376c2e32cff7" },

        /* "openssl dgst -sha256 -hmac" */

        { SECRET, BODY,
          "80ec8a89ce3cd22133a1066caecb4d04"
          "fea7467657c8514d717ec42c38a5c94c" },
        { "secret", "",
          "f9e66e179b6747ae54108f82f8ade8b3"
          "c25d76fd30afde6c395822c530196169" }
    };

    for (i = 0; i < tap_items(bodies); i++) {
        memset(out, '?', sizeof(out));

        key = ngx_tgortc_hmac_key(bodies[i].secret,
                                  strlen(bodies[i].secret));
        rc = ngx_tgortc_signature_hex(out, key, bodies[i].body,
                                      strlen(bodies[i].body));
        ngx_tgortc_hmac_free(key);

        tap_ok(rc == 1 && strcmp(out, bodies[i].hex) == 0
               && out[sizeof(out) - 1] == '?',
               "hex %zu: %.64s", i, out);
    }

    key = ngx_tgortc_hmac_key("secret", 6);

    tap_ok(ngx_tgortc_signature_hex(out, key, NULL, 0) == 1
           && strcmp(out, bodies[3].hex) == 0,
           "no body");

    ngx_tgortc_hmac_free(key);
}


/* the vector that the libraries of Standard Webhooks share */

static void
check_v1(void)
{
    int                 n, rc;
    char                out[NGX_TGORTC_SIGNATURE_V1_LEN + 2];
    ngx_tgortc_hmac_t  *key;
    unsigned char  bytes[sizeof(SECRET)];

    n = ngx_tgortc_signature_key(SECRET, sizeof(SECRET) - 1, bytes);
    key = ngx_tgortc_hmac_key(bytes, n);

    memset(out, '?', sizeof(out));

    rc = ngx_tgortc_signature_v1(out, key, "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                 1614265330, BODY, sizeof(BODY) - 1);
    ngx_tgortc_hmac_free(key);

    tap_ok(rc == 1
           && strcmp(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
              == 0
           && out[sizeof(out) - 1] == '?',
           "Standard Webhooks: %.47s", out);
}


/* against OpenSSL over the same text put together in another way */

static void
check_v1_texts(void)
{
    char                body[300], out[48], *p, text[600];
    size_t              i, len, t, wrong;
    unsigned char       mac[64], want[64];
    ngx_tgortc_hmac_t  *key;

    static const long long  times[] = {
        0, 1, 1614265330, 4102444800, 253402300799, LLONG_MAX, LLONG_MIN
    };

    wrong = 0;
    key = ngx_tgortc_hmac_key("key", 3);

    for (i = 0; i < sizeof(body); i++) {
        body[i] = (char) i;
    }

    for (i = 0; i < sizeof(body); i++) {
        for (t = 0; t < tap_items(times); t++) {

            /* of exact size, and NULL when there is none */

            p = (i == 0) ? NULL : malloc(i);

            if (p != NULL) {
                memcpy(p, body, i);
            }

            wrong += ngx_tgortc_signature_v1(out, key, "id", times[t], p, i)
                     != 1;
            free(p);

            len = sprintf(text, "id.%lld.", times[t]);
            memcpy(text + len, body, i);
            len += i;

            EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, "key", 3,
                      (unsigned char *) text, len, mac, sizeof(mac), &len);
            EVP_EncodeBlock(want, mac, (int) len);

            wrong += memcmp(out, "v1,", 3) != 0
                     || strcmp(out + 3, (char *) want) != 0;
        }
    }

    ngx_tgortc_hmac_free(key);

    tap_ok(wrong == 0, "bodies of any bytes and length, at any time");
}


static void
check_retry_after(void)
{
    long    n;
    size_t  i;

    static const struct {
        const char  *value;
        time_t       now;
        long         max;
        long         seconds;
    } values[] = {
        { "0", NOW, 3600, 0 },
        { "1", NOW, 3600, 1 },
        { "120", NOW, 3600, 120 },
        { "00120", NOW, 3600, 120 },
        { " \t120 \t", NOW, 3600, 120 },
        { "3600", NOW, 3600, 3600 },
        { "3601", NOW, 3600, 3600 },
        { "120", NOW, 0, 0 },
        { "9223372036854775807", NOW, 3600, 3600 },
        { "9223372036854775807", NOW, LONG_MAX, LONG_MAX },

        { NULL, NOW, 3600, 0 },
        { "", NOW, 3600, 0 },
        { "  ", NOW, 3600, 0 },
        { "-1", NOW, 3600, 0 },
        { "+1", NOW, 3600, 0 },
        { "1.5", NOW, 3600, 0 },
        { "1e3", NOW, 3600, 0 },
        { "0x10", NOW, 3600, 0 },
        { "1 2", NOW, 3600, 0 },
        { "1,2", NOW, 3600, 0 },
        { "120s", NOW, 3600, 0 },
        { "\n120", NOW, 3600, 0 },
        { "soon", NOW, 3600, 0 },
        { "9223372036854775808", NOW, LONG_MAX, 0 },
        { "99999999999999999999999999", NOW, 3600, 0 },

        { "Sun, 06 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 37 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", THEN - 37, 3600, 37 },
        { "Sun Nov  6 08:49:37 1994", THEN - 37, 3600, 37 },
        { "\tSun, 06 Nov 1994 08:49:37 GMT ", THEN - 37, 3600, 37 },
        { "Sun Nov 16 08:49:37 1994", THEN + 863900, 3600, 100 },
        { "Sun Nov 06 08:49:37 1994", THEN - 37, 3600, 37 },

        { "Sun, 06 Nov 1994 08:49:37 GMT", THEN, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", THEN + 1, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", THEN - 3601, 3600, 3600 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0, 3600, 3600 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0, LONG_MAX, THEN },
        { "Fri, 31 Dec 9999 23:59:59 GMT", NOW, 3600, 3600 },
        { "Sat, 01 Jan 0000 00:00:00 GMT", NOW, 3600, 0 },

        /* which day of the week it is follows from the rest */

        { "Mon, 06 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 37 },

        /* the end of 2028-02-29, of 2027, and a leap second */

        { "Tue, 29 Feb 2028 23:59:59 GMT", 1835481598, 3600, 1 },
        { "Wed, 01 Mar 2028 00:00:00 GMT", 1835481599, 3600, 1 },
        { "Tue, 29 Feb 2000 00:00:00 GMT", 951782399, 3600, 1 },
        { "Tue, 29 Feb 2028 23:59:60 GMT", 1835481599, 3600, 1 },

        /* two digits: this century, unless that is 50 years ahead */

        { "Sunday, 23-Aug-26 12:00:07 GMT", NOW, 3600, 7 },
        { "Sunday, 23-Aug-26 11:59:59 GMT", NOW, 3600, 0 },
        { "Sunday, 23-Aug-76 12:00:00 GMT", NOW, LONG_MAX, 1577923200 },
        { "Monday, 23-Aug-77 12:00:00 GMT", NOW, LONG_MAX, 0 },
        { "Thursday, 31-Dec-99 23:59:59 GMT", NOW, LONG_MAX, 0 },
        { "Thursday, 31-Dec-99 23:59:59 GMT", 4102444790, 3600, 9 },

        { "Sun, 06 Nov 1994 08:49:37", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 EST", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 gmt", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 +0000", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49:37 GMT+1", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 08:49 GMT", THEN - 37, 3600, 0 },
        { "Sun, 6 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "Sun, 06 nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "Son, 06 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "06 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 94 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "Sun, 06 Nov 1994 8:49:37 GMT", THEN - 37, 3600, 0 },
        { "Sun, 06  Nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "Sun, -6 Nov 1994 08:49:37 GMT", THEN - 37, 3600, 0 },
        { "1994-11-06T08:49:37Z", THEN - 37, 3600, 0 },
        { "Sun, 00 Nov 9994 08:49:37 GMT", NOW, 3600, 0 },
        { "Sun, 31 Nov 9994 08:49:37 GMT", NOW, 3600, 0 },
        { "Sun, 29 Feb 2100 08:49:37 GMT", NOW, 3600, 0 },
        { "Sun, 99 Nov 9994 08:49:37 GMT", NOW, 3600, 0 },
        { "Sun, 06 Nov 9994 24:00:00 GMT", NOW, 3600, 0 },
        { "Sun, 06 Nov 9994 08:60:00 GMT", NOW, 3600, 0 },
        { "Sun, 06 Nov 9994 08:00:61 GMT", NOW, 3600, 0 }
    };

    for (i = 0; i < tap_items(values); i++) {
        n = ngx_tgortc_retry_after(values[i].value, values[i].now,
                                   values[i].max);

        tap_ok(n == values[i].seconds, "Retry-After: %s: %ld",
               values[i].value == NULL ? "(none)"
               : values[i].value[0] == '\n' ? "a newline" : values[i].value,
               n);
    }
}


/* every day of two leap cycles, as strftime() writes it */

static void
check_dates(void)
{
    char       text[64];
    size_t     i, wrong;
    time_t     t;
    struct tm  tm;

    static const char *const  formats[] = {
        "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y"
    };

    wrong = 0;

    for (t = NOW; t < NOW + 86400L * 366 * 8; t += 86400 - 997) {
        gmtime_r(&t, &tm);

        for (i = 0; i < tap_items(formats); i++) {
            strftime(text, sizeof(text), formats[i], &tm);

            wrong += ngx_tgortc_retry_after(text, t - 123, 3600) != 123
                     || ngx_tgortc_retry_after(text, t, 3600) != 0;
        }
    }

    tap_ok(wrong == 0, "dates of eight years");
}


static void
check_mutations(void)
{
    char    *text;
    long     n;
    size_t   i, j, k, len, wrong;

    static const char *const  values[] = {
        "Sun, 06 Nov 2094 08:49:37 GMT", "Sunday, 06-Nov-34 08:49:37 GMT",
        "Sun Nov  6 08:49:37 2094", "  86400 "
    };

    wrong = 0;

    for (i = 0; i < tap_items(values); i++) {
        len = strlen(values[i]);

        for (j = 0; j <= len; j++) {

            /* k is 0 where the value is cut short */

            for (k = 0; k < 256; k++) {
                text = malloc((k == 0) ? j + 1 : len + 1);

                memcpy(text, values[i], (k == 0) ? j : len + 1);

                if (k == 0 || j < len) {
                    text[j] = (char) k;
                }

                n = ngx_tgortc_retry_after(text, NOW, 3600);
                wrong += n < 0 || n > 3600;

                free(text);
            }
        }
    }

    tap_ok(wrong == 0, "mutations of Retry-After");
}


int
main(void)
{
    /* no date may depend on it */

    setenv("TZ", "XYZ-7:30", 1);
    tzset();

    check_keys();
    check_key_lengths();
    check_hex();
    check_v1();
    check_v1_texts();
    check_retry_after();
    check_dates();
    check_mutations();

    return tap_done();
}
