/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/usage.h"

struct command {
    const char *name;
    wsp_command_fn run;
};

static const struct command commands[] = {
    {"run", wsp_run_main},         {"check", wsp_check_main},
    {"reload", wsp_reload_main},   {"bench", wsp_bench_main},
    {"version", wsp_version_main}, {"--version", wsp_version_main},
    {"-V", wsp_version_main},      {"help", wsp_help_main},
    {"--help", wsp_help_main},     {"-h", wsp_help_main},
};

/* Keeps 0 to 2 taken: a socket that got one of these numbers would receive
 * what is meant for the terminal. */
static bool hold_standard_fds(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

/* Output that did not reach its file is a failure, whatever came before. */
static int finish_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    perror("wspulse: stdout");
    return code == WSP_EXIT_OK ? WSP_EXIT_FAILURE : code;
}

static int dispatch(char **argv)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, argv[0]) == 0) {
            return commands[i].run(argv + 1);
        }
    }
    return wsp_usage_unknown_command(argv[0]);
}

int main(int argc, char **argv)
{
    if (!hold_standard_fds()) {
        return WSP_EXIT_FAILURE;
    }
    if (argc < 2) {
        wsp_usage_print(stderr, NULL);
        return WSP_EXIT_USAGE;
    }
    return finish_output(dispatch(argv + 1));
}
