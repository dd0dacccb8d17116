/* SPDX-License-Identifier: MIT */
/* What a benchmark has measured.
 * Owner: the command. Thread: main. */
#ifndef WSP_CLI_BENCH_RESULT_H
#define WSP_CLI_BENCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/error.h>

#include "cli/bench_histogram.h"

struct wsp_bench_result {
    /* before the measurement */
    uint32_t connected;                    /* upgrades that succeeded */
    double connect_s;                      /* until the last one was open */
    struct wsp_bench_histogram connecting; /* connect to 101, each of them */

    /* the measurement */
    double seconds;
    uint64_t messages; /* answered, delivered, or connections gone through */
    uint64_t bytes;    /* of their payloads, as received */
    uint64_t unasked;  /* messages that answer nothing */
    struct wsp_bench_histogram latency;
    double client_cpu_s; /* of this program */

    /* the server's process; with a pid only */
    bool has_server;
    double server_cpu_s;
    uint64_t rss_before; /* bytes, before the first connection */
    uint64_t rss;        /* bytes, at the end */

    bool is_interrupted;
    struct wsp_diag failure; /* code WSP_OK: none */
};

#endif
