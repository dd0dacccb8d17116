/* SPDX-License-Identifier: MIT */
/* The decisions of an application: what a server calls, and in which order.
 *
 * Per connection: connect, on_connect, on_message*, then after a drop
 * on_transport_drop, on_transport_restore, on_message*, at last on_disconnect;
 * nothing after it. Every member may be NULL except connect.
 * Thread: the server's loop. */
#ifndef WSPULSE_HANDLERS_H
#define WSPULSE_HANDLERS_H

#include <wspulse/connection.h>
#include <wspulse/metrics.h>
#include <wspulse/request.h>
#include <wspulse/response.h>

WSP_BEGIN_C

/* What `connect` decided. Zeroed before the call. Spans need to live only until
 * the call after `connect` on the same server; keep them in the handler's own
 * memory. */
struct wsp_admission {
    bool is_accepted;       /* false: refused */
    int status;             /* when refused: 400..499, 0 means 401; 500 when the
                               handler itself failed */
    struct wsp_span room;   /* "" is a room as well */
    struct wsp_span id;     /* "" asks for a random UUID */
    const char *log_reason; /* why refused; logged at debug, never sent */
};

/* What a transport that came back found (decisions: on_transport_restore). */
struct wsp_restore_info {
    uint64_t replayed; /* frames replayed on the new transport */
    uint64_t lost;     /* frames dropped since the last transport was lost */
};

struct wsp_handlers {
    void *ud; /* passed to each of them */

    /* Who is this, and which room? Runs before the upgrade (seed:
     * ConnectFunc). */
    void (*connect)(void *ud, const struct wsp_request *request,
                    struct wsp_admission *admission);

    /* May this origin upgrade? Asked when check_origin is "function". */
    bool (*check_origin)(void *ud, const struct wsp_request *request);

    void (*on_connect)(void *ud, struct wsp_connection *connection);

    /* One message, decoded. The frame is valid until the call returns; see also
     * wsp_connection_next. Returns NULL, or an error whose ownership goes to the
     * server: of a handler that failed (WSP_ERR_PANIC), and the transport ends;
     * or of a message that a codec of the application's own cannot decode
     * (WSP_ERR_DECODE), and it is counted, logged and skipped like any other. */
    struct wsp_error *(*on_message)(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame);

    /* `error` is NULL for an ordinary end (decisions A1, A2). */
    void (*on_disconnect)(void *ud, struct wsp_connection *connection,
                          struct wsp_error *error, enum wsp_reason reason);

    void (*on_transport_drop)(void *ud, struct wsp_connection *connection,
                              struct wsp_error *error);
    void (*on_transport_restore)(void *ud, struct wsp_connection *connection,
                                 const struct wsp_restore_info *info);
    void (*on_drain)(void *ud, struct wsp_connection *connection);

    /* A plain request that matched route number `route` of the options. */
    void (*on_http)(void *ud, size_t route, const struct wsp_request *request,
                    struct wsp_response *response);

    /* The connection's memory is about to be reused: drop what is kept under
     * its handle. Called after on_disconnect, for every connection. */
    void (*on_forget)(void *ud, struct wsp_connection *connection);

    /* Told of what is counted; zeroed: none, which costs nothing. */
    struct wsp_metrics_hooks metrics;
};

WSP_END_C

#endif
