
/*
 * Copyright (C) TgoRTC contributors
 *
 * The values of directives.  Each line is a directive of ours, chosen by its
 * first byte, and its arguments, each ended by a tab; what is accepted is then
 * made into the app of a location.
 */


#include "nginx.h"


static char *fuzz_quote(char *p, fuzz_str_t *argument);


static const char  *fuzz_directives[] = {
    "tgortc_redis", "tgortc_webhook", "tgortc_webhook_retry",
    "tgortc_livekit_key", "tgortc_livekit_url", "tgortc_livekit_api",
    "tgortc_api_key", "tgortc_token_ttl", "tgortc_ring_timeout",
    "tgortc_join_timeout", "tgortc_rejoin_grace", "tgortc_room_max_age",
    "tgortc_room_retention", "tgortc_webhook_log_retention"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *text, *p;
    ngx_uint_t      i;
    ngx_cycle_t    *cycle;
    fuzz_str_t      line, argument;
    const uint8_t  *rest;
    size_t          len;

    text = malloc(16 * size + 512 + 40 * size);
    fuzz_assert(text != NULL);

    p = text + sprintf(text, "events {} http { access_log off; ");

    while (size) {
        line = fuzz_cut(&data, &size, '\n');
        rest = (const uint8_t *) line.data;
        len = line.len;

        if (len) {
            i = *rest++ % (sizeof(fuzz_directives) / sizeof(char *));
            len--;

            p += sprintf(p, "%s", fuzz_directives[i]);

            while (len) {
                argument = fuzz_cut(&rest, &len, '\t');
                p = fuzz_quote(p, &argument);
                fuzz_free(&argument);
            }

            p += sprintf(p, ";\n");
        }

        fuzz_free(&line);
    }

    sprintf(p, "server { listen unix:/tmp/tgortc-fuzz-conf.%d; "
            "location /rooms { tgortc_rooms; } } }", (int) getpid());

    cycle = fuzz_nginx_conf(text);

    if (cycle) {
        fuzz_nginx_free(cycle);
    }

    free(text);

    return 0;
}


/* nothing of it is syntax; nginx reads configurations without NULs */

static char *
fuzz_quote(char *p, fuzz_str_t *argument)
{
    size_t  i;

    p += sprintf(p, " \"");

    for (i = 0; i < argument->len; i++) {

        if (argument->data[i] == '"' || argument->data[i] == '\\') {
            *p++ = '\\';
        }

        if (argument->data[i] != '\0') {
            *p++ = argument->data[i];
        }
    }

    p += sprintf(p, "\"");

    return p;
}
