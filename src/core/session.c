/* SPDX-License-Identifier: MIT */
/* The life of a session: its states, and what each move entails. */
#include "core/session.h"

#include <assert.h>
#include <stdlib.h>

#include "core/confirm.h"
#include "core/hub.h"
#include "core/values.h"
#include "proto/close.h"

/* ---- states ---- */

#define BIT(state) (1U << (state))

/* Which states may follow: CLOSED is final. */
static const unsigned legal_moves[] = {
    [WSP_SESSION_CONNECTED] =
        BIT(WSP_SESSION_SUSPENDED) | BIT(WSP_SESSION_CLOSED),
    [WSP_SESSION_SUSPENDED] =
        BIT(WSP_SESSION_CONNECTED) | BIT(WSP_SESSION_CLOSED),
    [WSP_SESSION_CLOSED] = 0,
};

static bool is_legal(unsigned from, unsigned to)
{
    return (legal_moves[from] & BIT(to)) != 0;
}

/* The only writer of the state; the count of suspended ones and their bytes
 * change here and nowhere else but in the queue. */
static void move(struct wsp_session *session, enum wsp_session_state next)
{
    struct wsp_hub *hub = session->hub;
    bool is_allowed = is_legal(session->state, next);
    assert(is_allowed);
    if (!is_allowed) {
        return;
    }
    if (session->state == WSP_SESSION_SUSPENDED) {
        hub->suspended_count--;
        hub->suspended_bytes -= wsp_session_waiting_bytes(session);
    }
    session->state = next & 3U;
    if (next == WSP_SESSION_SUSPENDED) {
        hub->suspended_count++;
        hub->suspended_bytes += wsp_session_waiting_bytes(session);
    }
}

static void log_move(struct wsp_session *session, enum wsp_log_level level,
                     const char *message)
{
    const struct wsp_logger *logger = &session->hub->config.logger;
    if (!wsp_log_enabled(logger, level)) {
        return;
    }
    struct wsp_error *error = session->last_error;
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", wsp_session_id(session)),
        WSP_LOG_SPAN("room_id", wsp_session_room(session)),
        WSP_LOG_NUM("generation", session->hub->config.generation),
        WSP_LOG_STR("error", error ? wsp_error_message(error) : ""),
    };
    wsp_log(logger, level, message, fields, error ? 4 : 3);
}

/* ---- links ---- */

struct wsp_link *wsp_session_detach(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    session->link = NULL;
    session->epoch++;
    session->is_link_full = false;
    wsp_session_stop_heartbeat(session);
    if (link) {
        link->session = NULL;
    }
    return link;
}

static void borrow(struct wsp_session *session, struct wsp_link *link)
{
    session->link = link;
    session->epoch++;
    link->session = session;
    if (session->confirm) {
        wsp_confirm_attach(session->confirm);
    }
    wsp_session_start_heartbeat(session);
}

/* Counts what the new transport will replay, and has it written. */
static void prepare_replay(struct wsp_session *session)
{
    uint32_t unconfirmed =
        session->confirm ? wsp_sendq_count(&session->confirm->window) : 0;
    session->replay_count = unconfirmed + wsp_sendq_count(&session->queue);
    if (session->replay_count) {
        wsp_hub_mark_dirty(session->hub, session);
    }
}

void wsp_session_attach(struct wsp_session *session, struct wsp_link *link)
{
    if (session->state != WSP_SESSION_SUSPENDED) {
        borrow(session, link);
        return;
    }
    move(session, WSP_SESSION_CONNECTED);
    borrow(session, link);
    wsp_metrics_resume_attempt(&session->hub->metrics,
                               wsp_session_room(session),
                               wsp_session_id(session));
    log_move(session, WSP_LOG_INFO, "wspulse: session resumed");
    prepare_replay(session);
    wsp_hub_owe(session->hub, session, WSP_OWED_RESTORE);
}

/* ---- closing ---- */

/* Everything that every way into CLOSED has in common. */
static void become_closed(struct wsp_session *session, enum wsp_reason reason,
                          enum wsp_session_end_error error)
{
    struct wsp_hub *hub = session->hub;
    move(session, WSP_SESSION_CLOSED);
    session->reason = reason & 7U;
    session->end_error = error & 3U;
    session->owed &= (uint8_t) ~(WSP_OWED_RESTORE | WSP_OWED_DRAIN);
    wsp_wheel_disarm(&hub->wheel, &session->deadline);
    wsp_hub_remove(hub, session);
    wsp_hub_owe(hub, session, WSP_OWED_DISCONNECT);
}

void wsp_session_end(struct wsp_session *session, enum wsp_reason reason,
                     enum wsp_session_end_error error, uint16_t code,
                     const char *text)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return;
    }
    become_closed(session, reason, error);
    wsp_session_discard(session);
    struct wsp_link *link = wsp_session_detach(session);
    if (!link) {
        return;
    }
    if (!session->hub->config.close_reasons) { /* decisions A7 */
        code = WSP_CLOSE_NORMAL;
        text = "";
    }
    link->ops->close(link, NULL, 0, code, wsp_span_of(text));
}

/* How many frames of a replay this transport has not been given. */
static uint32_t count_unwritten(const struct wsp_session *session)
{
    const struct wsp_confirm *confirm = session->confirm;
    return confirm ? wsp_sendq_count(&confirm->window) - confirm->written : 0;
}

/* References one of them. */
static struct wsp_blob *replayed_at(const struct wsp_session *session,
                                    uint32_t index)
{
    const struct wsp_confirm *confirm = session->confirm;
    return wsp_blob_ref(
        wsp_sendq_at(&confirm->window, confirm->written + index), 1);
}

/* Takes out what waits, the rest of a replay first: it goes in front of the
 * close frame, and counts as sent before the connection counts as closed. NULL
 * when there is nothing, or no memory. */
static struct wsp_blob **take_waiting(struct wsp_session *session,
                                      uint32_t *count)
{
    uint32_t replay = count_unwritten(session);
    *count = session->link ? replay + wsp_sendq_count(&session->queue) : 0;
    struct wsp_blob **blobs =
        *count ? malloc(*count * sizeof(struct wsp_blob *)) : NULL;
    if (!blobs) {
        *count = 0;
        return NULL;
    }
    for (uint32_t i = 0; i < *count; i++) {
        blobs[i] = i < replay ? replayed_at(session, i)
                              : wsp_sendq_pop(&session->queue);
        wsp_session_count_sent(session, wsp_blob_payload_len(blobs[i]));
    }
    return blobs;
}

void wsp_session_close(struct wsp_session *session, uint16_t code,
                       struct wsp_span reason)
{
    if (session->state == WSP_SESSION_CLOSED) {
        return;
    }
    wsp_session_flush(session);
    uint32_t count;
    struct wsp_blob **blobs = take_waiting(session, &count);
    become_closed(session, WSP_REASON_NORMAL, WSP_END_NO_ERROR);
    struct wsp_link *link = wsp_session_detach(session);
    if (link) {
        link->ops->close(link, blobs, count, code, reason);
    }
    free(blobs);
    wsp_session_discard(session);
}

/* ---- losing the transport ---- */

/* Tells whether the bounds on suspended sessions leave room for this one. */
static bool may_suspend(struct wsp_session *session)
{
    struct wsp_hub *hub = session->hub;
    const struct wsp_hub_config *config = &hub->config;
    if (config->resume_window_ms == 0 || hub->is_closed) {
        return false;
    }
    size_t bytes = wsp_session_waiting_bytes(session);
    if (hub->suspended_count < config->max_suspended &&
        hub->suspended_bytes + bytes <= config->max_suspended_bytes) {
        return true;
    }
    hub->metrics.suspensions_refused++;
    return false;
}

static void on_window_end(struct wsp_deadline *deadline)
{
    struct wsp_session *session =
        (struct wsp_session *)((char *)deadline -
                               offsetof(struct wsp_session, deadline));
    wsp_session_expire(session, session->epoch);
}

static void suspend(struct wsp_session *session)
{
    struct wsp_hub *hub = session->hub;
    move(session, WSP_SESSION_SUSPENDED);
    session->deadline.fn = on_window_end;
    wsp_wheel_arm(&hub->wheel, &session->deadline,
                  wsp_hub_now_ms(hub) + hub->config.resume_window_ms);
    log_move(session, WSP_LOG_INFO, "wspulse: session suspended");
    if (session->owed & WSP_OWED_RESTORE) {
        /* The application never learned that a transport had come: for it the
         * drop it knows of goes on. */
        session->owed &= (uint8_t)~WSP_OWED_RESTORE;
    } else {
        wsp_hub_owe(hub, session, WSP_OWED_DROP);
    }
}

static void note_error(struct wsp_session *session, struct wsp_error *error)
{
    wsp_error_unref(session->last_error);
    session->last_error = error;
}

struct wsp_link *wsp_session_give_up_link(struct wsp_session *session,
                                          struct wsp_error *error)
{
    struct wsp_link *link = wsp_session_detach(session);
    note_error(session, error);
    suspend(session); /* for no time: the bounds are of no concern */
    return link;
}

void wsp_session_lost(struct wsp_session *session, struct wsp_error *error)
{
    wsp_session_detach(session);
    if (session->state != WSP_SESSION_CONNECTED) {
        wsp_error_unref(error);
        return;
    }
    note_error(session, error);
    if (may_suspend(session)) {
        suspend(session);
        return;
    }
    wsp_session_discard(session);
    become_closed(session, WSP_REASON_NORMAL, WSP_END_LAST_ERROR);
}

void wsp_session_peer_closed(struct wsp_session *session,
                             struct wsp_error *error)
{
    if (session->hub->config.resume_window_ms == 0) {
        wsp_session_flush(session);
    }
    wsp_session_lost(session, error);
}

void wsp_session_expire(struct wsp_session *session, uint32_t epoch)
{
    if (session->epoch != epoch || session->state != WSP_SESSION_SUSPENDED) {
        return;
    }
    log_move(session, WSP_LOG_INFO, "wspulse: session expired");
    become_closed(session, WSP_REASON_GRACE_EXPIRED, WSP_END_NO_ERROR);
    wsp_session_discard(session);
}

void wsp_session_free(struct wsp_session *session)
{
    wsp_wheel_disarm(&session->hub->wheel, &session->deadline);
    wsp_sendq_fini(&session->queue);
    wsp_confirm_free(session->confirm);
    wsp_error_unref(session->last_error);
    wsp_values_free(session->values);
    free(session);
}
