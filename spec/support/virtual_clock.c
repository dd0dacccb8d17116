/* SPDX-License-Identifier: MIT */
#include "virtual_clock.h"

#include <stdatomic.h>
#include <time.h>

#include "linker.h"

static atomic_uint_least64_t now_ms = 1000000;

int wrap_clock_gettime(clockid_t clock, struct timespec *now)
    LINKER_WRAP("clock_gettime");

int wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    uint64_t ms = now_ms;
    now->tv_sec = (time_t)(ms / 1000);
    now->tv_nsec = (long)(ms % 1000) * 1000000;
    return 0;
}

void virtual_clock_pass(uint64_t ms)
{
    now_ms += ms;
}
