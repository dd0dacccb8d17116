/* SPDX-License-Identifier: MIT */
#include "proto/reader_work.h"

#include <stdlib.h>
#include <string.h>

#include "proto/opcode.h"

#define BIT_MASKED 0x80u
#define CAPACITY_MIN 256

/* ---- the message ---- */

/* The most the message may come to need. A frame that is not the last one tells
 * nothing about those behind it. */
static size_t capacity_max(const struct wsp_reader_work *work,
                           const struct wsp_reader_limits *limits)
{
    if (!work->head.is_final) {
        return limits->max_message;
    }
    return work->message.len + (size_t)(work->head.len - work->payload_read);
}

/* Makes room for bytes that have arrived: at most twice as much as there is. */
static bool reserve(struct wsp_reader_work *work, size_t extra, size_t max)
{
    size_t wanted = work->message.len + extra;
    if (wanted <= work->capacity) {
        return true;
    }
    size_t capacity =
        work->capacity < CAPACITY_MIN ? CAPACITY_MIN : work->capacity * 2;
    if (capacity > max) {
        capacity = max;
    }
    if (capacity < wanted) {
        capacity = wanted;
    }
    uint8_t *data = realloc(work->data, capacity);
    if (!data) {
        return false;
    }
    work->data = data;
    work->capacity = capacity;
    return true;
}

/* Fails at the first byte that cannot be right, in the middle of a frame too. */
static bool check_text(struct wsp_reader_work *work, const uint8_t *data,
                       size_t len, bool is_ascii)
{
    if (is_ascii && wsp_utf8_is_complete(&work->utf8)) {
        return true;
    }
    return wsp_utf8_feed(&work->utf8, data, len);
}

/* ---- through wslay ---- */

/* Where the next payload bytes of the current frame go; there is room. */
static uint8_t *destination(const struct wsp_reader_work *work)
{
    return wsp_opcode_is_control(work->head.opcode)
               ? (uint8_t *)work->control + work->payload_read
               : work->data + work->message.len;
}

static void gather(struct wsp_reader_work *work,
                   const struct wslay_frame_iocb *piece)
{
    if (piece->data_length == 0) {
        return;
    }
    memcpy(destination(work), piece->data, piece->data_length);
    work->payload_read += piece->data_length;
    if (!wsp_opcode_is_control(work->head.opcode)) {
        work->message.len += piece->data_length;
    }
}

/* Tells whether wslay read the head as we did. */
static bool is_agreed(const struct wsp_reader_work *work,
                      const struct wslay_frame_iocb *piece)
{
    return piece->opcode == work->head.opcode &&
           piece->payload_length == work->head.len &&
           piece->data_length <= work->head.len - work->payload_read;
}

/* Lets wslay read some bytes of the current frame, and gathers the payload it
 * finds. Fails when it takes them for something else than we do. */
static const struct wsp_reader_failure *run_wslay(struct wsp_reader_work *work,
                                                  const uint8_t *bytes,
                                                  size_t len)
{
    work->supply = bytes;
    work->supply_len = len;
    while (work->supply_len > 0) {
        struct wslay_frame_iocb piece = {0};
        ssize_t result = wslay_frame_recv(work->wslay, &piece);
        if (result == WSLAY_ERR_WANT_READ && work->supply_len == 0) {
            break;
        }
        if (result < 0 || !is_agreed(work, &piece)) {
            work->is_out_of_step = true;
            return &wsp_reader_bad_frame;
        }
        gather(work, &piece);
    }
    return NULL;
}

/* Notes the data frame that begins. */
static void count_frame(struct wsp_reader_work *work,
                        const struct wsp_reader_limits *limits)
{
    struct wsp_reader_message *message = &work->message;
    if (message->opcode == 0) {
        message->opcode = work->head.opcode;
        work->is_text_checked =
            message->opcode == WSP_OPCODE_TEXT && limits->validate_utf8;
    }
    message->fragment_count++;
}

/* Opens the frame whose head has just become whole. */
static const struct wsp_reader_failure *begin_frame(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits)
{
    if (!wsp_opcode_is_control(work->head.opcode)) {
        count_frame(work, limits);
    }
    work->is_in_frame = true;
    work->payload_read = 0;
    /* The same head without the mask. */
    work->head_bytes[1] &= (uint8_t)~BIT_MASKED;
    return run_wslay(work, work->head_bytes, work->head.size - 4u);
}

/* ---- bytes in ---- */

/* How many bytes the head needs to tell more than it does. */
static size_t head_needs(const struct wsp_reader_work *work,
                         enum wsp_frame_head_part part)
{
    if (part == WSP_FRAME_HEAD_NONE) {
        return 2u - work->head_len;
    }
    size_t key = work->head.is_masked && part == WSP_FRAME_HEAD_FLAGS ? 4 : 0;
    return work->head.size - key - work->head_len;
}

static const struct wsp_reader_failure *take_head(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len, size_t *taken)
{
    *taken = 0;
    for (;;) {
        enum wsp_frame_head_part part =
            wsp_frame_head_parse(&work->head, work->head_bytes, work->head_len);
        const struct wsp_reader_failure *failure =
            wsp_reader_rule_check(&work->head, part, &work->message, limits);
        if (failure) {
            return failure;
        }
        if (part == WSP_FRAME_HEAD_WHOLE) {
            return begin_frame(work, limits);
        }
        size_t count = head_needs(work, part);
        count = count < len - *taken ? count : len - *taken;
        if (count == 0) {
            return NULL;
        }
        memcpy(work->head_bytes + work->head_len, data + *taken, count);
        work->head_len = (uint8_t)(work->head_len + count);
        *taken += count;
    }
}

/* Takes payload bytes: mask off, text checked, then through wslay. */
static const struct wsp_reader_failure *take_payload(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    uint8_t *data, size_t len)
{
    bool is_ascii = wsp_frame_unmask(data, len, work->head.key,
                                     (size_t)(work->payload_read & 3));
    if (!wsp_opcode_is_control(work->head.opcode)) {
        if (work->is_text_checked && !check_text(work, data, len, is_ascii)) {
            return &wsp_reader_bad_utf8;
        }
        if (!reserve(work, len, capacity_max(work, limits))) {
            return &wsp_reader_no_memory;
        }
    }
    return run_wslay(work, data, len);
}

const struct wsp_reader_failure *wsp_reader_work_take(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    uint8_t *data, size_t len, size_t *taken)
{
    if (!work->is_in_frame) {
        return take_head(work, limits, data, len, taken);
    }
    uint64_t left = work->head.len - work->payload_read;
    *taken = left < len ? (size_t)left : len;
    return take_payload(work, limits, data, *taken);
}

void wsp_reader_work_next(struct wsp_reader_work *work)
{
    work->is_in_frame = false;
    work->head_len = 0;
}
