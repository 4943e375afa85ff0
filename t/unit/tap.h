
/*
 * Copyright (C) TgoRTC contributors
 *
 * The Test Anything Protocol, as much as the unit tests need of it.
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>


#define tap_items(array)  (sizeof(array) / sizeof((array)[0]))


static int  tap_tests;
static int  tap_failures;


__attribute__((format(printf, 2, 3)))
static inline void
tap_ok(int ok, const char *format, ...)
{
    va_list  args;

    tap_tests++;
    tap_failures += !ok;

    printf("%s %d - ", ok ? "ok" : "not ok", tap_tests);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
}


static inline int
tap_done(void)
{
    printf("1..%d\n", tap_tests);

    return tap_failures != 0;
}


#endif /* _TAP_H_INCLUDED_ */
