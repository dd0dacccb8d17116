/* SPDX-License-Identifier: MIT */
/* The msgpack codec against a reader made of the format's own table: the same
 * bytes are accepted, spans lie inside, and what is decoded comes back.
 * Covers: src/proto/codec_msgpack.c src/proto/msgpack_scan.c */
#include <string.h>

#include "bytes.h"
#include "proto/codec.h"
#include "proto/msgpack_scan.h"
#include "proto/utf8.h"
#include "target.h"

/* ---- the reference ---- */

/* The formats behind 0xC0, by first byte: bytes of a length, bytes of a fixed
 * body, and what a length counts. */
struct format {
    uint8_t length_size;
    uint8_t body_size;
    uint8_t values; /* each unit of the length is so many values; 0: bytes */
    bool is_legal;
};

static const struct format formats[32] = {
    [0x00] = {0, 0, 0, true}, [0x02] = {0, 0, 0, true},
    [0x03] = {0, 0, 0, true}, [0x04] = {1, 0, 0, true},
    [0x05] = {2, 0, 0, true}, [0x06] = {4, 0, 0, true},
    [0x07] = {1, 1, 0, true}, [0x08] = {2, 1, 0, true},
    [0x09] = {4, 1, 0, true}, [0x0A] = {0, 4, 0, true},
    [0x0B] = {0, 8, 0, true}, [0x0C] = {0, 1, 0, true},
    [0x0D] = {0, 2, 0, true}, [0x0E] = {0, 4, 0, true},
    [0x0F] = {0, 8, 0, true}, [0x10] = {0, 1, 0, true},
    [0x11] = {0, 2, 0, true}, [0x12] = {0, 4, 0, true},
    [0x13] = {0, 8, 0, true}, [0x14] = {0, 2, 0, true},
    [0x15] = {0, 3, 0, true}, [0x16] = {0, 5, 0, true},
    [0x17] = {0, 9, 0, true}, [0x18] = {0, 17, 0, true},
    [0x19] = {1, 0, 0, true}, [0x1A] = {2, 0, 0, true},
    [0x1B] = {4, 0, 0, true}, [0x1C] = {2, 0, 1, true},
    [0x1D] = {4, 0, 1, true}, [0x1E] = {2, 0, 2, true},
    [0x1F] = {4, 0, 2, true},
};

static bool read_value(struct bytes *bytes, int depth);

static bool read_values(struct bytes *bytes, uint64_t count, int depth)
{
    if (depth >= WSP_MSGPACK_DEPTH_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!read_value(bytes, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool read_bytes(struct bytes *bytes, uint64_t count)
{
    return count <= bytes->len && bytes_span(bytes, (size_t)count).len == count;
}

static bool read_format(struct bytes *bytes, const struct format *format,
                        int depth)
{
    uint64_t length = 0;
    if (!format->is_legal || bytes->len < format->length_size) {
        return false;
    }
    for (int i = 0; i < format->length_size; i++) {
        length = length << 8 | bytes_take(bytes);
    }
    if (format->values) {
        return read_values(bytes, length * format->values, depth);
    }
    return read_bytes(bytes, length + format->body_size);
}

static bool read_value(struct bytes *bytes, int depth)
{
    if (bytes->len == 0) {
        return false;
    }
    uint8_t first = bytes_take(bytes);
    if (first < 0x80 || first >= 0xE0) {
        return true;
    }
    if (first < 0x90) {
        return read_values(bytes, (first & 0xFU) * 2, depth);
    }
    if (first < 0xA0) {
        return read_values(bytes, first & 0xFU, depth);
    }
    if (first < 0xC0) {
        return read_bytes(bytes, first & 0x1FU);
    }
    return read_format(bytes, &formats[first - 0xC0], depth);
}

static bool is_one_value(struct wsp_span text)
{
    struct bytes bytes = {(const uint8_t *)text.data, text.len};
    return read_value(&bytes, 0) && bytes.len == 0;
}

/* ---- what must hold ---- */

static bool is_within(struct wsp_span part, const char *data, size_t len)
{
    return part.len == 0 ||
           (part.data >= data && part.data + part.len <= data + len);
}

static void check_text(struct wsp_span text, struct wsp_span raw,
                       const struct wsp_buf *scratch)
{
    FUZZ_CHECK(is_within(text, raw.data, raw.len) ||
               is_within(text, scratch->data, scratch->len));
    FUZZ_CHECK(wsp_utf8_check(text.data, text.len));
}

/* Encodes what was decoded, and decodes it again. */
static void check_return(const struct wsp_frame *frame)
{
    struct wsp_buf out = {0};
    struct wsp_buf scratch = {0};
    struct wsp_frame next = *frame;
    uint8_t opcode = 0;
    next.raw = (struct wsp_span){NULL, 0};
    FUZZ_CHECK(wsp_codec_msgpack.encode(&next, &out, &opcode, NULL) == WSP_OK);
    struct wsp_span message = {out.data, out.len};
    FUZZ_CHECK(is_one_value(message));
    FUZZ_CHECK(wsp_codec_msgpack.decode(message, true, &scratch, &next, NULL) ==
               WSP_OK);
    FUZZ_CHECK(wsp_span_equal(next.id, frame->id));
    FUZZ_CHECK(wsp_span_equal(next.event, frame->event));
    FUZZ_CHECK(wsp_span_equal(next.payload, frame->payload));
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsp_span message = {(const char *)data, size};
    struct wsp_buf scratch = {0};
    struct wsp_frame frame;
    struct wsp_diag diag;
    bool is_value = is_one_value(message);
    FUZZ_CHECK(wsp_msgpack_check(message) == is_value);
    enum wsp_err err =
        wsp_codec_msgpack.decode(message, true, &scratch, &frame, &diag);
    FUZZ_CHECK(err == WSP_OK || err == WSP_ERR_DECODE);
    if (err == WSP_OK) {
        FUZZ_CHECK(is_value);
        FUZZ_CHECK(wsp_span_equal(frame.raw, message));
        FUZZ_CHECK(is_within(frame.payload, message.data, message.len));
        FUZZ_CHECK(frame.has_payload == (frame.payload.len > 0));
        FUZZ_CHECK(frame.payload.len == 0 || is_one_value(frame.payload));
        check_text(frame.id, message, &scratch);
        check_text(frame.event, message, &scratch);
        check_return(&frame);
    }
    wsp_buf_fini(&scratch);
    return 0;
}
