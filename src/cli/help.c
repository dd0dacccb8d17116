/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>

#include "cli/flags.h"
#include "cli/usage.h"

static int print_topic(const struct wsp_flag_list *arguments)
{
    const char *topic = arguments->count > 0 ? arguments->items[0] : NULL;
    if (wsp_usage_print(stdout, topic)) {
        return WSP_EXIT_OK;
    }
    return wsp_usage_unknown_command(topic);
}

int wsp_help_main(char **argv)
{
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {NULL, 0, &arguments, 1};
    char error[WSP_FLAGS_ERROR_MAX];
    int code = WSP_EXIT_OK;
    switch (wsp_flags_parse(&flags, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "help");
        break;
    case WSP_FLAGS_ERROR:
        code = wsp_usage_error("help", "%s", error);
        break;
    case WSP_FLAGS_OK:
        code = print_topic(&arguments);
        break;
    }
    wsp_flag_list_fini(&arguments);
    return code;
}
