/* SPDX-License-Identifier: MIT */
/* An encoded WebSocket frame that any number of queues may share: immutable
 * once built, counted, head and payload in one run of bytes. Its compressed
 * forms hang on it, each made when it is first written to somebody who takes it.
 * Thread: any. */
#ifndef WSP_BASE_BLOB_H
#define WSP_BASE_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/span.h>

#define WSP_BLOB_HEAD_MAX 10 /* room for the longest frame head */

struct wsp_blob {
    atomic_uint ref_count;
    uint8_t head_len;    /* bytes of the frame head in front of the payload */
    uint8_t opcode;      /* of the message */
    uint8_t window_bits; /* of a form: what it was compressed for; else 0 */
    atomic_uchar plain_sizes; /* windows that no form pays for; bit 0: 2^8 */
    size_t len;               /* head and payload */
    /* The first of its forms, one reference each; of a form, the next one. */
    _Atomic(struct wsp_blob *) forms;
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

static inline struct wsp_span wsp_blob_payload(const struct wsp_blob *blob)
{
    return (struct wsp_span){(const char *)blob->bytes + WSP_BLOB_HEAD_MAX,
                             wsp_blob_payload_len(blob)};
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

/* ---- compressed forms ---- */

/* Finds the form for a window of 2^window_bits (8 to 15); NULL when none was
 * made. It is borrowed from the blob; who needs it for longer refers to it. */
struct wsp_blob *wsp_blob_form(const struct wsp_blob *blob,
                               uint8_t window_bits);

/* Hangs a form on the blob, which owns the caller's reference then. Two threads
 * may each hang one: both serve, one is found. */
void wsp_blob_add_form(struct wsp_blob *blob, struct wsp_blob *form,
                       uint8_t window_bits);

/* Notes that for such a window the blob itself is the shortest form. */
static inline void wsp_blob_stay_plain(struct wsp_blob *blob,
                                       uint8_t window_bits)
{
    atomic_fetch_or_explicit(&blob->plain_sizes,
                             (unsigned char)(1u << (window_bits - 8)),
                             memory_order_relaxed);
}

static inline bool wsp_blob_stays_plain(const struct wsp_blob *blob,
                                        uint8_t window_bits)
{
    unsigned sizes =
        atomic_load_explicit(&blob->plain_sizes, memory_order_relaxed);
    return (sizes >> (window_bits - 8) & 1) != 0;
}

#endif
