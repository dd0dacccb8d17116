/* SPDX-License-Identifier: MIT */
/* A C program on libwspulse: an echo server that opens, says where, and closes
 * as the loop's first timer fires. It uses the public headers only. */
#include <stdio.h>
#include <string.h>

#include <wspulse/wspulse.h>

struct app {
    struct wsp_loop *loop;
    struct wsp_server *server;
};

static void connect_anyone(void *ud, const struct wsp_request *request,
                           struct wsp_admission *admission)
{
    (void)ud;
    (void)request;
    admission->is_accepted = true;
    admission->room = wsp_span_of("lobby");
}

static struct wsp_error *echo(void *ud, struct wsp_connection *connection,
                              const struct wsp_frame *frame)
{
    (void)ud;
    (void)wsp_connection_send(connection, frame, NULL);
    return NULL;
}

static void stop_loop(void *ud)
{
    struct app *app = ud;
    wsp_loop_stop(app->loop);
}

static void close_server(void *ud)
{
    struct app *app = ud;
    wsp_server_close(app->server, stop_loop, app);
}

static int serve(struct app *app, struct wsp_diag *diag)
{
    static const struct wsp_listen addresses[] = {{.address = "127.0.0.1:0"}};
    struct wsp_options options;
    wsp_options_init(&options);
    options.listen = addresses;
    options.listen_count = 1;
    struct wsp_handlers handlers = {
        .ud = app, .connect = connect_anyone, .on_message = echo};
    if (wsp_server_new(app->loop, &options, &handlers, &app->server, diag) !=
            WSP_OK ||
        wsp_server_start(app->server, diag) != WSP_OK) {
        return 1;
    }
    struct wsp_timer *timer = wsp_timer_new(app->loop, close_server, app);
    if (!timer) {
        return 1;
    }
    printf("listening on %s\n", wsp_server_address(app->server, 0));
    wsp_timer_start(timer, 1);
    wsp_loop_run(app->loop);
    wsp_timer_free(timer);
    return wsp_server_is_closed(app->server) ? 0 : 1;
}

int main(void)
{
    struct wsp_diag diag = {.code = WSP_OK};
    struct app app = {.loop = wsp_loop_new(&diag)};
    int result = app.loop ? serve(&app, &diag) : 1;
    if (result != 0) {
        (void)fprintf(stderr, "failed: %s\n", diag.message);
    }
    if (app.server) {
        wsp_server_free(app.server);
    }
    if (app.loop) {
        wsp_loop_free(app.loop);
    }
    return result;
}
