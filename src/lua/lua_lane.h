/* SPDX-License-Identifier: MIT */
/* The way of a server's messages into Lua, prepared: the handler, the handles
 * of connections and some frames lie ready on the stack of a thread of their
 * own, so that a message costs no lookup, no trampoline and no C function
 * between server and handler. What is not ready goes the ordinary way of
 * lua_call.h, which makes it.
 *
 * While a frame is on its way it has a metatable of the lane's, whose __index is
 * a Lua function that knows the event: LuaJIT compiles through it, where a C
 * function would end what it compiles.
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

/* Frames that are made at a time. */
#define WSP_LUA_LANE_FRAMES 16

struct wsp_lua_lane {
    lua_State *thread; /* NULL while there is none */
    int ref;           /* keeps it in the registry */
    bool may_reply;    /* see lua_reply.h: nothing behind it enters Lua */
    unsigned ready;    /* frames that no script has seen */
    struct wsp_lua_frame *frames[WSP_LUA_LANE_FRAMES]; /* on its stack */
    int event;              /* index of the one that __index knows, or 0 */
    unsigned event_changes; /* what events.changes was then */
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
