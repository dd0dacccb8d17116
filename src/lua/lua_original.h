/* SPDX-License-Identifier: MIT */
/* A C function of a standard library behind one of ours that looks first.
 *
 * Ours runs in the stack frame of the original, so levels, arguments, results
 * and error messages stay what they were.
 * Owner: the closure. Thread: the state's. */
#ifndef WSP_LUA_LUA_ORIGINAL_H
#define WSP_LUA_LUA_ORIGINAL_H

#include <lua.h>
#include <stdbool.h>

/* Pushes `function` as a closure over the member `name` of the table on top of
 * the stack; its first upvalue is the state's companion. Returns false, pushing
 * nothing, when the member is no C function. Raises without memory. */
bool wsp_lua_original_push(lua_State *L, const char *name,
                           lua_CFunction function);

/* The same, and puts it in the member's place. */
void wsp_lua_original_wrap(lua_State *L, const char *name,
                           lua_CFunction function);

/* Inside such a function: runs the original with the arguments at hand. */
int wsp_lua_original_run(lua_State *L);

#endif
