/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heap.h"

#define ROUNDS_MAX 31

/* What one round of operations took. */
struct round {
    uint64_t operations;
    double ns;
    uint64_t allocations;
};

static double read_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

bool bench_sheet_wants(const struct bench_sheet *sheet, const char *name)
{
    return !sheet->only || strstr(name, sheet->only);
}

/* Times each operation for itself, because of what lies between them. */
static struct round run_prepared(const struct bench_case *item, uint64_t count)
{
    struct round round = {count, 0, 0};
    for (uint64_t i = 0; i < count; i++) {
        item->prepare(item->ud);
        uint64_t before = bench_heap_read().allocations;
        double began_ns = read_ns();
        item->operate(item->ud);
        round.ns += read_ns() - began_ns;
        round.allocations += bench_heap_read().allocations - before;
    }
    return round;
}

static struct round run(const struct bench_case *item, uint64_t count)
{
    if (item->prepare) {
        return run_prepared(item, count);
    }
    struct round round = {count, 0, 0};
    uint64_t before = bench_heap_read().allocations;
    double began_ns = read_ns();
    for (uint64_t i = 0; i < count; i++) {
        item->operate(item->ud);
    }
    round.ns = read_ns() - began_ns;
    round.allocations = bench_heap_read().allocations - before;
    return round;
}

/* Finds out how many operations fill a round. */
static uint64_t calibrate(const struct bench_sheet *sheet,
                          const struct bench_case *item)
{
    uint64_t count = 1;
    double wanted_ns = sheet->round_s * 1e9;
    double ns = run(item, count).ns;
    while (ns < wanted_ns / 2 && count < UINT64_MAX / 4) {
        count *= 2;
        ns = run(item, count).ns;
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    const struct round *left = a;
    const struct round *right = b;
    return (left->ns > right->ns) - (left->ns < right->ns);
}

static void write_ns(double ns)
{
    if (ns < 1e3) {
        printf(" %10.1f ns", ns);
    } else if (ns < 1e6) {
        printf(" %10.2f us", ns / 1e3);
    } else {
        printf(" %10.2f ms", ns / 1e6);
    }
}

static void write_line(const struct bench_case *item, double ns,
                       double allocations)
{
    printf("%-40s", item->name);
    write_ns(ns);
    printf(" %10.2f allocations", allocations);
    if (item->per) {
        printf("  %.2f ns, %.4f allocations a %s", ns / (double)item->per,
               allocations / (double)item->per, item->part);
    }
    putchar('\n');
}

static void write_object(const struct bench_case *item, double ns,
                         double allocations)
{
    printf("{\"name\":\"%s\",\"ns\":%.2f,\"allocations\":%.4f,\"per\":%" PRIu64
           "}\n",
           item->name, ns, allocations, item->per);
}

void bench_sheet_measure(struct bench_sheet *sheet,
                         const struct bench_case *item)
{
    if (!bench_sheet_wants(sheet, item->name)) {
        return;
    }
    struct round rounds[ROUNDS_MAX];
    unsigned rounds_count =
        sheet->rounds < ROUNDS_MAX ? sheet->rounds : ROUNDS_MAX;
    uint64_t count = calibrate(sheet, item);
    for (unsigned i = 0; i < rounds_count; i++) {
        rounds[i] = run(item, count);
    }
    qsort(rounds, rounds_count, sizeof rounds[0], compare);
    const struct round *median = &rounds[rounds_count / 2];
    double ns = median->ns / (double)median->operations;
    double allocations =
        (double)median->allocations / (double)median->operations;
    (sheet->is_json ? write_object : write_line)(item, ns, allocations);
    fflush(stdout);
    sheet->measured++;
}
