/* SPDX-License-Identifier: MIT */
/* Walks JSON text without building anything: is it well-formed, and where does
 * a value end (RFC 8259)?
 * Thread: any. */
#ifndef WSP_PROTO_JSON_SCAN_H
#define WSP_PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

#include "proto/json_word.h"

#define WSP_JSON_DEPTH_MAX 512 /* decisions D15 */

/* Finds the end of the value that starts at text[offset] (no white space
 * before it), `depth` levels down. Returns the offset behind it, or 0 when it
 * is malformed, cut short or nested over WSP_JSON_DEPTH_MAX. No recursion; bytes
 * over 0x7f in strings are taken as they are. */
size_t wsp_json_skip(struct wsp_span text, size_t offset, int depth);

/* Finds the end of the string whose opening quote is text[offset]. Returns the
 * offset behind the closing one, or 0 when it is malformed or cut short, and
 * tells whether it holds a backslash. */
size_t wsp_json_skip_string(struct wsp_span text, size_t offset,
                            bool *has_escape);

/* The same; a short string without a backslash, which most keys and texts are,
 * is found at a glance. */
static inline size_t wsp_json_step_string(struct wsp_span text, size_t offset,
                                          bool *has_escape)
{
#if defined(__SSE2__)
    if (text.len - offset > 16) {
        const char *data = text.data + offset + 1;
        unsigned marks = wsp_json_mark_block(data);
        unsigned at = marks ? (unsigned)__builtin_ctz(marks) : 0;
        if (marks && data[at] == '"') {
            *has_escape = false;
            return offset + at + 2;
        }
    }
#endif
    return wsp_json_skip_string(text, offset, has_escape);
}

/* Counts the bytes from `offset` on that stand for themselves in a string: all
 * but quote, backslash and control characters. */
size_t wsp_json_plain_len(struct wsp_span text, size_t offset);

/* Tells white space from other characters. */
static inline bool wsp_json_is_space(char character)
{
    return character == ' ' || character == '\n' || character == '\r' ||
           character == '\t';
}

static inline bool wsp_json_is_at(struct wsp_span text, size_t at,
                                  char character)
{
    return at < text.len && text.data[at] == character;
}

/* Skips white space from `offset` on; mostly there is none. */
static inline size_t wsp_json_skip_space(struct wsp_span text, size_t offset)
{
    size_t at = offset;
    while (at < text.len && text.data[at] <= ' ' &&
           wsp_json_is_space(text.data[at])) {
        at++;
    }
    return at;
}

/* Tells whether the whole text is one value with nothing but white space
 * around it (wsp_json_is_valid of <wspulse/codec.h>). */
bool wsp_json_check(struct wsp_span text);

#endif
