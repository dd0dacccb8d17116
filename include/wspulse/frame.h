/* SPDX-License-Identifier: MIT */
/* A frame: the unit applications exchange, an id, an event and a payload (seed:
 * Frame). What a codec makes of one message. */
#ifndef WSPULSE_FRAME_H
#define WSPULSE_FRAME_H

#include <stdbool.h>

#include <wspulse/span.h>

struct wsp_frame {
    struct wsp_span id;      /* "" when absent; decoded text, UTF-8 */
    struct wsp_span event;   /* "" when absent; decoded text, UTF-8 */
    struct wsp_span payload; /* in the codec's own encoding: JSON text for json,
                                msgpack bytes for msgpack, the message for raw */
    bool has_payload;        /* tells an absent payload from an empty one */
    bool binary;             /* opcode: in, what the peer used; out, raw only */
    bool is_checked;         /* out: the payload is known to be well-formed, the
                                codec need not check it again */
    bool is_utf8;            /* the bytes of raw are known to be UTF-8 */
    struct wsp_span raw;     /* in: the whole message. out: when raw.data is not
                                NULL these bytes are sent as they are and the
                                members above are ignored (forwarding) */
};

#endif
