/* SPDX-License-Identifier: MIT */
/* One generation of an application: a lua_State of its own and the servers that
 * its script described.
 * Owner: the host. Thread: one at a time; built and freed on the reloader's
 * helper, used on the loop's in between. */
#ifndef WSP_LUA_LUA_APP_H
#define WSP_LUA_LUA_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/wspulse.h>

#include "lua/lua_files.h"

struct wsp_lua_app;
struct wsp_lua_server;
struct wsp_lua_source;
struct wsp_lua_state;

/* What every generation of a host starts from; unchanged while it lives. */
struct wsp_lua_app_config {
    const struct wsp_lua_source *sources; /* modules carried inside; borrowed */
    size_t source_count;
    struct wsp_logger logger; /* where wspulse.log goes */
    const char *package_path; /* of the Lua program that reloads, or NULL for */
    const char *package_cpath; /* LuaJIT's own; borrowed */
    bool is_unsafe;         /* scripts get what can crash; see lua_library.h */
    size_t memory_limit;    /* bytes of a state while it loads; 0: none */
    uint64_t load_limit_ns; /* how long a script may load; 0: for ever */
    const atomic_bool *cancel; /* set to have a script that loads stop; NULL or
                                  borrowed */
};

/* Runs the script at `path` in a new state and checks what it returns. `files`
 * gets every file that was read, also when it fails. Returns NULL with
 * "file:line: reason" in `diag`. */
struct wsp_lua_app *wsp_lua_app_new(const struct wsp_lua_app_config *config,
                                    const char *path, unsigned generation,
                                    struct wsp_lua_files *files,
                                    struct wsp_diag *diag);

/* Stands for the generation that is the Lua program itself: no state of ours,
 * no servers. NULL without memory. */
struct wsp_lua_app *wsp_lua_app_new_program(void);

/* Ends the state: its callbacks and methods do nothing any more. On the loop's
 * thread, before it is freed on another. */
void wsp_lua_app_retire(struct wsp_lua_app *app);

/* Closes the state. NULL is ignored. */
void wsp_lua_app_free(struct wsp_lua_app *app);

/* The script's path as it was given. */
const char *wsp_lua_app_path(const struct wsp_lua_app *app);

/* The servers in the order of the script; NULL behind the last one. */
struct wsp_lua_server *wsp_lua_app_server(const struct wsp_lua_app *app,
                                          size_t index);
size_t wsp_lua_app_server_count(const struct wsp_lua_app *app);

/* NULL when there is none of that name. */
struct wsp_lua_server *wsp_lua_app_find(const struct wsp_lua_app *app,
                                        const char *name);

/* The files read so far; more come when a handler requires them. */
const struct wsp_lua_files *wsp_lua_app_files(const struct wsp_lua_app *app);

/* What the script's lua_memory_limit allows, in bytes; 0: no limit. */
size_t wsp_lua_app_memory_limit(const struct wsp_lua_app *app);

struct wsp_lua_state *wsp_lua_app_state(const struct wsp_lua_app *app);

#endif
