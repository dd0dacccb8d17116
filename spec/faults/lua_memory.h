/* SPDX-License-Identifier: MIT */
/* Where Lua states get their memory from, while heap.h refuses some of it. The
 * linker leads their beginnings through here (`--wrap`).
 * Thread: any. */
#ifndef WSP_SPEC_FAULTS_LUA_MEMORY_H
#define WSP_SPEC_FAULTS_LUA_MEMORY_H

#include <stdbool.h>

/* Chooses for states to come: every block of theirs can be refused (at first),
 * or what their own allocator asks the system for. */
void lua_memory_choose(bool is_own);

#endif
