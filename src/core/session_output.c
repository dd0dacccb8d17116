/* SPDX-License-Identifier: MIT */
/* What a session sends: into the cork, into its queue, and from there to the
 * link (spec §3.4, §6). */
#include "core/confirm.h"
#include "core/hub.h"
#include "core/session.h"
#include "proto/frame_head.h"

#define FLUSH_BATCH 64 /* blobs handed to a link at a time */

/* ---- bounds ---- */

size_t wsp_session_waiting_bytes(const struct wsp_session *session)
{
    size_t window = session->confirm ? session->confirm->window.bytes : 0;
    return session->queue.bytes + window;
}

/* Keeps the hub's sum right when a suspended session's queue changes. */
static void count_suspended(struct wsp_session *session, size_t before)
{
    if (session->state == WSP_SESSION_SUSPENDED) {
        struct wsp_hub *hub = session->hub;
        hub->suspended_bytes -= before;
        hub->suspended_bytes += wsp_session_waiting_bytes(session);
    }
}

static void count_drop(struct wsp_session *session)
{
    wsp_metrics_frame_dropped(&session->hub->metrics, wsp_session_room(session),
                              wsp_session_id(session));
}

void wsp_session_discard(struct wsp_session *session)
{
    size_t before = wsp_session_waiting_bytes(session);
    wsp_sendq_fini(&session->queue);
    if (session->confirm) {
        wsp_sendq_fini(&session->confirm->window);
        session->confirm->written = 0;
    }
    count_suspended(session, before);
}

/* Tells whether a frame of `len` bytes has to wait for room, or for the end of
 * a suspension that holds too much altogether. */
static bool is_full_for(const struct wsp_session *session, size_t len)
{
    const struct wsp_hub *hub = session->hub;
    const struct wsp_hub_config *config = &hub->config;
    if (wsp_sendq_is_full(&session->queue, &config->send_limits, len)) {
        return true;
    }
    return session->state == WSP_SESSION_SUSPENDED &&
           hub->suspended_bytes + len > config->max_suspended_bytes;
}

/* Makes the kernel take what it will before anything is called full. */
static bool has_room_for(struct wsp_session *session, size_t len)
{
    if (is_full_for(session, len) && session->link && !session->is_link_full) {
        wsp_session_flush(session);
    }
    if (!is_full_for(session, len)) {
        return true;
    }
    session->was_full = true;
    return false;
}

/* Loses the oldest frames until one of `len` bytes fits, or none is left. */
static void make_room(struct wsp_session *session, size_t len)
{
    while (is_full_for(session, len) && wsp_sendq_count(&session->queue)) {
        size_t before = wsp_session_waiting_bytes(session);
        wsp_sendq_drop_oldest(&session->queue);
        count_suspended(session, before);
        count_drop(session);
        session->lost_count++;
    }
}

/* ---- into the queue ---- */

static bool enqueue(struct wsp_session *session, struct wsp_blob *blob)
{
    size_t before = wsp_session_waiting_bytes(session);
    if (!wsp_sendq_push(&session->queue, blob)) {
        count_drop(session);
        session->lost_count++;
        return false;
    }
    count_suspended(session, before);
    if (session->link && !session->is_link_full) {
        wsp_hub_mark_dirty(session->hub, session);
    }
    return true;
}

/* Appends a blob, at the cost of the oldest ones. */
static bool enqueue_evicting(struct wsp_session *session, struct wsp_blob *blob)
{
    if (!has_room_for(session, blob->len)) {
        make_room(session, blob->len);
    }
    if (!is_full_for(session, blob->len)) {
        return enqueue(session, blob);
    }
    wsp_blob_unref(blob, 1); /* nothing left to evict */
    count_drop(session);
    session->lost_count++;
    return false;
}

/* Tells whether a frame may go straight behind what the link has: nothing waits
 * in front of it. Frames to be confirmed take the way through the queue. */
static bool may_put(const struct wsp_session *session)
{
    return session->link && !session->confirm &&
           !wsp_sendq_count(&session->queue);
}

static inline void count_put(struct wsp_session *session, size_t bytes)
{
    struct wsp_hub *hub = session->hub;
    if (!hub->metrics.wanted) {
        wsp_metrics_count_sent(&hub->metrics);
        return;
    }
    wsp_metrics_message_sent(&hub->metrics, wsp_session_room(session),
                             wsp_session_id(session), bytes, 0,
                             hub->config.send_limits.frames);
}

static inline bool put(struct wsp_session *session, uint8_t opcode,
                       struct wsp_span message)
{
    struct wsp_link *link = session->link;
    if (!may_put(session) || !link->ops->put(link, opcode, message)) {
        return false;
    }
    count_put(session, message.len);
    return true;
}

static bool put_blob(struct wsp_session *session, struct wsp_blob *blob)
{
    struct wsp_link *link = session->link;
    if (!may_put(session) || !link->ops->put_blob(link, blob)) {
        return false;
    }
    count_put(session, wsp_blob_payload_len(blob));
    return true;
}

bool wsp_session_push(struct wsp_session *session, struct wsp_blob *blob)
{
    if (session->state == WSP_SESSION_CLOSED) {
        wsp_blob_unref(blob, 1);
        return false;
    }
    if (put_blob(session, blob)) {
        wsp_blob_unref(blob, 1);
        return true;
    }
    return enqueue_evicting(session, blob);
}

static enum wsp_err queue_message(struct wsp_session *session,
                                  struct wsp_span message, uint8_t opcode)
{
    bool is_suspended = session->state == WSP_SESSION_SUSPENDED;
    if (!is_suspended && !has_room_for(session, message.len)) {
        count_drop(session);
        return WSP_ERR_SEND_BUFFER_FULL;
    }
    struct wsp_blob *blob = wsp_hub_blob(message, opcode);
    if (!blob) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    if (is_suspended) { /* accepted at the cost of the oldest (spec §6) */
        enqueue_evicting(session, blob);
        return WSP_OK;
    }
    return enqueue(session, blob) ? WSP_OK : WSP_ERR_OUT_OF_MEMORY;
}

enum wsp_err wsp_session_send(struct wsp_session *session,
                              const struct wsp_frame *frame,
                              struct wsp_diag *diag)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return WSP_ERR_CONNECTION_CLOSED;
    }
    struct wsp_span message = frame->raw;
    uint8_t opcode;
    if (!wsp_hub_passes_on(session->hub, frame, &opcode)) {
        enum wsp_err err =
            wsp_hub_encode(session->hub, frame, &message, &opcode, diag);
        if (err) {
            return err;
        }
    }
    return put(session, opcode, message)
               ? WSP_OK
               : queue_message(session, message, opcode);
}

/* ---- out of the queue ---- */

void wsp_session_count_sent(struct wsp_session *session, size_t bytes)
{
    struct wsp_hub *hub = session->hub;
    wsp_metrics_message_sent(&hub->metrics, wsp_session_room(session),
                             wsp_session_id(session), bytes,
                             wsp_sendq_count(&session->queue),
                             hub->config.send_limits.frames);
}

/* Writes the unconfirmed frames of an earlier transport again. */
static bool flush_window(struct wsp_session *session)
{
    struct wsp_confirm *confirm = session->confirm;
    struct wsp_link *link = session->link;
    while (confirm->written < wsp_sendq_count(&confirm->window)) {
        struct wsp_blob *blob =
            wsp_sendq_at(&confirm->window, confirm->written);
        wsp_blob_ref(blob, 1);
        if (link->ops->write(link, &blob, 1) == 0) {
            wsp_blob_unref(blob, 1);
            return false;
        }
        confirm->written++;
        wsp_session_count_sent(session, wsp_blob_payload_len(blob));
    }
    return true;
}

/* Writes from the queue into link and window, while the window has room. */
static bool flush_confirmed(struct wsp_session *session)
{
    struct wsp_confirm *confirm = session->confirm;
    struct wsp_link *link = session->link;
    const struct wsp_sendq_limits *limits = &session->hub->config.send_limits;
    if (!flush_window(session)) {
        return false;
    }
    while (wsp_sendq_count(&session->queue)) {
        struct wsp_blob *blob = wsp_sendq_at(&session->queue, 0);
        if (!wsp_confirm_has_room(confirm, limits, blob->len)) {
            return true; /* paused until a pong makes room */
        }
        if (!wsp_sendq_push(&confirm->window, wsp_blob_ref(blob, 1))) {
            return true; /* no memory: tried again at the next flush */
        }
        wsp_blob_ref(blob, 1);
        if (link->ops->write(link, &blob, 1) == 0) {
            wsp_blob_unref(blob, 1);
            wsp_sendq_drop_newest(&confirm->window);
            return false;
        }
        confirm->written++;
        size_t bytes = wsp_blob_payload_len(blob);
        wsp_sendq_drop_oldest(&session->queue);
        wsp_session_count_sent(session, bytes);
    }
    return true;
}

/* Blobs on their way to a link; a taken one may be freed by it. */
struct batch {
    struct wsp_blob *blobs[FLUSH_BATCH];
    size_t lens[FLUSH_BATCH];
    size_t payload_lens[FLUSH_BATCH];
};

/* Collects the oldest blobs of the queue without taking them out. */
static uint32_t peek_batch(const struct wsp_session *session,
                           struct batch *batch)
{
    uint32_t count = wsp_sendq_count(&session->queue);
    if (count > FLUSH_BATCH) {
        count = FLUSH_BATCH;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct wsp_blob *blob = wsp_sendq_at(&session->queue, i);
        batch->blobs[i] = blob;
        batch->lens[i] = blob->len;
        batch->payload_lens[i] = wsp_blob_payload_len(blob);
    }
    return count;
}

static bool flush_plain(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    while (wsp_sendq_count(&session->queue)) {
        struct batch batch;
        uint32_t count = peek_batch(session, &batch);
        uint32_t taken = link->ops->write(link, batch.blobs, count);
        for (uint32_t i = 0; i < taken; i++) {
            wsp_sendq_forget_oldest(&session->queue, batch.lens[i]);
            wsp_session_count_sent(session, batch.payload_lens[i]);
        }
        if (taken < count) {
            return false;
        }
    }
    return true;
}

/* A queue that was full is half empty again: the application may go on. */
static void notice_drain(struct wsp_session *session)
{
    const struct wsp_sendq_limits *limits = &session->hub->config.send_limits;
    if (session->was_full &&
        wsp_sendq_count(&session->queue) <= limits->frames / 2 &&
        session->queue.bytes <= limits->bytes / 2) {
        session->was_full = false;
        wsp_hub_owe(session->hub, session, WSP_OWED_DRAIN);
    }
}

static void ping_when_due(struct wsp_session *session)
{
    const struct wsp_hub *hub = session->hub;
    struct wsp_confirm *confirm = session->confirm;
    struct wsp_blob *next = wsp_sendq_count(&session->queue)
                                ? wsp_sendq_at(&session->queue, 0)
                                : NULL;
    if (wsp_confirm_wants_ping(confirm, &hub->config.send_limits,
                               next ? next->len : 1, wsp_hub_now_ms(hub))) {
        wsp_session_ping(session);
    }
    wsp_session_arm(session);
}

void wsp_session_flush(struct wsp_session *session)
{
    if (!session->link || session->is_link_full) {
        return;
    }
    uint32_t before = wsp_sendq_count(&session->queue);
    session->is_link_full =
        session->confirm ? !flush_confirmed(session) : !flush_plain(session);
    if (session->confirm) {
        ping_when_due(session);
    }
    wsp_ring_trim(&session->queue.ring);
    if (wsp_sendq_count(&session->queue) < before) {
        notice_drain(session);
    }
}

void wsp_session_writable(struct wsp_session *session)
{
    session->is_link_full = false;
    wsp_session_flush(session);
}
