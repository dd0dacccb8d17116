/* SPDX-License-Identifier: MIT */
/* The commands of `wspulse` and the exit codes that all of them share.
 * Owner: the program. Thread: main. */
#ifndef WSP_CLI_COMMAND_H
#define WSP_CLI_COMMAND_H

enum wsp_exit {
    WSP_EXIT_OK = 0,
    WSP_EXIT_FAILURE = 1, /* what was asked for failed; stderr says why */
    WSP_EXIT_USAGE = 2,   /* the command line makes no sense */
};

/* Runs a command. `argv` holds what stands behind the command's name and ends
 * with NULL. Returns the exit code. */
typedef int (*wsp_command_fn)(char **argv);

int wsp_run_main(char **argv);
int wsp_check_main(char **argv);
int wsp_reload_main(char **argv);
int wsp_bench_main(char **argv);
int wsp_version_main(char **argv);
int wsp_help_main(char **argv);

#endif
