/* SPDX-License-Identifier: MIT */
/* How the state of a generation finds its code: modules carried inside first,
 * then the files beside the script; each file is noted, and precompiled bytecode
 * is refused unless the state is unsafe, because it can corrupt memory.
 * Thread: the helper that builds the generation, later the loop's. */
#ifndef WSP_LUA_LUA_LOADER_H
#define WSP_LUA_LUA_LOADER_H

#include <lua.h>

#include "lua/lua_app.h"

/* Prepares package, load, loadstring, loadfile and dofile of a fresh state whose
 * script lies at `path` and whose companion exists. Everything passed in must live as long as
 * the state. Raises without memory. */
void wsp_lua_loader_open(lua_State *L, const struct wsp_lua_app_config *config,
                         struct wsp_lua_files *files, const char *path);

/* Loads the file: pushes its function and returns true, or pushes a
 * message and returns false. */
bool wsp_lua_loader_file(lua_State *L, struct wsp_lua_files *files,
                         const char *path);

#endif
