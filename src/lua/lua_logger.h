/* SPDX-License-Identifier: MIT */
/* The option `logger`: log lines of a server handed to a Lua function as
 * (level, message, fields).
 * Thread: the loop's. */
#ifndef WSP_LUA_LUA_LOGGER_H
#define WSP_LUA_LUA_LOGGER_H

#include <wspulse/log.h>

struct wsp_lua_mount;
struct wsp_lua_server;

/* Gives the logger that a server at `mount` uses while `described` is mounted:
 * the script's, else the mount's own. A line that the script's cannot take, or
 * that is written while it runs, goes to the mount's. */
struct wsp_logger wsp_lua_logger_of(struct wsp_lua_mount *mount,
                                    const struct wsp_lua_server *described);

#endif
