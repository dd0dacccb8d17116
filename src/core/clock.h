/* SPDX-License-Identifier: MIT */
/* The clock port: the core asks for the time and never reads it itself, so that
 * specs can turn a virtual one.
 * Thread: worker. */
#ifndef WSP_CORE_CLOCK_H
#define WSP_CORE_CLOCK_H

#include <stdint.h>

struct wsp_clock {
    uint64_t (*now_ms)(void *ud); /* monotonic, constant within a turn */
    void *ud;
};

#endif
