/* SPDX-License-Identifier: MIT */
/* A codec: how a frame becomes a message, and a message a frame (seed: Codec).
 * Thread: any; codecs have no state. */
#ifndef WSP_PROTO_CODEC_H
#define WSP_PROTO_CODEC_H

#include <stdint.h>

#include <wspulse/error.h>
#include <wspulse/frame.h>

#include "base/buf.h"

/* What is known of an incoming message. */
enum wsp_message_kind {
    WSP_MESSAGE_TEXT,   /* a text message that nobody has checked */
    WSP_MESSAGE_BINARY, /* a binary message */
    WSP_MESSAGE_UTF8,   /* a text message, known to be UTF-8 */
};

struct wsp_codec {
    const char *name; /* as in the option codec */
    uint8_t opcode;   /* of outbound messages, unless encode says else */

    /* Takes a message apart. Spans of `frame` point into `message` or, when
     * text had to be unescaped, into `scratch`, which is emptied first.
     * Returns WSP_OK, WSP_ERR_DECODE with a reason in `diag`, or
     * WSP_ERR_OUT_OF_MEMORY. */
    enum wsp_err (*decode)(struct wsp_span message, enum wsp_message_kind kind,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag);

    /* Appends the message of a frame (one whose raw.data is NULL) to `out` and
     * sets `opcode`. Returns WSP_OK, WSP_ERR_ENCODE with a reason in `diag`
     * (then `out` is as it was), or WSP_ERR_OUT_OF_MEMORY. */
    enum wsp_err (*encode)(const struct wsp_frame *frame, struct wsp_buf *out,
                           uint8_t *opcode, struct wsp_diag *diag);
};

/* JSON envelopes {"id":…,"event":…,"payload":…}: spec §1.2 rules E1-E5, E7 and
 * §1.3 rules D1-D16 as settled by decisions A12 and D15. The payload's bytes are
 * kept as they are, both ways. */
extern const struct wsp_codec wsp_codec_json;

/* One message is one frame: id and event are "", the payload is the message,
 * frame.binary picks the opcode; text must be UTF-8 (decisions, Codecs). */
extern const struct wsp_codec wsp_codec_raw;

/* MessagePack maps with the string keys id, event and payload: the rules of JSON
 * envelopes, as binary messages. Keys of other types are ignored like unknown
 * ones. The payload's bytes are kept as they are, both ways. */
extern const struct wsp_codec wsp_codec_msgpack;

/* Finds a codec by name, or NULL. */
const struct wsp_codec *wsp_codec_find(const char *name);

#endif
