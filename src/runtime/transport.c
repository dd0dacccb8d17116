/* SPDX-License-Identifier: MIT */
#include "runtime/transport.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/exchange.h"
#include "runtime/quota.h"
#include "runtime/server.h"

/* So much of a batch of frames going out at once counts as progress. */
#define PROGRESS_BYTES 4096

/* ---- what is there while it is busy ---- */

static void on_deadline(struct wsp_deadline *deadline);

struct wsp_transport_busy *wsp_transport_get_busy(
    struct wsp_transport *transport)
{
    struct wsp_transport_busy *busy = transport->busy;
    if (busy) {
        return busy;
    }
    busy = calloc(1, sizeof *busy);
    if (!busy) {
        wsp_transport_fail(transport, ENOMEM);
        return NULL;
    }
    busy->transport = transport;
    busy->deadline.fn = on_deadline;
    transport->busy = busy;
    return busy;
}

static bool is_armed(const struct wsp_transport *transport)
{
    return transport->busy && transport->busy->deadline.at_ms != 0;
}

/* Gives back what an open transport has no use for any more. */
static void come_to_rest(struct wsp_transport *transport)
{
    struct wsp_transport_busy *busy = transport->busy;
    if (busy && transport->phase == WSP_TRANSPORT_OPEN && !busy->exchange &&
        !busy->pong && !is_armed(transport) && !transport->is_failed_listed &&
        wsp_transport_is_drained(transport)) {
        transport->busy = NULL;
        wsp_buf_fini(&busy->rest);
        free(busy);
    }
}

void wsp_transport_arm(struct wsp_transport *transport, uint64_t after_ms)
{
    struct wsp_hub *hub = &transport->server->hub;
    if (after_ms == 0 || transport->phase == WSP_TRANSPORT_DEAD) {
        if (is_armed(transport)) {
            wsp_wheel_disarm(&hub->wheel, &transport->busy->deadline);
        }
        return;
    }
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    if (busy) {
        wsp_wheel_arm(&hub->wheel, &busy->deadline,
                      wsp_hub_now_ms(hub) + after_ms);
    }
}

/* ---- ends ---- */

/* The close barrier no longer waits for this one. */
static void leave_channels(struct wsp_transport *transport)
{
    if (transport->is_channel) {
        transport->is_channel = false;
        transport->server->channel_count--;
        wsp_server_wake(transport->server);
    }
}

void wsp_transport_destroy(struct wsp_transport *transport)
{
    struct wsp_server *server = transport->server;
    if (transport->phase == WSP_TRANSPORT_DEAD) {
        return;
    }
    transport->phase = WSP_TRANSPORT_DEAD;
    wsp_stream_fini(&transport->stream);
    wsp_transport_arm(transport, 0);
    TAILQ_REMOVE(&server->transports, transport, entry);
    wsp_quota_leave(server, &transport->place);
    leave_channels(transport);
    if (!transport->is_failed_listed) {
        STAILQ_INSERT_TAIL(&server->dead, transport, fallen);
    }
    wsp_server_wake(server);
}

/* Without memory to note it in, want of memory is what it failed for. */
static void note_failure(struct wsp_transport *transport, int error)
{
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    if (busy) {
        busy->failure = error;
    }
}

void wsp_transport_fail(struct wsp_transport *transport, int error)
{
    struct wsp_server *server = transport->server;
    if (transport->phase == WSP_TRANSPORT_DEAD || transport->is_failed_listed) {
        return;
    }
    transport->is_failed_listed = true;
    if (transport->busy || error != ENOMEM) {
        note_failure(transport, error);
    }
    STAILQ_INSERT_TAIL(&server->failed, transport, fallen);
    wsp_server_wake(server);
}

/* Gives the session the reason why its transport is gone (decisions A2). */
static void tell_session(struct wsp_transport *transport, enum wsp_err code,
                         int sys_errno)
{
    struct wsp_session *session = transport->link.session;
    if (!session) {
        return;
    }
    struct wsp_diag diag;
    wsp_diag_set_errno(&diag, code, sys_errno, "%s", wsp_err_text(code));
    wsp_session_lost(session, wsp_error_new(code, diag.message, NULL));
}

void wsp_transport_collect_failed(struct wsp_transport *transport)
{
    transport->is_failed_listed = false;
    if (transport->phase == WSP_TRANSPORT_DEAD) {
        STAILQ_INSERT_TAIL(&transport->server->dead, transport, fallen);
        return;
    }
    tell_session(transport, WSP_ERR_IO,
                 transport->busy ? transport->busy->failure : ENOMEM);
    wsp_transport_destroy(transport);
}

static void free_busy(struct wsp_transport_busy *busy)
{
    if (!busy) {
        return;
    }
    if (busy->hand) {
        wsp_blob_unref(busy->hand, 1);
    }
    wsp_exchange_free(busy->exchange);
    wsp_buf_fini(&busy->rest);
    free(busy->pong);
    free(busy);
}

void wsp_transport_free(struct wsp_transport *transport)
{
    wsp_reader_fini(&transport->reader, transport->server->readers);
    free_busy(transport->busy);
    free(transport);
}

/* ---- output ---- */

void wsp_transport_watch_output(struct wsp_transport *transport)
{
    if (transport->phase == WSP_TRANSPORT_OPEN && !is_armed(transport)) {
        wsp_transport_arm(transport,
                          transport->server->settings->write_wait_ms);
    }
}

/* Output moved: what is left gets a whole write wait again. */
static void note_progress(struct wsp_transport *transport)
{
    if (transport->phase == WSP_TRANSPORT_OPEN) {
        wsp_transport_arm(transport, 0);
        if (!wsp_transport_is_drained(transport)) {
            wsp_transport_watch_output(transport);
        }
    }
}

/* Has on_writable called once the socket takes bytes again. */
static bool await_room(struct wsp_transport *transport)
{
    if (!wsp_stream_want_write(&transport->stream, true)) {
        wsp_transport_fail(transport, ENOMEM);
        return false;
    }
    wsp_transport_watch_output(transport);
    return true;
}

bool wsp_transport_watch_backlog(struct wsp_transport *transport)
{
    return !transport->stream.has_backlog || await_room(transport);
}

/* Keeps bytes for when the socket takes them. */
static bool keep_rest(struct wsp_transport *transport, const void *data,
                      size_t len)
{
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    if (!busy || !wsp_buf_add(&busy->rest, data, len)) {
        wsp_transport_fail(transport, ENOMEM);
        return false;
    }
    return await_room(transport);
}

bool wsp_transport_write(struct wsp_transport *transport, const void *data,
                         size_t len)
{
    if (transport->phase == WSP_TRANSPORT_DEAD || transport->is_failed_listed) {
        return false;
    }
    ssize_t written = 0;
    if (wsp_transport_is_drained(transport)) {
        written = wsp_stream_write(&transport->stream, data, len);
    }
    if (written < 0) {
        wsp_transport_fail(transport, (int)-written);
        return false;
    }
    if ((size_t)written == len) {
        return wsp_transport_watch_backlog(transport);
    }
    return keep_rest(transport, (const char *)data + written,
                     len - (size_t)written);
}

/* Writes what a blob in hand still has. Returns true when it is out. */
static bool write_hand(struct wsp_transport *transport,
                       struct wsp_transport_busy *busy)
{
    struct wsp_blob *blob = busy->hand;
    if (!blob) {
        return true;
    }
    ssize_t written = wsp_stream_write(&transport->stream,
                                       wsp_blob_data(blob) + busy->hand_offset,
                                       blob->len - busy->hand_offset);
    if (written < 0) {
        wsp_transport_fail(transport, (int)-written);
        return false;
    }
    busy->hand_offset += (size_t)written;
    if (busy->hand_offset < blob->len) {
        return false;
    }
    busy->hand = NULL;
    wsp_blob_unref(blob, 1);
    note_progress(transport);
    return true;
}

static bool write_rest(struct wsp_transport *transport,
                       struct wsp_transport_busy *busy)
{
    struct wsp_buf *rest = &busy->rest;
    size_t left = rest->len - busy->rest_offset;
    if (left == 0) {
        return true;
    }
    ssize_t written = wsp_stream_write(&transport->stream,
                                       rest->data + busy->rest_offset, left);
    if (written < 0) {
        wsp_transport_fail(transport, (int)-written);
        return false;
    }
    busy->rest_offset += (size_t)written;
    if (busy->rest_offset < rest->len) {
        if (written >= PROGRESS_BYTES) {
            note_progress(transport);
        }
        return false;
    }
    wsp_buf_fini(rest);
    busy->rest_offset = 0;
    note_progress(transport);
    return true;
}

/* Writes what waits. Returns true when it is out. */
static bool write_waiting(struct wsp_transport *transport)
{
    struct wsp_transport_busy *busy = transport->busy;
    return (!busy ||
            (write_hand(transport, busy) && write_rest(transport, busy))) &&
           !transport->stream.has_backlog;
}

void wsp_transport_shut_down(struct wsp_transport *transport)
{
    if (!transport->is_finishing || !wsp_transport_is_drained(transport)) {
        return;
    }
    if (transport->has_ended) {
        wsp_transport_destroy(transport);
        return;
    }
    transport->is_finishing = false;
    wsp_stream_shutdown(&transport->stream);
    leave_channels(transport);
}

void wsp_transport_finish(struct wsp_transport *transport)
{
    if (transport->phase == WSP_TRANSPORT_DEAD) {
        return;
    }
    transport->phase = WSP_TRANSPORT_LINGERING;
    transport->is_finishing = true;
    wsp_transport_arm(transport, transport->server->settings->write_wait_ms);
    if (transport->server->corked != transport) {
        wsp_transport_shut_down(transport);
    }
}

/* ---- input ---- */

/* What the application is owed for this event comes before the next one: it
 * must not send to a connection whose drop it has not heard of. */
static void hear_of_it(struct wsp_transport *transport)
{
    struct wsp_hub *hub = &transport->server->hub;
    if (wsp_hub_is_unsettled(hub)) {
        wsp_hub_settle(hub);
    }
}

static struct wsp_transport *transport_of(const struct wsp_stream *stream)
{
    return (struct wsp_transport *)((uintptr_t)stream -
                                    offsetof(struct wsp_transport, stream));
}

static struct wsp_loop *loop_of(const struct wsp_stream *stream)
{
    return transport_of(stream)->server->loop;
}

static void on_data(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct wsp_transport *transport = transport_of(stream);
    switch ((enum wsp_transport_phase)transport->phase) {
    case WSP_TRANSPORT_HTTP:
        wsp_exchange_on_data(transport->busy->exchange, data, len);
        break;
    case WSP_TRANSPORT_OPEN:
    case WSP_TRANSPORT_CLOSING:
        wsp_channel_on_data(transport, data, len);
        break;
    case WSP_TRANSPORT_LINGERING:
    case WSP_TRANSPORT_DEAD:
        break;
    }
    hear_of_it(transport);
    come_to_rest(transport);
}

/* What a peer sends to a TLS address may be anything; so may its certificate. */
static void note_tls_failure(struct wsp_transport *transport)
{
    const char *reason = wsp_stream_tls_failure(&transport->stream);
    if (reason[0]) {
        const struct wsp_exchange *exchange =
            transport->busy ? transport->busy->exchange : NULL;
        wsp_refusal_note_tls(transport->server,
                             exchange ? exchange->caller.text : "", reason);
    }
}

static void on_end(struct wsp_stream *stream, int error)
{
    struct wsp_transport *transport = transport_of(stream);
    transport->has_ended = true;
    if (error == EPROTO) {
        note_tls_failure(transport);
    }
    tell_session(transport, error ? WSP_ERR_IO : WSP_ERR_EOF, error);
    bool has_answer_left = error == 0 &&
                           transport->phase != WSP_TRANSPORT_OPEN &&
                           !wsp_transport_is_drained(transport);
    if (has_answer_left) {
        wsp_transport_finish(transport);
    } else {
        wsp_transport_destroy(transport);
    }
    hear_of_it(transport);
}

static void on_writable(struct wsp_stream *stream)
{
    struct wsp_transport *transport = transport_of(stream);
    if (transport->stream.has_backlog) {
        note_progress(transport);
        return;
    }
    if (!write_waiting(transport)) {
        return;
    }
    note_progress(transport); /* also when the socket was full between frames */
    wsp_stream_want_write(&transport->stream, false);
    if (transport->phase == WSP_TRANSPORT_HTTP) {
        wsp_exchange_drained(transport->busy->exchange);
        return;
    }
    wsp_channel_drained(transport);
    wsp_transport_shut_down(transport);
    come_to_rest(transport);
}

static const struct wsp_stream_ops stream_ops = {loop_of, on_data, on_end,
                                                 on_writable};

/* The phase took too long: whatever the peer trickled, it ends here. */
static void on_deadline(struct wsp_deadline *deadline)
{
    struct wsp_transport *transport =
        ((struct wsp_transport_busy *)((uintptr_t)deadline -
                                       offsetof(struct wsp_transport_busy,
                                                deadline)))
            ->transport;
    if (transport->phase == WSP_TRANSPORT_OPEN) {
        tell_session(transport, WSP_ERR_WRITE_TIMEOUT, 0);
    }
    if (transport->phase == WSP_TRANSPORT_HTTP) {
        wsp_exchange_note_timeout(transport->busy->exchange);
    } else {
        wsp_stream_abort_on_close(&transport->stream);
    }
    wsp_transport_destroy(transport);
}

/* ---- beginning ---- */

static bool begin_exchange(struct wsp_transport *transport,
                           const struct wsp_caller *caller)
{
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    if (busy) {
        busy->exchange = wsp_exchange_new(transport, caller);
    }
    return busy && busy->exchange;
}

static struct wsp_transport *accept_counted(struct wsp_server *server, int fd,
                                            const struct wsp_caller *caller,
                                            struct wsp_quota *quota,
                                            struct wsp_tls_context *context)
{
    struct wsp_transport *transport = calloc(1, sizeof *transport);
    if (!transport) {
        wsp_quota_leave(server, &quota->place);
        close(fd);
        return NULL;
    }
    transport->server = server;
    transport->place = quota->place;
    transport->is_crowded = quota->is_crowded;
    wsp_reader_init(&transport->reader);
    wsp_stream_init(&transport->stream, fd, &stream_ops);
    TAILQ_INSERT_TAIL(&server->transports, transport, entry);
    bool is_ready =
        begin_exchange(transport, caller) &&
        (!context || wsp_stream_secure(&transport->stream, context));
    if (!is_ready || !wsp_stream_want_read(&transport->stream, true)) {
        wsp_transport_destroy(transport);
        return NULL;
    }
    return transport;
}

struct wsp_transport *wsp_transport_accept(struct wsp_server *server, int fd,
                                           const struct wsp_caller *caller,
                                           struct wsp_tls_context *context)
{
    struct wsp_quota quota = wsp_quota_enter(server, caller);
    if (quota.is_flooded) {
        close(fd);
        return NULL;
    }
    return accept_counted(server, fd, caller, &quota, context);
}

void wsp_transport_accept_admin(struct wsp_server *server, int fd,
                                const struct wsp_caller *caller)
{
    struct wsp_quota nobody = {.place = NULL};
    struct wsp_transport *transport =
        accept_counted(server, fd, caller, &nobody, NULL);
    if (transport) {
        transport->is_admin = true;
    }
}
