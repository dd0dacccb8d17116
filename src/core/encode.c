/* SPDX-License-Identifier: MIT */
/* From a frame to the bytes on the wire: once, whatever the number of
 * recipients. */
#include <stdio.h>

#include "core/hub.h"
#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "proto/utf8.h"

#define SCRATCH_KEEP (64 * 1024) /* bytes kept between two messages */

/* Text that was not made by the codec itself must still be UTF-8 when it leaves
 * as a text message (RFC 6455 §5.6), unless that is known. */
static enum wsp_err check_text(bool is_known, struct wsp_span message,
                               uint8_t opcode, struct wsp_diag *diag)
{
    if (opcode != WSP_OPCODE_TEXT || is_known ||
        wsp_utf8_check(message.data, message.len)) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_ENCODE,
                        "wspulse: encode failed: text is not valid UTF-8");
}

static enum wsp_err encode_members(struct wsp_hub *hub,
                                   const struct wsp_frame *frame,
                                   struct wsp_span *message, uint8_t *opcode,
                                   struct wsp_diag *diag)
{
    const struct wsp_codec *codec = hub->config.codec;
    wsp_buf_reset(&hub->scratch, SCRATCH_KEEP);
    *opcode = codec->opcode;
    enum wsp_err err = codec->encode(frame, &hub->scratch, opcode, diag);
    if (err) {
        return err;
    }
    *message = (struct wsp_span){hub->scratch.data, hub->scratch.len};
    bool is_known = frame->is_checked && !frame->binary;
    return check_text(is_known, *message, *opcode, diag);
}

/* The bytes of a frame that is forwarded go out as they came in. */
static enum wsp_err forward(const struct wsp_hub *hub,
                            const struct wsp_frame *frame,
                            struct wsp_span *message, uint8_t *opcode,
                            struct wsp_diag *diag)
{
    const struct wsp_codec *codec = hub->config.codec;
    *message = frame->raw;
    *opcode = frame->binary && codec == &wsp_codec_raw ? WSP_OPCODE_BINARY
                                                       : codec->opcode;
    return check_text(frame->is_utf8, *message, *opcode, diag);
}

static enum wsp_message_kind kind_of(const struct wsp_frame *frame)
{
    if (frame->binary) {
        return WSP_MESSAGE_BINARY;
    }
    return frame->is_utf8 ? WSP_MESSAGE_UTF8 : WSP_MESSAGE_TEXT;
}

/* Gives a frame an id of its own, so that a client can drop a second copy
 * (resume_confirm). A frame that is forwarded is taken apart for it, and stays
 * as it is when there is an id in its bytes. */
static enum wsp_err encode_with_id(struct wsp_hub *hub,
                                   const struct wsp_frame *frame,
                                   struct wsp_span *message, uint8_t *opcode,
                                   struct wsp_diag *diag)
{
    struct wsp_frame own = *frame;
    char id[40];
    if (frame->raw.data) {
        enum wsp_err err = hub->config.codec->decode(
            frame->raw, kind_of(frame), &hub->forwarded, &own, diag);
        if (err) {
            return err;
        }
        if (own.id.len) {
            return forward(hub, frame, message, opcode, diag);
        }
        own.raw = (struct wsp_span){NULL, 0};
        own.is_checked = true;
    }
    int len = snprintf(id, sizeof id, "%s-%llu", hub->frame_nonce,
                       (unsigned long long)++hub->frame_count);
    own.id = (struct wsp_span){id, (size_t)len};
    return encode_members(hub, &own, message, opcode, diag);
}

/* Tells whether a frame must get an id: raw frames cannot carry one. */
static bool lacks_id(const struct wsp_hub *hub, const struct wsp_frame *frame)
{
    return hub->config.resume_confirm && frame->id.len == 0 &&
           hub->config.codec != &wsp_codec_raw;
}

enum wsp_err wsp_hub_encode(struct wsp_hub *hub, const struct wsp_frame *frame,
                            struct wsp_span *message, uint8_t *opcode,
                            struct wsp_diag *diag)
{
    if (lacks_id(hub, frame)) {
        return encode_with_id(hub, frame, message, opcode, diag);
    }
    if (frame->raw.data) {
        return forward(hub, frame, message, opcode, diag);
    }
    return encode_members(hub, frame, message, opcode, diag);
}

struct wsp_blob *wsp_hub_blob(struct wsp_span message, uint8_t opcode)
{
    struct wsp_blob *blob = wsp_blob_new(message, opcode);
    if (blob) {
        uint8_t head[WSP_FRAME_HEAD_MAX];
        size_t head_len = wsp_frame_head_build(head, opcode, message.len);
        wsp_blob_set_head(blob, head, head_len);
    }
    return blob;
}
