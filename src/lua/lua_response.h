/* SPDX-License-Identifier: MIT */
/* A response on the Lua side: status(n), header(name, value), send(body) and
 * json(value), each of which returns the response again. What the server
 * refuses (a status out of range, a header with a line break, a value that
 * cannot be encoded) raises, and the route answers 500.
 * Owner: the garbage collector; it borrows the response of the current call and
 * raises `response used after its handler returned` later.
 * Thread: the state's. Every function runs inside a protected call and raises
 * without memory. */
#ifndef WSP_LUA_LUA_RESPONSE_H
#define WSP_LUA_LUA_RESPONSE_H

#include <lua.h>

#include "lua/lua_state.h"

/* Prepares the state for responses; call once. */
void wsp_lua_response_open(lua_State *L);

/* Pushes the response of the current call (state->response). */
void wsp_lua_response_push(lua_State *L, struct wsp_lua_state *state);

#endif
