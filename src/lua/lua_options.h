/* SPDX-License-Identifier: MIT */
/* The table given to new_server as struct wsp_options and callbacks: every
 * option of the seed under its snake_case name.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_OPTIONS_H
#define WSP_LUA_LUA_OPTIONS_H

#include <lua.h>

struct wsp_lua_server;

/* Reads the table at index 1 into the description at index 2, whose environment
 * table is at index 3. Raises, naming the option and its value, for an unknown
 * key, a wrong type and a value out of range. */
void wsp_lua_options_read(lua_State *L, struct wsp_lua_server *server);

#endif
