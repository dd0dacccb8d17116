/* SPDX-License-Identifier: MIT */
/* Where things of the command lie: the control socket of an application and
 * the folder that such sockets share.
 * Thread: main. */
#ifndef WSP_CLI_PATHS_H
#define WSP_CLI_PATHS_H

#include <wspulse/error.h>

/* Room for every path made here, the NUL included. */
#define WSP_PATHS_MAX 4096

/* Writes the default control socket of a script: wspulse-<app>.sock in
 * $XDG_RUNTIME_DIR, else $TMPDIR, else /tmp; <app> is the script's base name
 * without ".lua". Returns WSP_OK, or as wsp_paths_check_control. */
enum wsp_err wsp_paths_default_control(const char *script,
                                       char out[WSP_PATHS_MAX],
                                       struct wsp_diag *diag);

/* Tells whether a unix socket can lie at `path`. Returns WSP_OK, or
 * WSP_ERR_CONTROL with the length that is too much in `diag`. */
enum wsp_err wsp_paths_check_control(const char *path, struct wsp_diag *diag);

/* Writes the control socket of the one application that runs. Sockets of other
 * users and those that nobody serves any more do not count. Returns WSP_OK, or
 * WSP_ERR_CONTROL when there is none or more than one. */
enum wsp_err wsp_paths_find_control(char out[WSP_PATHS_MAX],
                                    struct wsp_diag *diag);

/* Writes `path` as seen from the root, symlinks kept: a deployment that swaps
 * them goes on working. Returns WSP_OK, or WSP_ERR_CONTROL when it is too long
 * or cannot travel in one line. */
enum wsp_err wsp_paths_absolute(const char *path, char out[WSP_PATHS_MAX],
                                struct wsp_diag *diag);

#endif
