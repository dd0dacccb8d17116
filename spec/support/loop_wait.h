/* SPDX-License-Identifier: MIT */
/* Turns a loop until something has happened, or fails the test. */
#ifndef WSP_SPEC_SUPPORT_LOOP_WAIT_H
#define WSP_SPEC_SUPPORT_LOOP_WAIT_H

#include <stdint.h>
#include <time.h>

#include <wspulse/loop.h>

#define LOOP_WAIT_MAX_MS 20000

static inline uint64_t loop_wait_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Use after cmocka.h. */
#define LOOP_WAIT(loop, condition)                                             \
    do {                                                                       \
        uint64_t loop_wait_end = loop_wait_clock_ms() + LOOP_WAIT_MAX_MS;      \
        while (!(condition)) {                                                 \
            if (loop_wait_clock_ms() > loop_wait_end) {                        \
                fail_msg("never came true: %s", #condition);                   \
            }                                                                  \
            wsp_loop_poll((loop), 20);                                         \
        }                                                                      \
    } while (0)

#endif
