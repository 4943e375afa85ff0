
/*
 * Copyright (C) TgoRTC contributors
 *
 * Metrics in the text format of Prometheus, 0.0.4: what this nginx counted, and
 * what Redis knows at this moment.
 */


#include "ngx_http_tgortc_call.h"
#include "ngx_http_tgortc_counters.h"
#include "ngx_http_tgortc_request.h"
#include "ngx_http_tgortc_response.h"


#define NGX_HTTP_TGORTC_METRICS_TYPE  "text/plain; version=0.0.4; charset=utf-8"

#define NGX_HTTP_TGORTC_METRICS_SIZE  16384

/* of a line, without the labels that the configuration has */
#define NGX_HTTP_TGORTC_METRICS_LINE  512

/* where the reply of gauges.lua has the app's, and those of each endpoint */
#define NGX_HTTP_TGORTC_GAUGES_APP    3
#define NGX_HTTP_TGORTC_GAUGES_FIRST  6
#define NGX_HTTP_TGORTC_GAUGES_EACH   5


typedef struct {
    ngx_http_tgortc_app_t       *app;
    ngx_array_t                  text;         /* u_char */
    size_t                       line;         /* at most */
    ngx_str_t                    app_label;    /* escaped */
    ngx_str_t                   *endpoint_labels;
    ngx_uint_t                   nendpoints;
    redisReply                  *reply;        /* NULL: Redis is not there */
    unsigned                     failed:1;
} ngx_http_tgortc_metrics_t;


static void ngx_http_tgortc_metrics_ask(ngx_http_request_t *r);
static ngx_int_t ngx_http_tgortc_metrics_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply);
static ngx_int_t ngx_http_tgortc_metrics_labels(ngx_http_request_t *r,
    ngx_http_tgortc_metrics_t *m);
static ngx_int_t ngx_http_tgortc_metrics_escape(ngx_pool_t *pool,
    ngx_str_t *value, ngx_str_t *label);
static void ngx_http_tgortc_metrics_requests(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_redis(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_calls(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_livekit(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_deliveries(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_queues(ngx_http_tgortc_metrics_t *m);
static void ngx_http_tgortc_metrics_endpoints(ngx_http_tgortc_metrics_t *m,
    char *name, size_t i, ngx_uint_t is_ms);
static void ngx_http_tgortc_metrics_counters(ngx_http_tgortc_metrics_t *m,
    char *name, char *label, const char **values, ngx_atomic_t *counters,
    ngx_uint_t n);
static void ngx_http_tgortc_metrics_histogram(ngx_http_tgortc_metrics_t *m,
    char *name, char *labels, ngx_http_tgortc_histogram_t *histogram);
static void ngx_http_tgortc_metrics_head(ngx_http_tgortc_metrics_t *m,
    char *name, char *type, char *help);
static void ngx_http_tgortc_metrics_print(ngx_http_tgortc_metrics_t *m,
    const char *fmt, ...);


static ngx_http_tgortc_operation_t  ngx_http_tgortc_metrics[] = {

    { ngx_string(""), NGX_HTTP_GET|NGX_HTTP_HEAD, "GET, HEAD",
      ngx_http_tgortc_metrics_ask, NGX_HTTP_TGORTC_OP_METRICS },

    { ngx_null_string, 0, NULL, NULL, NGX_HTTP_TGORTC_OP_UNKNOWN }
};


ngx_int_t
ngx_http_tgortc_metrics_handler(ngx_http_request_t *r)
{
    return ngx_http_tgortc_request_start(r, ngx_http_tgortc_metrics, 0);
}


static void
ngx_http_tgortc_metrics_ask(ngx_http_request_t *r)
{
    ngx_str_t                   *ids;
    ngx_uint_t                   i, n;
    ngx_array_t                 *endpoints;
    ngx_http_tgortc_endpoint_t  *endpoint;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    endpoints = tlcf->app->settings.endpoints;
    n = endpoints ? endpoints->nelts : 0;
    endpoint = n ? endpoints->elts : NULL;

    ids = ngx_palloc(r->pool, (n + 1) * sizeof(ngx_str_t));
    if (ids == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    for (i = 0; i < n; i++) {
        ids[i] = endpoint[i].id;
    }

    ngx_http_tgortc_call_answer(r, NGX_HTTP_TGORTC_GAUGES, ids, n,
                                ngx_http_tgortc_metrics_answer);
}


static ngx_int_t
ngx_http_tgortc_metrics_answer(ngx_http_request_t *r,
    ngx_http_tgortc_outcome_e outcome, redisReply *reply)
{
    ngx_str_t                    text;
    ngx_http_tgortc_metrics_t    m;
    ngx_http_tgortc_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tgortc_module);

    ngx_memzero(&m, sizeof(ngx_http_tgortc_metrics_t));

    m.app = tlcf->app;
    m.reply = outcome == NGX_HTTP_TGORTC_OK ? reply : NULL;

    if (ngx_array_init(&m.text, r->pool, NGX_HTTP_TGORTC_METRICS_SIZE, 1)
        != NGX_OK
        || ngx_http_tgortc_metrics_labels(r, &m) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_tgortc_metrics_requests(&m);
    ngx_http_tgortc_metrics_redis(&m);
    ngx_http_tgortc_metrics_calls(&m);
    ngx_http_tgortc_metrics_livekit(&m);
    ngx_http_tgortc_metrics_deliveries(&m);
    ngx_http_tgortc_metrics_queues(&m);

    if (m.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = m.text.elts;
    text.len = m.text.nelts;

    return ngx_http_tgortc_send_text(r, NGX_HTTP_TGORTC_METRICS_TYPE, &text);
}


static ngx_int_t
ngx_http_tgortc_metrics_labels(ngx_http_request_t *r,
    ngx_http_tgortc_metrics_t *m)
{
    ngx_uint_t                   i;
    ngx_array_t                 *endpoints;
    ngx_http_tgortc_endpoint_t  *endpoint;

    if (ngx_http_tgortc_metrics_escape(r->pool,
                                       &m->app->settings.redis->prefix,
                                       &m->app_label)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    m->line = NGX_HTTP_TGORTC_METRICS_LINE + m->app_label.len;

    endpoints = m->app->settings.endpoints;

    if (endpoints == NULL) {
        return NGX_OK;
    }

    endpoint = endpoints->elts;
    m->nendpoints = endpoints->nelts;
    m->endpoint_labels = ngx_palloc(r->pool,
                                    m->nendpoints * sizeof(ngx_str_t));

    if (m->endpoint_labels == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < m->nendpoints; i++) {
        if (ngx_http_tgortc_metrics_escape(r->pool, &endpoint[i].name,
                                           &m->endpoint_labels[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        m->line = ngx_max(m->line, NGX_HTTP_TGORTC_METRICS_LINE
                                   + m->app_label.len
                                   + m->endpoint_labels[i].len);
    }

    return NGX_OK;
}


/* the value of a label: UTF-8, without what would end it */

static ngx_int_t
ngx_http_tgortc_metrics_escape(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *label)
{
    u_char  *p, *last, *next, *dst;

    label->data = ngx_pnalloc(pool, 2 * value->len + 1);
    if (label->data == NULL) {
        return NGX_ERROR;
    }

    dst = label->data;
    last = value->data + value->len;

    for (p = value->data; p < last; /* void */ ) {

        if (*p == '\n') {
            *dst++ = '\\';
            *dst++ = 'n';
            p++;
            continue;
        }

        if (*p < 0x80) {

            if (*p == '\\' || *p == '"') {
                *dst++ = '\\';
            }

            *dst++ = *p++;
            continue;
        }

        next = p;

        if (ngx_utf8_decode(&next, last - p) > 0x10ffff) {
            *dst++ = '?';
            p++;
            continue;
        }

        dst = ngx_cpymem(dst, p, next - p);
        p = next;
    }

    label->len = dst - label->data;

    return NGX_OK;
}


/* of each operation whatever came, and that it was well, if nothing did */

static void
ngx_http_tgortc_metrics_requests(ngx_http_tgortc_metrics_t *m)
{
    u_char                       labels[64];
    ngx_uint_t                   op, code;
    ngx_atomic_uint_t            n;
    ngx_http_tgortc_counters_t  *counters;

    counters = m->app->counters;

    ngx_http_tgortc_metrics_head(m, "requests_total", "counter",
                                 "Requests by operation and code.");

    for (op = 0; op < NGX_HTTP_TGORTC_OPS; op++) {
        for (code = 0; code < NGX_HTTP_TGORTC_CODES; code++) {
            n = counters->requests[op][code];

            if (n || code == 0) {
                ngx_http_tgortc_metrics_print(m,
                    "tgortc_requests_total{app=\"%V\",operation=\"%s\","
                    "code=\"%s\"} %uA\n", &m->app_label,
                    ngx_http_tgortc_op_labels[op],
                    ngx_http_tgortc_code_labels[code], n);
            }
        }
    }

    ngx_http_tgortc_metrics_head(m, "request_duration_seconds", "histogram",
                                 "How long requests took, by operation.");

    for (op = 0; op < NGX_HTTP_TGORTC_OPS; op++) {
        ngx_sprintf(labels, ",operation=\"%s\"%Z",
                    ngx_http_tgortc_op_labels[op]);
        ngx_http_tgortc_metrics_histogram(m, "request_duration_seconds",
                                          (char *) labels,
                                          &counters->durations[op]);
    }
}


static void
ngx_http_tgortc_metrics_redis(ngx_http_tgortc_metrics_t *m)
{
    ngx_http_tgortc_counters_t  *counters;

    counters = m->app->counters;

    ngx_http_tgortc_metrics_head(m, "redis_up", "gauge",
                                 "Whether Redis answered for this scrape.");
    ngx_http_tgortc_metrics_print(m, "tgortc_redis_up{app=\"%V\"} %d\n",
                                  &m->app_label, m->reply != NULL);

    ngx_http_tgortc_metrics_head(m, "redis_command_duration_seconds",
                                 "histogram",
                                 "Round trips to Redis.");
    ngx_http_tgortc_metrics_histogram(m, "redis_command_duration_seconds", "",
                                      &counters->redis);

    ngx_http_tgortc_metrics_head(m, "redis_errors_total", "counter",
                                 "Commands that Redis did not do, by reason.");
    ngx_http_tgortc_metrics_counters(m, "redis_errors_total", "reason",
                                     ngx_http_tgortc_redis_error_labels,
                                     counters->redis_errors,
                                     NGX_HTTP_TGORTC_REDIS_ERRORS);

    ngx_http_tgortc_metrics_head(m, "redis_reconnects_total", "counter",
                                 "Connections to Redis that replaced another.");
    ngx_http_tgortc_metrics_print(m, "tgortc_redis_reconnects_total"
                                  "{app=\"%V\"} %uA\n",
                                  &m->app_label, counters->redis_reconnects);
}


static void
ngx_http_tgortc_metrics_calls(ngx_http_tgortc_metrics_t *m)
{
    ngx_uint_t    i;
    static char  *gauges[][2] = {
        { "live_rooms", "Rooms that have not ended." },
        { "active_participants", "Users who are in a live room." },
        { "ringing_participants", "Users who are being called." }
    };

    for (i = 0; i < 3 && m->reply != NULL; i++) {
        ngx_http_tgortc_metrics_head(m, gauges[i][0], "gauge", gauges[i][1]);
        ngx_http_tgortc_metrics_print(m, "tgortc_%s{app=\"%V\"} %L\n",
                                      gauges[i][0], &m->app_label,
                                      (int64_t) ngx_http_tgortc_reply_integer(
                                          m->reply,
                                          NGX_HTTP_TGORTC_GAUGES_APP + i));
    }

    ngx_http_tgortc_metrics_head(m, "deadlines_fired_total", "counter",
                                 "Deadlines that this nginx acted on.");
    ngx_http_tgortc_metrics_counters(m, "deadlines_fired_total", "kind",
                                     ngx_http_tgortc_deadline_labels,
                                     m->app->counters->deadlines,
                                     NGX_HTTP_TGORTC_DEADLINE_KINDS);
}


static void
ngx_http_tgortc_metrics_livekit(ngx_http_tgortc_metrics_t *m)
{
    ngx_uint_t                   method, ok;
    ngx_http_tgortc_counters_t  *counters;

    counters = m->app->counters;

    ngx_http_tgortc_metrics_head(m, "livekit_webhooks_total", "counter",
                                 "Webhooks of LiveKit, by event.");
    ngx_http_tgortc_metrics_counters(m, "livekit_webhooks_total", "event",
                                     ngx_http_tgortc_livekit_labels,
                                     counters->livekit,
                                     NGX_HTTP_TGORTC_LIVEKIT_EVENTS);

    ngx_http_tgortc_metrics_head(m, "livekit_webhooks_refused_total",
                                 "counter",
                                 "Webhooks that are not LiveKit's, by what is "
                                 "wrong with them.");
    ngx_http_tgortc_metrics_counters(m, "livekit_webhooks_refused_total",
                                     "reason", ngx_http_tgortc_refusal_labels,
                                     counters->refused,
                                     NGX_HTTP_TGORTC_LIVEKIT_REFUSALS);

    ngx_http_tgortc_metrics_head(m, "livekit_api_requests_total", "counter",
                                 "Requests to LiveKit, by method and result.");

    for (method = 0; method < NGX_HTTP_TGORTC_LIVEKIT_METHODS; method++) {
        for (ok = 0; ok < 2; ok++) {
            ngx_http_tgortc_metrics_print(m,
                "tgortc_livekit_api_requests_total{app=\"%V\",method=\"%s\","
                "result=\"%s\"} %uA\n", &m->app_label,
                ngx_http_tgortc_method_labels[method], ok ? "ok" : "failed",
                counters->livekit_api[method][ok]);
        }
    }
}


static void
ngx_http_tgortc_metrics_deliveries(ngx_http_tgortc_metrics_t *m)
{
    ngx_str_t                      label;
    ngx_uint_t                     i, result;
    ngx_http_tgortc_deliveries_t  *deliveries;

    if (m->nendpoints == 0) {
        return;
    }

    ngx_http_tgortc_metrics_head(m, "webhook_deliveries_total", "counter",
                                 "Attempts to deliver an event, by result.");

    for (i = 0; i < m->nendpoints; i++) {
        deliveries = m->app->deliveries[i];

        for (result = 0; result < NGX_HTTP_TGORTC_RESULTS; result++) {
            ngx_http_tgortc_metrics_print(m,
                "tgortc_webhook_deliveries_total{app=\"%V\",endpoint=\"%V\","
                "result=\"%s\"} %uA\n", &m->app_label,
                &m->endpoint_labels[i], ngx_http_tgortc_result_labels[result],
                deliveries->results[result]);
        }
    }

    ngx_http_tgortc_metrics_head(m, "webhook_delivery_duration_seconds",
                                 "histogram",
                                 "How long attempts to deliver took.");

    for (i = 0; i < m->nendpoints; i++) {
        label.len = m->endpoint_labels[i].len + sizeof(",endpoint=\"\"");
        label.data = ngx_pnalloc(m->text.pool, label.len);

        if (label.data == NULL) {
            m->failed = 1;
            return;
        }

        ngx_sprintf(label.data, ",endpoint=\"%V\"%Z", &m->endpoint_labels[i]);
        ngx_http_tgortc_metrics_histogram(m,
                                          "webhook_delivery_duration_seconds",
                                          (char *) label.data,
                                          &m->app->deliveries[i]->durations);
    }
}


/* of Redis: the same for every nginx of an app */

static void
ngx_http_tgortc_metrics_queues(ngx_http_tgortc_metrics_t *m)
{
    size_t                i;
    ngx_uint_t            n, state;
    static const char    *states[] = { "closed", "open", "half_open" };

    if (m->reply == NULL || m->nendpoints == 0) {
        return;
    }

    ngx_http_tgortc_metrics_head(m, "webhook_waiting_events", "gauge",
                                 "Events that are not yet delivered.");
    ngx_http_tgortc_metrics_endpoints(m, "webhook_waiting_events", 0, 0);

    ngx_http_tgortc_metrics_head(m, "webhook_oldest_event_age_seconds",
                                 "gauge",
                                 "How long the oldest of them waits.");
    ngx_http_tgortc_metrics_endpoints(m, "webhook_oldest_event_age_seconds",
                                      1, 1);

    ngx_http_tgortc_metrics_head(m, "webhook_dead_letters", "gauge",
                                 "Events that were given up, and not sent "
                                 "again.");
    ngx_http_tgortc_metrics_endpoints(m, "webhook_dead_letters", 2, 0);

    ngx_http_tgortc_metrics_head(m, "webhook_overflow_events_total", "counter",
                                 "Events that were given up because too many "
                                 "waited.");
    ngx_http_tgortc_metrics_endpoints(m, "webhook_overflow_events_total", 3,
                                      0);

    ngx_http_tgortc_metrics_head(m, "webhook_breaker_state", "gauge",
                                 "1 for the state that the breaker is in.");

    for (n = 0; n < m->nendpoints; n++) {
        i = NGX_HTTP_TGORTC_GAUGES_FIRST + n * NGX_HTTP_TGORTC_GAUGES_EACH + 4;

        for (state = 0; state < 3; state++) {
            ngx_http_tgortc_metrics_print(m,
                "tgortc_webhook_breaker_state{app=\"%V\",endpoint=\"%V\","
                "state=\"%s\"} %d\n", &m->app_label, &m->endpoint_labels[n],
                states[state],
                ngx_http_tgortc_reply_integer(m->reply, i)
                == (long long) state);
        }
    }
}


/* the i-th value of each endpoint; no time is 0 */

static void
ngx_http_tgortc_metrics_endpoints(ngx_http_tgortc_metrics_t *m, char *name,
    size_t i, ngx_uint_t is_ms)
{
    int64_t     value;
    ngx_uint_t  n;

    i += NGX_HTTP_TGORTC_GAUGES_FIRST;

    for (n = 0; n < m->nendpoints; n++, i += NGX_HTTP_TGORTC_GAUGES_EACH) {
        value = ngx_http_tgortc_reply_integer(m->reply, i);

        ngx_http_tgortc_metrics_print(m,
                                      "tgortc_%s{app=\"%V\",endpoint=\"%V\"} ",
                                      name, &m->app_label,
                                      &m->endpoint_labels[n]);

        if (is_ms) {
            value = ngx_max(value, 0);
            ngx_http_tgortc_metrics_print(m, "%L.%03L\n", value / 1000,
                                          value % 1000);

        } else {
            ngx_http_tgortc_metrics_print(m, "%L\n", value);
        }
    }
}


static void
ngx_http_tgortc_metrics_counters(ngx_http_tgortc_metrics_t *m, char *name,
    char *label, const char **values, ngx_atomic_t *counters, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_http_tgortc_metrics_print(m,
                                      "tgortc_%s{app=\"%V\",%s=\"%s\"} %uA\n",
                                      name, &m->app_label, label, values[i],
                                      counters[i]);
    }
}


/* more labels begin with a comma */

static void
ngx_http_tgortc_metrics_histogram(ngx_http_tgortc_metrics_t *m, char *name,
    char *labels, ngx_http_tgortc_histogram_t *histogram)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  count, sum;

    count = 0;
    sum = histogram->sum;

    for (i = 0; i <= NGX_HTTP_TGORTC_BOUNDS; i++) {
        count += histogram->counts[i];

        ngx_http_tgortc_metrics_print(m,
                                   "tgortc_%s_bucket{app=\"%V\"%s,le=\"%s\"} "
                                   "%uA\n", name, &m->app_label, labels,
                                   ngx_http_tgortc_bound_labels[i], count);
    }

    ngx_http_tgortc_metrics_print(m, "tgortc_%s_sum{app=\"%V\"%s} %uA.%06uA\n"
                                  "tgortc_%s_count{app=\"%V\"%s} %uA\n",
                                  name, &m->app_label, labels, sum / 1000000,
                                  sum % 1000000,
                                  name, &m->app_label, labels, count);
}


static void
ngx_http_tgortc_metrics_head(ngx_http_tgortc_metrics_t *m, char *name,
    char *type, char *help)
{
    ngx_http_tgortc_metrics_print(m, "# HELP tgortc_%s %s\n"
                                  "# TYPE tgortc_%s %s\n",
                                  name, help, name, type);
}


static void
ngx_http_tgortc_metrics_print(ngx_http_tgortc_metrics_t *m, const char *fmt,
    ...)
{
    u_char   *p, *last;
    size_t    size;
    va_list   args;

    /* of a histogram there are two lines in one */

    size = 2 * m->line;

    p = ngx_array_push_n(&m->text, size);
    if (p == NULL) {
        m->failed = 1;
        return;
    }

    va_start(args, fmt);
    last = ngx_vslprintf(p, p + size, fmt, args);
    va_end(args);

    m->text.nelts -= p + size - last;
}
