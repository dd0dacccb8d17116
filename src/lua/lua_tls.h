/* SPDX-License-Identifier: MIT */
/* Reads the option tls, of a server or of one of its addresses.
 * Owner: wsp_lua_options_read, on its stack. Thread: the state's. */
#ifndef WSP_LUA_LUA_TLS_H
#define WSP_LUA_LUA_TLS_H

#include "lua/lua_option.h"

/* Reads the table on top of the stack; raises for what is no such table. Gives
 * memory that lives as long as the description. */
const struct wsp_tls_options *wsp_lua_tls_read(
    lua_State *L, const struct wsp_lua_option *option);

#endif
