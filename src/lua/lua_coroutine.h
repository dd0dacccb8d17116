/* SPDX-License-Identifier: MIT */
/* The coroutine library as a generation gets it: a chain of coroutines that
 * resume each other ends before the C stack does, a yield that cannot be says
 * why, and the threads that handlers run on cannot be had.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_COROUTINE_H
#define WSP_LUA_LUA_COROUTINE_H

#include <lua.h>

/* Changes the library of a fresh state. Raises without memory. */
void wsp_lua_coroutine_open(lua_State *L);

#endif
