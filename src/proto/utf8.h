/* SPDX-License-Identifier: MIT */
/* UTF-8 validation (RFC 3629), whole or in pieces, that skips ASCII a word at a
 * time and fails at the first byte that cannot be right.
 * Thread: any. */
#ifndef WSP_PROTO_UTF8_H
#define WSP_PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State between pieces; zero is the start and every character boundary. */
struct wsp_utf8 {
    uint32_t state;
};

/* Checks the next piece. Returns false as soon as the text is known to be
 * wrong; overlong forms, surrogates and code points over U+10FFFF are. */
bool wsp_utf8_feed(struct wsp_utf8 *utf8, const void *data, size_t len);

/* Tells whether the text may end here. */
static inline bool wsp_utf8_is_complete(const struct wsp_utf8 *utf8)
{
    return utf8->state == 0;
}

/* Gives the length of the character that `data` starts with (1 to 4), or 0 when
 * none does or `len` cuts it short. */
size_t wsp_utf8_character_len(const void *data, size_t len);

/* How much longer text can get by wsp_utf8_repair. */
#define WSP_UTF8_REPAIR_FACTOR 3

/* Copies text with U+FFFD for each byte that belongs to no character. `out` has
 * room for WSP_UTF8_REPAIR_FACTOR times its length; NULL only counts. Returns
 * the length written. */
size_t wsp_utf8_repair(const void *data, size_t len, char *out);

/* Checks a whole text (wsp_utf8_is_valid of <wspulse/codec.h>). */
bool wsp_utf8_check(const void *data, size_t len);

#endif
