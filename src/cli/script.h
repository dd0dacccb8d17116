/* SPDX-License-Identifier: MIT */
/* A loop and a Lua host on it, with the Lua files that the command carries:
 * what `run` and `check` load an application into.
 * Owner: the command. Thread: main. */
#ifndef WSP_CLI_SCRIPT_H
#define WSP_CLI_SCRIPT_H

#include "lua/lua_host.h"

struct wsp_script {
    struct wsp_loop *loop;
    struct wsp_lua_source *sources; /* borrowed by the host */
    struct wsp_listen *places;      /* the same; NULL: the script's */
    struct wsp_lua_host *host;
};

/* Makes loop and host; nothing is loaded yet. `listen` overrides the script's
 * addresses when `listen_count` is not 0; it is borrowed. Returns WSP_OK, or
 * WSP_ERR_OUT_OF_MEMORY with `diag` filled, and then nothing is left to fini. */
enum wsp_err wsp_script_init(struct wsp_script *script,
                             const struct wsp_logger *logger,
                             const char *const *listen, size_t listen_count,
                             struct wsp_diag *diag);

/* Frees the host, then the loop; timers and signals must be gone. */
void wsp_script_fini(struct wsp_script *script);

#endif
