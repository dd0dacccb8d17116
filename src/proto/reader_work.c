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
        return work->message.is_packed ? wsp_reader_packed_max(limits)
                                       : limits->max_message;
    }
    return work->message.len + (size_t)(work->head.len - work->payload_read);
}

bool wsp_reader_work_reserve(struct wsp_reader_work *work, size_t extra,
                             size_t max)
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

/* Takes a piece of payload that wslay has found. */
static const struct wsp_reader_failure *take_piece(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const struct wslay_frame_iocb *piece)
{
    const struct wsp_reader_failure *failure = NULL;
    bool is_control = wsp_opcode_is_control(work->head.opcode);
    if (piece->data_length == 0) {
        return NULL;
    }
    if (work->inflater && !is_control) {
        failure = wsp_reader_work_inflate(work, limits, piece->data,
                                          piece->data_length);
    } else {
        memcpy(destination(work), piece->data, piece->data_length);
        work->message.len += is_control ? 0 : piece->data_length;
    }
    work->payload_read += piece->data_length;
    work->message.packed_len += is_control ? 0 : piece->data_length;
    return failure;
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
static const struct wsp_reader_failure *run_wslay(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *bytes, size_t len)
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
        const struct wsp_reader_failure *failure =
            take_piece(work, limits, &piece);
        if (failure) {
            return failure;
        }
    }
    return NULL;
}

void wsp_reader_work_open(struct wsp_reader_work *work,
                          const struct wsp_frame_head *head,
                          const struct wsp_reader_limits *limits)
{
    work->message.opcode = head->opcode;
    work->message.is_packed = head->rsv == WSP_RSV1;
    work->is_text_checked =
        head->opcode == WSP_OPCODE_TEXT && limits->validate_utf8;
}

/* Notes the data frame that begins. */
static void count_frame(struct wsp_reader_work *work,
                        const struct wsp_reader_limits *limits)
{
    if (work->message.opcode == 0) {
        wsp_reader_work_open(work, &work->head, limits);
        if (work->message.is_packed) {
            wsp_reader_work_hold(work);
        }
    }
    work->message.fragment_count++;
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
    return run_wslay(work, limits, work->head_bytes, work->head.size - 4u);
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
    bool may_pack = work->reader->window_bits != 0;
    for (;;) {
        enum wsp_frame_head_part part =
            wsp_frame_head_parse(&work->head, work->head_bytes, work->head_len);
        const struct wsp_reader_failure *failure = wsp_reader_rule_check(
            &work->head, part, &work->message, limits, may_pack);
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

/* Checks the text of a message that is not compressed, and makes room for it;
 * of a compressed one, unless it is inflated as it comes. */
static const struct wsp_reader_failure *receive_data(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len, bool is_ascii)
{
    bool is_text = work->is_text_checked && !work->message.is_packed;
    if (is_text && !check_text(work, data, len, is_ascii)) {
        return &wsp_reader_bad_utf8;
    }
    if (!work->inflater &&
        !wsp_reader_work_reserve(work, len, capacity_max(work, limits))) {
        return &wsp_reader_no_memory;
    }
    return NULL;
}

/* Takes payload bytes: mask off, looked at, then through wslay. */
static const struct wsp_reader_failure *take_payload(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    uint8_t *data, size_t len)
{
    bool is_ascii = wsp_frame_unmask(data, len, work->head.key,
                                     (size_t)(work->payload_read & 3));
    const struct wsp_reader_failure *failure =
        wsp_opcode_is_control(work->head.opcode)
            ? NULL
            : receive_data(work, limits, data, len, is_ascii);
    return failure ? failure : run_wslay(work, limits, data, len);
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
