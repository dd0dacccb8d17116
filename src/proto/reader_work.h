/* SPDX-License-Identifier: MIT */
/* The slow path of a reader: a frame that arrives in pieces, or a message in
 * several frames. wslay's frame API takes the frames apart; what they carry is
 * gathered here.
 *
 * The mask is removed from the bytes on their way in, a block at a time: wslay
 * is told that there is none, because it would go byte by byte. It reads ahead,
 * so it is handed the bytes of the current frame only.
 * Owner: the reader, while one is lent. Thread: the owner's. */
#ifndef WSP_PROTO_READER_WORK_H
#define WSP_PROTO_READER_WORK_H

#include <wslay/wslay.h>

#include "proto/inflate.h"
#include "proto/reader_rule.h"
#include "proto/utf8.h"

struct wsp_reader_work {
    struct wsp_reader_work *next; /* in the pool's list of idle ones */
    struct wsp_reader *reader;    /* who has it */
    struct wsp_inflate_pool *inflaters;
    wslay_frame_context_ptr wslay;
    const uint8_t *supply; /* what wslay may read now; only within a call */
    size_t supply_len;

    struct wsp_frame_head head; /* of the current frame, once it is whole */
    uint8_t head_bytes[WSP_FRAME_HEAD_MASKED_MAX];
    uint8_t head_len;    /* bytes of the head that have arrived */
    bool is_in_frame;    /* the head is whole, the payload may be on its way */
    bool is_out_of_step; /* wslay no longer knows where a frame starts */
    uint64_t payload_read; /* bytes of the frame's payload that have arrived */
    uint8_t control[125];  /* payload of a control frame; it may come between
                              two fragments */

    struct wsp_reader_message message;
    struct wsp_inflater *inflater; /* of a compressed message; NULL: what is in
                                      its frames is gathered as it came */
    bool has_reserved;             /* it is counted in the budget */
    bool
        is_text_checked; /* decided when the message begins; rules may change */
    struct wsp_utf8 utf8; /* of the message, when it is text to check */
    uint8_t *data;        /* heap: the message; grows as bytes arrive */
    size_t capacity;
};

/* ---- the pool (reader_pool.c) ---- */

struct wsp_reader_feed;

/* Where it is kept which feed is under way; NULL: none. Feeds do not nest. */
struct wsp_reader_feed **wsp_reader_pool_feed(struct wsp_reader_pool *pool);

/* Lends one that is between two messages, or returns NULL without memory. */
struct wsp_reader_work *wsp_reader_pool_lend(struct wsp_reader_pool *pool,
                                             struct wsp_reader *reader);

/* Takes one back, whatever state it is in. */
void wsp_reader_pool_return(struct wsp_reader_pool *pool,
                            struct wsp_reader_work *work);

/* ---- one frame after the other (reader_work.c) ---- */

/* Tells whether the next byte starts a frame. */
static inline bool wsp_reader_work_is_between(
    const struct wsp_reader_work *work)
{
    return work->head_len == 0;
}

/* Tells whether the current frame is complete. The caller hands over what it
 * completed, then calls wsp_reader_work_next. */
static inline bool wsp_reader_work_is_complete(
    const struct wsp_reader_work *work)
{
    return work->is_in_frame && work->payload_read == work->head.len;
}

/* Takes the next bytes, up to the end of the current frame at most; they are
 * changed. Returns NULL and how many it took, or why the stream fails. */
const struct wsp_reader_failure *wsp_reader_work_take(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    uint8_t *data, size_t len, size_t *taken);

/* Goes on to the next frame of the message. */
void wsp_reader_work_next(struct wsp_reader_work *work);

/* Opens the message whose first frame has that head. */
void wsp_reader_work_open(struct wsp_reader_work *work,
                          const struct wsp_frame_head *head,
                          const struct wsp_reader_limits *limits);

/* Makes room for `extra` bytes of the message that have arrived: at most twice
 * what there is, unless they need more. It will never have more than `max`
 * bytes. False without memory. */
bool wsp_reader_work_reserve(struct wsp_reader_work *work, size_t extra,
                             size_t max);

/* ---- compressed messages (reader_packed.c) ---- */

/* Gets an inflater for a message whose frames are still to come, if the budget
 * has room for one. */
void wsp_reader_work_hold(struct wsp_reader_work *work);

/* Inflates bytes of the message to the end of what there is of it, and checks
 * what comes of them: size and text. */
const struct wsp_reader_failure *wsp_reader_work_inflate(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len);

/* The same for a message that is all there; it is complete then. */
const struct wsp_reader_failure *wsp_reader_work_unpack(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const uint8_t *data, size_t len);

/* Completes a message whose last frame has come. */
const struct wsp_reader_failure *wsp_reader_work_finish(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits);

/* The stream fails between the frames of the message, or at one: gives why it
 * does, or what was wrong with the message before that. */
const struct wsp_reader_failure *wsp_reader_work_first(
    struct wsp_reader_work *work, const struct wsp_reader_limits *limits,
    const struct wsp_reader_failure *failure);

/* Lets go of the inflater, if there is one. */
void wsp_reader_work_let_go(struct wsp_reader_work *work);

#endif
