/* SPDX-License-Identifier: MIT */
#include "proto/json_scan.h"

#include <stdint.h>
#include <string.h>

#include <wspulse/codec.h>

#include "proto/json_word.h"

/* Which kinds of containers are open: bit `depth` tells an object (1) from an
 * array (0). */
struct nesting {
    uint64_t is_object[WSP_JSON_DEPTH_MAX / 64];
    int depth; /* containers open, those above the value included */
    int floor; /* what depth was at the start of the value */
};

/* ---- strings ---- */

static bool is_plain(char character)
{
    return character != '"' && character != '\\' &&
           (unsigned char)character >= 0x20;
}

/* The offset of the first special byte from `at` on, or the text's end. */
static inline size_t skip_plain(struct wsp_span text, size_t at)
{
#if defined(__SSE2__)
    for (; text.len - at >= 16; at += 16) {
        unsigned marks = wsp_json_mark_block(text.data + at);
        if (marks) {
            return at + (size_t)__builtin_ctz(marks);
        }
    }
#endif
    for (; text.len - at >= 8; at += 8) {
        uint64_t marks = wsp_json_mark_word(wsp_json_load(text.data + at));
        if (marks) {
            return at + (size_t)__builtin_ctzll(marks) / 8;
        }
    }
    while (at < text.len && is_plain(text.data[at])) {
        at++;
    }
    return at;
}

size_t wsp_json_plain_len(struct wsp_span text, size_t offset)
{
    return skip_plain(text, offset) - offset;
}

static bool is_hex(char character)
{
    return (character >= '0' && character <= '9') ||
           (character >= 'a' && character <= 'f') ||
           (character >= 'A' && character <= 'F');
}

/* Skips the escape whose backslash is text[offset]; 0 when it is none. */
static size_t skip_escape(struct wsp_span text, size_t offset)
{
    if (text.len - offset < 2) {
        return 0;
    }
    char kind = text.data[offset + 1];
    if (kind == 0 || !strchr("\"\\/bfnrtu", kind)) {
        return 0;
    }
    if (kind != 'u') {
        return offset + 2;
    }
    if (text.len - offset < 6) {
        return 0;
    }
    for (size_t i = 2; i < 6; i++) {
        if (!is_hex(text.data[offset + i])) {
            return 0;
        }
    }
    return offset + 6;
}

size_t wsp_json_skip_string(struct wsp_span text, size_t offset,
                            bool *has_escape)
{
    size_t at = offset + 1;
    *has_escape = false;
    for (;;) {
        at = skip_plain(text, at);
        if (at == text.len) {
            return 0;
        }
        if (text.data[at] == '"') {
            return at + 1;
        }
        if (text.data[at] != '\\') {
            return 0; /* a control character must be escaped */
        }
        *has_escape = true;
        at = skip_escape(text, at);
        if (at == 0) {
            return 0;
        }
    }
}

/* ---- other scalars ---- */

static bool is_digit_at(struct wsp_span text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

/* Skips one digit or more; 0 when there is none. */
static size_t skip_digits(struct wsp_span text, size_t offset)
{
    size_t at = offset;
    while (is_digit_at(text, at)) {
        at++;
    }
    return at == offset ? 0 : at;
}

/* RFC 8259 §6: no leading zeros, digits on both sides of the point. */
static size_t skip_number(struct wsp_span text, size_t offset)
{
    size_t at = offset + wsp_json_is_at(text, offset, '-');
    at = wsp_json_is_at(text, at, '0') ? at + 1 : skip_digits(text, at);
    if (at != 0 && wsp_json_is_at(text, at, '.')) {
        at = skip_digits(text, at + 1);
    }
    if (at != 0 &&
        (wsp_json_is_at(text, at, 'e') || wsp_json_is_at(text, at, 'E'))) {
        at++;
        at += wsp_json_is_at(text, at, '+') || wsp_json_is_at(text, at, '-');
        at = skip_digits(text, at);
    }
    return at;
}

static size_t skip_word(struct wsp_span text, size_t offset,
                        struct wsp_span word)
{
    if (text.len - offset < word.len ||
        memcmp(text.data + offset, word.data, word.len) != 0) {
        return 0;
    }
    return offset + word.len;
}

static size_t skip_scalar(struct wsp_span text, size_t offset)
{
    bool has_escape;
    if (offset >= text.len) {
        return 0;
    }
    switch (text.data[offset]) {
    case '"':
        return wsp_json_step_string(text, offset, &has_escape);
    case 't':
        return skip_word(text, offset, (struct wsp_span){"true", 4});
    case 'f':
        return skip_word(text, offset, (struct wsp_span){"false", 5});
    case 'n':
        return skip_word(text, offset, (struct wsp_span){"null", 4});
    default:
        return skip_number(text, offset);
    }
}

/* ---- containers ---- */

static bool push(struct nesting *nesting, bool is_object)
{
    if (nesting->depth >= WSP_JSON_DEPTH_MAX) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << (nesting->depth & 63);
    uint64_t *word = &nesting->is_object[nesting->depth >> 6];
    *word = is_object ? *word | bit : *word & ~bit;
    nesting->depth++;
    return true;
}

static bool is_in_object(const struct nesting *nesting)
{
    int top = nesting->depth - 1;
    return nesting->is_object[top >> 6] >> (top & 63) & 1;
}

/* Skips `"key" :` and the space around it, up to the value. */
static size_t skip_key(struct wsp_span text, size_t offset)
{
    bool has_escape;
    size_t at = wsp_json_skip_space(text, offset);
    if (!wsp_json_is_at(text, at, '"')) {
        return 0;
    }
    at = wsp_json_step_string(text, at, &has_escape);
    if (at == 0) {
        return 0;
    }
    at = wsp_json_skip_space(text, at);
    if (!wsp_json_is_at(text, at, ':')) {
        return 0;
    }
    return wsp_json_skip_space(text, at + 1);
}

/* Opens the container at text[offset]. Returns where its first value starts, or
 * where it closes when it is empty. */
static size_t open_container(struct wsp_span text, size_t offset,
                             struct nesting *nesting, bool *is_empty)
{
    bool is_object = text.data[offset] == '{';
    if (!push(nesting, is_object)) {
        return 0;
    }
    size_t at = wsp_json_skip_space(text, offset + 1);
    *is_empty = wsp_json_is_at(text, at, is_object ? '}' : ']');
    return is_object && !*is_empty ? skip_key(text, at) : at;
}

/* Goes on behind a value: closes what ends here, up to the next value's start.
 * Returns its offset, the end when nothing is open any more, or 0. */
static size_t close_containers(struct wsp_span text, size_t offset,
                               struct nesting *nesting)
{
    size_t at = offset;
    while (nesting->depth > nesting->floor) {
        bool is_object = is_in_object(nesting);
        at = wsp_json_skip_space(text, at);
        if (wsp_json_is_at(text, at, ',')) {
            return is_object ? skip_key(text, at + 1)
                             : wsp_json_skip_space(text, at + 1);
        }
        if (!wsp_json_is_at(text, at, is_object ? '}' : ']')) {
            return 0;
        }
        nesting->depth--;
        at++;
    }
    return at;
}

size_t wsp_json_skip(struct wsp_span text, size_t offset, int depth)
{
    struct nesting nesting = {.depth = depth, .floor = depth};
    size_t at = offset;
    do {
        bool is_value_over = true;
        if (wsp_json_is_at(text, at, '{') || wsp_json_is_at(text, at, '[')) {
            at = open_container(text, at, &nesting, &is_value_over);
        } else {
            at = skip_scalar(text, at);
        }
        if (at != 0 && is_value_over) {
            at = close_containers(text, at, &nesting);
        }
    } while (at != 0 && nesting.depth > nesting.floor);
    return at;
}

bool wsp_json_check(struct wsp_span text)
{
    size_t start = wsp_json_skip_space(text, 0);
    if (start == text.len) {
        return false;
    }
    size_t end = wsp_json_skip(text, start, 0);
    return end != 0 && wsp_json_skip_space(text, end) == text.len;
}

bool wsp_json_is_valid(struct wsp_span text)
{
    return wsp_json_check(text);
}
