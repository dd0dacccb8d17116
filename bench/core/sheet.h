/* SPDX-License-Identifier: MIT */
/* Measures cases one after the other and writes a line for each: a table for
 * people, or an object a line with --json.
 * Owner: main. Thread: the only one. */
#ifndef WSP_CORE_SHEET_H
#define WSP_CORE_SHEET_H

#include <stdbool.h>
#include <stdint.h>

struct bench_sheet {
    const char *only; /* cases whose name holds it; NULL: all of them */
    bool is_json;
    double round_s;    /* how long a round takes at least */
    unsigned rounds;   /* the median counts */
    unsigned measured; /* cases so far */
};

/* Something to be measured. */
struct bench_case {
    const char *name; /* "broadcast, 1M sessions" */
    uint64_t per;     /* parts of one operation, such as recipients; or 0 */
    const char *part; /* what a part is called */
    void (*prepare)(void *ud); /* before each operation, not timed; or NULL */
    void (*operate)(void *ud);
    void *ud;
};

/* Tells whether a case will be measured: what it needs may be left out. */
bool bench_sheet_wants(const struct bench_sheet *sheet, const char *name);

/* Measures a case, when it is wanted, in processor time of this thread. */
void bench_sheet_measure(struct bench_sheet *sheet,
                         const struct bench_case *item);

#endif
