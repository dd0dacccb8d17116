/* SPDX-License-Identifier: MIT */
#include "cli/bench_settings.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 1000000
#define DEPTH_MAX 1024
#define SIZE_MAX_BYTES (16 << 20)
#define BLOCK_MAX_BYTES (64 << 20) /* of one write: depth times size */
#define IN_FLIGHT_MAX (16 << 20)   /* connections times depth */
#define DURATION_DEFAULT_S 10
#define WARMUP_DEFAULT_S 0.5
#define TIMEOUT_DEFAULT_S 10
#define DAY_S 86400.0

static const char *const mode_names[] = {"echo", "fanout", "connect", "idle"};

const char *wsp_bench_mode_name(enum wsp_bench_mode mode)
{
    return mode_names[mode];
}

/* The values as they stand on the command line; NULL: not given. */
struct texts {
    const char *mode, *connections, *messages, *duration, *warmup, *timeout,
        *rate, *depth, *size, *pid;
};

/* ---- numbers ---- */

/* A number with its flag and the range it must lie in. */
struct number {
    const char *flag;
    const char *text;
    double min;
    double max;
    bool is_whole;
};

/* Leaves `value` as it is when the flag was not given. */
static bool read_number(const struct number *number, double *value, char *error)
{
    if (!number->text) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    double read = strtod(number->text, &end);
    bool is_plain =
        isdigit((unsigned char)number->text[0]) && !strpbrk(number->text, "xX");
    if (is_plain && *end == '\0' && errno == 0 && read >= number->min &&
        read <= number->max && (!number->is_whole || floor(read) == read)) {
        *value = read;
        return true;
    }
    snprintf(error, WSP_FLAGS_ERROR_MAX,
             "--%s: expected a %snumber from %.12g to %.12g, got \"%.60s\"",
             number->flag, number->is_whole ? "whole " : "", number->min,
             number->max, number->text);
    return false;
}

static bool read_counts(struct wsp_bench_settings *settings,
                        const struct texts *texts, char *error)
{
    double connections = settings->mode == WSP_BENCH_FANOUT ? 1000 : 50;
    double messages = 0;
    double depth = 1;
    double size = 128;
    double pid = 0;
    const struct number numbers[] = {
        {"connections", texts->connections, 1, CONNECTIONS_MAX, true},
        {"messages", texts->messages, 1, 1e12, true},
        {"depth", texts->depth, 1, DEPTH_MAX, true},
        {"size", texts->size, 0, SIZE_MAX_BYTES, true},
        {"pid", texts->pid, 1, 1 << 30, true},
    };
    double *const values[] = {&connections, &messages, &depth, &size, &pid};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!read_number(&numbers[i], values[i], error)) {
            return false;
        }
    }
    settings->connections = (uint32_t)connections;
    settings->messages = (uint64_t)messages;
    settings->depth = (uint32_t)depth;
    settings->size = (uint32_t)size;
    settings->pid = (int)pid;
    return true;
}

static bool read_times(struct wsp_bench_settings *settings,
                       const struct texts *texts, char *error)
{
    settings->duration_s = settings->messages ? 0 : DURATION_DEFAULT_S;
    settings->warmup_s = WARMUP_DEFAULT_S;
    settings->timeout_s = TIMEOUT_DEFAULT_S;
    const struct number numbers[] = {
        {"duration", texts->duration, 0.01, DAY_S, false},
        {"warmup", texts->warmup, 0, DAY_S, false},
        {"timeout", texts->timeout, 0.1, DAY_S, false},
        {"rate", texts->rate, 0.001, 1e9, false},
    };
    double *const values[] = {&settings->duration_s, &settings->warmup_s,
                              &settings->timeout_s, &settings->rate};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!read_number(&numbers[i], values[i], error)) {
            return false;
        }
    }
    return true;
}

/* ---- what goes together ---- */

static bool read_mode(struct wsp_bench_settings *settings, const char *text,
                      char *error)
{
    if (!text) {
        return true;
    }
    for (unsigned i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
        if (strcmp(mode_names[i], text) == 0) {
            settings->mode = (enum wsp_bench_mode)i;
            return true;
        }
    }
    snprintf(error, WSP_FLAGS_ERROR_MAX,
             "--mode: expected echo, fanout, connect or idle, got \"%.60s\"",
             text);
    return false;
}

/* A line break in a text that goes into the request would be a request of its
 * own; in an event name it would be no JSON. */
static bool check_text(const char *flag, const char *text, char *error)
{
    for (const char *at = text; at && *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\' ||
            *at == 0x7f) {
            snprintf(error, WSP_FLAGS_ERROR_MAX,
                     "--%s: quotes, backslashes and control characters are "
                     "not allowed",
                     flag);
            return false;
        }
    }
    return true;
}

static bool check_headers(const struct wsp_bench_settings *settings,
                          char *error)
{
    for (size_t i = 0; i < settings->headers.count; i++) {
        const char *line = settings->headers.items[i];
        if (!strchr(line, ':') || strpbrk(line, "\r\n")) {
            snprintf(error, WSP_FLAGS_ERROR_MAX,
                     "--header: expected one line \"Name: value\", got "
                     "\"%.60s\"",
                     line);
            return false;
        }
    }
    return true;
}

static bool check_together(const struct wsp_bench_settings *settings,
                           char *error)
{
    const char *wrong = NULL;
    if (!settings->url) {
        wrong = "which URL? For instance ws://127.0.0.1:8080/ws";
    } else if (settings->is_envelope && settings->is_binary) {
        wrong = "--envelope and --binary exclude each other: an envelope is "
                "JSON text";
    } else if (settings->mode == WSP_BENCH_IDLE && settings->messages) {
        wrong = "--messages: an idle connection sends one and then none; how "
                "long it lasts is --duration";
    } else if ((uint64_t)settings->depth * settings->size > BLOCK_MAX_BYTES) {
        wrong = "--depth times --size may be 64 MiB at most";
    } else if ((uint64_t)settings->depth * settings->connections >
               IN_FLIGHT_MAX) {
        wrong = "--depth times --connections may be 16777216 at most";
    }
    if (wrong) {
        snprintf(error, WSP_FLAGS_ERROR_MAX, "%s", wrong);
    }
    return !wrong;
}

static bool read_values(struct wsp_bench_settings *settings,
                        const struct texts *texts, char *error)
{
    return read_mode(settings, texts->mode, error) &&
           read_counts(settings, texts, error) &&
           read_times(settings, texts, error) &&
           check_text("room", settings->room, error) &&
           check_text("event", settings->event, error) &&
           check_headers(settings, error) && check_together(settings, error);
}

enum wsp_flags_result wsp_bench_settings_read(
    struct wsp_bench_settings *settings, char **argv,
    char error[WSP_FLAGS_ERROR_MAX])
{
    *settings = (struct wsp_bench_settings){.event = "bench"};
    struct texts texts = {0};
    struct wsp_flag table[] = {
        {"mode", WSP_FLAG_TEXT, {.text = &texts.mode}},
        {"connections", WSP_FLAG_TEXT, {.text = &texts.connections}},
        {"messages", WSP_FLAG_TEXT, {.text = &texts.messages}},
        {"duration", WSP_FLAG_TEXT, {.text = &texts.duration}},
        {"warmup", WSP_FLAG_TEXT, {.text = &texts.warmup}},
        {"timeout", WSP_FLAG_TEXT, {.text = &texts.timeout}},
        {"rate", WSP_FLAG_TEXT, {.text = &texts.rate}},
        {"depth", WSP_FLAG_TEXT, {.text = &texts.depth}},
        {"size", WSP_FLAG_TEXT, {.text = &texts.size}},
        {"pid", WSP_FLAG_TEXT, {.text = &texts.pid}},
        {"event", WSP_FLAG_TEXT, {.text = &settings->event}},
        {"room", WSP_FLAG_TEXT, {.text = &settings->room}},
        {"header", WSP_FLAG_LIST, {.list = &settings->headers}},
        {"envelope", WSP_FLAG_ON, {.is_on = &settings->is_envelope}},
        {"binary", WSP_FLAG_ON, {.is_on = &settings->is_binary}},
        {"json", WSP_FLAG_ON, {.is_on = &settings->is_json}},
    };
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {table, sizeof(table) / sizeof(table[0]),
                              &arguments, 1};
    enum wsp_flags_result result = wsp_flags_parse(&flags, argv, error);
    settings->url = arguments.count > 0 ? arguments.items[0] : NULL;
    wsp_flag_list_fini(&arguments);
    if (result != WSP_FLAGS_OK) {
        return result;
    }
    return read_values(settings, &texts, error) ? WSP_FLAGS_OK
                                                : WSP_FLAGS_ERROR;
}

void wsp_bench_settings_fini(struct wsp_bench_settings *settings)
{
    wsp_flag_list_fini(&settings->headers);
}
