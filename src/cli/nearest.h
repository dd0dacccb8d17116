/* SPDX-License-Identifier: MIT */
/* Finds the known name that a mistyped word was meant to be.
 * Owner: the caller. Thread: any. */
#ifndef WSP_CLI_NEAREST_H
#define WSP_CLI_NEAREST_H

#include <stddef.h>

struct wsp_nearest {
    const char *word; /* what was typed; borrowed */
    const char *best; /* the closest name so far, or NULL; borrowed */
    size_t distance;  /* edits between the two; names must stay below it */
};

/* Begins a search. About a third of the word may be wrong. */
void wsp_nearest_init(struct wsp_nearest *nearest, const char *word);

/* Offers a known name; the first of several equally close ones stays. */
void wsp_nearest_offer(struct wsp_nearest *nearest, const char *name);

#endif
