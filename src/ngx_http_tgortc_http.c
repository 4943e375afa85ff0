
/*
 * Copyright (C) TgoRTC contributors
 */


/* curl_multi_socket_all(), see ngx_http_tgortc_http_run() */
#define CURL_DISABLE_DEPRECATION


#include "ngx_http_tgortc_transfer.h"

#include <openssl/err.h>


/*
 * libcurl opens, closes, reads and writes its sockets itself; nginx lends it a
 * connection of its table for each of them while libcurl wants events.  It has
 * one timer.  What libcurl asks for in its callbacks is only noted there:
 * calling it from within them is not allowed.
 */


/* connections kept open for the next request, in one worker */
#define NGX_HTTP_TGORTC_HTTP_KEPT          128

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
    unsigned                         given_up:1;    /* making a connection */
    unsigned                         released:1;    /* the worker may exit */
    unsigned                         bundle:1;      /* of CAs is in a file */
};


static ngx_int_t ngx_http_tgortc_http_open(ngx_http_tgortc_http_t *http);
static void ngx_http_tgortc_http_unwatch(ngx_http_tgortc_http_t *http);
static void ngx_http_tgortc_http_close(ngx_http_tgortc_http_t *http);
static ngx_http_tgortc_transfer_t *ngx_http_tgortc_http_transfer(
    ngx_http_tgortc_http_t *http);
static void ngx_http_tgortc_http_release(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_transfer_t *t);
static int ngx_http_tgortc_http_socket(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket);
static ngx_connection_t *ngx_http_tgortc_http_attach(
    ngx_http_tgortc_http_t *http, curl_socket_t fd);
static void ngx_http_tgortc_http_detach(ngx_connection_t *c);
static void ngx_http_tgortc_http_watch(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted, ngx_uint_t flags);
static int ngx_http_tgortc_http_closed(void *data, curl_socket_t fd);
static int ngx_http_tgortc_http_timeout(CURLM *multi, long ms, void *data);
static void ngx_http_tgortc_http_event_handler(ngx_event_t *ev);
static void ngx_http_tgortc_http_timer_handler(ngx_event_t *ev);
static void ngx_http_tgortc_http_run(ngx_http_tgortc_http_t *http,
    curl_socket_t fd, int events);
static void ngx_http_tgortc_http_collect(ngx_http_tgortc_http_t *http,
    ngx_queue_t *done);
static void ngx_http_tgortc_http_finish(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_transfer_t *t, CURLcode result, ngx_queue_t *done);


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
    ngx_queue_t                     *q;
    ngx_http_tgortc_http_request_t  *hr;
    ngx_http_tgortc_transfer_t      *t;

    if (http->multi != NULL) {
        ngx_http_tgortc_http_unwatch(http);
    }

    while (!ngx_queue_empty(&http->active)) {
        q = ngx_queue_head(&http->active);
        hr = ngx_queue_data(q, ngx_http_tgortc_http_request_t, queue);
        t = hr->transfer;

        ngx_queue_remove(q);
        curl_multi_remove_handle(http->multi, t->easy);
        ngx_http_tgortc_http_release(http, t);
    }

    ngx_http_tgortc_http_close(http);

    while (!ngx_queue_empty(&http->spare)) {
        q = ngx_queue_head(&http->spare);
        t = ngx_queue_data(q, ngx_http_tgortc_transfer_t, queue);

        ngx_queue_remove(q);
        ngx_http_tgortc_transfer_destroy(t);
    }

    http->nspare = 0;
}


ngx_int_t
ngx_http_tgortc_http_send(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_http_request_t *hr)
{
    CURLMcode                    rc;
    ngx_http_tgortc_transfer_t  *t;

    if (http->multi == NULL && ngx_http_tgortc_http_open(http) != NGX_OK) {
        return NGX_ERROR;
    }

    t = ngx_http_tgortc_http_transfer(http);
    if (t == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_tgortc_transfer_begin(t, hr, http->bundle, http->log)
        != NGX_OK
        || curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION,
                            ngx_http_tgortc_http_closed)
           != CURLE_OK
        || curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, http)
           != CURLE_OK)
    {
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


/*
 * Before what is under way is broken off: libcurl closes its sockets then, and
 * calls back before that, after it, or not at all.  Whatever it still watches
 * is given back while it is open.
 */

static void
ngx_http_tgortc_http_unwatch(ngx_http_tgortc_http_t *http)
{
    ngx_queue_t       *q;
    ngx_connection_t  *c;

    while (!ngx_queue_empty(&http->connections)) {
        q = ngx_queue_head(&http->connections);
        c = ngx_queue_data(q, ngx_connection_t, queue);
        ngx_http_tgortc_http_detach(c);
    }

    (void) curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    (void) curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, NULL);
}


static void
ngx_http_tgortc_http_close(ngx_http_tgortc_http_t *http)
{
    if (http->multi == NULL) {
        return;
    }

    ngx_http_tgortc_http_unwatch(http);

    curl_multi_cleanup(http->multi);
    http->multi = NULL;

    if (http->timer.timer_set) {
        ngx_del_timer(&http->timer);
    }
}


static ngx_http_tgortc_transfer_t *
ngx_http_tgortc_http_transfer(ngx_http_tgortc_http_t *http)
{
    ngx_queue_t  *q;

    if (!ngx_queue_empty(&http->spare)) {
        q = ngx_queue_head(&http->spare);

        ngx_queue_remove(q);
        http->nspare--;

        return ngx_queue_data(q, ngx_http_tgortc_transfer_t, queue);
    }

    return ngx_http_tgortc_transfer_create(http->log);
}


/* not before libcurl has forgotten it */

static void
ngx_http_tgortc_http_release(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_transfer_t *t)
{
    ngx_http_tgortc_transfer_end(t);

    if (http->nspare < NGX_HTTP_TGORTC_HTTP_SPARE) {
        ngx_queue_insert_head(&http->spare, &t->queue);
        http->nspare++;

    } else {
        ngx_http_tgortc_transfer_destroy(t);
    }
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

    ngx_http_tgortc_http_watch(c->read, NGX_READ_EVENT, what & CURL_POLL_IN,
                               0);
    ngx_http_tgortc_http_watch(c->write, NGX_WRITE_EVENT,
                               what & CURL_POLL_OUT, 0);

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


/*
 * libcurl closes the descriptor, at once or later; or it has, as 7.88 to 8.1
 * do when they give up a connection that they were making.
 */

static void
ngx_http_tgortc_http_detach(ngx_connection_t *c)
{
    ngx_uint_t               flags;
    ngx_http_tgortc_http_t  *http;

    http = c->data;
    flags = 0;

    if (fcntl(c->fd, F_GETFD) == -1) {
        flags = NGX_CLOSE_EVENT;
        http->given_up = 1;
    }

    ngx_http_tgortc_http_watch(c->read, NGX_READ_EVENT, 0, flags);
    ngx_http_tgortc_http_watch(c->write, NGX_WRITE_EVENT, 0, flags);

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


/*
 * What has no peer was a connection in the making.  Not the request's callback:
 * that of a kept connection comes long after it.
 */

static int
ngx_http_tgortc_http_closed(void *data, curl_socket_t fd)
{
    socklen_t                socklen;
    ngx_sockaddr_t           sa;
    ngx_http_tgortc_http_t  *http;

    http = data;
    socklen = sizeof(ngx_sockaddr_t);

    if (getpeername(fd, &sa.sockaddr, &socklen) == -1) {
        http->given_up = 1;
    }

    return ngx_close_socket(fd) == -1;
}


/* level-triggered: libcurl does not read until there is nothing left */

static void
ngx_http_tgortc_http_watch(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted, ngx_uint_t flags)
{
    if (wanted && !ev->active) {

        if (ngx_add_event(ev, event, NGX_LEVEL_EVENT) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ev->log, 0,
                          "tgortc: cannot watch a connection to an endpoint");
        }

    } else if (!wanted && ev->active) {
        (void) ngx_del_event(ev, event, flags);
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
    int                              running;
    CURLMcode                        rc;
    ngx_queue_t                     *q, done;
    ngx_http_tgortc_http_request_t  *hr;
    ngx_http_tgortc_transfer_t      *t;

    ngx_queue_init(&done);

    rc = curl_multi_socket_action(http->multi, fd, events, &running);

    /*
     * libcurl 7.88 to 8.1 goes on with the next address only when it is called
     * again, and does not ask for that: nothing would happen until the time of
     * the whole attempt is over.
     */

    while (rc == CURLM_OK && http->given_up) {
        http->given_up = 0;
        rc = curl_multi_socket_all(http->multi, &running);
    }

    ngx_http_tgortc_http_collect(http, &done);

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ERR, http->log, 0,
                      "tgortc: curl_multi_socket_action() failed: %s",
                      curl_multi_strerror(rc));

        /* what runs is in no known state */

        ngx_http_tgortc_http_unwatch(http);

        while (!ngx_queue_empty(&http->active)) {
            q = ngx_queue_head(&http->active);
            hr = ngx_queue_data(q, ngx_http_tgortc_http_request_t, queue);
            t = hr->transfer;

            ngx_cpystrn((u_char *) t->error,
                        (u_char *) curl_multi_strerror(rc), CURL_ERROR_SIZE);
            ngx_http_tgortc_http_finish(http, t, CURLE_ABORTED_BY_CALLBACK,
                                        &done);
        }

        ngx_http_tgortc_http_close(http);
    }

    /* nginx would take for one of a client of its own what libcurl leaves */

    ERR_clear_error();

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
    int                          left;
    char                        *private;
    CURLMsg                     *msg;
    CURLcode                     result;
    ngx_http_tgortc_transfer_t  *t;

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

        t = (ngx_http_tgortc_transfer_t *) private;

        ngx_http_tgortc_http_finish(http, t, result, done);
    }
}


static void
ngx_http_tgortc_http_finish(ngx_http_tgortc_http_t *http,
    ngx_http_tgortc_transfer_t *t, CURLcode result, ngx_queue_t *done)
{
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;

    ngx_http_tgortc_transfer_result(t, result);

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, http->log, 0,
                   "tgortc: request to an endpoint: %ui, curl %d, %uz, %M ms",
                   hr->status, (int) result, t->received, hr->duration);

    /* before libcurl asks for its timer, which no longer has to keep us */

    ngx_queue_remove(&hr->queue);
    ngx_queue_insert_tail(done, &hr->queue);

    curl_multi_remove_handle(http->multi, t->easy);
    ngx_http_tgortc_http_release(http, t);
}
