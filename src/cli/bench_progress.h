/* SPDX-License-Identifier: MIT */
/* The line on a terminal that says how far a benchmark is.
 * Thread: main. */
#ifndef WSP_CLI_BENCH_PROGRESS_H
#define WSP_CLI_BENCH_PROGRESS_H

#include "cli/bench_load.h"

/* Writes the line anew, a few times a second; nothing when stderr is no
 * terminal. */
void wsp_bench_progress_show(struct wsp_bench_load *load);

/* Takes the line away. */
void wsp_bench_progress_clear(const struct wsp_bench_load *load);

#endif
