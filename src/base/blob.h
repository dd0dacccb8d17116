/* SPDX-License-Identifier: MIT */
/* An encoded WebSocket frame that any number of queues may share: immutable
 * once built, counted, head and payload in one run of bytes.
 * Thread: any. */
#ifndef WSP_BASE_BLOB_H
#define WSP_BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/span.h>

#define WSP_BLOB_HEAD_MAX 10 /* room for the longest frame head */

struct wsp_blob {
    atomic_uint ref_count;
    uint8_t head_len; /* bytes of the frame head in front of the payload */
    uint8_t opcode;   /* of the message */
    size_t len;       /* head and payload */
    /* The frame starts at bytes[WSP_BLOB_HEAD_MAX - head_len]. */
    uint8_t bytes[];
};

/* Copies a payload behind room for its head, one reference. The caller writes
 * the head with wsp_blob_set_head before anybody else sees the blob. NULL
 * without memory. */
struct wsp_blob *wsp_blob_new(struct wsp_span payload, uint8_t opcode);

void wsp_blob_set_head(struct wsp_blob *blob, const uint8_t *head,
                       size_t head_len);

static inline const uint8_t *wsp_blob_data(const struct wsp_blob *blob)
{
    return blob->bytes + WSP_BLOB_HEAD_MAX - blob->head_len;
}

static inline size_t wsp_blob_payload_len(const struct wsp_blob *blob)
{
    return blob->len - blob->head_len;
}

/* Raises the count by `count`: once per broadcast, not once per member. */
static inline struct wsp_blob *wsp_blob_ref(struct wsp_blob *blob,
                                            unsigned count)
{
    atomic_fetch_add_explicit(&blob->ref_count, count, memory_order_relaxed);
    return blob;
}

/* Drops `count` references. */
void wsp_blob_unref(struct wsp_blob *blob, unsigned count);

#endif
