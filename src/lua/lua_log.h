/* SPDX-License-Identifier: MIT */
/* wspulse.log and wspulse.new_id.
 *
 * log(level, message[, fields]): `fields` maps at most 32 names to strings,
 * numbers or booleans (anything else is written as tostring has it), written in
 * the order of their names. In a generation the field `generation` follows.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_LOG_H
#define WSP_LUA_LUA_LOG_H

#include <lua.h>

/* Gives the table on top of the stack the members `log` and `new_id`. */
void wsp_lua_log_open(lua_State *L);

#endif
