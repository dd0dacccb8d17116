/* SPDX-License-Identifier: MIT */
#include "core/session.h"

#include <assert.h>
#include <stdlib.h>

#include "core/hub.h"
#include "core/values.h"
#include "proto/close.h"
#include "proto/frame_head.h"

#define FLUSH_BATCH 64 /* blobs handed to a link at a time */

/* ---- queue ---- */

static void drop_oldest(struct wsp_session *session)
{
    struct wsp_blob *blob = wsp_ring_pop(&session->queue);
    session->queued_bytes -= blob->len;
    wsp_blob_unref(blob, 1);
}

static void discard_queue(struct wsp_session *session)
{
    while (session->queue.count) {
        drop_oldest(session);
    }
    wsp_ring_fini(&session->queue);
}

/* Tells whether `len` more bytes exceed one of the two bounds. A frame larger
 * than the byte bound may still be sent alone: the bound is on what waits. */
static bool is_full_for(const struct wsp_session *session, size_t len)
{
    const struct wsp_hub_config *config = &session->hub->config;
    if (session->queue.count >= config->send_buffer_size) {
        return true;
    }
    return session->queue.count > 0 &&
           session->queued_bytes + len > config->send_buffer_bytes;
}

/* Makes the kernel take what it will before anything is called full. */
static bool has_room_for(struct wsp_session *session, size_t len)
{
    if (is_full_for(session, len) && !session->is_link_full) {
        wsp_session_flush(session);
    }
    return !is_full_for(session, len);
}

static void count_drop(struct wsp_session *session)
{
    session->hub->counters.frames_dropped++;
}

/* Queues a blob whose reference is the queue's from now on. */
static bool enqueue(struct wsp_session *session, struct wsp_blob *blob)
{
    if (!wsp_ring_push(&session->queue, blob)) {
        count_drop(session);
        wsp_blob_unref(blob, 1);
        return false;
    }
    session->queued_bytes += blob->len;
    if (!session->is_link_full) {
        wsp_hub_mark_dirty(session->hub, session);
    }
    return true;
}

bool wsp_session_push(struct wsp_session *session, struct wsp_blob *blob)
{
    if (session->state == WSP_SESSION_CLOSED) {
        wsp_blob_unref(blob, 1);
        return false;
    }
    struct wsp_link *link = session->link;
    struct wsp_span payload = {(const char *)blob->bytes + WSP_BLOB_HEAD_MAX,
                               wsp_blob_payload_len(blob)};
    if (session->queue.count == 0 &&
        link->ops->put(link, wsp_blob_data(blob), blob->head_len, payload)) {
        wsp_blob_unref(blob, 1);
        return true;
    }
    if (!has_room_for(session, blob->len)) {
        while (session->queue.count && is_full_for(session, blob->len)) {
            drop_oldest(session);
            count_drop(session);
        }
    }
    return enqueue(session, blob);
}

/* ---- sending ---- */

static enum wsp_err queue_message(struct wsp_session *session,
                                  struct wsp_span message, uint8_t opcode)
{
    if (!has_room_for(session, message.len)) {
        count_drop(session);
        return WSP_ERR_SEND_BUFFER_FULL;
    }
    struct wsp_blob *blob = wsp_hub_blob(message, opcode);
    if (!blob || !enqueue(session, blob)) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    return WSP_OK;
}

enum wsp_err wsp_session_send(struct wsp_session *session,
                              const struct wsp_frame *frame,
                              struct wsp_diag *diag)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return WSP_ERR_CONNECTION_CLOSED;
    }
    struct wsp_span message;
    uint8_t opcode;
    enum wsp_err err =
        wsp_hub_encode(session->hub, frame, &message, &opcode, diag);
    if (err) {
        return err;
    }
    if (session->queue.count == 0) {
        uint8_t head[WSP_FRAME_HEAD_MAX];
        size_t head_len = wsp_frame_head_build(head, opcode, message.len);
        struct wsp_link *link = session->link;
        if (link->ops->put(link, head, head_len, message)) {
            return WSP_OK;
        }
    }
    return queue_message(session, message, opcode);
}

/* Collects the oldest blobs of the queue without taking them out. */
static uint32_t peek_batch(const struct wsp_session *session,
                           struct wsp_blob *batch[FLUSH_BATCH])
{
    uint32_t count = session->queue.count;
    if (count > FLUSH_BATCH) {
        count = FLUSH_BATCH;
    }
    for (uint32_t i = 0; i < count; i++) {
        batch[i] = wsp_ring_at(&session->queue, i);
    }
    return count;
}

void wsp_session_flush(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    while (link && session->queue.count && !session->is_link_full) {
        struct wsp_blob *batch[FLUSH_BATCH];
        uint32_t count = peek_batch(session, batch);
        size_t bytes[FLUSH_BATCH]; /* a taken blob may be freed by the link */
        for (uint32_t i = 0; i < count; i++) {
            bytes[i] = batch[i]->len;
        }
        uint32_t taken = link->ops->write(link, batch, count);
        for (uint32_t i = 0; i < taken; i++) {
            wsp_ring_pop(&session->queue);
            session->queued_bytes -= bytes[i];
        }
        session->is_link_full = taken < count;
    }
    wsp_ring_trim(&session->queue);
}

void wsp_session_writable(struct wsp_session *session)
{
    session->is_link_full = false;
    wsp_session_flush(session);
}

/* ---- ending ---- */

/* The only writer of the state. CLOSED is final. */
static void move_closed(struct wsp_session *session, enum wsp_reason reason,
                        struct wsp_error *error)
{
    assert(session->state == WSP_SESSION_CONNECTED);
    session->state = WSP_SESSION_CLOSED;
    session->reason = (uint8_t)reason;
    session->end_error = wsp_error_ref(error);
    session->hub->counters.connections_closed++;
    wsp_hub_remove(session->hub, session);
    wsp_hub_owe(session->hub, session, WSP_OWED_DISCONNECT);
}

static struct wsp_link *detach(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    session->link = NULL;
    if (link) {
        link->session = NULL;
    }
    return link;
}

void wsp_session_end(struct wsp_session *session, enum wsp_reason reason,
                     struct wsp_error *error, uint16_t code, const char *text)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return;
    }
    move_closed(session, reason, error);
    discard_queue(session);
    struct wsp_link *link = detach(session);
    if (!link) {
        return;
    }
    if (!session->hub->config.close_reasons) { /* decisions A7 */
        code = WSP_CLOSE_NORMAL;
        text = "";
    }
    link->ops->close(link, NULL, 0, code, wsp_span_of(text));
}

/* Hands what is queued to the link together with the close frame. */
static void close_link(struct wsp_session *session, struct wsp_link *link,
                       uint16_t code, struct wsp_span reason)
{
    uint32_t count = session->queue.count;
    struct wsp_blob **blobs = NULL;
    if (count) {
        blobs = malloc(count * sizeof(struct wsp_blob *));
    }
    if (!blobs) {
        discard_queue(session);
        link->ops->close(link, NULL, 0, code, reason);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        blobs[i] = wsp_ring_pop(&session->queue);
    }
    session->queued_bytes = 0;
    link->ops->close(link, blobs, count, code, reason);
    free(blobs);
}

void wsp_session_close(struct wsp_session *session, uint16_t code,
                       struct wsp_span reason)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return;
    }
    wsp_session_flush(session);
    move_closed(session, WSP_REASON_NORMAL, NULL);
    struct wsp_link *link = detach(session);
    if (link) {
        close_link(session, link, code, reason);
    }
    discard_queue(session);
}

void wsp_session_lost(struct wsp_session *session, struct wsp_error *error)
{
    detach(session);
    if (session->state == WSP_SESSION_CLOSED) {
        wsp_error_unref(error);
        return;
    }
    wsp_error_unref(session->last_error);
    session->last_error = error;
    discard_queue(session);
    move_closed(session, WSP_REASON_NORMAL, error);
}

void wsp_session_free(struct wsp_session *session)
{
    discard_queue(session);
    wsp_error_unref(session->last_error);
    wsp_error_unref(session->end_error);
    wsp_values_free(session->values);
    free(session);
}

/* ---- receiving ---- */

/* One line a minute is enough for what a peer can trigger. */
static void warn_decode(struct wsp_session *session,
                        const struct wsp_diag *diag)
{
    struct wsp_hub *hub = session->hub;
    hub->counters.decode_failures++;
    if (!wsp_throttle_pass(&hub->decode_warning, wsp_hub_now_ms(hub))) {
        return;
    }
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", wsp_session_id(session)),
        WSP_LOG_SPAN("room_id", wsp_session_room(session)),
        WSP_LOG_STR("reason", diag->message),
        WSP_LOG_NUM("failures", hub->counters.decode_failures),
    };
    wsp_log(&hub->config.logger, WSP_LOG_WARN, "wspulse: decode failed", fields,
            sizeof fields / sizeof fields[0]);
}

/* A handler that failed ends the transport (spec §3.5). The peer sees 1000. */
static void fail_handler(struct wsp_session *session, struct wsp_error *error)
{
    struct wsp_link *link = detach(session);
    wsp_session_lost(session, error);
    if (link) {
        link->ops->close(link, NULL, 0, WSP_CLOSE_NORMAL, wsp_span_of(""));
    }
}

bool wsp_session_receive(struct wsp_session *session, uint8_t opcode,
                         char *data, size_t len)
{
    struct wsp_hub *hub = session->hub;
    if (session->owed) { /* on_connect comes before the first message */
        wsp_hub_settle(hub);
    }
    hub->counters.messages_received++;
    if (session->state == WSP_SESSION_CLOSED) {
        return false;
    }
    if (!hub->config.has_on_message) {
        return true;
    }
    struct wsp_frame frame;
    struct wsp_diag diag = {WSP_OK, 0, ""};
    struct wsp_span message = {data, len};
    enum wsp_err err = hub->config.codec->decode(
        message, opcode == 2, &hub->unescaped, &frame, &diag);
    if (err) {
        warn_decode(session, &diag);
        return true;
    }
    struct wsp_link *link = session->link;
    hub->is_settling = true;
    struct wsp_error *error = hub->events->on_message(hub->ud, session, &frame);
    hub->is_settling = false;
    if (error && session->state != WSP_SESSION_CLOSED) {
        fail_handler(session, error);
        return false;
    }
    wsp_error_unref(error);
    return session->link == link && link != NULL;
}
