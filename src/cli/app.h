/* SPDX-License-Identifier: MIT */
/* A running application: its script in a host, and the three ways to ask for a
 * reload (signal, control socket, watch).
 *
 *     open -> serve (reload, reload, …) -> closing -> closed
 *
 * Owner: the command. Thread: main, which runs the loop. */
#ifndef WSP_CLI_APP_H
#define WSP_CLI_APP_H

#include <wspulse/control.h>

#include "cli/run_settings.h"
#include "cli/script.h"
#include "cli/watch.h"

struct wsp_app {
    const struct wsp_run_settings *settings; /* borrowed */
    struct wsp_logger logger;
    struct wsp_script script;
    struct wsp_signal *hangup;    /* SIGHUP */
    struct wsp_signal *interrupt; /* SIGINT */
    struct wsp_signal *terminate; /* SIGTERM */
    struct wsp_control *control;  /* NULL: none */
    struct wsp_watch *watch;      /* NULL without --watch */
    bool is_closing;              /* the first signal has come */
    bool is_cut; /* the second one: nobody waits for the barrier */
};

/* Loads the script, opens its servers and the control socket, takes the
 * signals. Returns WSP_OK, or an error with `diag` filled; wsp_app_fini is due
 * in each case. */
enum wsp_err wsp_app_open(struct wsp_app *app,
                          const struct wsp_run_settings *settings,
                          const struct wsp_logger *logger,
                          struct wsp_diag *diag);

/* Runs until the servers are closed, by a signal or by the script. */
void wsp_app_serve(struct wsp_app *app);

/* Asks for a reload of `path` (NULL: the script that serves). `by` says who
 * asks, for the log; `reply` (may be NULL) gets the answer. */
void wsp_app_reload(struct wsp_app *app, const char *by, const char *path,
                    struct wsp_control_reply *reply);

/* Ends what is still open at once and frees. */
void wsp_app_fini(struct wsp_app *app);

#endif
