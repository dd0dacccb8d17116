/* SPDX-License-Identifier: MIT */
/* What a running server calls, answered by the callbacks of a script. A callback
 * that raises never gets further than here: it is logged with its traceback and
 * the server goes on.
 * Thread: the loop's. */
#ifndef WSP_LUA_LUA_HANDLERS_H
#define WSP_LUA_LUA_HANDLERS_H

#include <wspulse/wspulse.h>

struct wsp_lua_mount;
struct wsp_lua_server;

/* Gives the handlers of a server at `mount` while `described` is the one that
 * is mounted there. */
struct wsp_handlers wsp_lua_handlers_of(struct wsp_lua_mount *mount,
                                        const struct wsp_lua_server *described);

/* Calls the script's on_reload hook, if it has one. */
void wsp_lua_handlers_reloaded(struct wsp_lua_mount *mount, unsigned previous);

#endif
