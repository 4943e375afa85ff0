
/*
 * Copyright (C) TgoRTC contributors
 *
 * What LiveKit's RoomService answers: the first byte says to what (delete,
 * remove, list) and with which status.
 */


#include "nginx.h"


#define CHANGE(type)                                                          \
    "*22\r\n$2\r\nok\r\n:1787500042000\r\n:0\r\n:0\r\n"                       \
    "$2\r\nr1\r\n$3\r\n1.5\r\n:1\r\n:1\r\n:" type "\r\n$8\r\nabcdefgh\r\n"    \
    ":1787500042000\r\n:0\r\n:0\r\n:1787500042000\r\n:0\r\n:0\r\n:2\r\n"      \
    "$0\r\n\r\n$1\r\na\r\n:1\r\n:1\r\n$1\r\na\r\n:0\r\n"


static fuzz_str_t fuzz_script(const char *name);
static ngx_uint_t fuzz_endpoint(const char *url, fuzz_str_t *body);


static fuzz_str_t   fuzz_change;
static fuzz_str_t   fuzz_body;
static ngx_uint_t   fuzz_status;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_str_t  changes[] = {
        { CHANGE("16"), sizeof(CHANGE("16")) - 1 },
        { CHANGE("17"), sizeof(CHANGE("17")) - 1 },
        { CHANGE("18"), sizeof(CHANGE("18")) - 1 }
    };

    static const ngx_uint_t  statuses[] = { 200, 404, 0, 500 };

    if (size == 0) {
        return 0;
    }

    fuzz_peers.script = fuzz_script;
    fuzz_peers.endpoint = fuzz_endpoint;

    fuzz_change.len = 0;
    fuzz_nginx_start();
    fuzz_nginx_wait(10);

    /* a copy: what reads beyond the end is to be seen */

    fuzz_body.data = malloc(size);
    fuzz_assert(fuzz_body.data != NULL);
    fuzz_body.len = size - 1;
    memcpy((char *) fuzz_body.data, data + 1, size - 1);

    fuzz_change = changes[data[0] % 3];
    fuzz_status = statuses[data[0] / 3 % 4];

    fuzz_nginx_wait(1100);

    fuzz_change.len = 0;
    fuzz_free(&fuzz_body);

    return 0;
}


/* once: to whom of the queues it comes does not matter */

static fuzz_str_t
fuzz_script(const char *name)
{
    fuzz_str_t  reply = { NULL, 0 };

    if (strcmp(name, "claim") == 0) {
        reply = fuzz_change;
    }

    return reply;
}


static ngx_uint_t
fuzz_endpoint(const char *url, fuzz_str_t *body)
{
    *body = fuzz_body;
    fuzz_change.len = 0;

    return fuzz_status;
}
