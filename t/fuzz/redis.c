
/*
 * Copyright (C) TgoRTC contributors
 *
 * What comes from Redis's address: the first byte says what is asked of it,
 * the rest is the reply, to that script or (0) in the place of a greeting.
 * Counts and lengths in it are not to be trusted.  The second byte is the
 * status of what is delivered, in hundreds; from 128 on the reply is made of lines, an
 * element each: a number, or "=" and a text.
 */


#include "nginx.h"


typedef struct {
    const char  *script;
    const char  *method;
    const char  *path;
    const char  *body;
} fuzz_question_t;


static fuzz_str_t fuzz_lines(const uint8_t *data, size_t size);
static fuzz_str_t fuzz_script(const char *name);
static fuzz_str_t fuzz_greeting(void);
static ngx_uint_t fuzz_endpoint(const char *url, fuzz_str_t *body);


static fuzz_question_t  fuzz_questions[] = {
    { "", "GET", "/api/v1/health", "" },
    { "create", "POST", "/api/v1/rooms",
      "{\"creator\":\"a\",\"device_type\":\"app\",\"uids\":[\"b\"]}" },
    { "join", "POST", "/api/v1/rooms/r1/join", "{\"uid\":\"a\"}" },
    { "leave", "POST", "/api/v1/rooms/r1/leave", "{\"uid\":\"a\"}" },
    { "sync", "GET", "/api/v1/rooms/sync?uid=a&device_type=app", "" },
    { "get", "GET", "/api/v1/rooms/r1", "" },
    { "rooms", "GET", "/api/v1/rooms?state=ended", "" },
    { "calling", "POST", "/api/v1/participants/calling",
      "{\"uids\":[\"a\"]}" },
    { "stats", "GET", "/api/v1/webhooks/logs/stats", "" },
    { "list", "GET", "/api/v1/webhooks/logs", "" },
    { "replay", "POST", "/api/v1/webhooks/logs/replay",
      "{\"since\":1,\"until\":2}" },
    { "cleanup", "POST", "/api/v1/webhooks/logs/cleanup",
      "{\"retention_days\":1}" },
    { "claim", NULL, NULL, NULL },
    { "report", NULL, NULL, NULL },
    { "release", NULL, NULL, NULL },
    { "register", NULL, NULL, NULL },
    { "deadlines", NULL, NULL, NULL }
};


static fuzz_question_t  *fuzz_question;
static fuzz_str_t        fuzz_answer;
static unsigned          fuzz_answered;
static unsigned          fuzz_status;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int         status;
    fuzz_str_t  response;

    if (size < 2) {
        return 0;
    }

    fuzz_peers.script = fuzz_script;
    fuzz_peers.greeting = fuzz_greeting;
    fuzz_peers.endpoint = fuzz_endpoint;

    fuzz_question = NULL;
    fuzz_nginx_start();

    /* whatever was before: a connection that is ready, no delivery under way */

    fuzz_nginx_wait(1500);

    fuzz_question = &fuzz_questions[data[0] % (sizeof(fuzz_questions)
                                               / sizeof(fuzz_questions[0]))];
    fuzz_status = data[1] % 6 * 100;
    fuzz_answer = fuzz_lines(data, size);
    fuzz_answered = 0;

    if (fuzz_question->method) {
        response = fuzz_nginx_request(fuzz_question->method,
                                      fuzz_question->path,
                                      *fuzz_question->script ? ""
                                      : "Expect: 100-continue\r\n",
                                      fuzz_question->body,
                                      strlen(fuzz_question->body));
        status = fuzz_nginx_check(response, 0);

        /* it may have to wait for Redis, and then it is 503 */

        fuzz_assert(status == 0 || (status >= 100 && status < 600));
    }

    fuzz_nginx_wait(fuzz_question->method ? 1100 : 6000);

    fuzz_question = NULL;
    fuzz_free(&fuzz_answer);

    return 0;
}


static fuzz_str_t
fuzz_lines(const uint8_t *data, size_t size)
{
    char           *p, *text;
    size_t          rest, n;
    fuzz_str_t      reply, line;
    const uint8_t  *pos;

    pos = data + 2;
    rest = size - 2;

    if (data[1] < 128) {
        reply.data = malloc(size);
        fuzz_assert(reply.data != NULL);
        memcpy((char *) reply.data, pos, rest);
        reply.len = rest;

        return reply;
    }

    for (n = 0; rest; n++) {
        line = fuzz_cut(&pos, &rest, '\n');
        fuzz_free(&line);
    }

    reply.data = malloc(32 * (n + 1) + 2 * size);
    fuzz_assert(reply.data != NULL);

    p = (char *) reply.data;
    p += sprintf(p, "*%zu\r\n", n);

    pos = data + 2;
    rest = size - 2;

    while (rest) {
        line = fuzz_cut(&pos, &rest, '\n');

        if (line.len && line.data[0] == '=') {
            p += sprintf(p, "$%zu\r\n", line.len - 1);
            memcpy(p, line.data + 1, line.len - 1);
            p += line.len - 1;
            p += sprintf(p, "\r\n");

        } else {
            text = fuzz_text(&line);
            p += sprintf(p, ":%lld\r\n", strtoll(text, NULL, 10));
            free(text);
        }

        fuzz_free(&line);
    }

    reply.len = p - reply.data;

    return reply;
}


/* three times: what is asked for again and again comes to an end */

static fuzz_str_t
fuzz_script(const char *name)
{
    fuzz_str_t  none = { NULL, 0 };

    static const fuzz_str_t  change = {
        "*22\r\n$2\r\nok\r\n:1787500042000\r\n:0\r\n:0\r\n"
        "$2\r\nr1\r\n$3\r\n1.5\r\n:1\r\n:1\r\n:3\r\n$8\r\nabcdefgh\r\n"
        ":1787500042000\r\n:0\r\n:0\r\n:1787500042000\r\n:0\r\n:0\r\n:2\r\n"
        "$0\r\n\r\n$1\r\na\r\n:1\r\n:1\r\n$1\r\na\r\n:0\r\n", 0
    };

    if (fuzz_question == NULL || fuzz_answered == 3) {
        return none;
    }

    if (strcmp(name, fuzz_question->script) == 0) {
        fuzz_answered++;
        return fuzz_answer;
    }

    /* somebody has to have something to report */

    if (strcmp(name, "claim") == 0
        && strcmp(fuzz_question->script, "report") == 0)
    {
        none.data = change.data;
        none.len = strlen(change.data);
    }

    return none;
}


static fuzz_str_t
fuzz_greeting(void)
{
    fuzz_str_t  none = { NULL, 0 };

    if (fuzz_question && *fuzz_question->script == '\0' && !fuzz_answered) {
        fuzz_answered = 3;
        return fuzz_answer;
    }

    return none;
}


static ngx_uint_t
fuzz_endpoint(const char *url, fuzz_str_t *body)
{
    return fuzz_status;
}
