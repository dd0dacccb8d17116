/* SPDX-License-Identifier: MIT */
/* What a process of this machine has used: processor time of all its threads,
 * and resident memory.
 * Owner: the caller. Thread: main. */
#ifndef WSP_CLI_BENCH_PROCESS_H
#define WSP_CLI_BENCH_PROCESS_H

#include <stdint.h>

#include <wspulse/error.h>

/* Seconds of processor time since the process began. Returns WSP_OK, or
 * WSP_ERR_IO with a reason: there is no such process. */
enum wsp_err wsp_bench_process_cpu(int pid, double *seconds,
                                   struct wsp_diag *diag);

/* Resident bytes. Returns WSP_OK, or WSP_ERR_IO with a reason. */
enum wsp_err wsp_bench_process_rss(int pid, uint64_t *bytes,
                                   struct wsp_diag *diag);

/* Seconds of processor time of this program. */
double wsp_bench_own_cpu(void);

#endif
