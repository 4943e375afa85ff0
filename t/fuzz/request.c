
/*
 * Copyright (C) TgoRTC contributors
 *
 * A request: its line (without "HTTP/1.1"), headers, an empty line, the body,
 * with "\n" for the ends of lines; how it is sent is not our matter but
 * nginx's.  Redis is there, every script succeeds.
 */


#include <ctype.h>
#include "nginx.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int         status;
    char       *text, *p;
    size_t      i;
    fuzz_str_t  line, header, body, response;

    text = malloc(2 * size + 256);
    fuzz_assert(text != NULL);

    line = fuzz_cut(&data, &size, '\n');
    p = text;
    memcpy(p, line.data, line.len);
    p += line.len;
    p += sprintf(p, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    fuzz_free(&line);

    while (size) {
        header = fuzz_cut(&data, &size, '\n');

        if (header.len == 0) {
            fuzz_free(&header);
            break;
        }

        for (i = 0; i < header.len; i++) {
            *p++ = header.data[i];
        }

        p += sprintf(p, "\r\n");
        fuzz_free(&header);
    }

    body.data = (const char *) data;
    body.len = size;

    p += sprintf(p, "Content-Length: %zu\r\n\r\n", body.len);
    memcpy(p, body.data, body.len);
    p += body.len;

    response = fuzz_nginx_ask(text, p - text);
    status = fuzz_nginx_check(response, 1);

    fuzz_assert(status < 500 || status == 501 || status == 503
                || status == 505);

    free(text);

    return 0;
}
