/* SPDX-License-Identifier: MIT */
/* A reply: what the handler of a message sends to the message's own connection,
 * the frame as it came, on a way that LuaJIT compiles through.
 *
 * A C function ends what LuaJIT compiles: compiled code is left for it and
 * entered again behind it, which costs more than the send. Through LuaJIT's ffi
 * it is a call of machine code by machine code. So conn:send is a Lua function
 * that tries this first, and the C function of lua_connection.c for anything
 * else; where nothing is compiled it is the C function itself, because code that
 * is not compiled calls through ffi slowly.
 *
 * Nothing behind that call may enter Lua. The core calls back when no callback
 * is running; what it calls at once is a logger, and where that is a script's,
 * this way is closed.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_REPLY_H
#define WSP_LUA_LUA_REPLY_H

#include <lua.h>
#include <stdbool.h>

struct wsp_connection;

struct wsp_lua_reply {
    const void *handle; /* userdata of the connection whose message is on its
                           way; NULL: there is none, or this way is closed */
    struct wsp_connection *connection; /* lives as long as its handler runs */

    /* Registry references, 0 before they are made. */
    int ref_methods;  /* of connections */
    int ref_plain;    /* conn:send in C */
    int ref_compiled; /* conn:send in Lua */
};

/* Takes over `send` of the table on top of the stack, the methods of
 * connections; call once. Raises without memory. */
void wsp_lua_reply_open(lua_State *L);

/* Chooses conn:send for code that is compiled, or that is not. Without ffi, or
 * before wsp_lua_reply_open, it stays what it is. Raises without memory. */
void wsp_lua_reply_choose(lua_State *L, bool is_compiled);

#endif
