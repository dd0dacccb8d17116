/* SPDX-License-Identifier: MIT */
/* A clock of the kernel in whole milliseconds.
 * Owner: none. Thread: any. */
#ifndef WSP_NET_CLOCK_MS_H
#define WSP_NET_CLOCK_MS_H

#include <stdint.h>
#include <time.h>

static inline uint64_t wsp_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
