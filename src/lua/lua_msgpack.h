/* SPDX-License-Identifier: MIT */
/* Msgpack bytes as Lua values; lua_encoder goes the other way.
 *
 * nil is wspulse.null, str and bin are strings, integers and floats numbers, an
 * array or a map a table. An empty array is marked by wspulse.array, so that it
 * is one again when it is sent. An extension is a wspulse.raw that holds its
 * bytes. Keys of maps can be anything; pairs whose key is NaN are left out.
 * Thread: the state's. Runs inside a protected call and raises without
 * memory. */
#ifndef WSP_LUA_LUA_MSGPACK_H
#define WSP_LUA_LUA_MSGPACK_H

#include <lua.h>

#include "lua/lua_state.h"

/* Pushes the value that the bytes begin with, nested at most 512 deep. Returns
 * true, or false with the reason pushed as a string when they are malformed,
 * which bytes out of a frame are not. */
bool wsp_lua_msgpack_decode(lua_State *L, struct wsp_lua_state *state,
                            struct wsp_span bytes);

#endif
