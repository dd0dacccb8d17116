/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <luajit.h>
#include <stdio.h>

#include <wspulse/api.h>
#include <wspulse/codec.h>

#include "cli/flags.h"
#include "cli/usage.h"

int wsp_version_main(char **argv)
{
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {NULL, 0, &arguments, 0};
    char error[WSP_FLAGS_ERROR_MAX];
    switch (wsp_flags_parse(&flags, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "version");
        return WSP_EXIT_OK;
    case WSP_FLAGS_ERROR:
        return wsp_usage_error("version", "%s", error);
    case WSP_FLAGS_OK:
        break;
    }
    printf("wspulse %s\n%s, %s\n", WSPULSE_VERSION, LUAJIT_VERSION,
           wsp_components());
    return WSP_EXIT_OK;
}
