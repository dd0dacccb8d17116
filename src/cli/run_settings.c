/* SPDX-License-Identifier: MIT */
#include "cli/run_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text with the name of the flag or variable it came from. */
struct origin {
    const char *name;
    const char *text;
};

/* A variable that is set to nothing counts as not set. */
static const char *environment(const char *name)
{
    const char *text = getenv(name);
    return text && text[0] != '\0' ? text : NULL;
}

static struct origin choose(const char *flag, const char *flag_text,
                            const char *variable, const char *fallback)
{
    if (flag_text) {
        return (struct origin){flag, flag_text};
    }
    const char *text = environment(variable);
    return (struct origin){variable, text ? text : fallback};
}

static bool read_level(struct wsp_run_settings *settings, const char *flag_text,
                       char *error)
{
    struct origin from =
        choose("--log-level", flag_text, "WSPULSE_LOG_LEVEL", "info");
    if (wsp_log_level_parse(from.text, &settings->log_level)) {
        return true;
    }
    snprintf(error, WSP_FLAGS_ERROR_MAX,
             "%s: expected debug, info, warn, error or off, got \"%.60s\"",
             from.name, from.text);
    return false;
}

static bool read_format(struct wsp_run_settings *settings,
                        const char *flag_text, char *error)
{
    struct origin from =
        choose("--log-format", flag_text, "WSPULSE_LOG_FORMAT", "text");
    bool is_json = strcmp(from.text, "json") == 0;
    settings->log_format = is_json ? WSP_LOG_JSON : WSP_LOG_TEXT;
    if (is_json || strcmp(from.text, "text") == 0) {
        return true;
    }
    snprintf(error, WSP_FLAGS_ERROR_MAX,
             "%s: expected text or json, got \"%.60s\"", from.name, from.text);
    return false;
}

static bool is_one_of(const char *text, const char *const names[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads a variable that is yes or no. Runs before the flags are read, so that
 * they win. */
static bool read_switch(const char *name, bool *is_on, char *error)
{
    static const char *const yes[4] = {"1", "true", "yes", "on"};
    static const char *const no[4] = {"0", "false", "no", "off"};
    const char *text = environment(name);
    if (!text) {
        return true;
    }
    *is_on = is_one_of(text, yes);
    if (*is_on || is_one_of(text, no)) {
        return true;
    }
    snprintf(error, WSP_FLAGS_ERROR_MAX, "%s: expected 1 or 0, got \"%.60s\"",
             name, text);
    return false;
}

static bool read_switches(struct wsp_run_settings *settings, char *error)
{
    return read_switch("WSPULSE_WATCH", &settings->is_watching, error) &&
           read_switch("WSPULSE_UNSAFE", &settings->is_unsafe, error);
}

/* Cuts WSPULSE_LISTEN at its commas; empty pieces are skipped. */
static bool read_listen_variable(struct wsp_run_settings *settings, char *error)
{
    const char *text = environment("WSPULSE_LISTEN");
    if (!text || settings->listen.count > 0) {
        return true;
    }
    settings->listen_env = strdup(text);
    char *rest = NULL;
    char *piece = settings->listen_env
                      ? strtok_r(settings->listen_env, ", ", &rest)
                      : NULL;
    bool is_kept = settings->listen_env != NULL;
    while (piece && is_kept) {
        is_kept = wsp_flag_list_push(&settings->listen, piece);
        piece = strtok_r(NULL, ", ", &rest);
    }
    if (!is_kept) {
        snprintf(error, WSP_FLAGS_ERROR_MAX, "out of memory");
    }
    return is_kept;
}

static bool read_control(struct wsp_run_settings *settings, char *error)
{
    if (settings->control && !settings->has_control) {
        snprintf(error, WSP_FLAGS_ERROR_MAX,
                 "--control and --no-control exclude each other");
        return false;
    }
    if (!settings->control && settings->has_control) {
        settings->control = environment("WSPULSE_CONTROL");
    }
    return true;
}

enum wsp_flags_result wsp_run_settings_read(struct wsp_run_settings *settings,
                                            char **argv,
                                            char error[WSP_FLAGS_ERROR_MAX])
{
    *settings = (struct wsp_run_settings){.has_control = true};
    const char *level = NULL;
    const char *format = NULL;
    struct wsp_flag table[] = {
        {"listen", WSP_FLAG_LIST, {.list = &settings->listen}},
        {"watch", WSP_FLAG_ON, {.is_on = &settings->is_watching}},
        {"no-watch", WSP_FLAG_OFF, {.is_on = &settings->is_watching}},
        {"unsafe", WSP_FLAG_ON, {.is_on = &settings->is_unsafe}},
        {"control", WSP_FLAG_TEXT, {.text = &settings->control}},
        {"no-control", WSP_FLAG_OFF, {.is_on = &settings->has_control}},
        {"log-level", WSP_FLAG_TEXT, {.text = &level}},
        {"log-format", WSP_FLAG_TEXT, {.text = &format}},
    };
    struct wsp_flag_list arguments = {NULL, 0};
    struct wsp_flags flags = {table, sizeof(table) / sizeof(table[0]),
                              &arguments, 1};
    bool is_readable = read_switches(settings, error);
    enum wsp_flags_result result = wsp_flags_parse(&flags, argv, error);
    settings->script = arguments.count > 0 ? arguments.items[0] : NULL;
    wsp_flag_list_fini(&arguments);
    if (result != WSP_FLAGS_OK) {
        return result;
    }
    bool is_good = is_readable && read_level(settings, level, error) &&
                   read_format(settings, format, error) &&
                   read_listen_variable(settings, error) &&
                   read_control(settings, error);
    if (is_good && !settings->script) {
        snprintf(error, WSP_FLAGS_ERROR_MAX, "which script?");
        is_good = false;
    }
    return is_good ? WSP_FLAGS_OK : WSP_FLAGS_ERROR;
}

void wsp_run_settings_fini(struct wsp_run_settings *settings)
{
    wsp_flag_list_fini(&settings->listen);
    free(settings->listen_env);
    settings->listen_env = NULL;
}
