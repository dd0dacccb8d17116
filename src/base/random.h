/* SPDX-License-Identifier: MIT */
/* Randomness from the kernel: hash seeds and ids.
 * Thread: any. */
#ifndef WSP_BASE_RANDOM_H
#define WSP_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills `out`. Returns false when the kernel refuses. */
bool wsp_random_fill(void *out, size_t len);

#endif
