/* SPDX-License-Identifier: MIT */
/* A clock that is turned by hand. The linker leads our code's clock_gettime here
 * in programs that ask for it (`--wrap`); what libraries read goes on. */
#ifndef WSP_SPEC_SUPPORT_VIRTUAL_CLOCK_H
#define WSP_SPEC_SUPPORT_VIRTUAL_CLOCK_H

#include <stdint.h>

/* Lets time pass. */
void virtual_clock_pass(uint64_t ms);

#endif
