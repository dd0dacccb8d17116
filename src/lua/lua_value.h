/* SPDX-License-Identifier: MIT */
/* Values of conn:set as bytes, so that they outlive the lua_State: one byte for
 * the type, then the value.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_VALUE_H
#define WSP_LUA_LUA_VALUE_H

#include <lua.h>

#include <wspulse/span.h>

/* Reads the value at `index` and pushes the string that holds its bytes, which
 * `out` spans; nil gives the span with NULL data and pushes nil. Returns false,
 * pushing nothing, when it is neither nil, boolean, number nor string. */
bool wsp_lua_value_to(lua_State *L, int index, struct wsp_span *out);

/* Pushes the value of those bytes; nil for NULL data or bytes of no value. */
void wsp_lua_value_push(lua_State *L, struct wsp_span bytes);

#endif
