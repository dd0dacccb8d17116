/* SPDX-License-Identifier: MIT */
#include "core/sendq.h"

void wsp_sendq_fini(struct wsp_sendq *queue)
{
    while (wsp_sendq_drop_oldest(queue)) {
    }
    wsp_ring_fini(&queue->ring);
}

bool wsp_sendq_is_full(const struct wsp_sendq *queue,
                       const struct wsp_sendq_limits *limits, size_t len)
{
    uint32_t count = wsp_sendq_count(queue);
    if (count >= limits->frames) {
        return true;
    }
    return count > 0 && queue->bytes + len > limits->bytes;
}

bool wsp_sendq_push(struct wsp_sendq *queue, struct wsp_blob *blob)
{
    if (!wsp_ring_push(&queue->ring, blob)) {
        wsp_blob_unref(blob, 1);
        return false;
    }
    queue->bytes += blob->len;
    return true;
}

struct wsp_blob *wsp_sendq_pop(struct wsp_sendq *queue)
{
    struct wsp_blob *blob = wsp_ring_pop(&queue->ring);
    if (blob) {
        queue->bytes -= blob->len;
    }
    return blob;
}

size_t wsp_sendq_drop_oldest(struct wsp_sendq *queue)
{
    struct wsp_blob *blob = wsp_sendq_pop(queue);
    if (!blob) {
        return 0;
    }
    size_t len = blob->len;
    wsp_blob_unref(blob, 1);
    return len;
}

void wsp_sendq_forget_oldest(struct wsp_sendq *queue, size_t len)
{
    wsp_ring_pop(&queue->ring);
    queue->bytes -= len;
}

void wsp_sendq_drop_newest(struct wsp_sendq *queue)
{
    struct wsp_blob *blob = wsp_ring_pop_back(&queue->ring);
    if (blob) {
        queue->bytes -= blob->len;
        wsp_blob_unref(blob, 1);
    }
}
