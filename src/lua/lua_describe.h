/* SPDX-License-Identifier: MIT */
/* What a generation declares, as text for a person: what `wspulse check`
 * prints.
 * Thread: the loop's. */
#ifndef WSP_LUA_LUA_DESCRIBE_H
#define WSP_LUA_LUA_DESCRIBE_H

struct wsp_lua_app;

/* Writes the servers with their addresses, the options that differ from their
 * defaults, the routes of http and static, and the events of a router that
 * on_message leads to. What cannot be written to `fd` is lost. */
void wsp_lua_describe(const struct wsp_lua_app *app, int fd);

#endif
