/* SPDX-License-Identifier: MIT */
/* The C module wspulse.core: what lua/wspulse builds upon.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_CORE_H
#define WSP_LUA_LUA_CORE_H

#include <lua.h>

#include <wspulse/api.h>

/* Gives the table {version, components, now, errors, new_server, raw, array,
 * null, empty_array, encode, decode, log, new_id}. */
WSP_API int luaopen_wspulse_core(lua_State *L);

#endif
