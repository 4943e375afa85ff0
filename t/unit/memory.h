
/*
 * Copyright (C) TgoRTC contributors
 *
 * Memory that fails; linked with --wrap=malloc and --wrap=realloc.
 */


#ifndef _MEMORY_H_INCLUDED_
#define _MEMORY_H_INCLUDED_


#include <stddef.h>


/* how many allocations of ours succeed before all fail; -1: every one */

static int  allocations = -1;


void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);


static int
memory_left(void)
{
    if (allocations > 0) {
        allocations--;
        return 1;
    }

    return allocations < 0;
}


void *
__wrap_malloc(size_t size)
{
    return memory_left() ? __real_malloc(size) : NULL;
}


void *
__wrap_realloc(void *p, size_t size)
{
    return memory_left() ? __real_realloc(p, size) : NULL;
}


#endif /* _MEMORY_H_INCLUDED_ */
