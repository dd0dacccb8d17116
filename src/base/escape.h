/* SPDX-License-Identifier: MIT */
/* Makes text of peers and scripts harmless in a log line or on a terminal:
 * controls, escape sequences, changes of direction and broken UTF-8 become
 * visible ASCII.
 * Thread: any. */
#ifndef WSP_BASE_ESCAPE_H
#define WSP_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

enum wsp_escape {
    WSP_ESCAPE_PLAIN,  /* \n \r \t \x1b \u202e, and \xff for a broken byte */
    WSP_ESCAPE_QUOTED, /* the same, and \" and \\ */
    WSP_ESCAPE_JSON,   /* inside a JSON string; a broken byte is \ufffd */
};

/* Bytes that one character takes at most. */
#define WSP_ESCAPE_MAX 8

/* Writes the first character of `text`, which is not empty, to `out` and its
 * length to `len`. Returns the bytes of `text` that it was. */
size_t wsp_escape_next(struct wsp_span text, enum wsp_escape style,
                       char out[WSP_ESCAPE_MAX], size_t *len);

/* Tells whether `text` stays as it is in `style`. */
bool wsp_escape_is_plain(struct wsp_span text, enum wsp_escape style);

#endif
