/* SPDX-License-Identifier: MIT */
/* The compressed forms of what a server sends: made when a message is first
 * written to somebody who takes it compressed, once for all recipients with the
 * same window. Queues, windows and suspended sessions hold the plain message.
 * Owner: the server. Thread: worker. */
#ifndef WSP_CORE_COMPRESSION_H
#define WSP_CORE_COMPRESSION_H

#include "base/blob.h"
#include "core/metrics.h"
#include "proto/deflate.h"
#include "proto/frame_head.h"

struct wsp_compression {
    struct wsp_deflater deflater;
    struct wsp_metrics *metrics; /* borrowed */
    size_t min_size;             /* payloads below it stay as they are */
    int level;                   /* of zlib: 1 to 9 */
};

/* A message that is written at once: a frame head, and bytes that are valid
 * until the next message is compressed. */
struct wsp_packed {
    uint8_t head[WSP_FRAME_HEAD_MAX];
    size_t head_len;
    struct wsp_span payload;
};

void wsp_compression_fini(struct wsp_compression *compression);

/* Gives what to write in place of a blob to somebody with a window of
 * 2^window_bits (9 to 15): a form of it that is borrowed from the blob, or the
 * blob itself. */
struct wsp_blob *wsp_compression_choose(struct wsp_compression *compression,
                                        struct wsp_blob *blob,
                                        uint8_t window_bits);

/* Compresses a message that one recipient alone gets. Returns false when it
 * stays as it is. */
bool wsp_compression_pack(struct wsp_compression *compression,
                          struct wsp_span message, uint8_t opcode,
                          uint8_t window_bits, struct wsp_packed *packed);

/* Counts a form that was written to somebody in place of its blob. */
static inline void wsp_compression_count(struct wsp_compression *compression,
                                         size_t plain_len, size_t packed_len)
{
    compression->metrics->compression_saved_bytes += plain_len - packed_len;
}

#endif
