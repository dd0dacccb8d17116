/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/script.h"
#include "cli/usage.h"

/* Loads the script and prints what it declares. What the script warns of while
 * it runs goes to stderr. */
static int check_script(const char *path, bool is_unsafe)
{
    struct wsp_log_sink sink = {STDERR_FILENO, WSP_LOG_TEXT, false};
    struct wsp_logger logger = wsp_log_sink_logger(&sink, WSP_LOG_WARN);
    const struct wsp_script_config config = {.logger = logger,
                                             .is_unsafe = is_unsafe};
    struct wsp_script script;
    struct wsp_diag diag = {0};
    if (wsp_script_init(&script, &config, &diag) != WSP_OK) {
        fprintf(stderr, "%s\n", diag.message);
        return WSP_EXIT_FAILURE;
    }
    enum wsp_err result = wsp_lua_host_load(script.host, path, &diag);
    if (result == WSP_OK) {
        wsp_lua_host_describe(script.host, STDOUT_FILENO);
    } else {
        fprintf(stderr, "%s\n", diag.message);
    }
    wsp_script_fini(&script);
    return result == WSP_OK ? WSP_EXIT_OK : WSP_EXIT_FAILURE;
}

int wsp_check_main(char **argv)
{
    bool is_unsafe = false;
    const struct wsp_flag table[] = {
        {"unsafe", WSP_FLAG_ON, {.is_on = &is_unsafe}},
    };
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {table, sizeof(table) / sizeof(table[0]),
                              &arguments, 1};
    char error[WSP_FLAGS_ERROR_MAX];
    int code = WSP_EXIT_OK;
    switch (wsp_flags_parse(&flags, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "check");
        break;
    case WSP_FLAGS_ERROR:
        code = wsp_usage_error("check", "%s", error);
        break;
    case WSP_FLAGS_OK:
        code = arguments.count == 1
                   ? check_script(arguments.items[0], is_unsafe)
                   : wsp_usage_error("check", "which script?");
        break;
    }
    wsp_flag_list_fini(&arguments);
    return code;
}
