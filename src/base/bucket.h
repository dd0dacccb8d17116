/* SPDX-License-Identifier: MIT */
/* A token bucket: so many at once, and so many a second on the long run.
 * Owner: whoever embeds it. Thread: the owner's. */
#ifndef WSP_BASE_BUCKET_H
#define WSP_BASE_BUCKET_H

#include <stdint.h>

/* What the owner's options say; they may change between two calls. */
struct wsp_bucket_rate {
    double per_second; /* greater than 0 */
    double burst;      /* at least 1 */
};

/* Zeroed: full. */
struct wsp_bucket {
    double taken;      /* of the burst, less what has come back since */
    uint64_t taken_ms; /* when that was so */
};

/* Takes a token, also where none is left. Returns 0 when another one may be
 * taken now, or the milliseconds until then, at least 1. */
static inline uint64_t wsp_bucket_take(struct wsp_bucket *bucket,
                                       const struct wsp_bucket_rate *rate,
                                       uint64_t now_ms)
{
    double back = (double)(now_ms - bucket->taken_ms) * rate->per_second / 1000;
    double left = bucket->taken > back ? bucket->taken - back : 0;
    bucket->taken = left + 1;
    bucket->taken_ms = now_ms;
    double over = bucket->taken + 1 - rate->burst;
    if (over <= 0) {
        return 0;
    }
    return (uint64_t)(over * 1000 / rate->per_second) + 1;
}

#endif
