/* SPDX-License-Identifier: MIT */
/* Reads the option `listen`: an address, a place to listen at as a table of
 * members, or an array of them.
 * Owner: wsp_lua_options_read. Thread: the state's. */
#ifndef WSP_LUA_LUA_LISTEN_H
#define WSP_LUA_LUA_LISTEN_H

#include "lua/lua_option.h"

/* Reads the value on top of the stack into the description's options; raises
 * for what is none, with the place of the entry: "listen[2].address". */
void wsp_lua_listen_read(lua_State *L, const struct wsp_lua_option *option);

#endif
