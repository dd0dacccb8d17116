/* SPDX-License-Identifier: MIT */
/* A request on the Lua side: fields path, method, remote_addr; methods
 * header(name), query(name), cookie(name), body(). What is absent is nil.
 * Owner: the garbage collector; it borrows the request of the current call and
 * raises `request used after its handler returned` later, unless it is a copy.
 * Thread: the state's. Every function runs inside a protected call and raises
 * without memory. */
#ifndef WSP_LUA_LUA_REQUEST_H
#define WSP_LUA_LUA_REQUEST_H

#include <lua.h>

#include "lua/lua_state.h"

/* Prepares the state for requests; call once. */
void wsp_lua_request_open(lua_State *L);

/* Pushes the request of the current call (state->request). */
void wsp_lua_request_push(lua_State *L, struct wsp_lua_state *state);

/* Pushes a copy that stays valid; nil for NULL. */
void wsp_lua_request_push_copy(lua_State *L, const struct wsp_request *source);

#endif
