
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_transfer.h"


/* seconds; the second bounds how long a change in DNS goes unseen */
#define NGX_HTTP_TGORTC_TRANSFER_IDLE        30L
#define NGX_HTTP_TGORTC_TRANSFER_LIFETIME    300L

#define NGX_HTTP_TGORTC_TRANSFER_CONNECT     3000

/* an answer, with its header, is read so far to keep the connection open */
#define NGX_HTTP_TGORTC_TRANSFER_ANSWER_MAX  65536

/* times that a request is sent, see ngx_http_tgortc_transfer_prereq() */
#define NGX_HTTP_TGORTC_TRANSFER_SENT_MAX    2


static ngx_int_t ngx_http_tgortc_transfer_set(ngx_http_tgortc_transfer_t *t,
    ngx_uint_t bundle);
static struct curl_slist *ngx_http_tgortc_transfer_headers(
    ngx_http_tgortc_http_request_t *hr, ngx_log_t *log);
static int ngx_http_tgortc_transfer_prereq(void *data, char *peer, char *local,
    int peer_port, int local_port);
static size_t ngx_http_tgortc_transfer_header(char *buf, size_t size, size_t n,
    void *data);
static size_t ngx_http_tgortc_transfer_body(char *buf, size_t size, size_t n,
    void *data);
static void ngx_http_tgortc_transfer_explain(ngx_http_tgortc_transfer_t *t,
    CURLcode result);


ngx_http_tgortc_transfer_t *
ngx_http_tgortc_transfer_create(ngx_log_t *log)
{
    ngx_http_tgortc_transfer_t  *t;

    t = ngx_calloc(sizeof(ngx_http_tgortc_transfer_t), log);
    if (t == NULL) {
        return NULL;
    }

    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "tgortc: curl_easy_init() failed");
        ngx_free(t);
        return NULL;
    }

    return t;
}


void
ngx_http_tgortc_transfer_destroy(ngx_http_tgortc_transfer_t *t)
{
    curl_easy_cleanup(t->easy);
    ngx_free(t);
}


ngx_int_t
ngx_http_tgortc_transfer_begin(ngx_http_tgortc_transfer_t *t,
    ngx_http_tgortc_http_request_t *hr, ngx_uint_t bundle, ngx_log_t *log)
{
    hr->status = 0;
    hr->error = NULL;
    hr->retry_after[0] = '\0';
    hr->response_len = 0;
    hr->duration = 0;
    hr->transfer = t;

    t->hr = hr;
    t->sent = 0;
    t->received = 0;
    t->interim = 0;
    t->answered = 0;
    t->refused = 0;
    t->error[0] = '\0';
    t->started = ngx_current_msec;

    t->headers = ngx_http_tgortc_transfer_headers(hr, log);
    if (t->headers == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_tgortc_transfer_set(t, bundle);
}


void
ngx_http_tgortc_transfer_result(ngx_http_tgortc_transfer_t *t, CURLcode result)
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
        ngx_http_tgortc_transfer_explain(t, result);
    }
}


void
ngx_http_tgortc_transfer_end(ngx_http_tgortc_transfer_t *t)
{
    t->hr->transfer = NULL;
    t->hr = NULL;

    curl_easy_reset(t->easy);

    if (t->headers != NULL) {
        ngx_free(t->headers);
        t->headers = NULL;
    }
}


static ngx_int_t
ngx_http_tgortc_transfer_set(ngx_http_tgortc_transfer_t *t, ngx_uint_t bundle)
{
    CURL                            *easy;
    ngx_msec_t                       timeout;
    ngx_uint_t                       failed;
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;
    easy = t->easy;

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
    failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);

    failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION,
                               ngx_http_tgortc_transfer_prereq);
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                               ngx_http_tgortc_transfer_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                               ngx_http_tgortc_transfer_body);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);

    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /*
     * The CAs are read once a day instead of once a connection, which stops
     * the worker for 20 ms, but only if they all come from a file.  (Since
     * 8.17 libcurl brings its path back, and reads them once a connection.)
     */

    if (bundle) {
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }

#endif

    failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) timeout);
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                               (long) ngx_min(timeout,
                                            NGX_HTTP_TGORTC_TRANSFER_CONNECT));
    failed |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                               NGX_HTTP_TGORTC_TRANSFER_IDLE);
    failed |= curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN,
                               NGX_HTTP_TGORTC_TRANSFER_LIFETIME);

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
ngx_http_tgortc_transfer_headers(ngx_http_tgortc_http_request_t *hr,
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
 * Called before each sending.  A kept connection that closes without an answer
 * may have been given up just then, so libcurl sends the request once more; on
 * the next kept one, if there is one, and so on, up to six times.  What closes
 * twice is no coincidence, and an automatic repeat is not to be repeated (RFC
 * 9110, 9.2.2).
 */

static int
ngx_http_tgortc_transfer_prereq(void *data, char *peer, char *local,
    int peer_port, int local_port)
{
    ngx_http_tgortc_transfer_t  *t;

    t = data;

    if (t->sent == NGX_HTTP_TGORTC_TRANSFER_SENT_MAX) {
        t->refused = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    t->sent++;

    return CURL_PREREQFUNC_OK;
}


static size_t
ngx_http_tgortc_transfer_header(char *buf, size_t size, size_t n, void *data)
{
    size_t                            len;
    u_char                           *p, *last;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_transfer_t  *t;

    t = data;
    hr = t->hr;

    len = size * n;
    t->received += len;

    if (t->received > NGX_HTTP_TGORTC_TRANSFER_ANSWER_MAX
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
ngx_http_tgortc_transfer_body(char *buf, size_t size, size_t n, void *data)
{
    size_t                            len, kept;
    ngx_http_tgortc_http_request_t   *hr;
    ngx_http_tgortc_transfer_t  *t;

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

    if (t->received > NGX_HTTP_TGORTC_TRANSFER_ANSWER_MAX
                      + t->hr->response_size)
    {
        return 0;
    }

    return len;
}


/* no URL: it may contain a password or a token */

static void
ngx_http_tgortc_transfer_explain(ngx_http_tgortc_transfer_t *t,
    CURLcode result)
{
    long                             err;
    u_char                          *p, *last;
    const char                      *text;
    ngx_http_tgortc_http_request_t  *hr;

    hr = t->hr;

    if (t->refused) {
        result = CURLE_GOT_NOTHING;
        t->error[0] = '\0';
    }

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
