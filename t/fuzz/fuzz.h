
/*
 * Copyright (C) TgoRTC contributors
 *
 * What the fuzz targets share.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* what must be so, whatever the input */

#define fuzz_assert(condition)                                                \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,        \
                    #condition);                                              \
            abort();                                                          \
        }                                                                     \
    } while (0)


typedef struct {
    const char  *data;
    size_t       len;
} fuzz_str_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/*
 * Cuts the input up to the next separator off, or all of it; the piece is a
 * copy of its own, for what reads beyond its end to be seen, and the caller
 * frees it.
 */

static inline fuzz_str_t
fuzz_cut(const uint8_t **data, size_t *size, char separator)
{
    char           *copy;
    size_t          len;
    fuzz_str_t      piece;
    const uint8_t  *end;

    end = *size ? memchr(*data, separator, *size) : NULL;
    len = end ? (size_t) (end - *data) : *size;

    copy = malloc(len ? len : 1);
    fuzz_assert(copy != NULL);

    if (len) {
        memcpy(copy, *data, len);
    }

    piece.data = copy;
    piece.len = len;

    *data += end ? len + 1 : len;
    *size -= end ? len + 1 : len;

    return piece;
}


static inline void
fuzz_free(fuzz_str_t *piece)
{
    free((char *) piece->data);
}


/* a piece as a C string; the caller frees it */

static inline char *
fuzz_text(const fuzz_str_t *piece)
{
    char  *text;

    text = malloc(piece->len + 1);
    fuzz_assert(text != NULL);

    memcpy(text, piece->data, piece->len);
    text[piece->len] = '\0';

    return text;
}


#endif /* _FUZZ_H_INCLUDED_ */
