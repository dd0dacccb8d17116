/* SPDX-License-Identifier: MIT */
/* The text between the quotes of a JSON string, to characters and back
 * (RFC 8259 §7). What is no character becomes U+FFFD: invalid UTF-8 byte by
 * byte, and surrogates without their other half.
 * Thread: any. */
#ifndef WSP_PROTO_JSON_TEXT_H
#define WSP_PROTO_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

/* How much longer text can get on its way. */
#define WSP_JSON_UNESCAPE_FACTOR 3 /* one bad byte becomes U+FFFD */
#define WSP_JSON_ESCAPE_FACTOR 6   /* one control character becomes \u00XX */

/* Writes what the inside of a string stands for; wsp_json_skip_string has
 * accepted it. `out` has room for WSP_JSON_UNESCAPE_FACTOR times its length.
 * Returns the length written. */
size_t wsp_json_unescape(struct wsp_span inside, char *out);

/* Tells whether the inside of a string stands for `text`, which is ASCII. */
bool wsp_json_inside_equals(struct wsp_span inside, struct wsp_span text);

/* Tells whether text may stand between quotes as it is. */
bool wsp_json_is_plain(struct wsp_span text);

/* Writes text as the inside of a string. `out` has room for
 * WSP_JSON_ESCAPE_FACTOR times its length. Returns the length written. */
size_t wsp_json_escape(struct wsp_span text, char *out);

#endif
