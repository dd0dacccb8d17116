/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>

#include <wspulse/control.h>

#include "cli/flags.h"
#include "cli/paths.h"
#include "cli/usage.h"

/* A script may take its time to load; a server that is stuck does not answer
 * at all. */
#define ANSWER_TIMEOUT_MS 60000

/* Finds the socket: --control, WSPULSE_CONTROL, the script's default, the only
 * one there is. */
static enum wsp_err find_socket(const char *control, const char *script,
                                char out[WSP_PATHS_MAX], struct wsp_diag *diag)
{
    if (!control) {
        control = getenv("WSPULSE_CONTROL");
    }
    if (control && control[0] != '\0') {
        snprintf(out, WSP_PATHS_MAX, "%s", control);
        return wsp_paths_check_control(control, diag);
    }
    if (script) {
        return wsp_paths_default_control(script, out, diag);
    }
    return wsp_paths_find_control(out, diag);
}

/* Writes "reload" or "reload /full/path/app.lua". */
static enum wsp_err write_request(const char *script, char *out, size_t size,
                                  struct wsp_diag *diag)
{
    if (!script) {
        snprintf(out, size, "reload");
        return WSP_OK;
    }
    char path[WSP_PATHS_MAX];
    enum wsp_err result = wsp_paths_absolute(script, path, diag);
    if (result == WSP_OK) {
        snprintf(out, size, "reload %s", path);
    }
    return result;
}

static int ask_for_reload(const char *control, const char *script)
{
    char path[WSP_PATHS_MAX];
    char request[WSP_PATHS_MAX + sizeof("reload ")];
    char answer[4096] = "";
    struct wsp_diag diag = {0};
    enum wsp_err result = find_socket(control, script, path, &diag);
    if (result == WSP_OK) {
        result = write_request(script, request, sizeof(request), &diag);
    }
    if (result == WSP_OK) {
        result = wsp_control_call(path, request, answer, sizeof(answer),
                                  ANSWER_TIMEOUT_MS, &diag);
    }
    if (result == WSP_OK) {
        printf("reloaded: %s\n", answer);
        return WSP_EXIT_OK;
    }
    bool is_refused = result == WSP_ERR_RELOAD_REFUSED;
    fprintf(stderr, "%s\n", is_refused ? answer : diag.message);
    return WSP_EXIT_FAILURE;
}

int wsp_reload_main(char **argv)
{
    const char *control = NULL;
    struct wsp_flag table[] = {
        {"control", WSP_FLAG_TEXT, {.text = &control}},
    };
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {table, 1, &arguments, 1};
    char error[WSP_FLAGS_ERROR_MAX];
    int code = WSP_EXIT_OK;
    switch (wsp_flags_parse(&flags, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "reload");
        break;
    case WSP_FLAGS_ERROR:
        code = wsp_usage_error("reload", "%s", error);
        break;
    case WSP_FLAGS_OK:
        code = ask_for_reload(control,
                              arguments.count > 0 ? arguments.items[0] : NULL);
        break;
    }
    wsp_flag_list_fini(&arguments);
    return code;
}
