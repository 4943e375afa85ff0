
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include "ngx_tgortc_json.h"
#include "ngx_tgortc_validate.h"


/*
 * Marks in item->type a number written with a fraction or an exponent.
 * cJSON keeps the type in the low eight bits and two flags in the next two.
 */

#define NGX_TGORTC_JSON_FRACTION    (1 << 16)

/* cJSON reads a number through a buffer of 64 bytes, and RFC 8259 lets it */

#define NGX_TGORTC_JSON_NUMBER_LEN  63

/* beyond it a double no longer tells an integer from the next: 2^53 - 1 */

#define NGX_TGORTC_JSON_INTEGER     9007199254740991.0

/* ASCII that stands for itself in a string: nearly all that ever does */

#define ngx_tgortc_json_plain(c)                                              \
    ((c) >= ' ' && (c) < 0x7f && (c) != '"' && (c) != '\\')


/*
 * The text is scanned twice by the same code.  Before cJSON, without a DOM:
 * cJSON never sees what is not JSON, and some of its versions read beyond
 * the end of such input.  After cJSON, in step with the DOM: only there are
 * the keys decoded, and only the text tells 1 from 1.0.
 */

typedef struct {
    const char               *pos;
    const char               *last;
    unsigned                  depth;    /* levels that are left */
    ngx_tgortc_json_error_e   code;
} ngx_tgortc_json_scan_t;


typedef struct {
    const char               *name;
    const char               *pos;
} ngx_tgortc_json_key_t;


static int ngx_tgortc_json_scan(const char *data, size_t len, unsigned depth,
    cJSON *root, ngx_tgortc_json_error_t *error);
static int ngx_tgortc_json_value(ngx_tgortc_json_scan_t *s, cJSON *item);
static int ngx_tgortc_json_object(ngx_tgortc_json_scan_t *s, cJSON *item);
static int ngx_tgortc_json_members(ngx_tgortc_json_scan_t *s, cJSON *child,
    ngx_tgortc_json_key_t *key);
static int ngx_tgortc_json_unique(ngx_tgortc_json_scan_t *s,
    ngx_tgortc_json_key_t *keys, size_t n);
static int ngx_tgortc_json_compare(const void *one, const void *two);
static int ngx_tgortc_json_number(ngx_tgortc_json_scan_t *s, cJSON *item);
static int ngx_tgortc_json_fraction(ngx_tgortc_json_scan_t *s);
static int ngx_tgortc_json_digits(ngx_tgortc_json_scan_t *s);
static int ngx_tgortc_json_string(ngx_tgortc_json_scan_t *s);
static int ngx_tgortc_json_escape(ngx_tgortc_json_scan_t *s);
static int ngx_tgortc_json_utf16(ngx_tgortc_json_scan_t *s);
static int ngx_tgortc_json_word(ngx_tgortc_json_scan_t *s, const char *word);
static int ngx_tgortc_json_accept(ngx_tgortc_json_scan_t *s, char c);
static void ngx_tgortc_json_space(ngx_tgortc_json_scan_t *s);
static char ngx_tgortc_json_peek(ngx_tgortc_json_scan_t *s);


cJSON *
ngx_tgortc_json_parse(const char *data, size_t len, unsigned depth,
    ngx_tgortc_json_error_t *error)
{
    cJSON  *root;

    if (len == 0) {
        error->code = NGX_TGORTC_JSON_INVALID;
        error->offset = 0;
        return NULL;
    }

    if (!ngx_tgortc_json_scan(data, len, depth, NULL, error)) {
        return NULL;
    }

    root = cJSON_ParseWithLength(data, len);

    if (root == NULL) {
        error->code = NGX_TGORTC_JSON_NO_MEMORY;
        return NULL;
    }

    if (!cJSON_IsObject(root)) {
        error->code = NGX_TGORTC_JSON_NOT_OBJECT;

    } else if (ngx_tgortc_json_scan(data, len, depth, root, error)) {
        return root;
    }

    cJSON_Delete(root);

    return NULL;
}


int
ngx_tgortc_json_integer(const cJSON *item, long min, long max, long *value)
{
    double  n;

    if (!cJSON_IsNumber(item) || (item->type & NGX_TGORTC_JSON_FRACTION)) {
        return 0;
    }

    n = item->valuedouble;

    if (n < -NGX_TGORTC_JSON_INTEGER || n > NGX_TGORTC_JSON_INTEGER
        || n < (double) min || n > (double) max)
    {
        return 0;
    }

    *value = (long) n;

    return 1;
}


static int
ngx_tgortc_json_scan(const char *data, size_t len, unsigned depth,
    cJSON *root, ngx_tgortc_json_error_t *error)
{
    ngx_tgortc_json_scan_t  s;

    s.pos = data;
    s.last = data + len;
    s.depth = depth;
    s.code = NGX_TGORTC_JSON_INVALID;

    if (ngx_tgortc_json_value(&s, root)) {
        ngx_tgortc_json_space(&s);

        if (s.pos == s.last) {
            error->code = NGX_TGORTC_JSON_OK;
            error->offset = 0;
            return 1;
        }
    }

    error->code = s.code;
    error->offset = s.pos - data;

    return 0;
}


/*
 * These return 1 with s->pos behind what they read, or 0 with s->pos at the
 * error.  The item is NULL while there is no DOM.
 */

static int
ngx_tgortc_json_value(ngx_tgortc_json_scan_t *s, cJSON *item)
{
    ngx_tgortc_json_space(s);

    switch (ngx_tgortc_json_peek(s)) {

    case '{':
        return ngx_tgortc_json_object(s, item);

    case '[':
        return ngx_tgortc_json_members(s, item != NULL ? item->child : NULL,
                                       NULL);

    case '"':
        return ngx_tgortc_json_string(s);

    case 't':
        return ngx_tgortc_json_word(s, "true");

    case 'f':
        return ngx_tgortc_json_word(s, "false");

    case 'n':
        return ngx_tgortc_json_word(s, "null");

    default:
        return ngx_tgortc_json_number(s, item);
    }
}


static int
ngx_tgortc_json_object(ngx_tgortc_json_scan_t *s, cJSON *item)
{
    int                     rc;
    size_t                  n;
    ngx_tgortc_json_key_t  *keys;

    if (item == NULL || item->child == NULL) {
        return ngx_tgortc_json_members(s, NULL, NULL);
    }

    n = cJSON_GetArraySize(item);

    keys = malloc(n * sizeof(ngx_tgortc_json_key_t));
    if (keys == NULL) {
        s->code = NGX_TGORTC_JSON_NO_MEMORY;
        return 0;
    }

    rc = ngx_tgortc_json_members(s, item->child, keys)
         && ngx_tgortc_json_unique(s, keys, n);

    free(keys);

    return rc;
}


/* the members of an object or an array; notes the keys when "key" is given */

static int
ngx_tgortc_json_members(ngx_tgortc_json_scan_t *s, cJSON *child,
    ngx_tgortc_json_key_t *key)
{
    char  close;

    if (s->depth == 0) {
        s->code = NGX_TGORTC_JSON_TOO_DEEP;
        return 0;
    }

    close = (*s->pos == '{') ? '}' : ']';

    s->depth--;
    s->pos++;

    if (ngx_tgortc_json_accept(s, close)) {
        s->depth++;
        return 1;
    }

    do {
        if (close == '}') {
            ngx_tgortc_json_space(s);

            if (key != NULL) {
                key->name = child->string;
                key->pos = s->pos;
                key++;
            }

            if (!ngx_tgortc_json_string(s)
                || !ngx_tgortc_json_accept(s, ':'))
            {
                return 0;
            }
        }

        if (!ngx_tgortc_json_value(s, child)) {
            return 0;
        }

        if (child != NULL) {
            child = child->next;
        }

    } while (ngx_tgortc_json_accept(s, ','));

    s->depth++;

    return ngx_tgortc_json_accept(s, close);
}


static int
ngx_tgortc_json_unique(ngx_tgortc_json_scan_t *s, ngx_tgortc_json_key_t *keys,
    size_t n)
{
    size_t  i;

    qsort(keys, n, sizeof(ngx_tgortc_json_key_t), ngx_tgortc_json_compare);

    for (i = 1; i < n; i++) {
        if (strcmp(keys[i - 1].name, keys[i].name) == 0) {
            s->code = NGX_TGORTC_JSON_REPEATED;
            s->pos = keys[i].pos;
            return 0;
        }
    }

    return 1;
}


static int
ngx_tgortc_json_compare(const void *one, const void *two)
{
    int                           rc;
    const ngx_tgortc_json_key_t  *a, *b;

    a = one;
    b = two;

    rc = strcmp(a->name, b->name);

    if (rc == 0) {
        return (a->pos > b->pos) - (a->pos < b->pos);
    }

    return rc;
}


static int
ngx_tgortc_json_number(ngx_tgortc_json_scan_t *s, cJSON *item)
{
    const char  *end, *start;

    start = s->pos;

    if (ngx_tgortc_json_peek(s) == '-') {
        s->pos++;
    }

    if (ngx_tgortc_json_peek(s) == '0') {
        s->pos++;

    } else if (!ngx_tgortc_json_digits(s)) {
        return 0;
    }

    end = s->pos;

    if (!ngx_tgortc_json_fraction(s)) {
        return 0;
    }

    if (s->pos - start > NGX_TGORTC_JSON_NUMBER_LEN) {
        s->pos = start;
        return 0;
    }

    if (item != NULL && s->pos != end) {
        item->type |= NGX_TGORTC_JSON_FRACTION;
    }

    return 1;
}


/* the fraction and the exponent, either of which may be absent */

static int
ngx_tgortc_json_fraction(ngx_tgortc_json_scan_t *s)
{
    char  c;

    if (ngx_tgortc_json_peek(s) == '.') {
        s->pos++;

        if (!ngx_tgortc_json_digits(s)) {
            return 0;
        }
    }

    c = ngx_tgortc_json_peek(s);

    if (c != 'e' && c != 'E') {
        return 1;
    }

    s->pos++;
    c = ngx_tgortc_json_peek(s);

    if (c == '+' || c == '-') {
        s->pos++;
    }

    return ngx_tgortc_json_digits(s);
}


static int
ngx_tgortc_json_digits(ngx_tgortc_json_scan_t *s)
{
    const char  *start;

    start = s->pos;

    while (ngx_tgortc_json_peek(s) >= '0' && ngx_tgortc_json_peek(s) <= '9') {
        s->pos++;
    }

    return s->pos != start;
}


static int
ngx_tgortc_json_string(ngx_tgortc_json_scan_t *s)
{
    size_t  n;

    if (!ngx_tgortc_json_accept(s, '"')) {
        return 0;
    }

    for ( ;; ) {

        while (s->pos < s->last && ngx_tgortc_json_plain(*s->pos)) {
            s->pos++;
        }

        if (ngx_tgortc_json_peek(s) == '"') {
            break;
        }

        if (ngx_tgortc_json_peek(s) == '\\') {
            if (!ngx_tgortc_json_escape(s)) {
                return 0;
            }

            continue;
        }

        n = ngx_tgortc_utf8_next(s->pos, s->last - s->pos);

        if (n == 0 || (n == 1 && (unsigned char) *s->pos < 0x20)) {
            return 0;
        }

        s->pos += n;
    }

    s->pos++;

    return 1;
}


static int
ngx_tgortc_json_escape(ngx_tgortc_json_scan_t *s)
{
    int   unit;
    char  c;

    s->pos++;
    c = ngx_tgortc_json_peek(s);

    if (c != 'u') {
        if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
            return 0;
        }

        s->pos++;
        return 1;
    }

    unit = ngx_tgortc_json_utf16(s);

    if (unit < 0xd800 || unit > 0xdfff) {

        /* U+0000 would end a C string early */

        return unit > 0;
    }

    if (unit > 0xdbff || ngx_tgortc_json_peek(s) != '\\') {
        return 0;
    }

    s->pos++;
    unit = ngx_tgortc_json_utf16(s);

    return unit >= 0xdc00 && unit <= 0xdfff;
}


/* reads "uXXXX"; returns -1 when it is anything else */

static int
ngx_tgortc_json_utf16(ngx_tgortc_json_scan_t *s)
{
    int   i, unit;
    char  c;

    if (ngx_tgortc_json_peek(s) != 'u') {
        return -1;
    }

    s->pos++;
    unit = 0;

    for (i = 0; i < 4; i++) {
        c = ngx_tgortc_json_peek(s);

        if (c >= '0' && c <= '9') {
            unit = unit * 16 + c - '0';

        } else if (c >= 'a' && c <= 'f') {
            unit = unit * 16 + c - 'a' + 10;

        } else if (c >= 'A' && c <= 'F') {
            unit = unit * 16 + c - 'A' + 10;

        } else {
            return -1;
        }

        s->pos++;
    }

    return unit;
}


static int
ngx_tgortc_json_word(ngx_tgortc_json_scan_t *s, const char *word)
{
    size_t  len;

    len = strlen(word);

    if ((size_t) (s->last - s->pos) < len || memcmp(s->pos, word, len) != 0) {
        return 0;
    }

    s->pos += len;

    return 1;
}


static int
ngx_tgortc_json_accept(ngx_tgortc_json_scan_t *s, char c)
{
    ngx_tgortc_json_space(s);

    if (ngx_tgortc_json_peek(s) != c) {
        return 0;
    }

    s->pos++;

    return 1;
}


static void
ngx_tgortc_json_space(ngx_tgortc_json_scan_t *s)
{
    while (s->pos < s->last
           && (*s->pos == ' ' || *s->pos == '\t'
               || *s->pos == '\n' || *s->pos == '\r'))
    {
        s->pos++;
    }
}


/* NUL at the end: the grammar has no place for one in the text either */

static char
ngx_tgortc_json_peek(ngx_tgortc_json_scan_t *s)
{
    return (s->pos < s->last) ? *s->pos : '\0';
}
