/* SPDX-License-Identifier: MIT */
/* The rules a client's frame heads must keep (RFC 6455 §5), each judged as soon
 * as the bytes it needs are there.
 * Thread: any. */
#ifndef WSP_PROTO_READER_RULE_H
#define WSP_PROTO_READER_RULE_H

#include "proto/frame_head.h"
#include "proto/reader.h"

/* The message a frame may belong to. */
struct wsp_reader_message {
    size_t len;              /* bytes of it so far */
    size_t packed_len;       /* bytes of it in frames, when is_packed */
    uint32_t fragment_count; /* frames of it so far */
    uint8_t opcode;          /* of its first frame; 0: none has begun */
    bool is_packed;          /* compressed: its first frame had RSV1 */
};

/* The bit of a compressed message (RFC 7692 §6) among the reserved ones. */
#define WSP_RSV1 0x4

static inline bool wsp_opcode_is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

/* How many bytes a compressed message may have in frames: somewhat more than
 * it may have inflated, because what cannot be compressed grows a little. */
static inline size_t wsp_reader_packed_max(
    const struct wsp_reader_limits *limits)
{
    size_t max = limits->max_message;
    return max < SIZE_MAX / 2 ? max + max / 4 + 1024 : max;
}

/* Judges what is known of a head; `may_pack`: compression was agreed on. Returns
 * NULL, or why the stream fails. Depends only on `part` bytes of the head, so
 * that an early call and a late one agree on what breaks first. */
const struct wsp_reader_failure *wsp_reader_rule_check(
    const struct wsp_frame_head *head, enum wsp_frame_head_part part,
    const struct wsp_reader_message *message,
    const struct wsp_reader_limits *limits, bool may_pack);

/* The failures that no head shows. */
extern const struct wsp_reader_failure wsp_reader_bad_utf8;
extern const struct wsp_reader_failure wsp_reader_bad_close;
extern const struct wsp_reader_failure wsp_reader_bad_close_text;
extern const struct wsp_reader_failure wsp_reader_no_memory;
extern const struct wsp_reader_failure wsp_reader_bad_frame;
extern const struct wsp_reader_failure wsp_reader_bad_deflate;
extern const struct wsp_reader_failure wsp_reader_too_big;

#endif
