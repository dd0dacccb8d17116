/* SPDX-License-Identifier: MIT */
/* An input as a target takes it apart: small decisions from the front, text
 * from what is left. Behind the end every byte is 0. */
#ifndef WSP_FUZZ_BYTES_H
#define WSP_FUZZ_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/span.h>

struct bytes {
    const uint8_t *data;
    size_t len; /* bytes left */
};

static inline uint8_t bytes_take(struct bytes *bytes)
{
    if (bytes->len == 0) {
        return 0;
    }
    bytes->len--;
    return *bytes->data++;
}

static inline uint16_t bytes_take_16(struct bytes *bytes)
{
    uint8_t low = bytes_take(bytes);
    return (uint16_t)(low | bytes_take(bytes) << 8);
}

/* A number below `count`, which is 1 to 256. */
static inline size_t bytes_below(struct bytes *bytes, size_t count)
{
    return bytes_take(bytes) % count;
}

/* The next `len` bytes, or what there is. */
static inline struct wsp_span bytes_span(struct bytes *bytes, size_t len)
{
    size_t taken = len < bytes->len ? len : bytes->len;
    struct wsp_span span = {(const char *)bytes->data, taken};
    bytes->data += taken;
    bytes->len -= taken;
    return span;
}

/* Everything that is left. */
static inline struct wsp_span bytes_rest(struct bytes *bytes)
{
    return bytes_span(bytes, bytes->len);
}

#endif
