/* SPDX-License-Identifier: MIT */
/* A C program on libwspulse: an echo server with admin endpoints that says
 * where both listen and serves until it is ended. */
#include <stdio.h>

#include <wspulse/wspulse.h>

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

int main(void)
{
    static const struct wsp_listen addresses[] = {{.address = "127.0.0.1:0"}};
    struct wsp_diag diag = {.code = WSP_OK};
    struct wsp_loop *loop = wsp_loop_new(&diag);
    struct wsp_server *server = NULL;
    struct wsp_handlers handlers = {.connect = connect_anyone,
                                    .on_message = echo};
    struct wsp_options options;
    wsp_options_init(&options);
    options.name = "a \"name\" with a \\ and a\nline";
    options.listen = addresses;
    options.listen_count = 1;
    options.admin_listen = "127.0.0.1:0";
    if (!loop ||
        wsp_server_new(loop, &options, &handlers, &server, &diag) != WSP_OK ||
        wsp_server_start(server, &diag) != WSP_OK) {
        (void)fprintf(stderr, "failed: %s\n", diag.message);
        return 1;
    }
    printf("sockets on %s\nmetrics on %s\n", wsp_server_address(server, 0),
           wsp_server_admin_address(server));
    (void)fflush(stdout);
    wsp_loop_run(loop);
    return 0;
}
