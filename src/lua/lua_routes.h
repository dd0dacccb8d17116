/* SPDX-License-Identifier: MIT */
/* The options `http` and `static`: what is served beside the WebSocket. Both
 * are read in the order of their keys, so that route numbers are the same each
 * time.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_ROUTES_H
#define WSP_LUA_LUA_ROUTES_H

#include "lua/lua_option.h"

/* Reads { ["GET /hello"] = function } from the top of the stack. */
void wsp_lua_routes_read_http(lua_State *L,
                              const struct wsp_lua_option *option);

/* Reads { ["/"] = "public" } from the top of the stack. A relative folder is
 * one beside the script: beside the file that calls new_server in a Lua
 * program. */
void wsp_lua_routes_read_static(lua_State *L,
                                const struct wsp_lua_option *option);

#endif
