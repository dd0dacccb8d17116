/* SPDX-License-Identifier: MIT */
/* Frames as a client writes them, and as no client should. */
#ifndef WSP_SPEC_PROTO_CLIENT_FRAME_H
#define WSP_SPEC_PROTO_CLIENT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/span.h>

#include "base/buf.h"

struct client_frame {
    uint8_t opcode;
    struct wsp_span payload;
    /* What is zero is as it should be. */
    bool is_fragment; /* FIN is 0 */
    bool is_unmasked;
    uint8_t rsv;
    uint8_t length_size;    /* 2 or 8: the longer form, needed or not */
    uint64_t announced_len; /* instead of the payload's */
    uint32_t key;           /* of the mask; 0 is a fixed one */
    bool is_key_zero;
};

/* Appends a frame; aborts without memory. */
void client_frame_add(struct wsp_buf *stream, const struct client_frame *frame);

/* Appends a final frame of that opcode. */
void client_frame_put(struct wsp_buf *stream, uint8_t opcode,
                      struct wsp_span payload);

/* Appends a close frame. */
void client_frame_close(struct wsp_buf *stream, uint16_t code,
                        struct wsp_span reason);

#endif
