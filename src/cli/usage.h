/* SPDX-License-Identifier: MIT */
/* The help of the command, and how it answers a command line that makes no
 * sense.
 * Thread: main. */
#ifndef WSP_CLI_USAGE_H
#define WSP_CLI_USAGE_H

#include <stdbool.h>
#include <stdio.h>

/* Writes the help of a command, or the overview for NULL. Returns false when
 * there is no such command. */
bool wsp_usage_print(FILE *out, const char *command);

/* Writes "wspulse run: <what is wrong>" and where help is found to stderr.
 * Returns WSP_EXIT_USAGE. */
int wsp_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a command that does not exist; names the nearest one. */
int wsp_usage_unknown_command(const char *command);

#endif
