/* SPDX-License-Identifier: MIT */
#include "proto/recorder.h"

#include <stdlib.h>

#include "proto/inflate.h"
#include "proto/opcode.h"

#define FEED_MAX (1024 * 1024)

static void add(struct recorder *recorder, const void *data, size_t len)
{
    if (!wsp_buf_add(&recorder->log, data, len)) {
        abort();
    }
}

static bool note(struct recorder *recorder, const char *what, const void *data,
                 size_t len)
{
    if (!data || !wsp_buf_printf(&recorder->log, "%s %zu ", what, len)) {
        abort();
    }
    add(recorder, data, len);
    add(recorder, "\n", 1);
    recorder->found_count++;
    return recorder->found_count != recorder->stop_after;
}

/* The same for what does not end the stream. */
static bool note_found(struct recorder *recorder, const char *what,
                       const void *data, size_t len)
{
    bool is_going_on = note(recorder, what, data, len);
    recorder->found_len = recorder->log.len;
    return is_going_on;
}

static bool note_message(struct recorder *recorder, uint8_t opcode, char *data,
                         size_t len)
{
    bool is_going_on = note_found(
        recorder, opcode == WSP_OPCODE_TEXT ? "text" : "binary", data, len);
    for (size_t i = 0; i < len; i++) {
        data[i] = '!'; /* the sink may change it */
    }
    return is_going_on;
}

/* Asks for every second message itself, so that both ways of getting one are
 * tried with whatever is fed. */
static bool on_message(void *ud, uint8_t opcode, char *data, size_t len)
{
    struct recorder *recorder = ud;
    struct wsp_reader_next next;
    bool is_going_on = note_message(recorder, opcode, data, len);
    if (is_going_on && recorder->found_count % 2 == 1 &&
        wsp_reader_next(&recorder->reader, recorder->pool, &next)) {
        recorder->next_count++;
        is_going_on = note_message(recorder, next.opcode, next.data, next.len);
    }
    return is_going_on;
}

static bool on_ping(void *ud, const uint8_t *data, size_t len)
{
    return note_found(ud, "ping", data, len);
}

static bool on_pong(void *ud, const uint8_t *data, size_t len)
{
    return note_found(ud, "pong", data, len);
}

static bool on_close(void *ud, uint16_t code, const char *reason, size_t len)
{
    struct recorder *recorder = ud;
    if (!wsp_buf_printf(&recorder->log, "close %u", code)) {
        abort();
    }
    return note(recorder, "", reason, len);
}

static const struct wsp_reader_sink sink = {
    on_message,
    on_ping,
    on_pong,
    on_close,
};

void recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){
        .pool = wsp_reader_pool_new(1),
        .limits = {.max_message = 65536, .validate_utf8 = true},
    };
    if (!recorder->pool) {
        abort();
    }
    wsp_reader_init(&recorder->reader);
    page_end_init(&recorder->memory, FEED_MAX);
}

void recorder_fini(struct recorder *recorder)
{
    wsp_reader_fini(&recorder->reader, recorder->pool);
    wsp_reader_pool_free(recorder->pool);
    wsp_buf_fini(&recorder->log);
    page_end_fini(&recorder->memory);
}

void recorder_reset(struct recorder *recorder)
{
    wsp_reader_fini(&recorder->reader, recorder->pool);
    wsp_reader_init(&recorder->reader);
    if (recorder->agreed.server_bits &&
        !wsp_reader_agree(&recorder->reader, recorder->pool,
                          &recorder->agreed)) {
        abort();
    }
    recorder->log.len = 0;
    recorder->found_len = 0;
    recorder->found_count = 0;
    recorder->result = WSP_READER_MORE;
}

void recorder_agree(struct recorder *recorder, uint8_t bits, bool takes_over,
                    size_t budget)
{
    recorder->agreed = (struct wsp_extension){
        .server_bits = 15,
        .client_bits = bits,
        .client_takes_over = takes_over,
    };
    wsp_reader_pool_inflaters(recorder->pool)->max_bytes = budget;
    recorder_reset(recorder);
}

static void feed_piece(struct recorder *recorder, struct wsp_span piece)
{
    const struct wsp_reader_port port = {recorder->pool, &recorder->limits,
                                         &sink, recorder};
    char *data = page_end_put(&recorder->memory, piece);
    recorder->result =
        wsp_reader_feed(&recorder->reader, &port, (uint8_t *)data, piece.len,
                        &recorder->failure);
    if (recorder->result == WSP_READER_FAILED &&
        !wsp_buf_printf(&recorder->log, "failed %u %s\n",
                        recorder->failure.close_code, recorder->failure.text)) {
        abort();
    }
}

void recorder_feed(struct recorder *recorder, struct wsp_span stream,
                   size_t piece)
{
    size_t at = 0;
    while (at < stream.len) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        feed_piece(recorder, (struct wsp_span){stream.data + at, len});
        at += len;
    }
}

struct wsp_span recorder_log(const struct recorder *recorder)
{
    return (struct wsp_span){recorder->log.data, recorder->log.len};
}
