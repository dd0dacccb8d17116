/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    struct host *host = ud;
    char reject[8];
    if (wsp_request_query(request, wsp_span_of("reject"), reject,
                          sizeof reject) >= 0) {
        admission->log_reason = "secret cause";
        return;
    }
    long id_len = wsp_request_query(request, wsp_span_of("id"), host->id,
                                    sizeof host->id);
    long room_len = wsp_request_query(request, wsp_span_of("room"), host->room,
                                      sizeof host->room);
    admission->is_accepted = true;
    admission->id =
        (struct wsp_span){host->id, id_len > 0 ? (size_t)id_len : 0};
    admission->room =
        (struct wsp_span){host->room, room_len > 0 ? (size_t)room_len : 0};
}

static void call_hook(struct host *host, const char *event,
                      struct wsp_connection *connection)
{
    if (host->hook) {
        host->hook(host, event, connection);
    }
}

static void on_connect(void *ud, struct wsp_connection *connection)
{
    char greet[8];
    const struct wsp_request *request = wsp_connection_request(connection);
    if (wsp_request_query(request, wsp_span_of("greet"), greet, sizeof greet) >=
        0) {
        struct wsp_frame frame = {.payload = wsp_span_of("welcome"),
                                  .has_payload = true};
        wsp_connection_send(connection, &frame, NULL);
    }
    call_hook(ud, "connect", connection);
    atomic_fetch_add(&((struct host *)ud)->connects, 1);
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    atomic_fetch_add(&((struct host *)ud)->messages, 1);
    wsp_connection_send(connection, frame, NULL);
    return NULL;
}

static void on_disconnect(void *ud, struct wsp_connection *connection,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct host *host = ud;
    (void)reason;
    call_hook(host, "disconnect", connection);
    atomic_store(&host->last_code, error ? wsp_error_code(error) : WSP_OK);
    atomic_fetch_add(&host->disconnects, 1);
}

static void on_transport_drop(void *ud, struct wsp_connection *connection,
                              struct wsp_error *error)
{
    struct host *host = ud;
    (void)connection;
    atomic_store(&host->last_code, error ? wsp_error_code(error) : WSP_OK);
    atomic_fetch_add(&host->drops, 1);
}

static void on_transport_restore(void *ud, struct wsp_connection *connection,
                                 const struct wsp_restore_info *info)
{
    (void)connection;
    (void)info;
    atomic_fetch_add(&((struct host *)ud)->restores, 1);
}

static void on_drain(void *ud, struct wsp_connection *connection)
{
    (void)connection;
    atomic_fetch_add(&((struct host *)ud)->drains, 1);
}

static void on_forget(void *ud, struct wsp_connection *connection)
{
    (void)connection;
    atomic_fetch_add(&((struct host *)ud)->forgets, 1);
}

static void *run(void *ud)
{
    wsp_loop_run(((struct host *)ud)->loop);
    return NULL;
}

void host_init(struct host *host)
{
    memset(host, 0, sizeof *host);
}

void host_start(struct host *host, void (*adjust)(struct wsp_options *))
{
    host_init(host);
    host_run(host, adjust);
}

void host_run(struct host *host, void (*adjust)(struct wsp_options *))
{
    static const struct wsp_listen listen[] = {{.address = "127.0.0.1:0"}};
    struct wsp_diag diag = {WSP_OK, 0, ""};
    struct wsp_options options;
    struct wsp_handlers handlers = {
        .ud = host,
        .connect = on_admit,
        .on_connect = on_connect,
        .on_message = on_message,
        .on_disconnect = on_disconnect,
        .on_transport_drop = on_transport_drop,
        .on_transport_restore = on_transport_restore,
        .on_drain = on_drain,
        .on_forget = on_forget,
    };
    wsp_options_init(&options);
    options.listen = listen;
    options.listen_count = 1;
    options.codec = "raw";
    if (adjust) {
        adjust(&options);
    }
    host->loop = wsp_loop_new(&diag);
    assert_non_null(host->loop);
    assert_int_equal(
        wsp_server_new(host->loop, &options, &handlers, &host->server, &diag),
        WSP_OK);
    assert_int_equal(wsp_server_start(host->server, &diag), WSP_OK);
    snprintf(host->address, sizeof host->address, "%s",
             wsp_server_address(host->server, 0));
    assert_int_equal(pthread_create(&host->thread, NULL, run, host), 0);
}

static void on_closed(void *ud, enum wsp_err result)
{
    (void)result;
    wsp_loop_stop(((struct host *)ud)->loop);
}

void host_stop(struct host *host)
{
    assert_int_equal(wsp_server_post_close(host->server, on_closed, host),
                     WSP_OK);
    pthread_join(host->thread, NULL);
    wsp_server_free(host->server);
    wsp_loop_free(host->loop);
}

void host_await(atomic_int *value, int wanted)
{
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 10000 && atomic_load(value) < wanted; i++) {
        nanosleep(&pause, NULL);
    }
    assert_true(atomic_load(value) >= wanted);
}
