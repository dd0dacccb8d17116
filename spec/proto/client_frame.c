/* SPDX-License-Identifier: MIT */
#include "proto/client_frame.h"

#include <stdlib.h>
#include <string.h>

#include "proto/opcode.h"

#define KEY_DEFAULT 0x37fa213du /* of the examples of RFC 6455 §5.7 */

static void add(struct wsp_buf *stream, const void *data, size_t len)
{
    if (!wsp_buf_add(stream, data, len)) {
        abort();
    }
}

static void add_big_endian(struct wsp_buf *stream, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));
        add(stream, &byte, 1);
    }
}

static size_t length_size(const struct client_frame *frame, uint64_t len)
{
    if (frame->length_size) {
        return frame->length_size;
    }
    if (len < 126) {
        return 0;
    }
    return len <= UINT16_MAX ? 2 : 8;
}

static void add_head(struct wsp_buf *stream, const struct client_frame *frame)
{
    uint64_t len =
        frame->announced_len ? frame->announced_len : frame->payload.len;
    size_t size = length_size(frame, len);
    uint8_t first = (uint8_t)((frame->is_fragment ? 0 : 0x80) |
                              frame->rsv << 4 | frame->opcode);
    uint8_t second = (uint8_t)(size == 0 ? len : size == 2 ? 126 : 127);
    second = (uint8_t)(second | (frame->is_unmasked ? 0 : 0x80));
    add(stream, &first, 1);
    add(stream, &second, 1);
    add_big_endian(stream, len, size);
}

void client_frame_add(struct wsp_buf *stream, const struct client_frame *frame)
{
    uint32_t key = frame->key ? frame->key : KEY_DEFAULT;
    uint8_t mask[4] = {0};
    if (!frame->is_key_zero && !frame->is_unmasked) {
        memcpy(mask, &key, 4);
    }
    add_head(stream, frame);
    if (!frame->is_unmasked) {
        add(stream, mask, 4);
    }
    for (size_t i = 0; i < frame->payload.len; i++) {
        uint8_t byte = (uint8_t)(frame->payload.data[i] ^ mask[i % 4]);
        add(stream, &byte, 1);
    }
}

void client_frame_put(struct wsp_buf *stream, uint8_t opcode,
                      struct wsp_span payload)
{
    struct client_frame frame = {.opcode = opcode, .payload = payload};
    client_frame_add(stream, &frame);
}

void client_frame_close(struct wsp_buf *stream, uint16_t code,
                        struct wsp_span reason)
{
    char body[125] = {(char)(code >> 8), (char)(code & 0xFF)};
    if (reason.len > sizeof(body) - 2) {
        abort();
    }
    if (reason.len > 0) {
        memcpy(body + 2, reason.data, reason.len);
    }
    client_frame_put(stream, WSP_OPCODE_CLOSE,
                     (struct wsp_span){body, reason.len + 2});
}
