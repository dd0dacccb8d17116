/* SPDX-License-Identifier: MIT */
/* Runs an application script for the command: loads it into a lua_State of its
 * own, opens the servers it describes, and replaces it on request.
 * Owner: the command. Thread: the loop's. */
#ifndef WSP_LUA_LUA_HOST_H
#define WSP_LUA_LUA_HOST_H

#include <wspulse/wspulse.h>

struct wsp_lua_host;

/* A Lua module carried inside the program. */
struct wsp_lua_source {
    const char *name; /* "wspulse.router" */
    const char *data;
    size_t len;
};

struct wsp_lua_host_config {
    const struct wsp_lua_source *sources; /* borrowed for the host's life */
    size_t source_count;
    struct wsp_logger logger; /* of the command; a script's own logger
                                      option wins for its server */
    const struct wsp_listen
        *listen; /* overrides the script's, when count > 0 */
    size_t listen_count;
    bool is_unsafe; /* scripts get what can crash the process: ffi, all of
                       debug, bytecode and more; see lua_library.h */
};

/* Makes a host that serves nothing yet. NULL without memory. */
struct wsp_lua_host *wsp_lua_host_new(struct wsp_loop *loop,
                                      const struct wsp_lua_host_config *config);

/* Runs the script at `path` as generation 1 and checks what it returned: one
 * server or an array of them. Opens nothing. Returns WSP_OK, or WSP_ERR_SCRIPT
 * or WSP_ERR_INVALID_OPTION with "file:line: reason" in `diag`. */
enum wsp_err wsp_lua_host_load(struct wsp_lua_host *host, const char *path,
                               struct wsp_diag *diag);

/* Opens the servers of the loaded script. Returns WSP_OK, or WSP_ERR_LISTEN
 * with address and reason in `diag`; then none is open. */
enum wsp_err wsp_lua_host_start(struct wsp_lua_host *host,
                                struct wsp_diag *diag);

/* The servers, in the order of the script; NULL behind the last one or before
 * wsp_lua_host_start. */
struct wsp_server *wsp_lua_host_server(struct wsp_lua_host *host, size_t index);

/* Writes what the loaded script declares (servers, options that differ from
 * their default, routes of http and static, router events) to `fd` as lines of
 * text: what `wspulse check` prints. */
void wsp_lua_host_describe(struct wsp_lua_host *host, int fd);

/* Asks for a new generation from `path` (NULL: the path that was loaded).
 * `done` (may be NULL) gets the answer on the loop. */
enum wsp_err wsp_lua_host_reload(struct wsp_lua_host *host, const char *path,
                                 wsp_reload_fn done, void *ud);

/* The number of the generation that serves, whoever asked for it: 1 at first. */
unsigned wsp_lua_host_generation(const struct wsp_lua_host *host);

/* The files that the serving generation and the last refused one were made of:
 * the script and every module that `require` found on disk. NULL behind the
 * last one. Valid until the next turn of the loop. */
const char *wsp_lua_host_file(struct wsp_lua_host *host, size_t index);

/* Has `done` called at the barrier of all servers, whoever closes them: a
 * script may. Returns WSP_OK, or WSP_ERR_OUT_OF_MEMORY and done is not called.
 */
enum wsp_err wsp_lua_host_wait(struct wsp_lua_host *host, wsp_loop_fn done,
                               void *ud);

/* Begins to close every server gracefully. */
void wsp_lua_host_close(struct wsp_lua_host *host);

/* Aborts what is open, closes the lua_States, frees. Not from a callback. */
void wsp_lua_host_free(struct wsp_lua_host *host);

#endif
