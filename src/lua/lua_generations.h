/* SPDX-License-Identifier: MIT */
/* The generations of an application, one after the other on the same running
 * servers: the one that serves, and the way to the next.
 * Owner: the host, or the state of a Lua program that reloads its servers.
 * Thread: the loop's; the next generation is built on the reloader's helper. */
#ifndef WSP_LUA_LUA_GENERATIONS_H
#define WSP_LUA_LUA_GENERATIONS_H

#include <pthread.h>
#include <stdatomic.h>

#include <wspulse/wspulse.h>

#include "lua/lua_app.h"
#include "lua/lua_mount.h"

struct wsp_lua_generations {
    struct wsp_lua_mount_list *mounts; /* the servers; of the owner */
    struct wsp_reloader *reloader;     /* NULL before begin */
    struct wsp_lua_app *app;           /* the one that serves */
    char *path;                        /* of its script; NULL: a program */
    atomic_bool is_ending;             /* what is being built is not wanted */

    pthread_mutex_t lock; /* of the next two, which the helper uses too */
    struct wsp_lua_app_config app_config;
    struct wsp_lua_files built; /* what the last refused build has read */

    struct wsp_lua_files refused; /* the same, once the loop knows */
};

/* Prepares for the servers of `mounts`. Returns WSP_OK or
 * WSP_ERR_OUT_OF_MEMORY, and then there is nothing to fini. */
enum wsp_err wsp_lua_generations_init(struct wsp_lua_generations *all,
                                      struct wsp_lua_mount_list *mounts,
                                      const struct wsp_lua_app_config *config);

/* Builds generation 1 from `path`. Returns WSP_OK, or what wsp_lua_app_new puts
 * into `diag`. */
enum wsp_err wsp_lua_generations_load(struct wsp_lua_generations *all,
                                      const char *path, struct wsp_diag *diag);

/* Makes `program`, the generation that is a Lua program, number 1. */
void wsp_lua_generations_adopt(struct wsp_lua_generations *all,
                               struct wsp_lua_app *program);

/* Makes reloads possible. Returns WSP_OK or WSP_ERR_OUT_OF_MEMORY. */
enum wsp_err wsp_lua_generations_begin(struct wsp_lua_generations *all,
                                       struct wsp_loop *loop);

/* Asks for a generation from `path`, NULL for the one before's. `done` gets the
 * answer on the loop; without it the answer goes to the log. Returns WSP_OK,
 * WSP_ERR_OUT_OF_MEMORY, WSP_ERR_SERVER_NOT_STARTED before begin, or
 * WSP_ERR_RELOAD_REFUSED when there is no path. */
enum wsp_err wsp_lua_generations_reload(struct wsp_lua_generations *all,
                                        const char *path, wsp_reload_fn done,
                                        void *ud);

/* Has every generation from now on be unsafe; see lua_library.h. */
void wsp_lua_generations_allow_unsafe(struct wsp_lua_generations *all);

/* The files of the serving generation and of the last refused one; NULL behind
 * the last one. Valid until the next turn of the loop. */
const char *wsp_lua_generations_file(const struct wsp_lua_generations *all,
                                     size_t index);

/* Ends reloading: waits for the helper and answers what still waits. */
void wsp_lua_generations_end(struct wsp_lua_generations *all);

/* Closes the serving generation; its servers are gone. */
void wsp_lua_generations_fini(struct wsp_lua_generations *all);

#endif
