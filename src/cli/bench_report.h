/* SPDX-License-Identifier: MIT */
/* Writes what a benchmark has measured: for people, or as one JSON object.
 * Thread: main. */
#ifndef WSP_CLI_BENCH_REPORT_H
#define WSP_CLI_BENCH_REPORT_H

#include <stdio.h>

#include "cli/bench_result.h"
#include "cli/bench_settings.h"

void wsp_bench_report_text(FILE *out, const struct wsp_bench_settings *settings,
                           const struct wsp_bench_result *result);

/* One line; the members are listed in docs/command-line.md. */
void wsp_bench_report_json(FILE *out, const struct wsp_bench_settings *settings,
                           const struct wsp_bench_result *result);

#endif
