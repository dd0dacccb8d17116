/* SPDX-License-Identifier: MIT */
#include "cli/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/paths.h"

/* ---- reload ---- */

/* One reload that was asked for. Heap; freed with its answer. */
struct reload {
    struct wsp_app *app;
    const char *by; /* "SIGHUP", "control", "watch" */
    struct wsp_control_reply *reply;
};

/* A script may have reloaded its server itself, so nobody else counts. */
static unsigned generation_of(const struct wsp_app *app)
{
    return wsp_lua_host_generation(app->script.host);
}

static void log_reload(const struct reload *reload, const char *refusal)
{
    const struct wsp_log_field fields[] = {
        WSP_LOG_NUM("generation", generation_of(reload->app)),
        WSP_LOG_STR("by", reload->by),
        WSP_LOG_STR("reason", refusal),
    };
    if (refusal) {
        wsp_log(&reload->app->logger, WSP_LOG_ERROR, "reload refused", fields,
                3);
    } else {
        wsp_log(&reload->app->logger, WSP_LOG_INFO, "reloaded", fields, 2);
    }
}

static void answer_reload(const struct reload *reload, const char *refusal)
{
    char text[64];
    snprintf(text, sizeof(text), "generation %u", generation_of(reload->app));
    if (reload->reply) {
        wsp_control_answer(reload->reply, !refusal, refusal ? refusal : text);
    }
}

static void on_reload(void *ud, enum wsp_err result, unsigned generation,
                      const struct wsp_diag *diag)
{
    struct reload *reload = ud;
    struct wsp_app *app = reload->app;
    const char *refusal = NULL;
    (void)generation;
    if (result != WSP_OK) {
        refusal = diag ? diag->message : wsp_err_text(result);
    }
    log_reload(reload, refusal);
    answer_reload(reload, refusal);
    if (app->watch) {
        wsp_watch_settle(app->watch, refusal);
    }
    free(reload);
}

void wsp_app_reload(struct wsp_app *app, const char *by, const char *path,
                    struct wsp_control_reply *reply)
{
    const struct reload ask = {app, by, reply};
    struct reload *reload = malloc(sizeof(*reload));
    if (reload) {
        *reload = ask;
        if (app->watch) {
            wsp_watch_mark(app->watch);
        }
        if (wsp_lua_host_reload(app->script.host, path, on_reload, reload) ==
            WSP_OK) {
            return;
        }
        free(reload);
    }
    const char *refusal = wsp_err_text(WSP_ERR_OUT_OF_MEMORY);
    log_reload(&ask, refusal);
    answer_reload(&ask, refusal);
    if (app->watch) {
        wsp_watch_settle(app->watch, refusal);
    }
}

static void on_hangup(void *ud)
{
    struct wsp_app *app = ud;
    if (!app->is_closing) {
        wsp_app_reload(app, "SIGHUP", NULL, NULL);
    }
}

static void on_change(void *ud)
{
    wsp_app_reload(ud, "watch", NULL, NULL);
}

/* ---- control socket ---- */

static void on_control(void *ud, const char *command, const char *argument,
                       struct wsp_control_reply *reply)
{
    struct wsp_app *app = ud;
    char text[64];
    if (strcmp(command, "reload") == 0) {
        bool has_path = argument && argument[0] != '\0';
        wsp_app_reload(app, "control", has_path ? argument : NULL, reply);
    } else if (strcmp(command, "status") == 0) {
        snprintf(text, sizeof(text), "generation %u", generation_of(app));
        wsp_control_answer(reply, true, text);
    } else {
        wsp_control_answer(reply, false, "unknown command");
    }
}

/* Opens the socket. One that was asked for must open; without the default one
 * the application serves all the same, and a warning says why. */
static enum wsp_err open_control(struct wsp_app *app, struct wsp_diag *diag)
{
    const struct wsp_run_settings *settings = app->settings;
    if (!settings->has_control) {
        return WSP_OK;
    }
    char path[WSP_PATHS_MAX];
    enum wsp_err result;
    if (settings->control) {
        snprintf(path, sizeof(path), "%s", settings->control);
        result = wsp_paths_check_control(settings->control, diag);
    } else {
        result = wsp_paths_default_control(settings->script, path, diag);
    }
    if (result == WSP_OK) {
        app->control =
            wsp_control_open(app->script.loop, path, on_control, app, diag);
    }
    if (app->control || settings->control) {
        return app->control ? WSP_OK : WSP_ERR_CONTROL;
    }
    const struct wsp_log_field reason = WSP_LOG_STR("reason", diag->message);
    wsp_log(&app->logger, WSP_LOG_WARN,
            "no control socket, `wspulse reload` cannot reach this server",
            &reason, 1);
    return WSP_OK;
}

/* ---- closing ---- */

/* Every server is closed, after a signal or because the script said so: there
 * is nothing left to serve. */
static void on_closed(void *ud)
{
    struct wsp_app *app = ud;
    if (app->is_cut) {
        return;
    }
    const char *text = app->is_closing ? "closed" : "closed by the script";
    wsp_log(&app->logger, WSP_LOG_INFO, text, NULL, 0);
    wsp_loop_stop(app->script.loop);
}

/* What asks for reloads goes first: the code that closes is the last one. */
static void stop_reloads(struct wsp_app *app)
{
    wsp_watch_free(app->watch);
    app->watch = NULL;
    if (app->control) {
        wsp_control_close(app->control);
        app->control = NULL;
    }
}

static void begin_close(struct wsp_app *app, const char *by)
{
    const struct wsp_log_field field = WSP_LOG_STR("by", by);
    if (app->is_closing) {
        app->is_cut = true;
        wsp_log(&app->logger, WSP_LOG_WARN, "stopping at once", &field, 1);
        wsp_loop_stop(app->script.loop);
        return;
    }
    app->is_closing = true;
    wsp_log(&app->logger, WSP_LOG_INFO,
            "closing; a second signal stops at once", &field, 1);
    stop_reloads(app);
    wsp_lua_host_close(app->script.host);
}

static void on_interrupt(void *ud)
{
    begin_close(ud, "SIGINT");
}

static void on_terminate(void *ud)
{
    begin_close(ud, "SIGTERM");
}

/* ---- life ---- */

static enum wsp_err out_of_memory(struct wsp_diag *diag)
{
    return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                        wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
}

/* What must be there before the script runs: SIGHUP would end the program, and
 * the watch notes the time. SIGINT and SIGTERM keep ending it, so that a script
 * which never returns can be stopped. */
static enum wsp_err prepare_load(struct wsp_app *app, struct wsp_diag *diag)
{
    struct wsp_loop *loop = app->script.loop;
    app->hangup = wsp_signal_new(loop, SIGHUP, on_hangup, app);
    if (app->hangup && app->settings->is_watching) {
        app->watch = wsp_watch_new(loop, app->script.host, on_change, app);
    }
    bool is_ready = app->hangup && (app->watch || !app->settings->is_watching);
    return is_ready ? WSP_OK : out_of_memory(diag);
}

/* From here on the loop answers to signals and changed files. */
static enum wsp_err take_signals(struct wsp_app *app, struct wsp_diag *diag)
{
    struct wsp_loop *loop = app->script.loop;
    app->interrupt = wsp_signal_new(loop, SIGINT, on_interrupt, app);
    app->terminate = wsp_signal_new(loop, SIGTERM, on_terminate, app);
    bool is_watching = !app->watch || wsp_watch_start(app->watch);
    bool is_ready = app->interrupt && app->terminate && is_watching;
    return is_ready ? WSP_OK : out_of_memory(diag);
}

static enum wsp_err load_and_start(struct wsp_app *app, struct wsp_diag *diag)
{
    struct wsp_lua_host *host = app->script.host;
    enum wsp_err result = wsp_lua_host_load(host, app->settings->script, diag);
    if (result == WSP_OK) {
        result = wsp_lua_host_start(host, diag);
    }
    if (result == WSP_OK && wsp_lua_host_wait(host, on_closed, app) != WSP_OK) {
        result = out_of_memory(diag);
    }
    return result;
}

enum wsp_err wsp_app_open(struct wsp_app *app,
                          const struct wsp_run_settings *settings,
                          const struct wsp_logger *logger,
                          struct wsp_diag *diag)
{
    *app = (struct wsp_app){
        .settings = settings,
        .logger = *logger,
    };
    const struct wsp_script_config config = {
        .logger = *logger,
        .listen = settings->listen.items,
        .listen_count = settings->listen.count,
        .is_unsafe = settings->is_unsafe,
    };
    enum wsp_err result = wsp_script_init(&app->script, &config, diag);
    if (result == WSP_OK) {
        result = prepare_load(app, diag);
    }
    if (result == WSP_OK) {
        result = load_and_start(app, diag);
    }
    if (result == WSP_OK) {
        result = open_control(app, diag);
    }
    return result == WSP_OK ? take_signals(app, diag) : result;
}

void wsp_app_serve(struct wsp_app *app)
{
    wsp_loop_run(app->script.loop);
}

static void free_signal(struct wsp_signal *taken)
{
    if (taken) {
        wsp_signal_free(taken);
    }
}

/* Every server is closed: who asks for the end now has it. What _exit does, without
 * it: there the thread sanitizer looks for threads that nobody has waited for. */
static void leave(int signo)
{
    (void)signo;
    /* NOLINTNEXTLINE(bugprone-signal-handler): a bare system call is safe */
    syscall(SYS_exit_group, WSP_EXIT_OK);
}

/* Freeing gives the signals their default action back, and a supervisor that
 * asks while the last states are freed would see a program that was killed. */
static void give_up_signals(struct wsp_app *app)
{
    sigset_t both;
    sigset_t before;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, &before);
    bool has_served = app->interrupt && app->terminate;
    free_signal(app->hangup);
    free_signal(app->interrupt);
    free_signal(app->terminate);
    if (has_served) {
        signal(SIGINT, leave);
        signal(SIGTERM, leave);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void wsp_app_fini(struct wsp_app *app)
{
    if (!app->script.loop) {
        return;
    }
    app->is_closing = true;
    app->is_cut = true;
    stop_reloads(app);
    give_up_signals(app);
    wsp_script_fini(&app->script);
}
