/* SPDX-License-Identifier: MIT */
/* Compressed messages of a reader: inflated as they come when there is an
 * inflater for them, else gathered and inflated at their end. Both find the
 * same wrong with them, in the order of the inflated bytes. */
#include <stdlib.h>

#include "proto/extension.h"
#include "proto/reader_work.h"

/* A first guess at how much a message grows. */
#define GROWTH 4

/* ---- the inflater ---- */

/* That of a client that takes its context over; room for it is reserved. */
static struct wsp_inflater *context_of(struct wsp_reader_work *work)
{
    struct wsp_reader *reader = work->reader;
    if (!reader->context) {
        reader->context =
            wsp_inflate_pool_lend(work->inflaters, reader->window_bits);
    }
    return reader->context;
}

/* Without a context, every window is right that is large enough. */
static struct wsp_inflater *borrow(struct wsp_reader_work *work)
{
    return work->reader->keeps_context
               ? context_of(work)
               : wsp_inflate_pool_lend(work->inflaters, WSP_WINDOW_BITS_MAX);
}

void wsp_reader_work_hold(struct wsp_reader_work *work)
{
    bool is_reserved = work->reader->keeps_context;
    if (!is_reserved) {
        work->has_reserved =
            wsp_inflate_pool_reserve(work->inflaters, WSP_WINDOW_BITS_MAX);
    }
    if (is_reserved || work->has_reserved) {
        work->inflater = borrow(work);
    }
}

void wsp_reader_work_let_go(struct wsp_reader_work *work)
{
    if (work->inflater && work->inflater != work->reader->context) {
        wsp_inflate_pool_return(work->inflaters, work->inflater);
    }
    work->inflater = NULL;
    if (work->has_reserved) {
        wsp_inflate_pool_release(work->inflaters, WSP_WINDOW_BITS_MAX);
        work->has_reserved = false;
    }
}

/* ---- inflating ---- */

static const struct wsp_reader_failure *failure_of(
    enum wsp_inflate_result result)
{
    switch (result) {
    case WSP_INFLATE_BAD:
        return &wsp_reader_bad_deflate;
    case WSP_INFLATE_NO_MEMORY:
        return &wsp_reader_no_memory;
    default:
        return NULL;
    }
}

/* One byte more than allowed shows that a message is too big. */
static size_t bytes_max(const struct wsp_reader_limits *limits)
{
    return limits->max_message < SIZE_MAX ? limits->max_message + 1 : SIZE_MAX;
}

/* Makes room behind the message, up to that byte. Gives how much there is; 0
 * without memory. */
static size_t make_room(struct wsp_reader_work *work, size_t max, size_t in_len)
{
    size_t len = work->message.len;
    if (len == work->capacity) {
        size_t left = max - len;
        size_t guess = in_len < left / GROWTH ? in_len * GROWTH : left;
        if (!wsp_reader_work_reserve(work, guess ? guess : 1, max)) {
            return 0;
        }
    }
    return (work->capacity < max ? work->capacity : max) - len;
}

/* Takes `len` inflated bytes behind the message into it. */
static const struct wsp_reader_failure *take_inflated(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    size_t len)
{
    struct wsp_reader_message *message = &work->message;
    work->inflaters->out_bytes += len;
    size_t left = limits->max_message - message->len;
    size_t fine = len < left ? len : left;
    if (work->is_text_checked &&
        !wsp_utf8_feed(&work->utf8, work->data + message->len, fine)) {
        return &wsp_reader_bad_utf8;
    }
    message->len += fine;
    return len > left ? &wsp_reader_too_big : NULL;
}

const struct wsp_reader_failure *wsp_reader_work_inflate(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len)
{
    struct wsp_inflate_run run = {data, len, NULL, 0};
    size_t max = bytes_max(limits);
    enum wsp_inflate_result result;
    do {
        if (work->message.len > limits->max_message) {
            return &wsp_reader_too_big; /* the limit has been lowered */
        }
        size_t room = make_room(work, max, run.in_len);
        if (room == 0) {
            return &wsp_reader_no_memory;
        }
        run.out = work->data + work->message.len;
        run.room = room;
        result = wsp_inflater_run(work->inflater, &run);
        const struct wsp_reader_failure *failure =
            take_inflated(work, limits, room - run.room);
        if (failure) {
            return failure;
        }
    } while (result == WSP_INFLATE_FULL);
    return failure_of(result);
}

/* ---- complete messages ---- */

static const struct wsp_reader_failure *end(struct wsp_reader_work *work)
{
    enum wsp_inflate_result result = wsp_inflater_end(work->inflater);
    wsp_reader_work_let_go(work);
    return failure_of(result);
}

const struct wsp_reader_failure *wsp_reader_work_unpack(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len)
{
    work->inflater = borrow(work);
    if (!work->inflater) {
        return &wsp_reader_no_memory;
    }
    const struct wsp_reader_failure *failure =
        wsp_reader_work_inflate(work, limits, data, len);
    return failure ? failure : end(work);
}

/* ---- messages that were gathered ---- */

typedef const struct wsp_reader_failure *(*inflate_fn)(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len);

/* Has `inflate` put the message in the place of what was gathered. */
static const struct wsp_reader_failure *inflate_gathered(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    inflate_fn inflate)
{
    uint8_t *packed = work->data; /* NULL when nothing was gathered */
    const uint8_t *from = packed ? packed : (const uint8_t *)"";
    size_t len = work->message.len;
    work->data = NULL;
    work->capacity = 0;
    work->message.len = 0;
    const struct wsp_reader_failure *failure = inflate(work, limits, from, len);
    free(packed);
    return failure;
}

const struct wsp_reader_failure *wsp_reader_work_finish(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits)
{
    return work->inflater
               ? end(work)
               : inflate_gathered(work, limits, wsp_reader_work_unpack);
}

const struct wsp_reader_failure *wsp_reader_work_first(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const struct wsp_reader_failure *failure)
{
    if (!work->message.is_packed || work->inflater ||
        !(work->inflater = borrow(work))) {
        return failure;
    }
    const struct wsp_reader_failure *earlier =
        inflate_gathered(work, limits, wsp_reader_work_inflate);
    wsp_reader_work_let_go(work);
    return earlier && earlier != &wsp_reader_no_memory ? earlier : failure;
}
