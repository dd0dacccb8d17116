/* SPDX-License-Identifier: MIT */
/* A rate in four bytes, for what every connection must have and few ever use: so
 * many at once, and as many a second.
 * Owner: whoever embeds it. Thread: the owner's. */
#ifndef WSP_BASE_PACE_H
#define WSP_BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define WSP_PACE_WINDOW_US 1000000U

/* Zeroed: nothing was taken. When the last one taken is paid off, in
 * microseconds, cut to 32 bits: more than the window ahead means in the past. */
struct wsp_pace {
    uint32_t paid_us;
};

/* Takes one of `per_second`, which is 1 to 1,000,000. Returns false when that is
 * one too many; then nothing was taken. */
static inline bool wsp_pace_take(struct wsp_pace *pace, uint32_t per_second,
                                 uint64_t now_ms)
{
    uint32_t now_us = (uint32_t)(now_ms * 1000);
    uint32_t ahead_us = pace->paid_us - now_us;
    if (ahead_us > WSP_PACE_WINDOW_US) {
        ahead_us = 0;
    }
    uint32_t price_us = WSP_PACE_WINDOW_US / per_second;
    if (ahead_us + price_us > WSP_PACE_WINDOW_US) {
        return false;
    }
    pace->paid_us = now_us + ahead_us + price_us;
    return true;
}

#endif
