/* SPDX-License-Identifier: MIT */
/* UTF-8 against a decoder that is slow enough to be seen through.
 * Covers: src/proto/utf8.c */
#include "proto/utf8.h"

#include <string.h>

#include "bytes.h"
#include "target.h"

/* ---- the reference: RFC 3629 §4, a character at a time ---- */

/* The length of the character at the front, or 0 when there is none. */
static size_t character_len(const uint8_t *data, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = data[0] < 0x80             ? 1
                  : (data[0] & 0xE0) == 0xC0 ? 2
                  : (data[0] & 0xF0) == 0xE0 ? 3
                  : (data[0] & 0xF8) == 0xF0 ? 4
                                             : 0;
    if (size == 0 || size > len) {
        return 0;
    }
    uint32_t point = size == 1 ? data[0] : data[0] & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((data[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (data[i] & 0x3F);
    }
    bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < least[size] || is_surrogate || point > 0x10FFFF ? 0 : size;
}

/* How many bytes from the front are whole characters. */
static size_t valid_len(const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t size = character_len(data + at, len - at);
        if (size == 0) {
            return at;
        }
        at += size;
    }
    return at;
}

/* Tells whether some text could follow that makes `data`, shorter than a
 * character, a whole one. The bytes tried are the ends of every range that the
 * standard knows for a second byte. */
static bool is_beginning(const uint8_t *data, size_t len)
{
    static const uint8_t ends[] = {0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF};
    uint8_t text[4];
    if (len > 3) {
        return false;
    }
    for (unsigned number = 0; number < 6 * 6 * 6; number++) {
        memset(text, 0, sizeof text);
        memcpy(text, data, len);
        unsigned rest = number;
        for (size_t i = len; i < 4; i++, rest /= 6) {
            text[i] = ends[rest % 6];
        }
        if (character_len(text, 4) > len) {
            return true;
        }
    }
    return false;
}

/* ---- what must hold ---- */

/* In two pieces, cut anywhere: fails exactly when no text can follow. */
static void check_pieces(const uint8_t *data, size_t len, size_t cut)
{
    struct wsp_utf8 utf8 = {0};
    size_t valid = valid_len(data, len);
    bool can_go_on = valid == len || is_beginning(data + valid, len - valid);
    bool is_ok = wsp_utf8_feed(&utf8, data, cut) &&
                 wsp_utf8_feed(&utf8, data + cut, len - cut);
    FUZZ_CHECK(is_ok == can_go_on);
    if (is_ok) {
        FUZZ_CHECK(wsp_utf8_is_complete(&utf8) == (valid == len));
    }
}

/* What is repaired is UTF-8, and what was is left alone. */
static void check_repair(const uint8_t *data, size_t len)
{
    size_t size = wsp_utf8_repair(data, len, NULL);
    char *out = malloc(size ? size : 1);
    FUZZ_CHECK(out != NULL);
    FUZZ_CHECK(size <= len * WSP_UTF8_REPAIR_FACTOR);
    FUZZ_CHECK(wsp_utf8_repair(data, len, out) == size);
    FUZZ_CHECK(valid_len((const uint8_t *)out, size) == size);
    size_t valid = valid_len(data, len);
    FUZZ_CHECK(memcmp(out, data, valid) == 0);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    size_t cut = bytes_take(&bytes);
    const uint8_t *text = bytes.data;
    size_t len = bytes.len;
    bool is_valid = valid_len(text, len) == len;
    FUZZ_CHECK(wsp_utf8_check(text, len) == is_valid);
    if (len > 0) {
        FUZZ_CHECK(wsp_utf8_character_len(text, len) ==
                   character_len(text, len));
    }
    check_pieces(text, len, len ? cut % (len + 1) : 0);
    check_repair(text, len);
    return 0;
}
