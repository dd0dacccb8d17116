/* SPDX-License-Identifier: MIT */
/* Structured log lines: a level, a message and key=value fields, handed to a
 * sink that the embedder chooses.
 * Thread: a sink is called on the thread that logs; the sinks made here lock
 * nothing and write each line with one write(2). */
#ifndef WSPULSE_LOG_H
#define WSPULSE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/api.h>
#include <wspulse/span.h>

WSP_BEGIN_C

enum wsp_log_level {
    WSP_LOG_DEBUG,
    WSP_LOG_INFO,
    WSP_LOG_WARN,
    WSP_LOG_ERROR,
    WSP_LOG_OFF,
};

enum wsp_log_format { WSP_LOG_TEXT, WSP_LOG_JSON };

/* One key with its value: text, or a number when `text.data` is NULL. */
struct wsp_log_field {
    const char *key;      /* a plain word, not NULL; sinks escape it too */
    struct wsp_span text; /* may hold anything a peer sent; sinks escape it */
    double number;
};

/* A text for a field: "" in place of NULL, which would mean a number. */
static inline struct wsp_span wsp_log_text(struct wsp_span text)
{
    return text.data ? text : (struct wsp_span){"", 0};
}

#define WSP_LOG_STR(k, s)                                                      \
    ((struct wsp_log_field){(k), wsp_log_text(wsp_span_of(s)), 0})
#define WSP_LOG_SPAN(k, s) ((struct wsp_log_field){(k), wsp_log_text(s), 0})
#define WSP_LOG_NUM(k, n) ((struct wsp_log_field){(k), {NULL, 0}, (double)(n)})

typedef void (*wsp_log_fn)(void *ud, enum wsp_log_level level,
                           const char *message,
                           const struct wsp_log_field *fields, size_t count);

/* Where lines go and from which level on. Copied by value. A zeroed one with
 * level WSP_LOG_OFF is silent. */
struct wsp_logger {
    wsp_log_fn write; /* NULL: silent */
    void *ud;
    enum wsp_log_level level;
};

/* Hands a line to the logger when its level is high enough. */
WSP_API void wsp_log(const struct wsp_logger *logger, enum wsp_log_level level,
                     const char *message, const struct wsp_log_field *fields,
                     size_t count);

/* Tells whether a line of `level` would be written. */
static inline bool wsp_log_enabled(const struct wsp_logger *logger,
                                   enum wsp_log_level level)
{
    return logger->write && level >= logger->level;
}

/* Settings of the sink made here. Owner: the caller, for as long as the logger
 * that points to it is used. */
struct wsp_log_sink {
    int fd; /* where lines are written */
    enum wsp_log_format format;
    bool color; /* text only */
};

/* Gives a logger that writes each line to `sink->fd`: "15:04:05.123 INFO
 * message key=value" in local time, or one JSON object with "time" (UTC),
 * "level", "msg" and the fields (a field of such a name becomes "fields.time").
 * Control characters, quotes, invalid UTF-8 and bidirectional overrides are
 * escaped; a line is at most 8 KiB: what is longer is cut and ends in "…".
 * A write that fails is ignored, without SIGPIPE: neither a full disk nor a
 * closed pipe may stop the server. */
WSP_API struct wsp_logger wsp_log_sink_logger(struct wsp_log_sink *sink,
                                              enum wsp_log_level level);

/* Reads "debug", "info", "warn", "error" or "off". Returns false otherwise. */
WSP_API bool wsp_log_level_parse(const char *text, enum wsp_log_level *level);

WSP_END_C

#endif
