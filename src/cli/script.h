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

/* What an application is loaded with. */
struct wsp_script_config {
    struct wsp_logger logger;
    const char *const *listen; /* overrides the script's, when there are any;
                                  borrowed */
    size_t listen_count;
    bool is_unsafe; /* scripts get what can crash the process */
};

/* Makes loop and host, and lets the stack grow as far as scripts may nest;
 * nothing is loaded yet. Returns WSP_OK, or WSP_ERR_OUT_OF_MEMORY with `diag`
 * filled, and then nothing is left to fini. */
enum wsp_err wsp_script_init(struct wsp_script *script,
                             const struct wsp_script_config *config,
                             struct wsp_diag *diag);

/* Frees the host, then the loop; timers and signals must be gone. */
void wsp_script_fini(struct wsp_script *script);

#endif
