/* SPDX-License-Identifier: MIT */
/* Counts what our own code takes from the heap: the linker puts these functions
 * in front of malloc and its kin (--wrap). What shared libraries take is not
 * counted.
 * Thread: the only one. */
#ifndef WSP_CORE_HEAP_H
#define WSP_CORE_HEAP_H

#include <stdint.h>

struct bench_heap {
    uint64_t allocations; /* calls of malloc, calloc and realloc so far */
    int64_t bytes;        /* in use, as malloc rounds them up */
};

/* What was counted until now. */
struct bench_heap bench_heap_read(void);

#endif
