
/*
 * Copyright (C) TgoRTC contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include <ngx_sha1.h>
#include <poll.h>
#include <sys/mman.h>
#include "ngx_http_tgortc_http.h"
#include "ngx_http_tgortc_lua.h"
#include "ngx_tgortc_json.h"
#include "nginx.h"


#define FUZZ_BUFFER   (256 * 1024)
#define FUZZ_TURNS    2000
#define FUZZ_HOOK     "http://127.0.0.1/hook"

#define fuzz_script(name)  { #name, ngx_http_tgortc_lua_##name, { 0 } }


typedef struct {
    const char  *name;
    const char  *text;
    char         sha1[40];
} fuzz_script_t;


void __wrap_ngx_time_update(void);
static void fuzz_nginx_init(void);
static void fuzz_nginx_clean(void);
static int fuzz_nginx_turn(void);
static void fuzz_nginx_settle(void);
static int fuzz_nginx_listen(const char *path);
static int fuzz_nginx_connect(const char *path);
static void fuzz_nginx_write(int fd, const void *data, size_t len);
static int fuzz_redis_turn(void);
static size_t fuzz_redis_command(const char *p, const char *last);
static size_t fuzz_redis_line(const char *p, const char *last, char type,
    long *number);
static void fuzz_redis_reply(const char *command, const char *digest);
static void fuzz_redis_say(const char *text);
static void fuzz_http_done(ngx_event_t *ev);


fuzz_peers_t  fuzz_peers;


/* of nginx's epoll module: see build.sh */
extern int  fuzz_epoll;

static ngx_log_t        fuzz_log;
static ngx_open_file_t  fuzz_log_file;
static ngx_cycle_t     *fuzz_cycle;
static char             fuzz_dir[64];
static char             fuzz_path[2][96];    /* of nginx, of Redis */
static int              fuzz_listener = -1;
static int              fuzz_redis = -1;
static char             fuzz_in[FUZZ_BUFFER];
static size_t           fuzz_in_len;
static char             fuzz_out[FUZZ_BUFFER];


static fuzz_script_t  fuzz_scripts[] = {
    fuzz_script(create), fuzz_script(invite), fuzz_script(join),
    fuzz_script(leave), fuzz_script(end), fuzz_script(cancel),
    fuzz_script(kick), fuzz_script(sync), fuzz_script(get),
    fuzz_script(rooms), fuzz_script(calling), fuzz_script(livekit),
    fuzz_script(deadlines), fuzz_script(register), fuzz_script(release),
    fuzz_script(claim), fuzz_script(report), fuzz_script(listed),
    fuzz_script(stats), fuzz_script(list), fuzz_script(cleanup),
    fuzz_script(replay), { NULL, NULL, { 0 } }
};


static const char  fuzz_conf[] =
    "events { worker_connections 64; }"
    "http {"
    "    access_log off;"
    "    client_body_temp_path %s;"
    "    tgortc_redis unix:%s timeout=1s;"
    "    tgortc_livekit_key devkey " FUZZ_SECRET ";"
    "    tgortc_livekit_url ws://localhost:7880;"
    "    tgortc_livekit_api http://127.0.0.1/livekit;"
    "    tgortc_webhook " FUZZ_HOOK " secret=whsec_MfKQ9r8GKYqrTwjUPD8ILA==;"
    "    tgortc_webhook_retry delays=1s,2s;"
    "    server {"
    "        listen unix:%s;"
    "        location /api/v1/rooms { tgortc_rooms; }"
    "        location /api/v1/participants { tgortc_participants; }"
    "        location = /api/v1/webhooks/livekit { tgortc_livekit_webhook; }"
    "        location /api/v1/webhooks/logs { tgortc_webhook_logs; }"
    "        location = /api/v1/health { tgortc_health; }"
    "        location /key/rooms { tgortc_rooms; tgortc_api_key abc; }"
    "    }"
    "}";


/* what one process keeps for ever: see t/lsan.suppress */

const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:ngx_init_setproctitle\nleak:ngx_event_process_init\n";
}


/* no name is looked up: a target is not to ask name servers */

int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    return EAI_NONAME;
}


static void
fuzz_nginx_init(void)
{
    ngx_uint_t      i;
    ngx_sha1_t      sha1;
    unsigned char   digest[20];

    static char         *argv[] = { NULL };
    static ngx_cycle_t   cycle;

    if (fuzz_dir[0]) {
        return;
    }

    snprintf(fuzz_dir, sizeof(fuzz_dir), "/tmp/tgortc-fuzz.XXXXXX");
    fuzz_assert(mkdtemp(fuzz_dir) != NULL);
    snprintf(fuzz_path[0], sizeof(fuzz_path[0]), "%s/nginx", fuzz_dir);
    snprintf(fuzz_path[1], sizeof(fuzz_path[1]), "%s/redis", fuzz_dir);
    atexit(fuzz_nginx_clean);

    ngx_strerror_init();
    ngx_time_init();

    (void) signal(SIGPIPE, SIG_IGN);
    ngx_pid = ngx_getpid();
    ngx_os_argv = argv;
    ngx_use_stderr = 1;

    fuzz_log_file.fd = open("/dev/null", O_WRONLY);
    fuzz_log.file = &fuzz_log_file;
    fuzz_log.log_level = NGX_LOG_EMERG;

    cycle.log = &fuzz_log;
    ngx_cycle = &cycle;

    fuzz_assert(ngx_os_init(&fuzz_log) == NGX_OK);
    fuzz_assert(ngx_crc32_table_init() == NGX_OK);
    ngx_slab_sizes_init();
    fuzz_assert(ngx_preinit_modules() == NGX_OK);

    for (i = 0; fuzz_scripts[i].name; i++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, fuzz_scripts[i].text,
                        strlen(fuzz_scripts[i].text));
        ngx_sha1_final(digest, &sha1);
        ngx_hex_dump((u_char *) fuzz_scripts[i].sha1, digest, 20);
    }
}


static void
fuzz_nginx_clean(void)
{
    unlink(fuzz_path[0]);
    unlink(fuzz_path[1]);
    rmdir(fuzz_dir);
}


ngx_cycle_t *
fuzz_nginx_conf(const char *text)
{
    int           fd;
    char          name[32];
    ngx_cycle_t  *cycle, init;

    static char  head[] = "daemon off; error_log /dev/null emerg;"
                          "worker_processes 1; ";

    fuzz_nginx_init();

    fd = memfd_create("conf", 0);
    fuzz_assert(fd != -1);
    fuzz_assert(write(fd, head, sizeof(head) - 1) > 0);
    fuzz_assert(write(fd, text, strlen(text)) > 0);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    ngx_memzero(&init, sizeof(ngx_cycle_t));
    init.log = &fuzz_log;
    ngx_cycle = &init;

    init.pool = ngx_create_pool(1024, &fuzz_log);
    fuzz_assert(init.pool != NULL);

    init.conf_file.data = (u_char *) name;
    init.conf_file.len = strlen(name);
    ngx_str_set(&init.conf_prefix, "/tmp/");
    ngx_str_set(&init.prefix, "/tmp/");
    ngx_str_set(&init.error_log, "/dev/null");

    cycle = ngx_init_cycle(&init);

    if (cycle == NULL) {
        ngx_destroy_pool(init.pool);
    }

    ngx_cycle = cycle;
    (void) close(fd);

    return cycle;
}


void
fuzz_nginx_free(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        (void) close(ls[i].fd);
        (void) unlink((char *) ls[i].addr_text.data + sizeof("unix:") - 1);
    }

    ngx_destroy_pool(cycle->pool);
    ngx_cycle = NULL;
}


void
fuzz_nginx_start(void)
{
    char        text[4096];
    ngx_uint_t  i;

    if (fuzz_cycle) {
        return;
    }

    fuzz_nginx_init();

    fuzz_listener = fuzz_nginx_listen(fuzz_path[1]);

    snprintf(text, sizeof(text), fuzz_conf, fuzz_dir, fuzz_path[1],
             fuzz_path[0]);

    fuzz_cycle = fuzz_nginx_conf(text);
    fuzz_assert(fuzz_cycle != NULL);

    ngx_process = NGX_PROCESS_SINGLE;

    for (i = 0; fuzz_cycle->modules[i]; i++) {
        if (fuzz_cycle->modules[i]->init_process) {
            fuzz_assert(fuzz_cycle->modules[i]->init_process(fuzz_cycle)
                        == NGX_OK);
        }
    }

    fuzz_nginx_settle();
}


fuzz_str_t
fuzz_nginx_ask(const void *data, size_t len)
{
    int         fd, turns;
    ssize_t     n;
    fuzz_str_t  response;

    fuzz_nginx_start();

    fd = fuzz_nginx_connect(fuzz_path[0]);
    fuzz_nginx_write(fd, data, len);

    response.data = fuzz_out;
    response.len = 0;

    /* what ends without an answer has to end when the client goes */

    fuzz_nginx_settle();
    (void) shutdown(fd, SHUT_WR);

    for (turns = 0; turns < 8; turns++) {
        fuzz_nginx_settle();

        while (response.len < sizeof(fuzz_out)) {
            n = recv(fd, fuzz_out + response.len,
                     sizeof(fuzz_out) - response.len, 0);
            if (n <= 0) {
                break;
            }

            response.len += n;
        }
    }

    (void) close(fd);
    fuzz_nginx_settle();

    return response;
}


fuzz_str_t
fuzz_nginx_request(const char *method, const char *path, const char *headers,
    const char *body, size_t len)
{
    char        *text;
    size_t       size;
    fuzz_str_t   response;

    size = strlen(method) + strlen(path) + strlen(headers) + len + 256;
    text = malloc(size);
    fuzz_assert(text != NULL);

    size = snprintf(text, size, "%s %s HTTP/1.1\r\nHost: localhost\r\n"
                    "Connection: close\r\n%sContent-Length: %zu\r\n\r\n",
                    method, path, headers, len);

    if (len) {
        memcpy(text + size, body, len);
    }

    response = fuzz_nginx_ask(text, size + len);
    free(text);

    return response;
}


/* time passes only where it is waited for */

void
__wrap_ngx_time_update(void)
{
    /* void */
}


void
fuzz_nginx_wait(ngx_msec_t ms)
{
    ngx_msec_t           until, step;
    ngx_rbtree_node_t   *node;

    until = ngx_current_msec + ms;

    do {
        fuzz_nginx_settle();

        step = until - ngx_current_msec;

        if (ngx_event_timer_rbtree.root != ngx_event_timer_rbtree.sentinel) {
            node = ngx_rbtree_min(ngx_event_timer_rbtree.root,
                                  ngx_event_timer_rbtree.sentinel);

            if ((ngx_msec_int_t) (node->key - until) < 0) {
                step = ngx_max((ngx_msec_int_t) (node->key - ngx_current_msec),
                               1);
            }
        }

        ngx_current_msec += step;
        ngx_event_expire_timers();

    } while ((ngx_msec_int_t) (until - ngx_current_msec) > 0);

    fuzz_nginx_settle();
}


int
fuzz_nginx_check(fuzz_str_t response, int strict)
{
    int                       status;
    char                     *text, *body;
    cJSON                    *json;
    ngx_tgortc_json_error_t   error;

    text = fuzz_text(&response);
    body = strstr(text, "\r\n\r\n");

    if (body == NULL || sscanf(text, "HTTP/1.%*d %d", &status) != 1) {
        free(text);
        return 0;
    }

    *body = '\0';
    body += 4;

    if (*body == '{' && strstr(text, "Content-Type: application/json")
        && strstr(text, "Content-Length: "))
    {
        /* another response may be behind it */

        response.len = strtoul(strstr(text, "Content-Length: ") + 16, NULL,
                               10);
        fuzz_assert(response.len <= strlen(body));

        json = strict ? ngx_tgortc_json_parse(body, response.len, 16, &error)
                      : cJSON_ParseWithLength(body, response.len);
        fuzz_assert(json != NULL);
        cJSON_Delete(json);
    }

    free(text);

    return status;
}


/* whether anything happened */

static int
fuzz_nginx_turn(void)
{
    int            any;
    struct pollfd  pfd;

    pfd.fd = fuzz_epoll;
    pfd.events = POLLIN;

    any = poll(&pfd, 1, 0) > 0;

    if (any) {
        (void) ngx_process_events(fuzz_cycle, 0, 0);
    }

    if (!ngx_queue_empty(&ngx_posted_accept_events)
        || !ngx_queue_empty(&ngx_posted_events))
    {
        any = 1;
        ngx_event_process_posted(fuzz_cycle, &ngx_posted_accept_events);
        ngx_event_process_posted(fuzz_cycle, &ngx_posted_events);
    }

    return fuzz_redis_turn() || any;
}


/* an end of it is the point: something that goes on for ever is a finding */

static void
fuzz_nginx_settle(void)
{
    int  turns;

    for (turns = 0; fuzz_nginx_turn(); turns++) {
        fuzz_assert(turns < FUZZ_TURNS);
    }
}


static int
fuzz_nginx_listen(const char *path)
{
    int                 fd;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0);

    fuzz_assert(fd != -1);
    fuzz_assert(bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == 0);
    fuzz_assert(listen(fd, 64) == 0);

    return fd;
}


static int
fuzz_nginx_connect(const char *path)
{
    int                 fd;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0);

    fuzz_assert(fd != -1);
    fuzz_assert(connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == 0);

    return fd;
}


/* inputs are smaller than what a socket takes, or the rest is not sent */

static void
fuzz_nginx_write(int fd, const void *data, size_t len)
{
    ssize_t  n;

    n = send(fd, data, len, MSG_NOSIGNAL);
    (void) n;
}


static int
fuzz_redis_turn(void)
{
    int         fd, any;
    size_t      n, used;
    ssize_t     got;
    fuzz_str_t  greeting;

    any = 0;
    fd = accept(fuzz_listener, NULL, NULL);

    if (fd != -1) {
        if (fuzz_redis != -1) {
            (void) close(fuzz_redis);
        }

        (void) fcntl(fd, F_SETFL, O_NONBLOCK);
        fuzz_redis = fd;
        fuzz_in_len = 0;
        any = 1;

        if (fuzz_peers.greeting) {
            greeting = fuzz_peers.greeting();

            if (greeting.len) {
                fuzz_nginx_write(fd, greeting.data, greeting.len);
            }
        }
    }

    if (fuzz_redis == -1) {
        return any;
    }

    got = recv(fuzz_redis, fuzz_in + fuzz_in_len,
               sizeof(fuzz_in) - fuzz_in_len, 0);

    if (got == 0) {
        (void) close(fuzz_redis);
        fuzz_redis = -1;
        return 1;
    }

    if (got < 0) {
        return any;
    }

    fuzz_in_len += got;
    used = 0;

    do {
        n = fuzz_redis_command(fuzz_in + used, fuzz_in + fuzz_in_len);
        used += n;
    } while (n);

    fuzz_in_len -= used;
    memmove(fuzz_in, fuzz_in + used, fuzz_in_len);

    return 1;
}


/* answers the command that is at p; how long it is, 0 if it is not all there */

static size_t
fuzz_redis_command(const char *p, const char *last)
{
    long         argc, len, i;
    size_t       n;
    char         command[16], digest[41];
    const char  *start;

    start = p;
    command[0] = '\0';
    digest[0] = '\0';

    n = fuzz_redis_line(p, last, '*', &argc);
    if (n == 0) {
        return 0;
    }

    p += n;

    for (i = 0; i < argc; i++) {
        n = fuzz_redis_line(p, last, '$', &len);

        if (n == 0 || last - p < (ssize_t) n + len + 2) {
            return 0;
        }

        p += n;

        if (i == 0) {
            snprintf(command, sizeof(command), "%.*s", (int) len, p);

        } else if (i == 1) {
            snprintf(digest, sizeof(digest), "%.*s", (int) len, p);
        }

        p += len + 2;
    }

    fuzz_redis_reply(command, digest);

    return p - start;
}


static size_t
fuzz_redis_line(const char *p, const char *last, char type, long *number)
{
    const char  *end;

    end = (p < last) ? memchr(p, '\n', last - p) : NULL;

    if (end == NULL) {
        return 0;
    }

    fuzz_assert(*p == type);
    *number = strtol(p + 1, NULL, 10);

    return end + 1 - p;
}


static void
fuzz_redis_reply(const char *command, const char *digest)
{
    char        text[128];
    ngx_uint_t  i;
    fuzz_str_t  reply;

    if (strcmp(command, "PING") == 0) {
        fuzz_redis_say("+PONG\r\n");
        return;
    }

    if (strcmp(command, "TIME") == 0) {
        fuzz_redis_say("*2\r\n$10\r\n1787500042\r\n$6\r\n000000\r\n");
        return;
    }

    if (strcmp(command, "INFO") == 0) {
        fuzz_redis_say("$29\r\nmaxmemory_policy:noeviction\r\n\r\n");
        return;
    }

    reply.data = NULL;
    reply.len = 0;

    for (i = 0; fuzz_scripts[i].name; i++) {
        if (fuzz_peers.script && digest[0]
            && memcmp(digest, fuzz_scripts[i].sha1, 40) == 0)
        {
            reply = fuzz_peers.script(fuzz_scripts[i].name);
        }
    }

    if (reply.len) {
        fuzz_nginx_write(fuzz_redis, reply.data, reply.len);
        return;
    }

    snprintf(text, sizeof(text),
             "*4\r\n$2\r\nok\r\n:%ld\r\n:0\r\n:-1\r\n",
             1787500042000L + (long) ngx_current_msec % 1000000);
    fuzz_redis_say(text);
}


static void
fuzz_redis_say(const char *text)
{
    fuzz_nginx_write(fuzz_redis, text, strlen(text));
}


/* what would be logged is made, and goes nowhere */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   text[NGX_MAX_ERROR_STR];
    va_list  args;

    va_start(args, fmt);
    (void) ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);
}


/* in the place of libcurl: the answer is there in the next turn */

ngx_int_t
ngx_http_tgortc_http_send(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_request_t *hr)
{
    ngx_event_t  *ev;

    ev = calloc(1, sizeof(ngx_event_t));
    fuzz_assert(ev != NULL);

    ev->handler = fuzz_http_done;
    ev->data = hr;
    ev->log = &fuzz_log;

    fuzz_assert(strlen(hr->url) > 0);
    fuzz_assert(hr->body_len == strlen(hr->body));

    ngx_post_event(ev, &ngx_posted_events);

    return NGX_OK;
}


static void
fuzz_http_done(ngx_event_t *ev)
{
    fuzz_str_t                       body;
    ngx_http_tgortc_http_request_t  *hr;

    hr = ev->data;
    free(ev);

    body.data = "{}";
    body.len = 2;

    hr->error = "no answer";
    hr->status = fuzz_peers.endpoint ? fuzz_peers.endpoint(hr->url, &body)
                                     : 200;
    hr->response_len = 0;
    hr->retry_after[0] = '\0';

    if (hr->response != NULL) {
        hr->response_len = ngx_min(body.len, hr->response_size);
        memcpy(hr->response, body.data, hr->response_len);
    }

    hr->handler(hr);
}
