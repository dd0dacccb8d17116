/* SPDX-License-Identifier: MIT */
/* The standard libraries as a generation gets them: without what can take the
 * process down. Nothing here is for a Lua program's own state.
 *
 * What ends the process (os.exit) is always refused, and what nests C is asked
 * how deep it is (lua_stack.h). What reads or writes memory past the language
 * goes unless the owner allows it: ffi, string.buffer, jit.util, jit.profile,
 * jit.attach, most of debug, newproxy. With newproxy go the finalizers of
 * scripts, which LuaJIT runs with every hook off.
 * Thread: the helper that builds the generation, later the loop's. */
#ifndef WSP_LUA_LUA_LIBRARY_H
#define WSP_LUA_LUA_LIBRARY_H

#include <lua.h>

/* Changes the libraries of a fresh state, which are open; its companion says
 * whether it is unsafe, and has ffi. Raises without memory. */
void wsp_lua_library_open(lua_State *L);

#endif
