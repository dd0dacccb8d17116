/* SPDX-License-Identifier: MIT */
/* Compresses outgoing messages (RFC 7692 §7.2.1), each for itself: no context
 * goes from one to the next, so the result is right for whoever gets it and
 * says nothing of what others were sent.
 * Owner: the server. Thread: the owner's. */
#ifndef WSP_PROTO_DEFLATE_H
#define WSP_PROTO_DEFLATE_H

#include <stdint.h>

#include <wspulse/span.h>

#include "base/buf.h"
#include "proto/extension.h"

#define WSP_DEFLATE_SIZES (WSP_WINDOW_BITS_MAX - WSP_DEFLATE_BITS_MIN + 1)

struct z_stream_s;

/* One zlib state for each size of window, made when it is first needed: 256 KiB
 * for the largest, 760 KiB for all. Zeroed has none. */
struct wsp_deflater {
    struct z_stream_s *streams[WSP_DEFLATE_SIZES];
    struct wsp_buf scratch;
    int level; /* of the streams there are; 0: there are none */
};

void wsp_deflater_fini(struct wsp_deflater *deflater);

/* Compresses a message for a window of 2^window_bits (9 to 15) at a level of
 * zlib's (1 to 9). Gives what goes into the frame, valid until the next call; a
 * span with NULL data when that is no shorter than the message, or there is no
 * memory. */
struct wsp_span wsp_deflater_run(struct wsp_deflater *deflater,
                                 struct wsp_span message, uint8_t window_bits,
                                 int level);

#endif
