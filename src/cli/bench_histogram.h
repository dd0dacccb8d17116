/* SPDX-License-Identifier: MIT */
/* A histogram of durations: exact below 128 ns, above in 128 steps for each
 * doubling, so that a value read from it is at most 0.8 % too high.
 * Owner: the caller. Thread: main. */
#ifndef WSP_CLI_BENCH_HISTOGRAM_H
#define WSP_CLI_BENCH_HISTOGRAM_H

#include <stdint.h>

#define WSP_BENCH_STEP_BITS 7
#define WSP_BENCH_STEPS (1U << WSP_BENCH_STEP_BITS)
/* The last doubling ends at 2^44 ns, almost five hours. */
#define WSP_BENCH_DOUBLINGS (44 - WSP_BENCH_STEP_BITS)
#define WSP_BENCH_BUCKETS (WSP_BENCH_STEPS * (WSP_BENCH_DOUBLINGS + 1))

struct wsp_bench_histogram {
    uint64_t buckets[WSP_BENCH_BUCKETS]; /* how often, by size */
    uint64_t count;
    uint64_t min_ns; /* exact; both are 0 while empty */
    uint64_t max_ns;
    double sum_ns;
};

void wsp_bench_histogram_init(struct wsp_bench_histogram *histogram);

/* Adds `count` observations of one duration; what is longer than the last
 * bucket is counted there. */
void wsp_bench_histogram_add(struct wsp_bench_histogram *histogram,
                             uint64_t value_ns, uint64_t count);

/* The duration that `percent` of the observations do not exceed, at most 0.8 %
 * too high and never above the maximum; 0 while empty. */
uint64_t wsp_bench_histogram_at(const struct wsp_bench_histogram *histogram,
                                double percent);

/* The mean in ns; 0 while empty. */
double wsp_bench_histogram_mean(const struct wsp_bench_histogram *histogram);

#endif
