/* SPDX-License-Identifier: MIT */
/* How deep C may nest on the thread that runs a state.
 *
 * LuaJIT counts the slots of a Lua stack, at most 65,500 of them, and not what
 * lies on the C stack meanwhile: string.gsub that calls itself through its
 * function takes 9 KB a level, so does our `load`, and coroutines that resume
 * each other have as many Lua stacks as there is memory.
 * So these functions ask here first and raise "C stack overflow"; what else
 * calls back takes 60 bytes a slot at most (string.format with __tostring),
 * 3.8 MB until LuaJIT ends it, and has a reserve for that.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_STACK_H
#define WSP_LUA_LUA_STACK_H

#include <lua.h>
#include <stdbool.h>

struct wsp_lua_state;

/* Bytes that those who ask may take, where there are so many: 900 levels of
 * gsub, 30,000 of coroutines. The thread sanitizer keeps a stack of its own, of
 * 65,536 calls, and does not notice when an error leaves some. */
#ifdef __SANITIZE_THREAD__
#define WSP_LUA_STACK_SHARE (256U * 1024)
#else
#define WSP_LUA_STACK_SHARE (8U * 1024 * 1024)
#endif

/* Bytes that are kept for those who do not ask. */
#define WSP_LUA_STACK_RESERVE (6U * 1024 * 1024)

/* Takes note of the calling thread's stack: the one that runs the state from
 * now on. */
void wsp_lua_stack_measure(struct wsp_lua_state *state);

/* Tells whether the share is used up. */
bool wsp_lua_stack_is_low(const struct wsp_lua_state *state);

/* Raises "C stack overflow" when it is. */
void wsp_lua_stack_check(lua_State *L, const struct wsp_lua_state *state);

#endif
