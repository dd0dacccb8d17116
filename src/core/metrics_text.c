/* SPDX-License-Identifier: MIT */
#include "core/metrics_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <wspulse/api.h>

#include "proto/utf8.h"

#define PREFIX "wspulse_"
#define PAGE_BYTES (16 * 1024) /* more than a page needs */

/* The page being written. */
struct page {
    const struct wsp_metrics *metrics;
    const struct wsp_metrics_now *now;
    struct wsp_buf *out;
};

/* One metric. `write` puts its samples under the head. */
struct metric {
    const char *name; /* behind the prefix */
    const char *type;
    const char *help;
    bool (*write)(const struct page *page, const struct metric *metric);
    size_t offset; /* of the number in wsp_metrics or wsp_metrics_now */
};

/* ---- numbers and labels ---- */

/* A decimal without the locale's decimal sign, which printf would write. */
static bool put_decimal(struct wsp_buf *out, uint64_t whole,
                        uint32_t millionths)
{
    char digits[8];
    int len = snprintf(digits, sizeof digits, ".%06" PRIu32, millionths);
    while (len > 0 && (digits[len - 1] == '0' || digits[len - 1] == '.')) {
        len--;
    }
    return wsp_buf_printf(out, "%" PRIu64 "%.*s", whole, len, digits);
}

/* `value` is not negative. */
static bool put_double(struct wsp_buf *out, double value)
{
    uint64_t whole = (uint64_t)value;
    uint32_t millionths = (uint32_t)((value - (double)whole) * 1e6 + 0.5);
    if (millionths >= 1000000) {
        whole++;
        millionths = 0;
    }
    return put_decimal(out, whole, millionths);
}

/* A value between quotes: backslash, quote and newline are escaped, what is not
 * UTF-8 becomes U+FFFD. */
static bool put_escaped(struct wsp_buf *out, const char *text)
{
    size_t left = strlen(text);
    bool is_ok = true;
    while (left > 0 && is_ok) {
        size_t len = wsp_utf8_character_len(text, left);
        if (len == 0) {
            is_ok = wsp_buf_add(out, "\xef\xbf\xbd", 3);
            len = 1;
        } else if (*text == '\\' || *text == '"') {
            is_ok = wsp_buf_printf(out, "\\%c", *text);
        } else if (*text == '\n') {
            is_ok = wsp_buf_add(out, "\\n", 2);
        } else {
            is_ok = wsp_buf_add(out, text, len);
        }
        text += len;
        left -= len;
    }
    return is_ok;
}

static bool put_sample(const struct page *page, const struct metric *metric,
                       uint64_t value)
{
    return wsp_buf_printf(page->out, PREFIX "%s %" PRIu64 "\n", metric->name,
                          value);
}

/* ---- histograms ---- */

struct histogram {
    const char *name;
    const char *reason; /* value of that label, or NULL: no label */
    const double *bounds;
    const uint64_t *buckets; /* one more than there are bounds */
    size_t bound_count;
};

/* Appends `name_suffix{reason="…",`, or as much of it as applies. */
static bool put_series(struct wsp_buf *out, const struct histogram *histogram,
                       const char *suffix)
{
    if (!histogram->reason) {
        return wsp_buf_printf(out, PREFIX "%s%s", histogram->name, suffix);
    }
    return wsp_buf_printf(out, PREFIX "%s%s{reason=\"%s\"}", histogram->name,
                          suffix, histogram->reason);
}

static bool put_bucket_head(struct wsp_buf *out,
                            const struct histogram *histogram)
{
    if (!histogram->reason) {
        return wsp_buf_printf(out, PREFIX "%s_bucket{le=\"", histogram->name);
    }
    return wsp_buf_printf(out, PREFIX "%s_bucket{reason=\"%s\",le=\"",
                          histogram->name, histogram->reason);
}

/* Buckets hold what is above the bound in front; on the page each holds all
 * that is not above its own. Returns how many there are, in `total`. */
static bool put_buckets(struct wsp_buf *out, const struct histogram *histogram,
                        uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        *total += histogram->buckets[i];
        bool is_last = i == histogram->bound_count;
        if (!put_bucket_head(out, histogram) ||
            !(is_last ? wsp_buf_add(out, "+Inf", 4)
                      : put_double(out, histogram->bounds[i])) ||
            !wsp_buf_printf(out, "\"} %" PRIu64 "\n", *total)) {
            return false;
        }
    }
    return true;
}

static bool put_histogram(struct wsp_buf *out,
                          const struct histogram *histogram, double sum)
{
    uint64_t count;
    return put_buckets(out, histogram, &count) &&
           put_series(out, histogram, "_sum") && wsp_buf_add(out, " ", 1) &&
           put_double(out, sum) && wsp_buf_add(out, "\n", 1) &&
           put_series(out, histogram, "_count") &&
           wsp_buf_printf(out, " %" PRIu64 "\n", count);
}

/* ---- samples ---- */

static uint64_t number_at(const void *base, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)base + offset, sizeof number);
    return number;
}

static bool write_counter(const struct page *page, const struct metric *metric)
{
    return put_sample(page, metric, number_at(page->metrics, metric->offset));
}

static bool write_now(const struct page *page, const struct metric *metric)
{
    return put_sample(page, metric, number_at(page->now, metric->offset));
}

static bool write_info(const struct page *page, const struct metric *metric)
{
    return wsp_buf_printf(page->out, PREFIX "%s{name=\"", metric->name) &&
           put_escaped(page->out, page->now->server) &&
           wsp_buf_printf(page->out, "\",version=\"%s\"} 1\n", WSPULSE_VERSION);
}

static bool write_closed(const struct page *page, const struct metric *metric)
{
    for (int i = 0; i < WSP_REASON_COUNT; i++) {
        if (!wsp_buf_printf(page->out, PREFIX "%s{reason=\"%s\"} %" PRIu64 "\n",
                            metric->name, wsp_reason_text((enum wsp_reason)i),
                            page->metrics->connections_closed[i])) {
            return false;
        }
    }
    return true;
}

static const char *const refusal_names[WSP_REFUSAL_COUNT] = {
    [WSP_REFUSAL_NO_DESCRIPTORS] = "no_descriptors",
    [WSP_REFUSAL_MAX_CONNECTIONS_PER_IP] = "max_connections_per_ip",
    [WSP_REFUSAL_PROXY_PROTOCOL] = "proxy_protocol",
    [WSP_REFUSAL_TLS] = "tls",
    [WSP_REFUSAL_HANDSHAKE_TIMEOUT] = "handshake_timeout",
    [WSP_REFUSAL_CLOSING] = "closing",
    [WSP_REFUSAL_MAX_CONNECTIONS] = "max_connections",
    [WSP_REFUSAL_CONNECT] = "connect",
    [WSP_REFUSAL_HANDSHAKE] = "handshake",
    [WSP_REFUSAL_CHECK_ORIGIN] = "check_origin",
};

static bool write_refused(const struct page *page, const struct metric *metric)
{
    for (int i = 0; i < WSP_REFUSAL_COUNT; i++) {
        if (!wsp_buf_printf(page->out, PREFIX "%s{reason=\"%s\"} %" PRIu64 "\n",
                            metric->name, refusal_names[i],
                            page->metrics->refusals[i])) {
            return false;
        }
    }
    return true;
}

static bool write_duration(const struct page *page, const struct metric *metric)
{
    const struct wsp_metrics *metrics = page->metrics;
    for (int i = 0; i < WSP_REASON_COUNT; i++) {
        const struct histogram histogram = {
            metric->name, wsp_reason_text((enum wsp_reason)i),
            wsp_duration_bounds, metrics->duration_buckets[i],
            WSP_DURATION_BUCKETS};
        double seconds = (double)metrics->duration_sums[i] / 1000;
        if (!put_histogram(page->out, &histogram, seconds)) {
            return false;
        }
    }
    return true;
}

static bool write_fanout(const struct page *page, const struct metric *metric)
{
    const struct wsp_metrics *metrics = page->metrics;
    const struct histogram histogram = {metric->name, NULL, wsp_fanout_bounds,
                                        metrics->fanout_buckets,
                                        WSP_FANOUT_BUCKETS};
    return put_histogram(page->out, &histogram, (double)metrics->fanout_sum);
}

static bool write_utilization(const struct page *page,
                              const struct metric *metric)
{
    const struct wsp_metrics *metrics = page->metrics;
    const struct histogram histogram = {
        metric->name, NULL, wsp_utilization_bounds,
        metrics->utilization_buckets, WSP_UTILIZATION_BUCKETS};
    return put_histogram(page->out, &histogram, metrics->utilization_sum);
}

static bool write_lag(const struct page *page, const struct metric *metric)
{
    const struct wsp_metrics *metrics = page->metrics;
    const struct histogram histogram = {metric->name, NULL, wsp_lag_bounds,
                                        metrics->lag_buckets, WSP_LAG_BUCKETS};
    return put_histogram(page->out, &histogram,
                         (double)metrics->lag_sum / 1000);
}

/* ---- the table ---- */

#define COUNTED(field) write_counter, offsetof(struct wsp_metrics, field)
#define NOW(field) write_now, offsetof(struct wsp_metrics_now, field)

/* Spec §7.2 in its order, then what it does not have. */
static const struct metric table[] = {
    {"connections_opened_total", "counter",
     "Sessions that were opened; a resume opens none.",
     COUNTED(connections_opened)},
    {"connections_closed_total", "counter",
     "Sessions that have ended, by reason.", write_closed, 0},
    {"connections_active", "gauge",
     "Sessions there are now, suspended ones included.", NOW(connections)},
    {"connection_duration_seconds", "histogram",
     "Time from the first upgrade of a session to its end, suspensions "
     "included.",
     write_duration, 0},
    {"resume_attempts_total", "counter",
     "Sessions that went on with a new transport.", COUNTED(resume_attempts)},
    {"rooms_active", "gauge", "Rooms that have a member now.", NOW(rooms)},
    {"rooms_created_total", "counter", "Rooms whose first member joined.",
     COUNTED(rooms_created)},
    {"rooms_destroyed_total", "counter", "Rooms whose last member left.",
     COUNTED(rooms_destroyed)},
    {"messages_received_total", "counter",
     "Complete messages from peers, those that cannot be decoded included.",
     COUNTED(messages_received)},
    {"messages_received_bytes_total", "counter",
     "Payload bytes of the messages received.",
     COUNTED(messages_received_bytes)},
    {"messages_broadcast_total", "counter", "Broadcasts to a room that exists.",
     COUNTED(messages_broadcast)},
    {"broadcast_fanout", "histogram",
     "Members that took a broadcast, suspended ones included.", write_fanout,
     0},
    {"messages_sent_total", "counter", "Messages that a transport took.",
     COUNTED(messages_sent)},
    {"frames_dropped_total", "counter",
     "Frames refused or evicted because a send buffer was full.",
     COUNTED(frames_dropped)},
    {"send_buffer_utilization", "histogram",
     "Share of a send buffer that is in use after a message was sent.",
     write_utilization, 0},
    {"pong_timeouts_total", "counter",
     "Transports that ended because no pong came.", COUNTED(pong_timeouts)},
    {"decode_failures_total", "counter",
     "Messages that the codec could not decode.", COUNTED(decode_failures)},
    {"handler_failures_total", "counter",
     "Callbacks of the application that failed.", COUNTED(handler_failures)},
    {"messages_compressed_total", "counter",
     "Messages that were compressed: once for all recipients with the same "
     "window.",
     COUNTED(messages_compressed)},
    {"compression_saved_bytes_total", "counter",
     "Bytes by which compressed messages were shorter, over all recipients.",
     COUNTED(compression_saved_bytes)},
    {"compression_held_bytes", "gauge",
     "Memory reserved to inflate messages: contexts that clients take over, "
     "and messages that come in pieces.",
     NOW(compression_held)},
    {"frames_lost_total", "counter",
     "Frames reported as lost to sessions that were resumed.",
     COUNTED(frames_lost)},
    {"suspensions_refused_total", "counter",
     "Sessions that ended instead of being suspended because a bound was "
     "reached.",
     COUNTED(suspensions_refused)},
    {"hook_calls_lost_total", "counter",
     "Calls of metrics hooks that were lost for want of memory.",
     COUNTED(hooks_lost)},
    {"connections_refused_total", "counter",
     "Connections that became no session, by reason.", write_refused, 0},
    {"loop_lag_seconds", "histogram",
     "How much later than due the loop served a deadline.", write_lag, 0},
    {"sessions_suspended", "gauge",
     "Sessions that wait for a new transport now.", NOW(suspended)},
    {"server_generation", "gauge",
     "Generation of the application: 1, and one more with every reload.",
     NOW(generation)},
    {"server_info", "gauge", "Always 1; the labels tell the server.",
     write_info, 0},
};

static bool put_metric(const struct page *page, const struct metric *metric)
{
    return wsp_buf_printf(
               page->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
               metric->name, metric->help, metric->name, metric->type) &&
           metric->write(page, metric);
}

bool wsp_metrics_write(const struct wsp_metrics *metrics,
                       const struct wsp_metrics_now *now, struct wsp_buf *out)
{
    const struct page page = {metrics, now, out};
    if (!wsp_buf_reserve(out, PAGE_BYTES)) {
        return false;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!put_metric(&page, &table[i])) {
            return false;
        }
    }
    return true;
}
