
/*
 * Copyright (C) TgoRTC contributors
 *
 * Writing of JSON, one value after the other, without a document in memory.
 * Plain C.
 */


#ifndef _NGX_TGORTC_WRITE_H_INCLUDED_
#define _NGX_TGORTC_WRITE_H_INCLUDED_


#include <stddef.h>


typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;    /* no memory: what follows is not written */
} ngx_tgortc_write_t;


/* size: bytes that will do as a rule; more are allocated as they are needed */
void ngx_tgortc_write_begin(ngx_tgortc_write_t *w, size_t size);

/*
 * Returns what was written, NUL-terminated, its length in *len; the caller
 * frees it with free().  NULL without memory, nothing is left behind then.
 */
char *ngx_tgortc_write_end(ngx_tgortc_write_t *w, size_t *len);

/*
 * A value: that of the member "name" in an object, of no name (NULL) in an
 * array.  Names are constants and have nothing to escape, values are UTF-8.
 */
void ngx_tgortc_write_string(ngx_tgortc_write_t *w, const char *name,
    const char *value, size_t len);
void ngx_tgortc_write_cstr(ngx_tgortc_write_t *w, const char *name,
    const char *value);

/* the same for a string that has nothing to escape: base64, a number */
void ngx_tgortc_write_plain(ngx_tgortc_write_t *w, const char *name,
    const char *value, size_t len);

/* null if the string is empty */
void ngx_tgortc_write_optional(ngx_tgortc_write_t *w, const char *name,
    const char *value);

void ngx_tgortc_write_int(ngx_tgortc_write_t *w, const char *name,
    long long value);

/* true, false, null, or a value that is JSON already */
void ngx_tgortc_write_raw(ngx_tgortc_write_t *w, const char *name,
    const char *value);

/* an object or an array, by its brackets, with what is written in between */
void ngx_tgortc_write_open(ngx_tgortc_write_t *w, const char *name,
    char bracket);
void ngx_tgortc_write_close(ngx_tgortc_write_t *w, char bracket);


#endif /* _NGX_TGORTC_WRITE_H_INCLUDED_ */
