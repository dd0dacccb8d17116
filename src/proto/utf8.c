/* SPDX-License-Identifier: MIT */
#include "proto/utf8.h"

#include <string.h>

#include <wspulse/codec.h>

/* Within a character the state holds how many bytes are missing and which
 * values the next one may have; RFC 3629 §4 narrows only the second byte. */
#define STATE(left, low, high)                                                 \
    ((uint32_t)(left) | (uint32_t)(low) << 8 | (uint32_t)(high) << 16)

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Skips ASCII, a word at a time as long as there are words of it. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        if (word & HIGH_BITS) {
            break;
        }
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

/* The state behind a first byte over 0x7f, or 0 when none starts like that. */
static uint32_t start_character(uint8_t byte)
{
    if (byte < 0xC2) {
        return 0; /* a continuation, or an overlong form of two bytes */
    }
    if (byte < 0xE0) {
        return STATE(1, 0x80, 0xBF);
    }
    if (byte < 0xF0) {
        uint8_t low = byte == 0xE0 ? 0xA0 : 0x80;  /* overlong below */
        uint8_t high = byte == 0xED ? 0x9F : 0xBF; /* surrogates above */
        return STATE(2, low, high);
    }
    if (byte < 0xF5) {
        uint8_t low = byte == 0xF0 ? 0x90 : 0x80;  /* overlong below */
        uint8_t high = byte == 0xF4 ? 0x8F : 0xBF; /* over U+10FFFF above */
        return STATE(3, low, high);
    }
    return 0;
}

/* Takes the next byte of a begun character; false when it does not belong. */
static bool continue_character(uint32_t *state, uint8_t byte)
{
    uint32_t left = *state & 0xFF;
    if (byte < (*state >> 8 & 0xFF) || byte > *state >> 16) {
        return false;
    }
    *state = left == 1 ? 0 : STATE(left - 1, 0x80, 0xBF);
    return true;
}

bool wsp_utf8_feed(struct wsp_utf8 *utf8, const void *data, size_t len)
{
    const uint8_t *at = data;
    const uint8_t *end = at + len;
    uint32_t state = utf8->state;
    while (at < end) {
        if (state != 0) {
            if (!continue_character(&state, *at++)) {
                return false;
            }
        } else if (*at < 0x80) {
            at = skip_ascii(at, end);
        } else {
            state = start_character(*at++);
            if (state == 0) {
                return false;
            }
        }
    }
    utf8->state = state;
    return true;
}

size_t wsp_utf8_character_len(const void *data, size_t len)
{
    struct wsp_utf8 utf8 = {0};
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (!wsp_utf8_feed(&utf8, bytes + i, 1)) {
            return 0;
        }
        if (wsp_utf8_is_complete(&utf8)) {
            return i + 1;
        }
    }
    return 0;
}

size_t wsp_utf8_repair(const void *data, size_t len, char *out)
{
    static const char replacement[] = {'\xEF', '\xBF', '\xBD'};
    const char *bytes = data;
    size_t written = 0;
    for (size_t at = 0; at < len;) {
        size_t rest = len - at;
        size_t taken = wsp_utf8_character_len(bytes + at, rest < 4 ? rest : 4);
        const char *from = taken ? bytes + at : replacement;
        size_t count = taken ? taken : sizeof(replacement);
        if (out) {
            memcpy(out + written, from, count);
        }
        written += count;
        at += taken ? taken : 1;
    }
    return written;
}

bool wsp_utf8_check(const void *data, size_t len)
{
    struct wsp_utf8 utf8 = {0};
    return len == 0 ||
           (wsp_utf8_feed(&utf8, data, len) && wsp_utf8_is_complete(&utf8));
}

bool wsp_utf8_is_valid(struct wsp_span text)
{
    return wsp_utf8_check(text.data, text.len);
}
