/* SPDX-License-Identifier: MIT */
/* A connection on the Lua side: one handle per connection and generation, so
 * that == and table keys work. It holds an id, never a pointer into the server:
 * what is gone is not found, and a snapshot answers instead.
 *
 * A handle's environment is its description's until the handle has something of
 * its own to keep; then it is a table with the slots of enum handle_slot.
 * Owner: while the connection lives the description, then the garbage
 * collector. Thread: the state's. Every function runs inside a protected call
 * and raises without memory. */
#ifndef WSP_LUA_LUA_CONNECTION_H
#define WSP_LUA_LUA_CONNECTION_H

#include <lua.h>

#include "lua/lua_server.h"

/* Makes the metatable; call once. */
void wsp_lua_connection_open(lua_State *L);

/* Pushes the handle of a connection of this pinned description, made on first
 * use. */
void wsp_lua_connection_push(lua_State *L, struct wsp_lua_server *server,
                             wsp_id id);

/* Pushes the handle and returns true if there is one, or pushes nothing. */
bool wsp_lua_connection_push_known(lua_State *L, struct wsp_lua_server *server,
                                   wsp_id id);

/* Gives the userdata on top of the stack, which comes from the description's
 * table of handles, when it is the handle of this connection, else NULL. */
const void *wsp_lua_connection_of(lua_State *L, wsp_id id);

/* Gives the id of the handle at `index` when it is one of this description, 0
 * for a handle of another one. Returns false when it is no handle. */
bool wsp_lua_connection_to(lua_State *L, int index,
                           const struct wsp_lua_server *server, wsp_id *id);

/* Pushes the error of a connection's transport; one of a handler that raised
 * has in `value` what wsp_lua_connection_keep_panic kept under the handle at
 * `index`. */
void wsp_lua_connection_push_error(lua_State *L, int index,
                                   const struct wsp_error *error);

/* Keeps the value at `value_index`, which a handler raised, under the handle at
 * `index`. */
void wsp_lua_connection_keep_panic(lua_State *L, int index, int value_index);

/* Has the handle at `index` answer from a snapshot from now on: the connection
 * has ended with the error at `index + 1` and the reason at `index + 2`. */
void wsp_lua_connection_end(lua_State *L, int index,
                            struct wsp_connection *connection);

/* Pushes the on_close function that waits next under the handle at `index`, and
 * returns true; or returns false. */
bool wsp_lua_connection_next_closer(lua_State *L, int index);

/* Lets go of the handle, after a last snapshot if there was none. */
void wsp_lua_connection_forget(lua_State *L, struct wsp_lua_server *server,
                               struct wsp_connection *connection);

#endif
