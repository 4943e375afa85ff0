
/*
 * Copyright (C) TgoRTC contributors
 *
 * nginx in the process of a fuzz target: one worker with the module, whose
 * Redis, clients, endpoints and LiveKit are the target, and whose clock goes
 * only when the target says so.
 */


#ifndef _FUZZ_NGINX_H_INCLUDED_
#define _FUZZ_NGINX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "fuzz.h"


#define FUZZ_SECRET  "a-secret-of-the-tests-0123456789abcdef"


/* what is at the other end; all may be NULL */

typedef struct {

    /* the reply to a script, by its name; empty: one that says "ok" */
    fuzz_str_t  (*script)(const char *name);

    /* what Redis says first of all, in the place of its greeting */
    fuzz_str_t  (*greeting)(void);

    /* the status (0: no answer) of what is sent to an endpoint or to LiveKit */
    ngx_uint_t  (*endpoint)(const char *url, fuzz_str_t *body);
} fuzz_peers_t;


extern fuzz_peers_t  fuzz_peers;


/* reads a configuration: NULL if it is refused */
ngx_cycle_t *fuzz_nginx_conf(const char *text);

/* gives it back */
void fuzz_nginx_free(ngx_cycle_t *cycle);

/* starts the worker, with a configuration of its own */
void fuzz_nginx_start(void);

/*
 * Sends bytes on a new connection and returns what comes back, in a buffer that
 * stays until the next call.
 */
fuzz_str_t fuzz_nginx_ask(const void *data, size_t len);

/* the same with a request made of its parts */
fuzz_str_t fuzz_nginx_request(const char *method, const char *path,
    const char *headers, const char *body, size_t len);

/* lets this many ms pass */
void fuzz_nginx_wait(ngx_msec_t ms);

/*
 * The status of a response, 0 if it is none; its JSON is checked, strictly
 * unless it may have strings in it that come from a Redis that is none.
 */
int fuzz_nginx_check(fuzz_str_t response, int strict);


#endif /* _FUZZ_NGINX_H_INCLUDED_ */
