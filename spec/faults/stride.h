/* SPDX-License-Identifier: MIT */
/* How far a sweep goes from one place to fail at to the next: WSP_FAULT_STEP, or
 * to the very next. WSP_FAULT_SHOW=1 prints each. */
#ifndef WSP_SPEC_FAULTS_STRIDE_H
#define WSP_SPEC_FAULTS_STRIDE_H

#include <stdlib.h>

/* The place behind `number`. */
static inline long stride_from(long number)
{
    const char *text = getenv("WSP_FAULT_STEP");
    long step = text ? strtol(text, NULL, 10) : 1;
    return number + (step > 0 ? step : 1);
}

#endif
