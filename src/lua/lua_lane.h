/* SPDX-License-Identifier: MIT */
/* The way of a server's messages into Lua, prepared: the handler, the handles
 * of connections and some frames lie ready on a thread of their own, so that a
 * message costs no lookup, no trampoline and no C function between server and
 * handler. What is not ready goes the ordinary way of lua_call.h, which makes it.
 *
 * Messages that arrived together are handled in one call, the pump: it asks for
 * the next one when the handler has returned, so that LuaJIT compiles a loop.
 * Owner: struct wsp_lua_server, while it is pinned. Thread: the state's. */
#ifndef WSP_LUA_LUA_LANE_H
#define WSP_LUA_LUA_LANE_H

#include <lua.h>
#include <stdbool.h>

#include <wspulse/connection.h>
#include <wspulse/error.h>

struct wsp_lua_call;
struct wsp_lua_frame;
struct wsp_lua_server;

#define WSP_LUA_LANE_FRAMES 32

struct wsp_lua_lane {
    lua_State *thread; /* NULL while there is none */
    int ref;           /* keeps it in the registry */
    bool is_quiet;     /* nothing that core calls at once enters Lua; see
                          lua_reply.h */
    unsigned ready;    /* frames that no script has seen */
    struct wsp_lua_frame *frames[WSP_LUA_LANE_FRAMES]; /* in its array */
    const char *codec; /* of the state in front of the call */
};

/* Prepares the lane of a server whose other references are in the registry.
 * Raises without memory. */
void wsp_lua_lane_open(lua_State *L, struct wsp_lua_server *server);
void wsp_lua_lane_close(lua_State *L, struct wsp_lua_server *server);

/* Calls on_message with a connection and call->frame, if everything is ready.
 * Returns false when it is not and nothing was called; else `error` is what
 * wsp_lua_call_run returns. Never raises. */
bool wsp_lua_lane_call(struct wsp_lua_server *server,
                       struct wsp_connection *connection,
                       struct wsp_lua_call *call, struct wsp_error **error);

#endif
