/* SPDX-License-Identifier: MIT */
/* A queue of encoded frames, oldest first, bounded in frames and in bytes.
 * Owner: the session. Thread: worker. */
#ifndef WSP_CORE_SENDQ_H
#define WSP_CORE_SENDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/ring.h"

/* The two bounds (options send_buffer_size and send_buffer_bytes). */
struct wsp_sendq_limits {
    uint32_t frames;
    size_t bytes;
};

/* Zeroed is an empty queue. */
struct wsp_sendq {
    struct wsp_ring ring; /* struct wsp_blob *, one reference each */
    size_t bytes;         /* of the blobs held */
};

/* Drops what is left. The queue may be used again. */
void wsp_sendq_fini(struct wsp_sendq *queue);

static inline uint32_t wsp_sendq_count(const struct wsp_sendq *queue)
{
    return queue->ring.count;
}

static inline struct wsp_blob *wsp_sendq_at(const struct wsp_sendq *queue,
                                            uint32_t index)
{
    return wsp_ring_at(&queue->ring, index);
}

/* Tells whether a frame of `len` bytes does not fit. One frame always fits an
 * empty queue: the byte bound is on what waits. */
bool wsp_sendq_is_full(const struct wsp_sendq *queue,
                       const struct wsp_sendq_limits *limits, size_t len);

/* Appends and owns the caller's reference. Returns false without memory; the
 * reference was dropped. Bounds are the caller's business. */
bool wsp_sendq_push(struct wsp_sendq *queue, struct wsp_blob *blob);

/* Takes the oldest out with its reference; NULL when empty. */
struct wsp_blob *wsp_sendq_pop(struct wsp_sendq *queue);

/* Drops the oldest. Returns its size in bytes, 0 when there was none. */
size_t wsp_sendq_drop_oldest(struct wsp_sendq *queue);

/* Removes the oldest, whose reference has been taken over; `len` is its size,
 * because it may be gone already. */
void wsp_sendq_forget_oldest(struct wsp_sendq *queue, size_t len);

/* Drops the newest, if there is one. */
void wsp_sendq_drop_newest(struct wsp_sendq *queue);

#endif
