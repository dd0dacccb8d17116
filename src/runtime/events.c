/* SPDX-License-Identifier: MIT */
/* The hub's calls upwards, handed to the application's handlers. */
#include "runtime/server.h"

static struct wsp_connection *connection_of(struct wsp_session *session)
{
    return (struct wsp_connection *)session;
}

/* One debug line for each step in a connection's life. */
static void log_step(struct wsp_server *server, const char *message,
                     const struct wsp_session *session, const char *reason)
{
    if (!wsp_log_enabled(&server->settings->options.logger, WSP_LOG_DEBUG)) {
        return;
    }
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", wsp_session_id(session)),
        WSP_LOG_SPAN("room_id", wsp_session_room(session)),
        WSP_LOG_STR("reason", reason),
    };
    wsp_server_log(server, WSP_LOG_DEBUG, message, fields, reason ? 3 : 2);
}

static void on_connect(void *ud, struct wsp_session *session)
{
    struct wsp_server *server = ud;
    log_step(server, "wspulse: connection opened", session, NULL);
    if (server->handlers.on_connect) {
        bool is_down = wsp_callback_begin(&server->callback, "on_connect",
                                          session, NULL, NULL);
        server->handlers.on_connect(server->handlers.ud,
                                    connection_of(session));
        wsp_callback_end(&server->callback, is_down);
    }
}

static struct wsp_error *on_message(void *ud, struct wsp_session *session,
                                    const struct wsp_frame *frame)
{
    struct wsp_server *server = ud;
    const struct wsp_handlers *handlers = &server->handlers;
    bool is_down = wsp_callback_begin(&server->callback, "on_message", session,
                                      frame, NULL);
    struct wsp_error *error =
        handlers->on_message(handlers->ud, connection_of(session), frame);
    wsp_callback_end(&server->callback, is_down);
    return error;
}

static void on_transport_drop(void *ud, struct wsp_session *session,
                              struct wsp_error *error)
{
    struct wsp_server *server = ud;
    const struct wsp_handlers *handlers = &server->handlers;
    if (handlers->on_transport_drop) {
        bool is_down = wsp_callback_begin(
            &server->callback, "on_transport_drop", session, NULL, NULL);
        handlers->on_transport_drop(handlers->ud, connection_of(session),
                                    error);
        wsp_callback_end(&server->callback, is_down);
    }
}

static void on_transport_restore(void *ud, struct wsp_session *session,
                                 const struct wsp_restore_info *info)
{
    struct wsp_server *server = ud;
    const struct wsp_handlers *handlers = &server->handlers;
    if (handlers->on_transport_restore) {
        bool is_down = wsp_callback_begin(
            &server->callback, "on_transport_restore", session, NULL, NULL);
        handlers->on_transport_restore(handlers->ud, connection_of(session),
                                       info);
        wsp_callback_end(&server->callback, is_down);
    }
}

static void on_drain(void *ud, struct wsp_session *session)
{
    struct wsp_server *server = ud;
    const struct wsp_handlers *handlers = &server->handlers;
    if (handlers->on_drain) {
        bool is_down = wsp_callback_begin(&server->callback, "on_drain",
                                          session, NULL, NULL);
        handlers->on_drain(handlers->ud, connection_of(session));
        wsp_callback_end(&server->callback, is_down);
    }
}

static void on_disconnect(void *ud, struct wsp_session *session,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct wsp_server *server = ud;
    log_step(server, "wspulse: connection closed", session,
             wsp_reason_text(reason));
    if (server->handlers.on_disconnect) {
        bool is_down = wsp_callback_begin(&server->callback, "on_disconnect",
                                          session, NULL, NULL);
        server->handlers.on_disconnect(server->handlers.ud,
                                       connection_of(session), error, reason);
        wsp_callback_end(&server->callback, is_down);
    }
}

static void on_forget(void *ud, struct wsp_session *session)
{
    const struct wsp_handlers *handlers = &((struct wsp_server *)ud)->handlers;
    if (handlers->on_forget) {
        handlers->on_forget(handlers->ud, connection_of(session));
    }
}

const struct wsp_hub_events wsp_server_hub_events = {
    on_connect, on_message,    on_transport_drop, on_transport_restore,
    on_drain,   on_disconnect, on_forget,
};
