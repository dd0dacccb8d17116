/* SPDX-License-Identifier: MIT */
#include "cli/bench_reader.h"

#include <string.h>

#define CLOSE 0x8
#define PING 0x9
#define PONG 0xa
#define NO_STATUS 1005

static bool is_control(const struct wsp_bench_reader *reader)
{
    return reader->head[0] & 0x08;
}

/* Bytes of the whole head, as far as two bytes tell. */
static uint8_t head_size(const struct wsp_bench_reader *reader)
{
    uint8_t len = reader->head[1] & 0x7f;
    if (len < 126) {
        return 2;
    }
    return len == 126 ? 4 : 10;
}

static uint64_t payload_len(const struct wsp_bench_reader *reader)
{
    uint8_t size = head_size(reader);
    uint64_t len = size == 2 ? reader->head[1] & 0x7f : 0;
    for (uint8_t i = 2; i < size; i++) {
        len = len << 8 | reader->head[i];
    }
    return len;
}

/* Takes bytes of the head. Returns how many. */
static size_t take_head(struct wsp_bench_reader *reader, const uint8_t *data,
                        size_t len)
{
    size_t taken = 0;
    while (taken < len &&
           (reader->head_len < 2 || reader->head_len < head_size(reader))) {
        reader->head[reader->head_len++] = data[taken++];
    }
    if (reader->head_len >= 2 && reader->head_len == head_size(reader)) {
        reader->is_in_payload = true;
        reader->left = payload_len(reader);
        reader->body_len = 0;
    }
    return taken;
}

static const char *find_fault(const struct wsp_bench_reader *reader)
{
    uint8_t opcode = reader->head[0] & 0x0f;
    bool is_known = opcode <= 2 || (opcode >= CLOSE && opcode <= PONG);
    if (reader->head[1] & 0x80) {
        return "a frame of the server is masked";
    }
    if (!is_known) {
        return "a frame of the server has an unknown opcode";
    }
    if (is_control(reader) && reader->left > WSP_BENCH_BODY_MAX) {
        return "a control frame of the server is too long";
    }
    return NULL;
}

static size_t take_payload(struct wsp_bench_reader *reader, const uint8_t *data,
                           size_t len)
{
    size_t taken = reader->left < len ? (size_t)reader->left : len;
    if (is_control(reader) && taken) {
        memcpy(reader->body + reader->body_len, data, taken);
        reader->body_len = (uint8_t)(reader->body_len + taken);
    }
    reader->left -= taken;
    return taken;
}

static void note_close(const struct wsp_bench_reader *reader,
                       struct wsp_bench_reading *reading)
{
    reading->is_closed = true;
    reading->close_code = NO_STATUS;
    if (reader->body_len >= 2) {
        size_t len = reader->body_len - 2U;
        reading->close_code =
            (uint16_t)(reader->body[0] << 8 | reader->body[1]);
        memcpy(reading->close_reason, reader->body + 2, len);
        reading->close_reason[len] = '\0';
    }
}

/* A frame is complete. */
static void note_frame(struct wsp_bench_reader *reader,
                       struct wsp_bench_reading *reading)
{
    uint8_t opcode = reader->head[0] & 0x0f;
    if (!is_control(reader)) {
        reading->messages += reader->head[0] >> 7;
        reading->bytes += payload_len(reader);
    } else if (opcode == PING) {
        reading->is_pinged = true;
        reading->ping_len = reader->body_len;
        memcpy(reading->ping, reader->body, reader->body_len);
    } else if (opcode == CLOSE) {
        note_close(reader, reading);
    }
    reader->is_in_payload = false;
    reader->head_len = 0;
}

const char *wsp_bench_reader_feed(struct wsp_bench_reader *reader,
                                  const uint8_t *data, size_t len,
                                  struct wsp_bench_reading *reading)
{
    memset(reading, 0, sizeof *reading);
    size_t at = 0;
    while (at < len && !reading->is_closed) {
        if (!reader->is_in_payload) {
            at += take_head(reader, data + at, len - at);
            const char *fault =
                reader->is_in_payload ? find_fault(reader) : NULL;
            if (fault) {
                return fault;
            }
        }
        if (reader->is_in_payload) {
            at += take_payload(reader, data + at, len - at);
            if (reader->left == 0) {
                note_frame(reader, reading);
            }
        }
    }
    return NULL;
}
