/* SPDX-License-Identifier: MIT */
/* The public connection: core's session under the user's name. */
#include <wspulse/codec.h>
#include <wspulse/connection.h>

#include "core/values.h"
#include "proto/close.h"
#include "runtime/server.h"

static struct wsp_session *session_of(const struct wsp_connection *connection)
{
    return (struct wsp_session *)(uintptr_t)connection;
}

static struct wsp_server *server_of(const struct wsp_session *session)
{
    return session->hub->ud;
}

wsp_id wsp_connection_handle(const struct wsp_connection *connection)
{
    return session_of(connection)->handle;
}

struct wsp_connection *wsp_connection_find(struct wsp_server *server,
                                           wsp_id handle)
{
    return (struct wsp_connection *)wsp_hub_lookup(&server->hub, handle);
}

struct wsp_span wsp_connection_id(const struct wsp_connection *connection)
{
    return wsp_session_id(session_of(connection));
}

struct wsp_span wsp_connection_room_id(const struct wsp_connection *connection)
{
    return wsp_session_room(session_of(connection));
}

enum wsp_err wsp_connection_send(struct wsp_connection *connection,
                                 const struct wsp_frame *frame,
                                 struct wsp_diag *diag)
{
    struct wsp_session *session = session_of(connection);
    enum wsp_err err = wsp_session_send(session, frame, diag);
    wsp_server_wake(server_of(session));
    return err;
}

bool wsp_connection_next(struct wsp_connection *connection)
{
    struct wsp_session *session = session_of(connection);
    struct wsp_callback *callback = &server_of(session)->callback;
    if (!wsp_callback_pause(callback)) {
        return false; /* it is a part of another call */
    }
    bool is_next = wsp_session_next(session);
    wsp_callback_go_on(callback);
    return is_next;
}

bool wsp_connection_has_next(const struct wsp_connection *connection)
{
    return wsp_reader_has_next(server_of(session_of(connection))->readers);
}

enum wsp_err wsp_connection_close(struct wsp_connection *connection,
                                  uint16_t code, struct wsp_span reason)
{
    struct wsp_session *session = session_of(connection);
    if (!wsp_close_is_legal(code) || reason.len > WSP_CLOSE_REASON_MAX ||
        !wsp_utf8_is_valid(reason)) {
        return WSP_ERR_INVALID_OPTION;
    }
    wsp_session_close(session, code, reason);
    wsp_server_wake(server_of(session));
    return WSP_OK;
}

bool wsp_connection_is_closed(const struct wsp_connection *connection)
{
    return session_of(connection)->state == WSP_SESSION_CLOSED;
}

struct wsp_error *wsp_connection_last_error(
    const struct wsp_connection *connection)
{
    return session_of(connection)->last_error;
}

const struct wsp_request *wsp_connection_request(
    const struct wsp_connection *connection)
{
    return session_of(connection)->request;
}

struct wsp_server *wsp_connection_server(
    const struct wsp_connection *connection)
{
    return server_of(session_of(connection));
}

enum wsp_err wsp_connection_set(struct wsp_connection *connection,
                                struct wsp_span key, struct wsp_span value)
{
    struct wsp_session *session = session_of(connection);
    if (session->state == WSP_SESSION_CLOSED) {
        return WSP_ERR_CONNECTION_CLOSED;
    }
    return wsp_values_set(&session->values, key, value,
                          session->hub->config.connection_data_bytes);
}

struct wsp_span wsp_connection_get(const struct wsp_connection *connection,
                                   struct wsp_span key)
{
    return wsp_values_get(session_of(connection)->values, key);
}

bool wsp_connection_value_at(const struct wsp_connection *connection,
                             size_t index, struct wsp_span *key,
                             struct wsp_span *value)
{
    return wsp_values_at(session_of(connection)->values, index, key, value);
}
