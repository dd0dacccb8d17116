/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/announce.h"
#include "cli/app.h"
#include "cli/run_settings.h"
#include "cli/usage.h"

/* https://no-color.org: any value but the empty one asks for no colour. */
static bool wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && !(no_color && no_color[0] != '\0') &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}

/* Each connection takes a descriptor, and the usual soft limit is 1024. */
static void raise_descriptor_limit(const struct wsp_logger *logger)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    bool is_raised =
        before != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0;
    const struct wsp_log_field fields[] = {
        WSP_LOG_NUM("limit", is_raised ? limit.rlim_cur : before),
        WSP_LOG_NUM("was", before),
    };
    wsp_log(logger, WSP_LOG_DEBUG, "descriptor limit", fields, 2);
}

/* Says why the application does not run: one plain line that an editor can
 * follow, or an object when somebody parses the log. */
static void complain(const struct wsp_run_settings *settings,
                     struct wsp_logger logger, const struct wsp_diag *diag)
{
    if (settings->log_format == WSP_LOG_TEXT) {
        fprintf(stderr, "%s\n", diag->message);
        return;
    }
    logger.level = WSP_LOG_ERROR;
    const struct wsp_log_field reason = WSP_LOG_STR("reason", diag->message);
    wsp_log(&logger, WSP_LOG_ERROR, "not started", &reason, 1);
}

static void log_serving(const struct wsp_app *app)
{
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("script", app->settings->script),
        WSP_LOG_NUM("generation", wsp_lua_host_generation(app->script.host)),
    };
    wsp_log(&app->logger, WSP_LOG_INFO, "serving", fields, 2);
}

static int serve_script(const struct wsp_run_settings *settings)
{
    struct wsp_log_sink sink = {STDERR_FILENO, settings->log_format,
                                wants_color()};
    struct wsp_logger logger = wsp_log_sink_logger(&sink, settings->log_level);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit(&logger);
    struct wsp_app app;
    struct wsp_diag diag = {0};
    bool is_open = wsp_app_open(&app, settings, &logger, &diag) == WSP_OK;
    if (is_open) {
        wsp_loop_watch(app.script.loop, &app.logger);
        wsp_announce_servers(stdout, app.script.host);
        log_serving(&app);
        wsp_app_serve(&app);
    } else {
        complain(settings, logger, &diag);
    }
    wsp_app_fini(&app);
    return is_open ? WSP_EXIT_OK : WSP_EXIT_FAILURE;
}

int wsp_run_main(char **argv)
{
    struct wsp_run_settings settings;
    char error[WSP_FLAGS_ERROR_MAX];
    int code = WSP_EXIT_OK;
    switch (wsp_run_settings_read(&settings, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "run");
        break;
    case WSP_FLAGS_ERROR:
        code = wsp_usage_error("run", "%s", error);
        break;
    case WSP_FLAGS_OK:
        code = serve_script(&settings);
        break;
    }
    wsp_run_settings_fini(&settings);
    return code;
}
