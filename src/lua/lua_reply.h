/* SPDX-License-Identifier: MIT */
/* A reply: what the handler of a message sends to the message's own connection,
 * the frame as it came, on a way that LuaJIT compiles through; see lua_ffi.h.
 *
 * Nothing behind that call may enter Lua. The core calls back when no callback
 * is running; what it calls at once is a logger, and where that is a script's,
 * this way is closed.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_REPLY_H
#define WSP_LUA_LUA_REPLY_H

#include <lua.h>

struct wsp_connection;

struct wsp_lua_reply {
    const void *handle; /* userdata of the connection whose message is on its
                           way; NULL: there is none, or this way is closed */
    struct wsp_connection *connection; /* lives as long as its handler runs */
};

/* Offers another `send` for the table on top of the stack, the methods of
 * connections; call once. Raises without memory. */
void wsp_lua_reply_open(lua_State *L);

#endif
