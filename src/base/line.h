/* SPDX-License-Identifier: MIT */
/* A line of text under construction in memory of fixed size: what does not fit
 * is cut between characters and "…" says so.
 * Owner: whoever embeds it; the memory is borrowed. Thread: the owner's. */
#ifndef WSP_BASE_LINE_H
#define WSP_BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

#include "base/escape.h"

struct wsp_line {
    char *data;
    size_t len;  /* bytes in use */
    size_t size; /* bytes that may be used; no NUL is written */
};

/* Appends all of `text`, or nothing. Returns false for nothing. */
bool wsp_line_add(struct wsp_line *line, const char *text);

/* Appends `text` escaped, at most `max` bytes. Returns false when it was
 * cut. */
bool wsp_line_escape(struct wsp_line *line, struct wsp_span text,
                     enum wsp_escape style, size_t max);

#endif
