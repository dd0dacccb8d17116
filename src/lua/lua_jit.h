/* SPDX-License-Identifier: MIT */
/* Whether LuaJIT compiles the code of a generation.
 *
 * LuaJIT as distributions build it cannot stop compiled code: no hook interrupts
 * it, and where it gets no memory it may crash. So where something may have to be
 * stopped nothing is compiled: while a script loads, and for good with
 * handler_timeout or lua_memory_limit, whatever the script says to `jit`.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_JIT_H
#define WSP_LUA_LUA_JIT_H

#include <lua.h>
#include <stdbool.h>

struct wsp_lua_jit {
    bool is_wanted;  /* by the script */
    bool is_allowed; /* by us */
};

/* Turns the compiler of a fresh state off, and lets jit.on and jit.off speak of
 * what the script wants. Raises without memory. */
void wsp_lua_jit_open(lua_State *L);

/* Lets the compiler run from now on, if the script wants it. */
void wsp_lua_jit_allow(lua_State *L);

#endif
