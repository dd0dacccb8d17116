/* SPDX-License-Identifier: MIT */
#include <wspulse/log.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/line.h"

#define LINE_BYTES 8192
#define CLOSING_BYTES 8 /* kept for what ends a value and the line */
#define FIELD_BYTES 128 /* a long value leaves this much to each field after */
#define NUMBER_BYTES 40

/* What one call of the logger is about. */
struct record {
    enum wsp_log_level level;
    const char *message;
    const struct wsp_log_field *fields;
    size_t count;
    bool has_color;
};

struct level_style {
    const char *json;
    const char *text; /* all of one width */
    const char *color;
};

static const struct level_style level_styles[] = {
    [WSP_LOG_DEBUG] = {"debug", "DEBUG", "\x1b[36m"},
    [WSP_LOG_INFO] = {"info", "INFO ", "\x1b[32m"},
    [WSP_LOG_WARN] = {"warn", "WARN ", "\x1b[33m"},
    [WSP_LOG_ERROR] = {"error", "ERROR", "\x1b[31m"},
};

/* ---- parts of a line ---- */

/* Bytes for a value that `rest` more fields follow. */
static size_t share(const struct wsp_line *line, size_t rest)
{
    size_t room = line->size > line->len ? line->size - line->len : 0;
    if (rest >= room / FIELD_BYTES) {
        return FIELD_BYTES;
    }
    return room - rest * FIELD_BYTES;
}

/* Adds what ends something that was begun: there is always room for it. */
static void add_closing(struct wsp_line *line, const char *text)
{
    size_t size = line->size;
    line->size = LINE_BYTES;
    wsp_line_add(line, text);
    line->size = size;
}

static bool add_quoted(struct wsp_line *line, struct wsp_span text,
                       enum wsp_escape style, size_t max)
{
    if (!wsp_line_add(line, "\"")) {
        return false;
    }
    wsp_line_escape(line, text, style, max);
    add_closing(line, "\"");
    return true;
}

/* The locale of the program may have written a comma into a number. */
static bool add_number(struct wsp_line *line, double number)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    char text[NUMBER_BYTES];
    bool is_small = number >= -exact && number <= exact;
    if (is_small && (double)(long long)number == number) {
        snprintf(text, sizeof text, "%.0f", number);
        return wsp_line_add(line, text);
    }
    snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) != number) {
        snprintf(text, sizeof text, "%.17g", number);
    }
    char *comma = strchr(text, ',');
    if (comma) {
        *comma = '.';
    }
    return wsp_line_add(line, text);
}

static unsigned read_time(struct tm *tm, bool is_utc)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (is_utc) {
        gmtime_r(&now.tv_sec, tm);
    } else {
        localtime_r(&now.tv_sec, tm);
    }
    return (unsigned)(now.tv_nsec / 1000000);
}

/* ---- JSON ---- */

static void add_json_head(struct wsp_line *line, const struct record *record)
{
    struct tm tm;
    unsigned ms = read_time(&tm, true);
    char head[128];
    snprintf(head, sizeof head,
             "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03uZ\","
             "\"level\":\"%s\",\"msg\":",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, ms, level_styles[record->level].json);
    wsp_line_add(line, head);
    add_quoted(line, wsp_span_of(record->message), WSP_ESCAPE_JSON,
               share(line, record->count));
}

static bool add_json_key(struct wsp_line *line, const char *key)
{
    bool is_ours = strcmp(key, "time") == 0 || strcmp(key, "level") == 0 ||
                   strcmp(key, "msg") == 0;
    if (!wsp_line_add(line, is_ours ? ",\"fields." : ",\"")) {
        return false;
    }
    wsp_line_escape(line, wsp_span_of(key), WSP_ESCAPE_JSON, FIELD_BYTES);
    return wsp_line_add(line, "\":");
}

static bool add_json_value(struct wsp_line *line,
                           const struct wsp_log_field *field, size_t rest)
{
    if (field->text.data) {
        return add_quoted(line, field->text, WSP_ESCAPE_JSON,
                          share(line, rest));
    }
    if (!isfinite(field->number)) {
        return wsp_line_add(line, "null");
    }
    return add_number(line, field->number);
}

static void add_json(struct wsp_line *line, const struct record *record)
{
    add_json_head(line, record);
    for (size_t i = 0; i < record->count; i++) {
        const struct wsp_log_field *field = &record->fields[i];
        size_t before = line->len;
        if (!add_json_key(line, field->key) ||
            !add_json_value(line, field, record->count - i - 1)) {
            line->len = before;
            break;
        }
    }
    add_closing(line, "}\n");
}

/* ---- text ---- */

static void add_text_head(struct wsp_line *line, const struct record *record)
{
    struct tm tm;
    unsigned ms = read_time(&tm, false);
    const struct level_style *style = &level_styles[record->level];
    const char *reset = record->has_color ? "\x1b[0m" : "";
    char head[128];
    snprintf(head, sizeof head, "%s%02d:%02d:%02d.%03u%s %s%s%s ",
             record->has_color ? "\x1b[2m" : "", tm.tm_hour, tm.tm_min,
             tm.tm_sec, ms, reset, record->has_color ? style->color : "",
             style->text, reset);
    wsp_line_add(line, head);
    wsp_line_escape(line, wsp_span_of(record->message), WSP_ESCAPE_PLAIN,
                    share(line, record->count));
}

/* Quotes where one field could be taken for two, or something is hidden. */
static bool needs_quotes(struct wsp_span text)
{
    return text.len == 0 || memchr(text.data, ' ', text.len) ||
           memchr(text.data, '=', text.len) ||
           !wsp_escape_is_plain(text, WSP_ESCAPE_QUOTED);
}

static bool add_word(struct wsp_line *line, struct wsp_span text, size_t max)
{
    if (needs_quotes(text)) {
        return add_quoted(line, text, WSP_ESCAPE_QUOTED, max);
    }
    size_t before = line->len;
    wsp_line_escape(line, text, WSP_ESCAPE_QUOTED, max);
    return line->len > before;
}

static bool add_text_key(struct wsp_line *line, const char *key, bool has_color)
{
    return wsp_line_add(line, has_color ? " \x1b[2m" : " ") &&
           add_word(line, wsp_span_of(key), FIELD_BYTES) &&
           wsp_line_add(line, has_color ? "=\x1b[0m" : "=");
}

static bool add_text_value(struct wsp_line *line,
                           const struct wsp_log_field *field, size_t rest)
{
    if (field->text.data) {
        return add_word(line, field->text, share(line, rest));
    }
    return add_number(line, field->number);
}

static void add_text(struct wsp_line *line, const struct record *record)
{
    add_text_head(line, record);
    for (size_t i = 0; i < record->count; i++) {
        const struct wsp_log_field *field = &record->fields[i];
        size_t before = line->len;
        if (!add_text_key(line, field->key, record->has_color) ||
            !add_text_value(line, field, record->count - i - 1)) {
            line->len = before;
            break;
        }
    }
    add_closing(line, "\n");
}

/* ---- writing ---- */

/* Writes once. A pipe that nobody reads any more raises SIGPIPE, which only the
 * program may decide about: it is held back, and taken out if it is ours. */
static void write_line(int fd, const struct wsp_line *line)
{
    sigset_t pipe_set;
    sigset_t old_set;
    sigset_t pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old_set);
    ssize_t written = write(fd, line->data, line->len);
    if (written < 0 && errno == EPIPE && !was_pending) {
        const struct timespec no_wait = {.tv_sec = 0};
        sigtimedwait(&pipe_set, NULL, &no_wait);
    }
    pthread_sigmask(SIG_SETMASK, &old_set, NULL);
}

static void sink_write(void *ud, enum wsp_log_level level, const char *message,
                       const struct wsp_log_field *fields, size_t count)
{
    const struct wsp_log_sink *sink = ud;
    const struct record record = {
        .level = level,
        .message = message,
        .fields = fields,
        .count = count,
        .has_color = sink->color,
    };
    char data[LINE_BYTES];
    struct wsp_line line = {.data = data, .size = LINE_BYTES - CLOSING_BYTES};
    if (sink->format == WSP_LOG_JSON) {
        add_json(&line, &record);
    } else {
        add_text(&line, &record);
    }
    write_line(sink->fd, &line);
}

struct wsp_logger wsp_log_sink_logger(struct wsp_log_sink *sink,
                                      enum wsp_log_level level)
{
    return (struct wsp_logger){.write = sink_write, .ud = sink, .level = level};
}
