/* SPDX-License-Identifier: MIT */
/* JSON for scripts: wspulse.encode, decode, array, null, empty_array.
 *
 * lua-cjson decodes, through an instance of our own (cjson.new), so that the
 * program's settings stay as they are; it makes `[]` and `{}` the same empty
 * table. The encoder is lua_encoder.
 * Thread: the state's. Every function runs inside a protected call and raises
 * without memory. */
#ifndef WSP_LUA_LUA_JSON_H
#define WSP_LUA_LUA_JSON_H

#include <lua.h>

#include "lua/lua_state.h"

/* Gives the table on top of the stack the members named above. */
void wsp_lua_json_open(lua_State *L);

/* Pushes the value of a JSON text, nested at most 512 deep. Lone surrogates
 * become U+FFFD. Returns true, or false with the reason pushed as a string. */
bool wsp_lua_json_decode(lua_State *L, struct wsp_lua_state *state,
                         struct wsp_span text);

#endif
