/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include "proto/opcode.h"
#include "proto/utf8.h"

static enum wsp_err decode(struct wsp_span message, enum wsp_message_kind kind,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag)
{
    (void)diag;
    scratch->len = 0;
    *frame = (struct wsp_frame){
        .id = {"", 0},
        .event = {"", 0},
        .payload = message,
        .has_payload = true,
        .binary = kind == WSP_MESSAGE_BINARY,
        .is_utf8 = kind == WSP_MESSAGE_UTF8,
        .raw = message,
    };
    return WSP_OK;
}

static enum wsp_err encode(const struct wsp_frame *frame, struct wsp_buf *out,
                           uint8_t *opcode, struct wsp_diag *diag)
{
    struct wsp_span payload = frame->payload;
    /* RFC 6455 §5.6: the peer would fail the connection. */
    if (!frame->binary && !frame->is_checked &&
        !wsp_utf8_check(payload.data, payload.len)) {
        return wsp_diag_set(diag, WSP_ERR_ENCODE,
                            "payload of a text frame is not valid UTF-8");
    }
    if (!wsp_buf_add(out, payload.data, payload.len)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    *opcode = frame->binary ? WSP_OPCODE_BINARY : WSP_OPCODE_TEXT;
    return WSP_OK;
}

const struct wsp_codec wsp_codec_raw = {
    .name = "raw",
    .opcode = WSP_OPCODE_TEXT,
    .decode = decode,
    .encode = encode,
};
