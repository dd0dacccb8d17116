/* SPDX-License-Identifier: MIT */
/* What `wspulse run` was told: flags over environment over defaults.
 * Owner: the command; texts are borrowed from argv and the environment.
 * Thread: main. */
#ifndef WSP_CLI_RUN_SETTINGS_H
#define WSP_CLI_RUN_SETTINGS_H

#include <stdbool.h>

#include <wspulse/log.h>

#include "cli/flags.h"

struct wsp_run_settings {
    const char *script;
    struct wsp_flag_list listen; /* empty: the script's own addresses */
    char *listen_env;            /* WSPULSE_LISTEN, cut at its commas; heap */
    const char *control;         /* NULL: the default path */
    bool has_control;            /* false after --no-control */
    bool is_watching;
    bool is_unsafe; /* scripts get what can crash the process */
    enum wsp_log_level log_level;
    enum wsp_log_format log_format;
};

/* Reads the command line of `run`. Returns WSP_FLAGS_OK, WSP_FLAGS_HELP, or
 * WSP_FLAGS_ERROR; wsp_run_settings_fini is due in each case. */
enum wsp_flags_result wsp_run_settings_read(struct wsp_run_settings *settings,
                                            char **argv,
                                            char error[WSP_FLAGS_ERROR_MAX]);

void wsp_run_settings_fini(struct wsp_run_settings *settings);

#endif
