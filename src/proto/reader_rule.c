/* SPDX-License-Identifier: MIT */
#include "proto/reader_rule.h"

#include "proto/close.h"
#include "proto/opcode.h"

#define CONTROL_LEN_MAX 125

const struct wsp_reader_failure wsp_reader_bad_utf8 = {
    WSP_CLOSE_INVALID_DATA, "text message is not valid UTF-8"};
const struct wsp_reader_failure wsp_reader_bad_close = {WSP_CLOSE_PROTOCOL,
                                                        "bad close code"};
const struct wsp_reader_failure wsp_reader_bad_close_text = {
    WSP_CLOSE_INVALID_DATA, "close reason is not valid UTF-8"};
const struct wsp_reader_failure wsp_reader_no_memory = {WSP_CLOSE_INTERNAL,
                                                        "out of memory"};
const struct wsp_reader_failure wsp_reader_bad_frame = {WSP_CLOSE_PROTOCOL,
                                                        "bad frame"};

const struct wsp_reader_failure wsp_reader_bad_deflate = {
    WSP_CLOSE_INVALID_DATA, "compressed message is not valid"};
const struct wsp_reader_failure wsp_reader_too_big = {WSP_CLOSE_TOO_BIG,
                                                      "message too big"};

static const struct wsp_reader_failure bad_rsv = {WSP_CLOSE_PROTOCOL,
                                                  "RSV bits set"};
static const struct wsp_reader_failure bad_opcode = {WSP_CLOSE_PROTOCOL,
                                                     "bad opcode"};
static const struct wsp_reader_failure split_control = {
    WSP_CLOSE_PROTOCOL, "FIN not set on control"};
static const struct wsp_reader_failure long_control = {WSP_CLOSE_PROTOCOL,
                                                       "len > 125 for control"};
static const struct wsp_reader_failure no_start = {
    WSP_CLOSE_PROTOCOL, "continuation without start"};
static const struct wsp_reader_failure no_end = {WSP_CLOSE_PROTOCOL,
                                                 "data before FIN"};
static const struct wsp_reader_failure bad_mask = {WSP_CLOSE_PROTOCOL,
                                                   "bad MASK"};
static const struct wsp_reader_failure bad_len = {WSP_CLOSE_PROTOCOL,
                                                  "bad payload length"};
static const struct wsp_reader_failure too_many = {WSP_CLOSE_POLICY,
                                                   "too many fragments"};

static const struct wsp_reader_failure *check_control(
    const struct wsp_frame_head *head)
{
    if (head->opcode > WSP_OPCODE_PONG) {
        return &bad_opcode;
    }
    if (!head->is_final) {
        return &split_control;
    }
    return head->short_len > CONTROL_LEN_MAX ? &long_control : NULL;
}

static const struct wsp_reader_failure *check_order(
    const struct wsp_frame_head *head, const struct wsp_reader_message *message)
{
    if (head->opcode > WSP_OPCODE_BINARY) {
        return &bad_opcode;
    }
    bool is_first = head->opcode != WSP_OPCODE_CONTINUATION;
    bool is_open = message->opcode != 0;
    if (is_first == is_open) {
        return is_first ? &no_end : &no_start;
    }
    return NULL;
}

/* Tells whether the reserved bits mean something here: RSV1 on the first frame
 * of a message, when compression was agreed on (RFC 7692 §6). */
static bool is_rsv_known(const struct wsp_frame_head *head, bool may_pack)
{
    bool is_first =
        head->opcode == WSP_OPCODE_TEXT || head->opcode == WSP_OPCODE_BINARY;
    return head->rsv == 0 || (head->rsv == WSP_RSV1 && may_pack && is_first);
}

static const struct wsp_reader_failure *check_flags(
    const struct wsp_frame_head *head, const struct wsp_reader_message *message,
    bool may_pack)
{
    if (!is_rsv_known(head, may_pack)) {
        return &bad_rsv;
    }
    const struct wsp_reader_failure *failure =
        wsp_opcode_is_control(head->opcode) ? check_control(head)
                                            : check_order(head, message);
    if (failure) {
        return failure;
    }
    return head->is_masked ? NULL : &bad_mask; /* RFC 6455 §5.1 */
}

/* RFC 6455 §5.2: the minimal number of bytes, the top bit of 64 is 0. */
static bool is_minimal(const struct wsp_frame_head *head)
{
    if (head->short_len < 126) {
        return true;
    }
    if (head->short_len == 126) {
        return head->len >= 126;
    }
    return head->len > UINT16_MAX && head->len <= INT64_MAX;
}

/* Tells whether the message goes over the limit with that frame. What has
 * arrived may do so alone, when the limit has been lowered since. Of a
 * compressed one this tells little: its inflated bytes are counted too. */
static bool is_too_big(const struct wsp_frame_head *head,
                       const struct wsp_reader_message *message,
                       const struct wsp_reader_limits *limits)
{
    size_t max = limits->max_message;
    size_t len = message->len;
    if (message->is_packed || head->rsv != 0) {
        max = wsp_reader_packed_max(limits);
        len = message->packed_len;
    }
    return len > max || head->len > max - len;
}

static const struct wsp_reader_failure *check_length(
    const struct wsp_frame_head *head, const struct wsp_reader_message *message,
    const struct wsp_reader_limits *limits)
{
    if (!is_minimal(head)) {
        return &bad_len;
    }
    if (wsp_opcode_is_control(head->opcode)) {
        return NULL;
    }
    if (is_too_big(head, message, limits)) {
        return &wsp_reader_too_big;
    }
    if (limits->max_fragments != 0 &&
        message->fragment_count >= limits->max_fragments) {
        return &too_many;
    }
    return NULL;
}

const struct wsp_reader_failure *wsp_reader_rule_check(
    const struct wsp_frame_head *head, enum wsp_frame_head_part part,
    const struct wsp_reader_message *message,
    const struct wsp_reader_limits *limits, bool may_pack)
{
    if (part == WSP_FRAME_HEAD_NONE) {
        return NULL;
    }
    const struct wsp_reader_failure *failure =
        check_flags(head, message, may_pack);
    if (failure || part == WSP_FRAME_HEAD_FLAGS) {
        return failure;
    }
    return check_length(head, message, limits);
}
