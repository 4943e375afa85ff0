
/*
 * Copyright (C) TgoRTC contributors
 *
 * Prints the token of a grant that the command line gives.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_tgortc_hmac.h"
#include "ngx_tgortc_token.h"


static ngx_tgortc_str_t
str(const char *s)
{
    ngx_tgortc_str_t  value;

    value.data = s;
    value.len = strlen(s);

    return value;
}


int
main(int argc, char **argv)
{
    char               *token;
    size_t              len;
    ngx_tgortc_hmac_t  *key;
    ngx_tgortc_grant_t  grant;

    if (argc != 10) {
        fprintf(stderr, "usage: token_print key secret identity room device"
                        " video max now ttl\n");
        return 2;
    }

    grant.api_key = str(argv[1]);
    grant.identity = str(argv[3]);
    grant.room = str(argv[4]);
    grant.device_type = str(argv[5]);
    grant.video = atoi(argv[6]);
    grant.max_participants = atoi(argv[7]);
    grant.now = atol(argv[8]);
    grant.ttl = atol(argv[9]);

    key = ngx_tgortc_hmac_key(argv[2], strlen(argv[2]));
    token = ngx_tgortc_token_sign(&grant, key, &len);
    ngx_tgortc_hmac_free(key);

    if (token == NULL) {
        return 1;
    }

    puts(token);
    free(token);

    return 0;
}
