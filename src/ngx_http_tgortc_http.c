
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_http.h"

#include <curl/curl.h>


/*
 * libcurl opens, closes, reads and writes its sockets itself; nginx lends it a
 * connection of its table for each of them while libcurl wants events.  It has
 * one timer.  What libcurl asks for in its callbacks is only noted there:
 * calling it from within them is not allowed.
 */


/* connections kept open for the next request, in one worker */
#define NGX_HTTP_TGORTC_HTTP_KEPT          128

/* seconds; the second bounds how long a change in DNS goes unseen */
#define NGX_HTTP_TGORTC_HTTP_IDLE          30L
#define NGX_HTTP_TGORTC_HTTP_LIFETIME      300L

#define NGX_HTTP_TGORTC_HTTP_CONNECT       3000

/* an answer, with its header, is read so far to keep the connection open */
#define NGX_HTTP_TGORTC_HTTP_ANSWER_MAX    65536

/* what is kept of transfers that have ended, 6K each */
#define NGX_HTTP_TGORTC_HTTP_SPARE         64

/* ms, see ngx_http_tgortc_http_run() */
#define NGX_HTTP_TGORTC_HTTP_GUARD         1000


struct ngx_http_tgortc_http_s {
    CURLM                           *multi;
    ngx_event_t                      timer;
    ngx_log_t                       *log;
    void                           (*on_release)(void);

    ngx_queue_t                      active;        /* requests */
    ngx_queue_t                      connections;
    ngx_queue_t                      spare;         /* transfers */
    ngx_uint_t                       nspare;

    unsigned                         timing:1;      /* in the timer's handler */
    unsigned                         released:1;    /* the worker may exit */
    unsigned                         bundle:1;      /* of CAs is in a file */
};


typedef struct {
    CURL                            *easy;
    ngx_http_tgortc_http_request_t  *hr;
    ngx_queue_t                      queue;
    ngx_msec_t                       started;
    size_t                           received;

    unsigned                         interim:1;     /* reading a 1xx */
    unsigned                         answered:1;    /* a whole final header */

    char                             error[CURL_ERROR_SIZE];
} ngx_http_tgortc_http_transfer_t;


static ngx_int_t ngx_http_tgortc_http_open(ngx_http_tgortc_http_t *http);
static void ngx_http_tgortc_http_close(ngx_http_tgortc_http_t *http);
static ngx_http_tgortc_http_transfer_t *ngx_http_tgortc_http_transfer(
    ngx_http_tgortc_http_t *http);
static void ngx_http_tgortc_http_release(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t);
static ngx_int_t ngx_http_tgortc_http_set(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t);
static struct curl_slist *ngx_http_tgortc_http_headers(
    ngx_http_tgortc_http_request_t *hr, ngx_log_t *log);
static int ngx_http_tgortc_http_socket(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket);
static ngx_connection_t *ngx_http_tgortc_http_attach(
    ngx_http_tgortc_http_t *http, curl_socket_t fd);
static void ngx_http_tgortc_http_detach(ngx_connection_t *c);
static void ngx_http_tgortc_http_watch(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted);
static int ngx_http_tgortc_http_timeout(CURLM *multi, long ms, void *data);
static size_t ngx_http_tgortc_http_header(char *buf, size_t size, size_t n,
    void *data);
static size_t ngx_http_tgortc_http_body(char *buf, size_t size, size_t n,
    void *data);
static void ngx_http_tgortc_http_event_handler(ngx_event_t *ev);
static void ngx_http_tgortc_http_timer_handler(ngx_event_t *ev);
static void ngx_http_tgortc_http_run(ngx_http_tgortc_http_t *http,
    curl_socket_t fd, int events);
static void ngx_http_tgortc_http_collect(ngx_http_tgortc_http_t *http,
    ngx_queue_t *done);
static void ngx_http_tgortc_http_finish(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t, CURLcode result, ngx_queue_t *done);
static void ngx_http_tgortc_http_explain(ngx_http_tgortc_http_transfer_t *t,
    CURLcode result);


ngx_int_t
ngx_http_tgortc_http_init(ngx_cycle_t *cycle)
{
    CURLcode                 rc;
    curl_version_info_data  *info;

    /* once in the life of the master, not at every reload */

    static ngx_uint_t        initialized;

    if (initialized) {
        return NGX_OK;
    }

    rc = curl_global_init(CURL_GLOBAL_DEFAULT);

    if (rc != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "tgortc: curl_global_init() failed: %s",
                      curl_easy_strerror(rc));
        return NGX_ERROR;
    }

    initialized = 1;

    info = curl_version_info(CURLVERSION_NOW);

    if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "tgortc: this libcurl waits for name servers, "
                      "a slow one stops a worker");
    }

    return NGX_OK;
}


ngx_http_tgortc_http_t *
ngx_http_tgortc_http_create(ngx_cycle_t *cycle, void (*released)(void))
{
    curl_version_info_data  *info;
    ngx_http_tgortc_http_t  *http;

    http = ngx_pcalloc(cycle->pool, sizeof(ngx_http_tgortc_http_t));
    if (http == NULL) {
        return NULL;
    }

    http->log = cycle->log;
    http->on_release = released;

    info = curl_version_info(CURLVERSION_NOW);
    http->bundle = (info->cainfo != NULL);

    http->timer.handler = ngx_http_tgortc_http_timer_handler;
    http->timer.data = http;
    http->timer.log = cycle->log;
    http->timer.cancelable = 1;

    ngx_queue_init(&http->active);
    ngx_queue_init(&http->connections);
    ngx_queue_init(&http->spare);

    if (ngx_http_tgortc_http_open(http) != NGX_OK) {
        return NULL;
    }

    return http;
}


void
ngx_http_tgortc_http_destroy(ngx_http_tgortc_http_t *http)
{
    ngx_queue_t                      *q;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_http_transfer_t  *t;

    while (!ngx_queue_empty(&http->active)) {
        q = ngx_queue_head(&http->active);
        hr = ngx_queue_data(q, ngx_http_tgortc_http_request_t, queue);
        t = hr->easy;

        ngx_queue_remove(q);
        curl_multi_remove_handle(http->multi, t->easy);
        ngx_http_tgortc_http_release(http, t);
    }

    ngx_http_tgortc_http_close(http);

    while (!ngx_queue_empty(&http->spare)) {
        q = ngx_queue_head(&http->spare);
        t = ngx_queue_data(q, ngx_http_tgortc_http_transfer_t, queue);

        ngx_queue_remove(q);
        curl_easy_cleanup(t->easy);
        ngx_free(t);
    }

    http->nspare = 0;
}


ngx_int_t
ngx_http_tgortc_http_send(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_request_t *hr)
{
    CURLMcode                         rc;
    ngx_http_tgortc_http_transfer_t  *t;

    hr->status = 0;
    hr->error = NULL;
    hr->retry_after[0] = '\0';
    hr->response_len = 0;
    hr->duration = 0;
    hr->list = NULL;

    if (http->multi == NULL && ngx_http_tgortc_http_open(http) != NGX_OK) {
        return NGX_ERROR;
    }

    t = ngx_http_tgortc_http_transfer(http);
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->hr = hr;
    hr->easy = t;

    hr->list = ngx_http_tgortc_http_headers(hr, http->log);

    if (hr->list == NULL || ngx_http_tgortc_http_set(http, t) != NGX_OK) {
        ngx_http_tgortc_http_release(http, t);
        return NGX_ERROR;
    }

    /* before libcurl asks for its timer, which has to keep the worker */

    ngx_queue_insert_tail(&http->active, &hr->queue);

    rc = curl_multi_add_handle(http->multi, t->easy);

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_add_handle() failed: %s",
                      curl_multi_strerror(rc));

        ngx_queue_remove(&hr->queue);
        ngx_http_tgortc_http_release(http, t);
        return NGX_ERROR;
    }

    t->started = ngx_current_msec;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tgortc_http_open(ngx_http_tgortc_http_t *http)
{
    CURLM      *multi;
    ngx_uint_t  failed;

    multi = curl_multi_init();
    if (multi == NULL) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_init() failed");
        return NGX_ERROR;
    }

    failed = 0;

    failed |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                                ngx_http_tgortc_http_socket);
    failed |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
    failed |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                                ngx_http_tgortc_http_timeout);
    failed |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);

    /*
     * How many requests run is the caller's to bound: with libcurl's limits
     * those that wait would burn their timeouts.
     */

    failed |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                                (long) NGX_HTTP_TGORTC_HTTP_KEPT);
    failed |= curl_multi_setopt(multi, CURLMOPT_PIPELINING,
                                (long) CURLPIPE_NOTHING);

    if (failed) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_setopt() failed");
        curl_multi_cleanup(multi);
        return NGX_ERROR;
    }

#if (LIBCURL_VERSION_NUM >= 0x081400)

    /* the exit of a worker does not wait for name servers */

    (void) curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L);

#endif

    http->multi = multi;

    return NGX_OK;
}


static void
ngx_http_tgortc_http_close(ngx_http_tgortc_http_t *http)
{
    ngx_queue_t       *q;
    ngx_connection_t  *c;

    if (http->multi == NULL) {
        return;
    }

    /*
     * Some versions call back as they are cleaned up, some do not: whatever
     * they still watch is given back while it is open.
     */

    while (!ngx_queue_empty(&http->connections)) {
        q = ngx_queue_head(&http->connections);
        c = ngx_queue_data(q, ngx_connection_t, queue);
        ngx_http_tgortc_http_detach(c);
    }

    (void) curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    (void) curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, NULL);

    curl_multi_cleanup(http->multi);
    http->multi = NULL;

    if (http->timer.timer_set) {
        ngx_del_timer(&http->timer);
    }
}


static ngx_http_tgortc_http_transfer_t *
ngx_http_tgortc_http_transfer(ngx_http_tgortc_http_t *http)
{
    ngx_queue_t                      *q;
    ngx_http_tgortc_http_transfer_t  *t;

    if (!ngx_queue_empty(&http->spare)) {
        q = ngx_queue_head(&http->spare);

        ngx_queue_remove(q);
        http->nspare--;

        return ngx_queue_data(q, ngx_http_tgortc_http_transfer_t, queue);
    }

    t = ngx_calloc(sizeof(ngx_http_tgortc_http_transfer_t), http->log);
    if (t == NULL) {
        return NULL;
    }

    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_easy_init() failed");
        ngx_free(t);
        return NULL;
    }

    return t;
}


static void
ngx_http_tgortc_http_release(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t)
{
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;
    hr->easy = NULL;
    t->hr = NULL;

    if (http->nspare < NGX_HTTP_TGORTC_HTTP_SPARE) {
        curl_easy_reset(t->easy);
        ngx_queue_insert_head(&http->spare, &t->queue);
        http->nspare++;

    } else {
        curl_easy_cleanup(t->easy);
        ngx_free(t);
    }

    /* not before libcurl has forgotten it */

    if (hr->list != NULL) {
        ngx_free(hr->list);
        hr->list = NULL;
    }
}


static ngx_int_t
ngx_http_tgortc_http_set(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t)
{
    CURL                            *easy;
    ngx_msec_t                       timeout;
    ngx_uint_t                       failed;
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;
    easy = t->easy;

    t->received = 0;
    t->interim = 0;
    t->answered = 0;
    t->error[0] = '\0';

    /* for libcurl 0 is no timeout at all */

    timeout = ngx_max(hr->timeout, 1);

    failed = 0;

    failed |= curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    failed |= curl_easy_setopt(easy, CURLOPT_URL, hr->url);

#if (LIBCURL_VERSION_NUM >= 0x075500)
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                               (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS));
#endif

    /* http_proxy and the like in the environment are not meant for us */

    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "");

    /* a POST that follows a redirect becomes a GET, and its event is lost */

    failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);

    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                               (long) CURL_HTTP_VERSION_1_1);
    failed |= curl_easy_setopt(easy, CURLOPT_POST, 1L);

    /* NULL would be read from stdin */

    failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) hr->body_len);
    failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               hr->body ? hr->body : "");
    failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, hr->list);

    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                               ngx_http_tgortc_http_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                               ngx_http_tgortc_http_body);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);

    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /*
     * The CAs are read once a day instead of once a connection, which stops
     * the worker for 20 ms, but only if they all come from a file.  (Since
     * 8.17 libcurl brings its path back, and reads them once a connection.)
     */

    if (http->bundle) {
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }

#endif

    failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) timeout);
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                               (long) ngx_min(timeout,
                                              NGX_HTTP_TGORTC_HTTP_CONNECT));
    failed |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                               NGX_HTTP_TGORTC_HTTP_IDLE);
    failed |= curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN,
                               NGX_HTTP_TGORTC_HTTP_LIFETIME);

    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /*
     * Names are resolved in a thread.  Without this a transfer that times out
     * joins it, and the whole worker waits for getaddrinfo(), 5 seconds and
     * more if a name server is silent.  Before 7.87 there is no such option:
     * there the worker does wait, and an address, a name of /etc/hosts or a
     * local caching resolver is what an endpoint should have.
     */

    failed |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);

#endif

    return failed ? NGX_ERROR : NGX_OK;
}


/* libcurl only reads the list, so it can point to the caller's strings */

static struct curl_slist *
ngx_http_tgortc_http_headers(ngx_http_tgortc_http_request_t *hr,
    ngx_log_t *log)
{
    ngx_uint_t          i;
    struct curl_slist  *list;

    list = ngx_alloc((hr->nheaders + 1) * sizeof(struct curl_slist), log);
    if (list == NULL) {
        return NULL;
    }

    for (i = 0; i < hr->nheaders; i++) {
        list[i].data = (char *) hr->headers[i];
        list[i].next = &list[i + 1];
    }

    /* never to ask before a large body and wait for "100 Continue" */

    list[i].data = (char *) "Expect:";
    list[i].next = NULL;

    return list;
}


/*
 * Never an error: it would abort all transfers.  One that finds no connection
 * in nginx's table ends by its timeout.
 */

static int
ngx_http_tgortc_http_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    ngx_connection_t        *c;
    ngx_http_tgortc_http_t  *http;

    http = data;
    c = socket;

    if (what == CURL_POLL_REMOVE) {

        if (c != NULL) {
            ngx_http_tgortc_http_detach(c);
        }

        return 0;
    }

    if (c == NULL) {
        c = ngx_http_tgortc_http_attach(http, fd);
        if (c == NULL) {
            return 0;
        }
    }

    ngx_http_tgortc_http_watch(c->read, NGX_READ_EVENT, what & CURL_POLL_IN);
    ngx_http_tgortc_http_watch(c->write, NGX_WRITE_EVENT,
                               what & CURL_POLL_OUT);

    return 0;
}


static ngx_connection_t *
ngx_http_tgortc_http_attach(ngx_http_tgortc_http_t *http, curl_socket_t fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, http->log);

    if (c == NULL) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: no connection for a request to an endpoint");
        return NULL;
    }

    c->data = http;
    c->read->log = http->log;
    c->write->log = http->log;
    c->read->handler = ngx_http_tgortc_http_event_handler;
    c->write->handler = ngx_http_tgortc_http_event_handler;

    if (curl_multi_assign(http->multi, fd, c) != CURLM_OK) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_assign() failed");
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    ngx_queue_insert_tail(&http->connections, &c->queue);

    return c;
}


/* libcurl closes the descriptor, at once or later */

static void
ngx_http_tgortc_http_detach(ngx_connection_t *c)
{
    ngx_http_tgortc_http_watch(c->read, NGX_READ_EVENT, 0);
    ngx_http_tgortc_http_watch(c->write, NGX_WRITE_EVENT, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_queue_remove(&c->queue);

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


/* level-triggered: libcurl does not read until there is nothing left */

static void
ngx_http_tgortc_http_watch(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted)
{
    if (wanted && !ev->active) {

        if (ngx_add_event(ev, event, NGX_LEVEL_EVENT) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ev->log, 0,
                          "tgortc: cannot watch a connection to an endpoint");
        }

    } else if (!wanted && ev->active) {
        (void) ngx_del_event(ev, event, 0);
    }
}


static int
ngx_http_tgortc_http_timeout(CURLM *multi, long ms, void *data)
{
    ngx_http_tgortc_http_t  *http;

    http = data;

    /* ngx_add_timer() alone would keep an old time if it is near */

    if (http->timer.timer_set) {
        ngx_del_timer(&http->timer);
    }

    if (ms < 0) {
        return 0;
    }

    /*
     * A timer set to now while timers are run is run with them: without any
     * delay the others of the worker would wait as long as libcurl, or a
     * handler that sends again, goes on.
     */

    if (ms == 0 && http->timing) {
        ms = 1;
    }

    http->timer.cancelable = http->released
                             || ngx_queue_empty(&http->active);

    ngx_add_timer(&http->timer, (ngx_msec_t) ms);

    return 0;
}


static size_t
ngx_http_tgortc_http_header(char *buf, size_t size, size_t n, void *data)
{
    size_t                            len;
    u_char                           *p, *last;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_http_transfer_t  *t;

    t = data;
    hr = t->hr;

    len = size * n;
    t->received += len;

    if (t->received > NGX_HTTP_TGORTC_HTTP_ANSWER_MAX
                      + t->hr->response_size)
    {
        return 0;
    }

    if (t->answered) {

        /* a trailer */

        return len;
    }

    p = (u_char *) buf;
    last = p + len;

    while (last > p && (last[-1] == LF || last[-1] == CR || last[-1] == ' ')) {
        last--;
    }

    if (last == p) {
        t->answered = !t->interim;
        return len;
    }

    if (last - p >= 5 && ngx_strncmp(p, "HTTP/", 5) == 0) {
        p = ngx_strlchr(p, last, ' ');
        t->interim = (p != NULL && last - p > 1 && p[1] == '1');
        return len;
    }

    if (t->interim
        || (size_t) (last - p) < sizeof("Retry-After:") - 1
        || ngx_strncasecmp(p, (u_char *) "Retry-After:",
                           sizeof("Retry-After:") - 1)
           != 0)
    {
        return len;
    }

    p += sizeof("Retry-After:") - 1;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    /* part of a number or a date would be another one */

    if ((size_t) (last - p) < sizeof(hr->retry_after)) {
        ngx_memcpy(hr->retry_after, p, last - p);
        hr->retry_after[last - p] = '\0';
    }

    return len;
}


static size_t
ngx_http_tgortc_http_body(char *buf, size_t size, size_t n, void *data)
{
    size_t                            len, kept;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_http_transfer_t  *t;

    t = data;
    hr = t->hr;

    len = size * n;
    t->received += len;

    kept = ngx_min(len, hr->response_size - hr->response_len);

    if (kept) {
        ngx_memcpy(hr->response + hr->response_len, buf, kept);
        hr->response_len += kept;
    }

    /* ends the transfer, its status stays */

    if (t->received > NGX_HTTP_TGORTC_HTTP_ANSWER_MAX
                      + t->hr->response_size)
    {
        return 0;
    }

    return len;
}


static void
ngx_http_tgortc_http_event_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_tgortc_http_t  *http;

    c = ev->data;
    http = c->data;

    if (c->close) {

        /*
         * worker_shutdown_timeout is over: what is under way goes on, but the
         * worker no longer waits for it.
         */

        c->close = 0;
        http->timer.cancelable = 1;

        if (!http->released) {
            http->released = 1;
            http->on_release();
        }

        return;
    }

    /* the connection may be gone after this */

    ngx_http_tgortc_http_run(http, c->fd,
                             ev->write ? CURL_CSELECT_OUT : CURL_CSELECT_IN);
}


static void
ngx_http_tgortc_http_timer_handler(ngx_event_t *ev)
{
    ngx_http_tgortc_http_t  *http;

    http = ev->data;

    http->timing = 1;
    ngx_http_tgortc_http_run(http, CURL_SOCKET_TIMEOUT, 0);
    http->timing = 0;
}


static void
ngx_http_tgortc_http_run(ngx_http_tgortc_http_t *http, curl_socket_t fd,
    int events)
{
    int                               running;
    CURLMcode                         rc;
    ngx_queue_t                      *q, done;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_http_transfer_t  *t;

    ngx_queue_init(&done);

    rc = curl_multi_socket_action(http->multi, fd, events, &running);

    ngx_http_tgortc_http_collect(http, &done);

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_socket_action() failed: %s",
                      curl_multi_strerror(rc));

        /* what runs is in no known state */

        while (!ngx_queue_empty(&http->active)) {
            q = ngx_queue_head(&http->active);
            hr = ngx_queue_data(q, ngx_http_tgortc_http_request_t, queue);
            t = hr->easy;

            ngx_cpystrn((u_char *) t->error,
                        (u_char *) curl_multi_strerror(rc), CURL_ERROR_SIZE);
            ngx_http_tgortc_http_finish(http, t, CURLE_ABORTED_BY_CALLBACK,
                                        &done);
        }

        ngx_http_tgortc_http_close(http);
    }

    /*
     * libcurl always has a timer while something is under way.  If ever it had
     * not, nothing would end that, nor keep a worker that is to exit.
     */

    if (!ngx_queue_empty(&http->active) && !http->timer.timer_set) {
        ngx_http_tgortc_http_timeout(http->multi, NGX_HTTP_TGORTC_HTTP_GUARD,
                                     http);
    }

    /* handlers may free their requests, and send */

    while (!ngx_queue_empty(&done)) {
        q = ngx_queue_head(&done);
        hr = ngx_queue_data(q, ngx_http_tgortc_http_request_t, queue);

        ngx_queue_remove(q);
        hr->handler(hr);
    }
}


static void
ngx_http_tgortc_http_collect(ngx_http_tgortc_http_t *http, ngx_queue_t *done)
{
    int                               left;
    char                             *private;
    CURLMsg                          *msg;
    CURLcode                          result;
    ngx_http_tgortc_http_transfer_t  *t;

    while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        /* the message is gone with the handle */

        result = msg->data.result;

        if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private)
            != CURLE_OK)
        {
            continue;
        }

        t = (ngx_http_tgortc_http_transfer_t *) private;

        ngx_http_tgortc_http_finish(http, t, result, done);
    }
}


static void
ngx_http_tgortc_http_finish(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_transfer_t *t, CURLcode result, ngx_queue_t *done)
{
    long                             status;
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;
    hr->duration = ngx_current_msec - t->started;

    /*
     * Once the header has said how it went, nothing later changes it: a body
     * that is huge, breaks off or never ends is nobody's but the log's.  A
     * header that breaks off says nothing, though libcurl may be content.
     */

    if (t->answered) {
        status = 0;
        (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        hr->status = (ngx_uint_t) status;
    }

    if (hr->status == 0) {
        ngx_http_tgortc_http_explain(t, result);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, http->log, 0,
                   "tgortc: request to an endpoint: %ui, curl %d, %uz, %M ms",
                   hr->status, (int) result, t->received, hr->duration);

    /* before libcurl asks for its timer, which no longer has to keep us */

    ngx_queue_remove(&hr->queue);
    ngx_queue_insert_tail(done, &hr->queue);

    curl_multi_remove_handle(http->multi, t->easy);
    ngx_http_tgortc_http_release(http, t);
}


/* no URL: it may contain a password or a token */

static void
ngx_http_tgortc_http_explain(ngx_http_tgortc_http_transfer_t *t,
    CURLcode result)
{
    long                             err;
    u_char                          *p, *last;
    const char                      *text;
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;

    switch (result) {

    case CURLE_OK:
        text = "Incomplete response header";
        break;

    case CURLE_WRITE_ERROR:
        text = "Too large response header";
        t->error[0] = '\0';
        break;

    default:
        text = curl_easy_strerror(result);
    }

    p = hr->text;
    last = p + sizeof(hr->text) - 1;

    err = 0;

    if (result == CURLE_COULDNT_CONNECT) {
        (void) curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &err);
    }

    if (err) {
        p = ngx_strerror((ngx_err_t) err, p, last - p);

    } else {
        p = ngx_slprintf(p, last, "%s", text);
    }

    if (t->error[0] != '\0' && ngx_strcmp(t->error, text) != 0) {
        p = ngx_slprintf(p, last, ": %s", t->error);
    }

    *p = '\0';

    /* libcurl cites what the other side says */

    for (p = hr->text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }

    hr->error = (const char *) hr->text;
}
