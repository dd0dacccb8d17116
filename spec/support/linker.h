/* SPDX-License-Identifier: MIT */
/* The names that the linker knows when it leads the calls of a function elsewhere
 * (`--wrap`): those of the function itself, and of the one in its place. C code
 * may not use them, so they are given in assembly. */
#ifndef WSP_SPEC_SUPPORT_LINKER_H
#define WSP_SPEC_SUPPORT_LINKER_H

#define LINKER_REAL(name) __asm__("__real_" name)
#define LINKER_WRAP(name) __asm__("__wrap_" name)

#endif
