/* SPDX-License-Identifier: MIT */
#include "proto/frame_head.h"

#include <string.h>

#define BIT_FINAL 0x80u
#define BIT_MASKED 0x80u
#define LEN_16 126 /* the length is in the next 2 bytes */
#define LEN_64 127 /* the length is in the next 8 bytes */

#define HIGH_BITS UINT64_C(0x8080808080808080)

typedef uint64_t block __attribute__((vector_size(16)));

static uint64_t read_big_endian(const uint8_t *data, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

static void write_big_endian(uint8_t *out, size_t len, uint64_t value)
{
    for (size_t i = len; i > 0; i--) {
        out[i - 1] = (uint8_t)(value & 0xFF);
        value >>= 8;
    }
}

/* How many bytes hold the length beside the 7 bits. */
static size_t extended_size(uint8_t short_len)
{
    if (short_len < LEN_16) {
        return 0;
    }
    return short_len == LEN_16 ? 2 : 8;
}

enum wsp_frame_head_part wsp_frame_head_parse(struct wsp_frame_head *head,
                                              const uint8_t *data, size_t len)
{
    if (len < 2) {
        return WSP_FRAME_HEAD_NONE;
    }
    head->is_final = (data[0] & BIT_FINAL) != 0;
    head->rsv = data[0] >> 4 & 0x7;
    head->opcode = data[0] & 0xF;
    head->is_masked = (data[1] & BIT_MASKED) != 0;
    head->short_len = data[1] & 0x7F;
    size_t extended = extended_size(head->short_len);
    size_t key_at = 2 + extended;
    head->size = (uint8_t)(key_at + (head->is_masked ? 4 : 0));
    if (len < key_at) {
        return WSP_FRAME_HEAD_FLAGS;
    }
    head->len =
        extended == 0 ? head->short_len : read_big_endian(data + 2, extended);
    if (len < head->size) {
        return WSP_FRAME_HEAD_LENGTH;
    }
    if (head->is_masked) {
        memcpy(head->key, data + key_at, 4);
    }
    return WSP_FRAME_HEAD_WHOLE;
}

size_t wsp_frame_head_len(size_t len)
{
    if (len < LEN_16) {
        return 2;
    }
    return len <= UINT16_MAX ? 4 : 10;
}

size_t wsp_frame_head_build(uint8_t out[WSP_FRAME_HEAD_MAX], uint8_t opcode,
                            size_t len)
{
    size_t size = wsp_frame_head_len(len);
    out[0] = (uint8_t)(BIT_FINAL | opcode);
    if (size == 2) {
        out[1] = (uint8_t)len;
    } else if (size == 4) {
        out[1] = LEN_16;
        write_big_endian(out + 2, 2, len);
    } else {
        out[1] = LEN_64;
        write_big_endian(out + 2, 8, len);
    }
    return size;
}

/* ---- the mask ---- */

/* Gives the key, twice, turned so that it fits a payload from `offset` on. */
static uint64_t turned_key(const uint8_t key[4], size_t offset)
{
    uint32_t half;
    memcpy(&half, key, 4);
    uint64_t twice = (uint64_t)half << 32 | half;
    unsigned bits = (unsigned)(offset & 3) * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return twice << bits | twice >> ((64 - bits) & 63);
#else
    return twice >> bits | twice << ((64 - bits) & 63);
#endif
}

/* Unmasks whole blocks. Returns how many bytes that were and adds the bits they
 * have to `seen`. */
static size_t unmask_blocks(uint8_t *data, size_t len, uint64_t mask,
                            uint64_t *seen)
{
    block mask_block = {mask, mask};
    block bits = {0, 0};
    size_t at = 0;
    for (; len - at >= 32; at += 32) {
        block first, second;
        memcpy(&first, data + at, 16);
        memcpy(&second, data + at + 16, 16);
        first ^= mask_block;
        second ^= mask_block;
        bits |= first | second;
        memcpy(data + at, &first, 16);
        memcpy(data + at + 16, &second, 16);
    }
    *seen |= bits[0] | bits[1];
    return at;
}

bool wsp_frame_unmask(uint8_t *data, size_t len, const uint8_t key[4],
                      size_t offset)
{
    uint64_t mask = turned_key(key, offset);
    uint64_t seen = 0;
    size_t at = len >= 32 ? unmask_blocks(data, len, mask, &seen) : 0;
    for (; len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, 8);
        word ^= mask;
        seen |= word;
        memcpy(data + at, &word, 8);
    }
    /* `at` is a multiple of 4 here, so the key goes on where it stands. */
    for (size_t i = 0; at < len; at++, i++) {
        data[at] ^= key[(offset + i) & 3];
        seen |= data[at];
    }
    return (seen & HIGH_BITS) == 0;
}
