/* SPDX-License-Identifier: MIT */
/* One line a minute: keeps what a peer can trigger from filling a log.
 * Owner: whoever embeds it. Thread: the owner's. */
#ifndef WSP_BASE_THROTTLE_H
#define WSP_BASE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define WSP_THROTTLE_MS 60000

/* Zeroed: nothing has passed yet. */
struct wsp_throttle {
    uint64_t passed_ms;  /* when the last one passed, plus 1; 0: never */
    uint64_t held_count; /* held back since then */
};

/* Tells whether this one may pass; counts it otherwise. */
static inline bool wsp_throttle_pass(struct wsp_throttle *throttle,
                                     uint64_t now_ms)
{
    if (throttle->passed_ms &&
        now_ms + 1 - throttle->passed_ms < WSP_THROTTLE_MS) {
        throttle->held_count++;
        return false;
    }
    throttle->passed_ms = now_ms + 1;
    return true;
}

#endif
