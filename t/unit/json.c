
/*
 * Copyright (C) TgoRTC contributors
 */


#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ngx_tgortc_json.h"
#include "tap.h"


#define text(s)  s, sizeof(s) - 1

#define DEPTH    4
#define MUTANTS  200000


typedef struct {
    const char               *name;
    const char               *data;
    size_t                    len;
    ngx_tgortc_json_error_e   code;
    size_t                    offset;
} document_t;


typedef struct {
    const char               *text;
    int                       ok;
    long                      value;
} integer_t;


typedef struct {
    const char               *json;
    const char               *text;
} string_t;


static const document_t  accepted[] = {
    { "empty object", text("{}"), 0, 0 },
    { "white space everywhere",
      text(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"), 0, 0 },
    { "words", text("{\"a\":true,\"b\":false,\"c\":null}"), 0, 0 },
    { "empty key", text("{\"\":0}"), 0, 0 },
    { "empty array", text("{\"a\":[]}"), 0, 0 },
    { "empty array with a space", text("{\"a\":[ ]}"), 0, 0 },
    { "mixed array", text("{\"a\":[null,1,\"1\",{}]}"), 0, 0 },
    { "as deep as allowed", text("{\"a\":[{\"b\":[1]}]}"), 0, 0 },
    { "brackets side by side", text("{\"a\":[[],[],[]],\"b\":[[[]],[]]}"), 0,
      0 },
    { "brackets in strings", text("{\"a\":\"[[[[[[{{{{\"}"), 0, 0 },
    { "same key in other objects",
      text("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}"), 0, 0 },
    { "keys that differ in case", text("{\"a\":1,\"A\":2}"), 0, 0 },
    { "key that begins another", text("{\"ab\":1,\"a\":2,\"abc\":3}"), 0,
      0 },
    { "key as value", text("{\"a\":\"a\",\"b\":\"a\"}"), 0, 0 },

    { "zero", text("{\"a\":0}"), 0, 0 },
    { "minus zero", text("{\"a\":-0}"), 0, 0 },
    { "fraction", text("{\"a\":-12.50}"), 0, 0 },
    { "exponent", text("{\"a\":1e5}"), 0, 0 },
    { "exponent with plus", text("{\"a\":1E+05}"), 0, 0 },
    { "exponent with minus", text("{\"a\":0.1e-5}"), 0, 0 },
    { "too large for a double", text("{\"a\":1e999}"), 0, 0 },
    { "number of 63 digits",
      text("{\"a\":12345678901234567890123456789012345678901234567890123456"
           "7890123}"), 0, 0 },

    { "all escapes", text("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"), 0, 0 },
    { "unicode escapes", text("{\"a\":\"\\u0061\\u00e9\\uFFff\"}"), 0, 0 },
    { "U+0001 escaped", text("{\"a\":\"\\u0001\"}"), 0, 0 },
    { "surrogate pair", text("{\"a\":\"\\ud83d\\ude00\"}"), 0, 0 },
    { "last surrogate pair", text("{\"a\":\"\\uDBFF\\uDFFF\"}"), 0, 0 },
    { "around the surrogates", text("{\"a\":\"\\ud7ff\\ue000\"}"), 0, 0 },
    { "escaped backslash and u0000", text("{\"a\":\"\\\\u0000\"}"), 0, 0 },
    { "raw UTF-8", text("{\"é\":\"用户😀\"}"), 0, 0 },
    { "last code point raw", text("{\"a\":\"\xf4\x8f\xbf\xbf\"}"), 0, 0 },
    { "DEL raw", text("{\"a\":\"\x7f\"}"), 0, 0 },
    { "U+2028 raw", text("{\"a\":\"\xe2\x80\xa8\"}"), 0, 0 },
    { "BOM within a string", text("{\"a\":\"\xef\xbb\xbf\"}"), 0, 0 }
};


static const document_t  refused[] = {
    { "nothing", text(""), NGX_TGORTC_JSON_INVALID, 0 },
    { "a space", text(" "), NGX_TGORTC_JSON_INVALID, 1 },
    { "BOM", text("\xef\xbb\xbf{}"), NGX_TGORTC_JSON_INVALID, 0 },
    { "UTF-16", text("{\0}\0"), NGX_TGORTC_JSON_INVALID, 1 },
    { "NUL behind", text("{}\0"), NGX_TGORTC_JSON_INVALID, 2 },
    { "word behind", text("{} x"), NGX_TGORTC_JSON_INVALID, 3 },
    { "second document", text("{}{}"), NGX_TGORTC_JSON_INVALID, 2 },
    { "second bracket", text("{\"a\":1}}"), NGX_TGORTC_JSON_INVALID, 7 },
    { "comment", text("{}/**/"), NGX_TGORTC_JSON_INVALID, 2 },
    { "form feed", text("{\f}"), NGX_TGORTC_JSON_INVALID, 1 },
    { "no-break space", text("{\xc2\xa0}"), NGX_TGORTC_JSON_INVALID, 1 },

    { "array", text("[]"), NGX_TGORTC_JSON_NOT_OBJECT, 0 },
    { "string", text("\"{}\""), NGX_TGORTC_JSON_NOT_OBJECT, 0 },
    { "number", text("1"), NGX_TGORTC_JSON_NOT_OBJECT, 0 },
    { "word", text(" true "), NGX_TGORTC_JSON_NOT_OBJECT, 0 },

    { "open object", text("{"), NGX_TGORTC_JSON_INVALID, 1 },
    { "open member", text("{\"a\""), NGX_TGORTC_JSON_INVALID, 4 },
    { "open value", text("{\"a\":"), NGX_TGORTC_JSON_INVALID, 5 },
    { "open after value", text("{\"a\":1"), NGX_TGORTC_JSON_INVALID, 6 },
    { "open after comma", text("{\"a\":1,"), NGX_TGORTC_JSON_INVALID, 7 },
    { "open array", text("{\"a\":[1"), NGX_TGORTC_JSON_INVALID, 7 },
    { "open string", text("{\"a\":\"b"), NGX_TGORTC_JSON_INVALID, 7 },
    { "open escape", text("{\"a\":\"\\"), NGX_TGORTC_JSON_INVALID, 7 },
    { "open unicode escape", text("{\"a\":\"\\u00"), NGX_TGORTC_JSON_INVALID,
      10 },
    { "crossed brackets", text("{\"a\":[1}"), NGX_TGORTC_JSON_INVALID, 7 },
    { "comma before the end", text("{\"a\":1,}"), NGX_TGORTC_JSON_INVALID,
      7 },
    { "comma alone", text("{,}"), NGX_TGORTC_JSON_INVALID, 1 },
    { "two commas", text("{\"a\":[1,,2]}"), NGX_TGORTC_JSON_INVALID, 8 },
    { "comma before the end of an array", text("{\"a\":[1,]}"),
      NGX_TGORTC_JSON_INVALID, 8 },
    { "no comma", text("{\"a\":[1 2]}"), NGX_TGORTC_JSON_INVALID, 8 },
    { "no colon", text("{\"a\" 1}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "two colons", text("{\"a\"::1}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "colon in an array", text("{\"a\":[\"b\":1]}"), NGX_TGORTC_JSON_INVALID,
      9 },
    { "no value", text("{\"a\":}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "key only", text("{\"a\"}"), NGX_TGORTC_JSON_INVALID, 4 },
    { "key without quotes", text("{a:1}"), NGX_TGORTC_JSON_INVALID, 1 },
    { "key in single quotes", text("{'a':1}"), NGX_TGORTC_JSON_INVALID, 1 },
    { "number as key", text("{1:1}"), NGX_TGORTC_JSON_INVALID, 1 },
    { "word in capitals", text("{\"a\":True}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "word cut", text("{\"a\":tru}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "word cut at the end", text("{\"a\":nul"), NGX_TGORTC_JSON_INVALID,
      5 },
    { "word too long", text("{\"a\":nulll}"), NGX_TGORTC_JSON_INVALID, 9 },

    { "leading zero", text("{\"a\":01}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "leading zero after minus", text("{\"a\":-01}"),
      NGX_TGORTC_JSON_INVALID, 7 },
    { "minus alone", text("{\"a\":-}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "plus", text("{\"a\":+1}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "two minuses", text("{\"a\":--1}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "dot first", text("{\"a\":.5}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "dot last", text("{\"a\":1.}"), NGX_TGORTC_JSON_INVALID, 7 },
    { "two dots", text("{\"a\":1.2.3}"), NGX_TGORTC_JSON_INVALID, 8 },
    { "exponent without digits", text("{\"a\":1e}"), NGX_TGORTC_JSON_INVALID,
      7 },
    { "exponent with sign alone", text("{\"a\":1e+}"),
      NGX_TGORTC_JSON_INVALID, 8 },
    { "exponent with fraction", text("{\"a\":1e1.5}"),
      NGX_TGORTC_JSON_INVALID, 8 },
    { "hexadecimal", text("{\"a\":0x1}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "NaN", text("{\"a\":NaN}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "Infinity", text("{\"a\":Infinity}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "minus Infinity", text("{\"a\":-Infinity}"), NGX_TGORTC_JSON_INVALID,
      6 },
    { "full-width digit", text("{\"a\":１}"), NGX_TGORTC_JSON_INVALID, 5 },
    { "number of 64 digits",
      text("{\"a\":12345678901234567890123456789012345678901234567890123456"
           "78901234}"), NGX_TGORTC_JSON_INVALID, 5 },

    { "newline in a string", text("{\"a\":\"\n\"}"), NGX_TGORTC_JSON_INVALID,
      6 },
    { "tab in a string", text("{\"a\":\"\t\"}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "NUL in a string", text("{\"a\":\"\0\"}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "U+001F in a key", text("{\"\x1f\":1}"), NGX_TGORTC_JSON_INVALID, 2 },
    { "U+0000 escaped", text("{\"a\":\"\\u0000\"}"), NGX_TGORTC_JSON_INVALID,
      12 },
    { "U+0000 escaped in a key", text("{\"\\u0000\":1}"),
      NGX_TGORTC_JSON_INVALID, 8 },
    { "unknown escape", text("{\"a\":\"\\x41\"}"), NGX_TGORTC_JSON_INVALID,
      7 },
    { "escape in capitals", text("{\"a\":\"\\N\"}"), NGX_TGORTC_JSON_INVALID,
      7 },
    { "single quote escaped", text("{\"a\":\"\\'\"}"),
      NGX_TGORTC_JSON_INVALID, 7 },
    { "NUL escaped", text("{\"a\":\"\\\0\"}"), NGX_TGORTC_JSON_INVALID, 7 },
    { "U in capitals", text("{\"a\":\"\\U0061\"}"), NGX_TGORTC_JSON_INVALID,
      7 },
    { "three hexadecimal digits", text("{\"a\":\"\\u006\"}"),
      NGX_TGORTC_JSON_INVALID, 11 },
    { "no hexadecimal digit", text("{\"a\":\"\\u00g1\"}"),
      NGX_TGORTC_JSON_INVALID, 10 },
    { "escape outside of a string", text("{\\u0022a\":1}"),
      NGX_TGORTC_JSON_INVALID, 1 },

    { "high surrogate alone", text("{\"a\":\"\\ud83d\"}"),
      NGX_TGORTC_JSON_INVALID, 12 },
    { "low surrogate alone", text("{\"a\":\"\\ude00\"}"),
      NGX_TGORTC_JSON_INVALID, 12 },
    { "surrogates swapped", text("{\"a\":\"\\ude00\\ud83d\"}"),
      NGX_TGORTC_JSON_INVALID, 12 },
    { "two high surrogates", text("{\"a\":\"\\ud83d\\ud83d\"}"),
      NGX_TGORTC_JSON_INVALID, 18 },
    { "high surrogate and letter", text("{\"a\":\"\\ud83d\\u0061\"}"),
      NGX_TGORTC_JSON_INVALID, 18 },
    { "high surrogate and newline", text("{\"a\":\"\\ud83d\\nde00\"}"),
      NGX_TGORTC_JSON_INVALID, 13 },
    { "surrogate in a key", text("{\"\\ud800\":1}"), NGX_TGORTC_JSON_INVALID,
      8 },
    { "surrogate raw", text("{\"a\":\"\xed\xa0\x80\"}"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "surrogate pair raw", text("{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "overlong", text("{\"a\":\"\xc0\xaf\"}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "overlong of three bytes", text("{\"a\":\"\xe0\x80\xaf\"}"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "beyond U+10FFFF", text("{\"a\":\"\xf4\x90\x80\x80\"}"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "ISO 8859-1", text("{\"a\":\"\xe9\"}"), NGX_TGORTC_JSON_INVALID, 6 },
    { "UTF-8 cut by the quote", text("{\"a\":\"\xe2\x82\"}"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "UTF-8 cut by the end", text("{\"a\":\"\xe2\x82"),
      NGX_TGORTC_JSON_INVALID, 6 },
    { "invalid UTF-8 in a key", text("{\"\xff\":1}"),
      NGX_TGORTC_JSON_INVALID, 2 },
    { "invalid UTF-8 outside of a string", text("{\"a\":\xff}"),
      NGX_TGORTC_JSON_INVALID, 5 },

    { "one level too deep", text("{\"a\":[{\"b\":[[]]}]}"),
      NGX_TGORTC_JSON_TOO_DEEP, 12 },
    { "an object too deep", text("{\"a\":[[[{}]]]}"),
      NGX_TGORTC_JSON_TOO_DEEP, 8 },
    { "an array too deep", text("[[[[[]]]]]"), NGX_TGORTC_JSON_TOO_DEEP, 4 },

    { "repeated key", text("{\"a\":1,\"a\":1}"), NGX_TGORTC_JSON_REPEATED,
      7 },
    { "repeated key, others between", text("{\"a\":1,\"b\":2, \"a\":3}"),
      NGX_TGORTC_JSON_REPEATED, 14 },
    { "repeated empty key", text("{\"\":1,\"\":2}"), NGX_TGORTC_JSON_REPEATED,
      6 },
    { "repeated key, escaped", text("{\"a\":1,\"\\u0061\":2}"),
      NGX_TGORTC_JSON_REPEATED, 7 },
    { "repeated key, escaped in two ways", text("{\"\\/\":1,\"\\u002F\":2}"),
      NGX_TGORTC_JSON_REPEATED, 8 },
    { "repeated key, a surrogate pair", text("{\"😀\":1,\"\\ud83d\\ude00\":2}"),
      NGX_TGORTC_JSON_REPEATED, 10 },
    { "repeated key, deeper", text("{\"a\":[0,{\"b\":1,\"b\":2}]}"),
      NGX_TGORTC_JSON_REPEATED, 15 },
    { "repeated three times", text("{\"a\":1,\"a\":2,\"a\":3}"),
      NGX_TGORTC_JSON_REPEATED, 7 },
    { "repeated with the same object", text("{\"a\":{},\"a\":{}}"),
      NGX_TGORTC_JSON_REPEATED, 8 }
};


static const integer_t  integers[] = {
    { "0", 1, 0 },
    { "-0", 1, 0 },
    { "1", 1, 1 },
    { "-1", 1, -1 },
    { "1000", 1, 1000 },
    { "2147483648", 1, 2147483648 },
    { "9007199254740991", 1, 9007199254740991 },
    { "-9007199254740991", 1, -9007199254740991 },
    { "9007199254740992", 0, 0 },
    { "9007199254740993", 0, 0 },
    { "9223372036854775807", 0, 0 },
    { "9223372036854775808", 0, 0 },
    { "-9223372036854775808", 0, 0 },
    { "18446744073709551617", 0, 0 },
    { "999999999999999999999999999999", 0, 0 },
    { "1.0", 0, 0 },
    { "1e0", 0, 0 },
    { "1E0", 0, 0 },
    { "10e-1", 0, 0 },
    { "0.0", 0, 0 },
    { "-0.0", 0, 0 },
    { "1.5", 0, 0 },
    { "1e999", 0, 0 },
    { "\"1\"", 0, 0 },
    { "true", 0, 0 },
    { "null", 0, 0 },
    { "[1]", 0, 0 },
    { "{}", 0, 0 }
};


static const string_t  strings[] = {
    { "\"\"", "" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
    { "\"\\u0061\\u00e9\\u20AC\"", "aé€" },
    { "\"\\ud83d\\ude00\"", "😀" },
    { "\"é€😀\"", "é€😀" }
};


/* what the mutants are made from */

static const char *const  seeds[] = {
    "{\"creator\":\"alice\",\"uids\":[\"bob\",\"carol\"],\"rtc_type\":1}",
    "{\"a\":{\"b\":{\"c\":[1,2.5,-3e+7,true,false,null]}}}",
    "{\"\\u00e9\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"é\":\"😀\"}",
    " { \"k\" : [ { \"k\" : 0 } , { \"k\" : -0 } ] , \"l\" : [ ] } "
};

static const char  fragments[] =
    "{}[]:,\"\\/ \t\n\r0123456789-+.eEtfnuabdr\xc3\xa9\xed\xa0\xf0\x9f\xff";


static int       allocations;
static unsigned  seed = 20240101;


static unsigned
next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;

    return seed;
}


/* a copy of exactly this size lets ASan see a read beyond the end */

static cJSON *
parse(const char *data, size_t len, unsigned depth,
    ngx_tgortc_json_error_t *error)
{
    char   *copy;
    cJSON  *root;

    copy = malloc(len);
    memcpy(copy, data, len);

    error->code = NGX_TGORTC_JSON_NO_MEMORY;
    error->offset = SIZE_MAX;

    root = ngx_tgortc_json_parse(copy, len, depth, error);

    free(copy);

    return root;
}


static void
check_documents(const char *what, const document_t *documents, size_t n)
{
    int                       ok;
    cJSON                    *root;
    size_t                    i;
    ngx_tgortc_json_error_t   error;

    for (i = 0; i < n; i++) {
        root = parse(documents[i].data, documents[i].len, DEPTH, &error);

        ok = (root != NULL) == (documents[i].code == NGX_TGORTC_JSON_OK)
             && error.code == documents[i].code
             && error.offset == documents[i].offset;

        tap_ok(ok, "%s: %s", what, documents[i].name);

        if (!ok) {
            printf("# code %d at %zu\n", error.code, error.offset);
        }

        cJSON_Delete(root);
    }
}


static void
check_absent(void)
{
    ngx_tgortc_json_error_t  error;

    tap_ok(ngx_tgortc_json_parse(NULL, 0, DEPTH, &error) == NULL
           && error.code == NGX_TGORTC_JSON_INVALID && error.offset == 0,
           "refused: no body at all");
}


static void
check_depth(void)
{
    cJSON                    *root;
    ngx_tgortc_json_error_t   error;

    tap_ok(parse("{}", 2, 0, &error) == NULL
           && error.code == NGX_TGORTC_JSON_TOO_DEEP,
           "depth 0: no object");

    root = parse("{\"a\":1}", 7, 1, &error);
    tap_ok(root != NULL, "depth 1: an object");
    cJSON_Delete(root);

    tap_ok(parse("{\"a\":[]}", 8, 1, &error) == NULL
           && error.code == NGX_TGORTC_JSON_TOO_DEEP && error.offset == 5,
           "depth 1: no array in it");

    root = parse("{\"a\":[\"b\"]}", 11, 2, &error);
    tap_ok(root != NULL, "depth 2: an array in it");
    cJSON_Delete(root);
}


static cJSON *
parse_value(const char *value)
{
    int                      len;
    char                     text[256];
    ngx_tgortc_json_error_t  error;

    len = snprintf(text, sizeof(text), "{\"v\":%s}", value);

    return parse(text, len, DEPTH, &error);
}


static void
check_integers(void)
{
    int     ok;
    long    value;
    cJSON  *item, *root;
    size_t  i;

    for (i = 0; i < tap_items(integers); i++) {
        root = parse_value(integers[i].text);
        item = cJSON_GetObjectItemCaseSensitive(root, "v");

        value = 0;
        ok = ngx_tgortc_json_integer(item, LONG_MIN, LONG_MAX, &value);

        tap_ok(root != NULL && ok == integers[i].ok
               && value == integers[i].value,
               "%s %s an integer", integers[i].text,
               integers[i].ok ? "is" : "is not");

        cJSON_Delete(root);
    }
}


static void
check_ranges(void)
{
    long    value;
    cJSON  *item, *root;

    root = parse_value("7");
    item = cJSON_GetObjectItemCaseSensitive(root, "v");

    tap_ok(ngx_tgortc_json_integer(item, 7, 7, &value) && value == 7,
           "7 is in [7, 7]");
    tap_ok(!ngx_tgortc_json_integer(item, 8, 9, &value), "7 is below [8, 9]");
    tap_ok(!ngx_tgortc_json_integer(item, 5, 6, &value), "7 is above [5, 6]");
    tap_ok(!ngx_tgortc_json_integer(NULL, 0, 9, &value),
           "an absent item is not an integer");

    cJSON_Delete(root);
}


static void
check_strings(void)
{
    cJSON   *root;
    size_t   i;

    for (i = 0; i < tap_items(strings); i++) {
        root = parse_value(strings[i].json);

        tap_ok(root != NULL
               && strcmp(root->child->valuestring, strings[i].text) == 0,
               "string %s", strings[i].json);

        cJSON_Delete(root);
    }
}


/* the flags of every number stand beside the right item */

static void
check_lockstep(void)
{
    int                       n, wrong;
    long                      value;
    cJSON                    *array, *item, *root;
    ngx_tgortc_json_error_t   error;

    static const char  document[] =
        "{\"x\":[\"1.0\",[],{}],\"y\":{\"1.0\":\"[,]\"},"
        "\"v\":[0, 1.0, 2, 3e0, 4, 5.0e0, 6 ,7E-0]}";

    root = parse(document, sizeof(document) - 1, DEPTH, &error);
    array = cJSON_GetObjectItemCaseSensitive(root, "v");

    n = 0;
    wrong = 0;

    cJSON_ArrayForEach(item, array) {
        wrong += ngx_tgortc_json_integer(item, n, n, &value) != (n % 2 == 0);
        n++;
    }

    tap_ok(n == 8 && wrong == 0, "each number is read for itself");

    cJSON_Delete(root);
}


static void
check_time(const char *name, const char *format, int same,
    ngx_tgortc_json_error_e code)
{
    int                       i, n;
    char                     *text;
    cJSON                    *root;
    size_t                    len;
    clock_t                   start;
    ngx_tgortc_json_error_t   error;

    n = 100000;
    text = malloc(n * 16);
    text[0] = '{';
    len = 1;

    for (i = 0; i < n; i++) {
        len += sprintf(text + len, format, same ? 0 : i, i < n - 1 ? ',' : '}');
    }

    start = clock();
    root = parse(text, len, DEPTH, &error);

    tap_ok(error.code == code && clock() - start < 3 * CLOCKS_PER_SEC,
           "%d %s keys in no time to speak of", n, name);

    cJSON_Delete(root);
    free(text);
}


static void *
allocate(size_t size)
{
    return allocations-- > 0 ? malloc(size) : NULL;
}


static void
check_memory(void)
{
    int                       n, wrong;
    cJSON                    *root;
    cJSON_Hooks               hooks;
    ngx_tgortc_json_error_t   error;

    hooks.malloc_fn = allocate;
    hooks.free_fn = free;
    cJSON_InitHooks(&hooks);

    root = NULL;
    wrong = 0;

    for (n = 0; n < 1000 && root == NULL; n++) {
        allocations = n;
        root = parse(seeds[0], strlen(seeds[0]), DEPTH, &error);
        wrong += root == NULL && error.code != NGX_TGORTC_JSON_NO_MEMORY;
    }

    tap_ok(n > 5 && root != NULL && wrong == 0,
           "NO_MEMORY whenever memory fails");

    cJSON_Delete(root);
    cJSON_InitHooks(NULL);
}


static size_t
mutate(char *text, size_t size, size_t len)
{
    size_t  at;

    at = next_random() % (len + 1);

    switch (next_random() % 4) {

    case 0:
        if (at < len) {
            text[at] = (char) next_random();
        }

        return len;

    case 1:
        if (len < size) {
            memmove(text + at + 1, text + at, len - at);
            text[at] = fragments[next_random() % (sizeof(fragments) - 1)];
            len++;
        }

        return len;

    case 2:
        if (at < len) {
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
        }

        return len;

    default:
        return next_random() % 16 == 0 ? at : len;
    }
}


/* what is accepted can be written, and read again as the same */

static int
holds(const char *text, size_t len, int *taken)
{
    int                       same;
    char                     *written;
    cJSON                    *again, *root;
    ngx_tgortc_json_error_t   error;

    root = parse(text, len, DEPTH, &error);
    if (root == NULL) {
        return error.code != NGX_TGORTC_JSON_OK
               && error.code != NGX_TGORTC_JSON_NO_MEMORY
               && error.offset <= len;
    }

    (*taken)++;

    written = cJSON_PrintUnformatted(root);
    again = parse(written, strlen(written), DEPTH, &error);
    same = error.code == NGX_TGORTC_JSON_OK && cJSON_IsObject(root)
           && cJSON_GetArraySize(root) == cJSON_GetArraySize(again);

    cJSON_free(written);
    cJSON_Delete(again);
    cJSON_Delete(root);

    return same;
}


static void
check_mutants(void)
{
    int     i, taken, wrong;
    char    text[256];
    size_t  len, rounds;

    taken = 0;
    wrong = 0;

    for (i = 0; i < MUTANTS; i++) {
        len = strlen(seeds[i % tap_items(seeds)]);
        memcpy(text, seeds[i % tap_items(seeds)], len);

        for (rounds = next_random() % 4 + 1; rounds > 0; rounds--) {
            len = mutate(text, sizeof(text), len);
        }

        wrong += !holds(text, len, &taken);
    }

    tap_ok(wrong == 0 && taken > 0 && taken < MUTANTS,
           "%d mutants, %d of them accepted", MUTANTS, taken);
}


int
main(void)
{
    check_documents("accepted", accepted, tap_items(accepted));
    check_documents("refused", refused, tap_items(refused));
    check_absent();
    check_depth();
    check_integers();
    check_ranges();
    check_strings();
    check_lockstep();
    check_time("distinct", "\"%06d\":1%c", 0, NGX_TGORTC_JSON_OK);
    check_time("equal", "\"%d\":1%c", 1, NGX_TGORTC_JSON_REPEATED);
    check_memory();
    check_mutants();

    return tap_done();
}
