/* SPDX-License-Identifier: MIT */
/* The stages of a load: when each begins and ends, and what is read of client
 * and server at both ends of the measurement.
 * Thread: main. */
#ifndef WSP_CLI_BENCH_STAGE_H
#define WSP_CLI_BENCH_STAGE_H

#include "cli/bench_load.h"

/* The clock of every time in a load. */
uint64_t wsp_bench_clock_ns(void);

/* Seconds from a time to now. */
double wsp_bench_stage_seconds(const struct wsp_bench_load *load, uint64_t ns);

/* Begins a stage; what is on its way counts in it. */
void wsp_bench_stage_enter(struct wsp_bench_load *load,
                           enum wsp_bench_stage stage);

/* All are open, or nothing has to be: goes to WARMING, or without a warm-up to
 * MEASURING. */
void wsp_bench_stage_warm(struct wsp_bench_load *load);

/* Moves on when the time or the count of the stage is reached. */
void wsp_bench_stage_check(struct wsp_bench_load *load);

/* Ends measuring, if that is what is done, and says goodbye on every open
 * connection. */
void wsp_bench_stage_leave(struct wsp_bench_load *load);

#endif
