/* SPDX-License-Identifier: MIT */
/* The methods of a server that begin and end its life: start, run, poll, reload
 * and close. What they mean depends on who owns the loop: a Lua program drives
 * it through them, under the command they return at once or raise.
 * Thread: the state's. */
#ifndef WSP_LUA_LUA_LIFE_H
#define WSP_LUA_LUA_LIFE_H

#include <lua.h>

/* server:start() -> true | nil, err */
int wsp_lua_life_start(lua_State *L);

/* server:run() -> true | nil, err: starts and serves until it is closed. */
int wsp_lua_life_run(lua_State *L);

/* server:poll([seconds]) -> true | nil, err: one turn. */
int wsp_lua_life_poll(lua_State *L);

/* server:reload([path]) -> true | nil, err. Inside a callback it asks and
 * returns at once; the answer is in the log. */
int wsp_lua_life_reload(lua_State *L);

/* server:close([fn]) -> true | nil, err. Inside a callback it begins and
 * returns at once, else it drives the loop to the barrier. */
int wsp_lua_life_close(lua_State *L);

#endif
