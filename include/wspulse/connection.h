/* SPDX-License-Identifier: MIT */
/* A connection: the logical WebSocket session of one peer, which may outlive
 * the transport below it (seed: Connection).
 * Owner: its server; a pointer is valid until on_disconnect has returned. Keep
 * the id where a connection may be gone, and look it up.
 * Thread: the server's loop. */
#ifndef WSPULSE_CONNECTION_H
#define WSPULSE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/api.h>
#include <wspulse/error.h>
#include <wspulse/frame.h>
#include <wspulse/span.h>

WSP_BEGIN_C

struct wsp_connection;
struct wsp_request;
struct wsp_server;

/* Worker, slot and generation: never reused, so a stale one finds nothing.
 * 0 is no connection. Slot = (id >> 32) & 0xffffff, small and dense. */
typedef uint64_t wsp_id;

#define WSP_ID_SLOT(id) ((uint32_t)(((id) >> 32) & 0xffffffU))

/* Why a connection ended (seed: DisconnectReason). */
#define WSP_REASON_MAP(X)                                                      \
    X(NORMAL, "normal")                                                        \
    X(KICK, "kick")                                                            \
    X(GRACE_EXPIRED, "grace_expired")                                          \
    X(SERVER_CLOSE, "server_close")                                            \
    X(DUPLICATE, "duplicate")

enum wsp_reason {
#define WSP_REASON_VALUE(name, text) WSP_REASON_##name,
    WSP_REASON_MAP(WSP_REASON_VALUE)
#undef WSP_REASON_VALUE
};

WSP_API const char *wsp_reason_text(enum wsp_reason reason);

WSP_API wsp_id wsp_connection_handle(const struct wsp_connection *connection);

/* Finds a connection; NULL when it is gone, also after its on_disconnect. */
WSP_API struct wsp_connection *wsp_connection_find(struct wsp_server *server,
                                                   wsp_id handle);

/* The connection id and the room id: constant for the connection's life. */
WSP_API struct wsp_span wsp_connection_id(
    const struct wsp_connection *connection);
WSP_API struct wsp_span wsp_connection_room_id(
    const struct wsp_connection *connection);

/* Inside on_message of this very connection: ends the message and fills the frame
 * that on_message was given with the next one that has arrived, as if on_message
 * had returned NULL and were called again. For what is cheaper to enter once than
 * for each message. Returns false when nothing more has arrived, or when
 * something else comes first: return from on_message, which is called again when
 * there is something to handle. */
WSP_API bool wsp_connection_next(struct wsp_connection *connection);

/* Inside on_message of this very connection: tells whether bytes have arrived
 * behind the message, so that wsp_connection_next may find something. */
WSP_API bool wsp_connection_has_next(const struct wsp_connection *connection);

/* Sends a frame to this peer. Returns WSP_OK when it was taken,
 * WSP_ERR_CONNECTION_CLOSED, WSP_ERR_ENCODE (`diag` says why; nothing was
 * queued), WSP_ERR_SEND_BUFFER_FULL (the new frame is the one lost) or
 * WSP_ERR_OUT_OF_MEMORY. Never blocks. */
WSP_API enum wsp_err wsp_connection_send(struct wsp_connection *connection,
                                         const struct wsp_frame *frame,
                                         struct wsp_diag *diag);

/* Starts to close: what was queued before goes out, then a close frame with
 * `code` and `reason` (at most 123 bytes of UTF-8). on_disconnect follows from
 * the loop. Idempotent; never blocks. Returns WSP_OK, or
 * WSP_ERR_INVALID_OPTION for a code that may not be sent or a reason too
 * long. */
WSP_API enum wsp_err wsp_connection_close(struct wsp_connection *connection,
                                          uint16_t code,
                                          struct wsp_span reason);

/* True once a close was begun or the connection has ended. */
WSP_API bool wsp_connection_is_closed(const struct wsp_connection *connection);

/* The error of the last transport that was lost, or NULL. Borrowed. */
WSP_API struct wsp_error *wsp_connection_last_error(
    const struct wsp_connection *connection);

/* The upgrade request; only during on_connect, later NULL. */
WSP_API const struct wsp_request *wsp_connection_request(
    const struct wsp_connection *connection);

WSP_API struct wsp_server *wsp_connection_server(
    const struct wsp_connection *connection);

/* Values kept with the connection, bytes for bytes, bounded by the option
 * connection_data_bytes (keys and values added up). They outlive a reload.
 * `set` with data NULL removes. Returns WSP_OK, WSP_ERR_CONNECTION_DATA_FULL,
 * WSP_ERR_CONNECTION_CLOSED or WSP_ERR_OUT_OF_MEMORY. */
WSP_API enum wsp_err wsp_connection_set(struct wsp_connection *connection,
                                        struct wsp_span key,
                                        struct wsp_span value);
/* The value of `key`, or NULL data. Valid until the next set. */
WSP_API struct wsp_span wsp_connection_get(
    const struct wsp_connection *connection, struct wsp_span key);
/* Walks the values: fills key and value number `index`, false behind the
 * last one. */
WSP_API bool wsp_connection_value_at(const struct wsp_connection *connection,
                                     size_t index, struct wsp_span *key,
                                     struct wsp_span *value);

WSP_END_C

#endif
