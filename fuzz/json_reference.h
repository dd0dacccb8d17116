/* SPDX-License-Identifier: MIT */
/* JSON read the slow way, one function for each rule of RFC 8259's grammar: what
 * the scanner is held against. */
#ifndef WSP_FUZZ_JSON_REFERENCE_H
#define WSP_FUZZ_JSON_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include <wspulse/span.h>

#include "base/buf.h"

/* A place in a text; `at` moves behind what was read. */
struct json_reference {
    struct wsp_span text;
    size_t at;
    int depth;     /* levels that are open */
    int depth_max; /* that may be */
};

/* Reads one value. Returns false when there is none. */
bool json_reference_value(struct json_reference *json);

/* Reads one string, and appends what it stands for to `out` unless that is NULL.
 * Returns false when there is none. */
bool json_reference_string(struct json_reference *json, struct wsp_buf *out);

/* Skips white space. */
void json_reference_space(struct json_reference *json);

/* Reads `character` and the white space around it, if it is next. */
bool json_reference_take(struct json_reference *json, char character);

/* Tells whether the whole text is one value, nested at most `depth_max` deep. */
bool json_reference_check(struct wsp_span text, int depth_max);

#endif
