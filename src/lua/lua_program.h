/* SPDX-License-Identifier: MIT */
/* A Lua program that uses wspulse as a module: its loop, made at the first start
 * and shared by all its servers, and their reloads. A script that a host runs
 * has none of this; the methods that need it raise there.
 * Owner: the lua_State's companion. Thread: the state's. */
#ifndef WSP_LUA_LUA_PROGRAM_H
#define WSP_LUA_LUA_PROGRAM_H

#include <lua.h>

#include "lua/lua_generations.h"
#include "lua/lua_server.h"

struct wsp_lua_program {
    struct wsp_loop *loop;
    struct wsp_lua_mount_list mounts; /* the servers that were started */
    bool has_generations;             /* after the first reload */
    struct wsp_lua_generations generations;
    char *package_path; /* what `require` searched at the first reload */
    char *package_cpath;
};

/* Opens the server of the description at index 1. Returns WSP_OK, also when it
 * is open already, WSP_ERR_SERVER_CLOSED, or why it could not be opened with
 * `diag` filled. */
enum wsp_err wsp_lua_program_start(lua_State *L, struct wsp_lua_server *server,
                                   struct wsp_diag *diag);

/* Runs one turn, waiting at most `timeout_ms`. Not inside a callback. Raises
 * what a debug hook raises: an interrupt of the luajit command for one. */
void wsp_lua_program_turn(lua_State *L, struct wsp_lua_state *state,
                          int64_t timeout_ms);

/* Runs turns until the server is closed. */
void wsp_lua_program_drive(lua_State *L, const struct wsp_lua_server *server);

/* Gives the generations of the program's servers, made at the first reload;
 * NULL without memory. */
struct wsp_lua_generations *wsp_lua_program_generations(
    lua_State *L, struct wsp_lua_program *program);

/* Frees the servers and the loop; the state has ended. */
void wsp_lua_program_close(struct wsp_lua_state *state);

#endif
