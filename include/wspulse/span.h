/* SPDX-License-Identifier: MIT */
/* A borrowed run of bytes: a pointer and a length, never NUL-terminated.
 * Owner: whoever handed it out; valid as long as that one says. */
#ifndef WSPULSE_SPAN_H
#define WSPULSE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct wsp_span {
    const char *data; /* NULL only when len is 0 */
    size_t len;       /* bytes */
};

/* Wraps a NUL-terminated string; NULL becomes the empty span. */
static inline struct wsp_span wsp_span_of(const char *text)
{
    return (struct wsp_span){text, text ? strlen(text) : 0};
}

/* Tells whether `a` and `b` hold the same bytes. */
static inline bool wsp_span_equal(struct wsp_span a, struct wsp_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
