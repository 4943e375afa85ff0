
/*
 * Copyright (C) TgoRTC contributors
 *
 * Strict reading of JSON (RFC 8259) over cJSON, which by itself lets pass
 * what two parsers may understand differently: repeated keys, lone
 * surrogates, invalid UTF-8, bytes after the document.
 */


#ifndef _NGX_TGORTC_JSON_H_INCLUDED_
#define _NGX_TGORTC_JSON_H_INCLUDED_


#include <stddef.h>
#include <cjson/cJSON.h>


typedef enum {
    NGX_TGORTC_JSON_OK = 0,
    NGX_TGORTC_JSON_INVALID,      /* not JSON, or not UTF-8, at offset */
    NGX_TGORTC_JSON_NOT_OBJECT,
    NGX_TGORTC_JSON_TOO_DEEP,     /* at offset */
    NGX_TGORTC_JSON_REPEATED,     /* a key stands twice, second at offset */
    NGX_TGORTC_JSON_NO_MEMORY
} ngx_tgortc_json_error_e;


typedef struct {
    ngx_tgortc_json_error_e  code;
    size_t                   offset;    /* bytes from the beginning */
} ngx_tgortc_json_error_t;


/*
 * Reads one JSON object of at most "depth" levels (an object with arrays of
 * strings in it has two).  The caller frees the result with cJSON_Delete();
 * NULL on failure, with the reason in *error.  O(len log len) whatever the
 * input.
 */
cJSON *ngx_tgortc_json_parse(const char *data, size_t len, unsigned depth,
    ngx_tgortc_json_error_t *error);

/*
 * Whether an item of a document read by ngx_tgortc_json_parse() was written
 * as an integer (no fraction, no exponent) and lies in [min, max]; its value
 * is then in *value.
 */
int ngx_tgortc_json_integer(const cJSON *item, long min, long max,
    long *value);


#endif /* _NGX_TGORTC_JSON_H_INCLUDED_ */
