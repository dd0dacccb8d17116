/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/bench_load.h"
#include "cli/bench_report.h"
#include "cli/usage.h"

static void report(const struct wsp_bench_settings *settings,
                   const struct wsp_bench_result *result)
{
    if (settings->is_json) {
        wsp_bench_report_json(stdout, settings, result);
    } else if (result->seconds > 0) {
        wsp_bench_report_text(stdout, settings, result);
    }
}

static int complain(const struct wsp_bench_settings *settings,
                    const struct wsp_diag *diag)
{
    fprintf(stderr, "wspulse bench: %s: %s\n", settings->url, diag->message);
    return WSP_EXIT_FAILURE;
}

/* A result holds two histograms: too much for a stack. */
static int measure(const struct wsp_bench_settings *settings,
                   const struct wsp_bench_target *target)
{
    struct wsp_bench_result *result = malloc(sizeof *result);
    if (!result) {
        struct wsp_diag diag;
        wsp_diag_set(&diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
        return complain(settings, &diag);
    }
    wsp_bench_load_run(settings, target, result);
    report(settings, result);
    int code = WSP_EXIT_OK;
    if (result->failure.code != WSP_OK) {
        code = complain(settings, &result->failure);
    }
    free(result);
    return code;
}

static int run_bench(const struct wsp_bench_settings *settings)
{
    struct wsp_bench_target target;
    struct wsp_diag diag = {0};
    enum wsp_err err = wsp_bench_target_init(&target, settings, &diag);
    int code;
    if (err == WSP_OK) {
        signal(SIGPIPE, SIG_IGN);
        code = measure(settings, &target);
    } else if (err == WSP_ERR_INVALID_OPTION) {
        code = wsp_usage_error("bench", "%s", diag.message);
    } else {
        code = complain(settings, &diag);
    }
    wsp_bench_target_fini(&target);
    return code;
}

int wsp_bench_main(char **argv)
{
    struct wsp_bench_settings settings;
    char error[WSP_FLAGS_ERROR_MAX];
    int code = WSP_EXIT_OK;
    switch (wsp_bench_settings_read(&settings, argv, error)) {
    case WSP_FLAGS_HELP:
        wsp_usage_print(stdout, "bench");
        break;
    case WSP_FLAGS_ERROR:
        code = wsp_usage_error("bench", "%s", error);
        break;
    case WSP_FLAGS_OK:
        code = run_bench(&settings);
        break;
    }
    wsp_bench_settings_fini(&settings);
    return code;
}
