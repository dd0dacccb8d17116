/* SPDX-License-Identifier: MIT */
#include "cli/bench_histogram.h"

#include <math.h>
#include <string.h>

void wsp_bench_histogram_init(struct wsp_bench_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

/* The doubling of a value is the place of its highest bit beyond the steps; the
 * bits below that one are the step. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < WSP_BENCH_STEPS) {
        return (uint32_t)value;
    }
    uint32_t top = 63 - (uint32_t)__builtin_clzll(value);
    uint32_t doubling = top - WSP_BENCH_STEP_BITS + 1;
    if (doubling > WSP_BENCH_DOUBLINGS) {
        return WSP_BENCH_BUCKETS - 1;
    }
    uint32_t step = (uint32_t)(value >> (doubling - 1)) & (WSP_BENCH_STEPS - 1);
    return doubling * WSP_BENCH_STEPS + step;
}

/* The largest value that falls into a bucket. */
static uint64_t end_of(uint32_t bucket)
{
    if (bucket < WSP_BENCH_STEPS) {
        return bucket;
    }
    uint32_t shift = bucket / WSP_BENCH_STEPS - 1;
    uint64_t step = WSP_BENCH_STEPS + bucket % WSP_BENCH_STEPS;
    return ((step + 1) << shift) - 1;
}

void wsp_bench_histogram_add(struct wsp_bench_histogram *histogram,
                             uint64_t value_ns, uint64_t count)
{
    if (count == 0) {
        return;
    }
    if (histogram->count == 0 || value_ns < histogram->min_ns) {
        histogram->min_ns = value_ns;
    }
    if (value_ns > histogram->max_ns) {
        histogram->max_ns = value_ns;
    }
    histogram->buckets[bucket_of(value_ns)] += count;
    histogram->count += count;
    histogram->sum_ns += (double)value_ns * (double)count;
}

uint64_t wsp_bench_histogram_at(const struct wsp_bench_histogram *histogram,
                                double percent)
{
    double wanted = ceil((double)histogram->count * percent / 100);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < WSP_BENCH_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t end_ns = end_of(i);
            return end_ns < histogram->max_ns ? end_ns : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}

double wsp_bench_histogram_mean(const struct wsp_bench_histogram *histogram)
{
    return histogram->count ? histogram->sum_ns / (double)histogram->count : 0;
}
