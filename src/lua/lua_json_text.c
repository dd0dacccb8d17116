/* SPDX-License-Identifier: MIT */
#include "lua/lua_json_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <wspulse/codec.h>

#define BLOCK 32 /* bytes of a string looked at in one go */

#define INTEGER_MAX 9007199254740992.0 /* 2^53: up to here each is exact */
#define DECIMALS_MAX 15                /* tried before printf is asked */
#define ROUNDING_ERROR 0x1p-51         /* relative, of two roundings */
#define NUMBER_SIZE 48                 /* bytes, with room to spare */

/* ---- strings ---- */

static bool byte_has_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Tells whether a byte of the block must be escaped. No branches and a fixed
 * length: compilers make a few vector instructions of it. `*seen` collects the
 * bits that occur. */
static bool block_has_escape(const unsigned char block[BLOCK],
                             unsigned char *seen)
{
    unsigned char found = 0;
    unsigned char bits = 0;
    for (int i = 0; i < BLOCK; i++) {
        unsigned char byte = block[i];
        found |=
            (unsigned char)((byte < 0x20) | (byte == '"') | (byte == '\\'));
        bits |= byte;
    }
    *seen |= bits;
    return found != 0;
}

/* Gives the offset of the first byte from `offset` on that must be escaped, or
 * the length. `*seen` collects the bits of the bytes before it, and maybe of
 * some behind. */
static size_t plain_end(struct wsp_span text, size_t offset,
                        unsigned char *seen)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    while (text.len - offset >= BLOCK &&
           !block_has_escape(bytes + offset, seen)) {
        offset += BLOCK;
    }
    while (offset < text.len && !byte_has_escape(bytes[offset])) {
        *seen |= bytes[offset];
        offset++;
    }
    return offset;
}

static bool put_escape(struct wsp_lua_buffer *buffer, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *at = letters; *at; at += 2) {
        if ((unsigned char)*at == byte) {
            const char pair[] = {'\\', at[1]};
            return wsp_lua_buffer_add(buffer, pair, sizeof pair);
        }
    }
    const char code[] = {
        '\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    return wsp_lua_buffer_add(buffer, code, sizeof code);
}

static bool put_escaped(struct wsp_lua_buffer *buffer, struct wsp_span text,
                        unsigned char *seen)
{
    size_t done = 0;
    for (;;) {
        size_t end = plain_end(text, done, seen);
        if (!wsp_lua_buffer_add(buffer, text.data + done, end - done)) {
            return false;
        }
        if (end == text.len) {
            return true;
        }
        if (!put_escape(buffer, (unsigned char)text.data[end])) {
            return false;
        }
        done = end + 1;
    }
}

const char *wsp_lua_json_text_string(struct wsp_lua_buffer *buffer,
                                     struct wsp_span text)
{
    unsigned char seen = 0;
    if (!wsp_lua_buffer_put(buffer, '"') || !put_escaped(buffer, text, &seen) ||
        !wsp_lua_buffer_put(buffer, '"')) {
        return WSP_LUA_FAULT_TOO_LARGE;
    }
    if (seen >= 0x80 && !wsp_utf8_is_valid(text)) {
        return WSP_LUA_FAULT_UTF8;
    }
    return NULL;
}

/* ---- numbers ---- */

/* A number as digits / 10^decimals. */
struct decimal {
    uint64_t digits;
    int decimals;
};

/* Finds the fewest decimals with which a positive number reads back the same:
 * digits and power of ten are exact, so the division rounds once, as a reader
 * does. Returns false when there are none; `*digits_min` is then the fewest
 * digits that are left to try. */
static bool find_decimal(double number, struct decimal *found, int *digits_min)
{
    double power = 1;
    *digits_min = 15;
    for (int decimals = 0; decimals <= DECIMALS_MAX; decimals++) {
        double scaled = number * power;
        if (scaled > INTEGER_MAX) {
            *digits_min = decimals > 0 ? 16 : 15;
            return false;
        }
        uint64_t digits = (uint64_t)scaled;
        digits += scaled - (double)digits >= 0.5;
        bool is_near = fabs(scaled - (double)digits) <= scaled * ROUNDING_ERROR;
        if (is_near && (double)digits / power == number) {
            *found = (struct decimal){digits, decimals};
            return true;
        }
        power *= 10;
    }
    return false;
}

/* Writes a number so that it ends before `end`; returns where it starts. */
static char *format_decimal(char *end, struct decimal decimal)
{
    char *at = end;
    int written = 0;
    do {
        *--at = (char)('0' + decimal.digits % 10);
        decimal.digits /= 10;
        written++;
        if (written == decimal.decimals) {
            *--at = '.';
        }
    } while (decimal.digits > 0 || written <= decimal.decimals);
    return at;
}

/* The program may have chosen a locale: whatever it writes for the point, one
 * byte or several, becomes one again. */
static size_t restore_point(char *text)
{
    size_t len = 0;
    for (const char *at = text; *at; at++) {
        bool is_plain = (*at >= '0' && *at <= '9') || *at == 'e' ||
                        *at == '-' || *at == '+';
        if (is_plain) {
            text[len++] = *at;
        } else if (len == 0 || text[len - 1] != '.') {
            text[len++] = '.';
        }
    }
    return len;
}

/* Writes the fewest digits from `digits_min` on that read back the same; 17
 * always do. */
static size_t format_general(char out[NUMBER_SIZE], double number,
                             int digits_min)
{
    int digits = digits_min;
    do {
        snprintf(out, NUMBER_SIZE, "%.*g", digits, number);
    } while (strtod(out, NULL) != number && digits++ < 17);
    return restore_point(out);
}

const char *wsp_lua_json_text_number(struct wsp_lua_buffer *buffer,
                                     double number)
{
    if (!isfinite(number)) {
        return WSP_LUA_FAULT_NUMBER;
    }
    char text[NUMBER_SIZE];
    char *start = text;
    size_t len;
    struct decimal decimal;
    int digits_min;
    if (find_decimal(fabs(number), &decimal, &digits_min)) {
        start = format_decimal(text + sizeof text, decimal);
        if (signbit(number)) {
            *--start = '-';
        }
        len = (size_t)(text + sizeof text - start);
    } else {
        len = format_general(text, number, digits_min);
    }
    return wsp_lua_buffer_add(buffer, start, len) ? NULL
                                                  : WSP_LUA_FAULT_TOO_LARGE;
}
