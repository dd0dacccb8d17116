/* SPDX-License-Identifier: MIT */
#include "core/hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "proto/close.h"

/* Frame ids of this server begin with it, so that those of two runs differ. */
static void draw_nonce(struct wsp_hub *hub)
{
    uint8_t bytes[5];
    if (!wsp_random_fill(bytes, sizeof bytes)) {
        uint64_t now_ms = wsp_hub_now_ms(hub);
        memcpy(bytes, &now_ms, sizeof bytes);
    }
    snprintf(hub->frame_nonce, sizeof hub->frame_nonce, "%02x%02x%02x%02x%02x",
             bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]);
}

void wsp_hub_init(struct wsp_hub *hub, const struct wsp_hub_config *config,
                  const struct wsp_hub_events *events, void *ud,
                  const struct wsp_clock *clock)
{
    memset(hub, 0, sizeof *hub);
    hub->config = *config;
    hub->events = events;
    hub->ud = ud;
    hub->clock = *clock;
    wsp_wheel_init(&hub->wheel, wsp_hub_now_ms(hub));
    wsp_metrics_init(&hub->metrics);
    draw_nonce(hub);
    wsp_slots_init(&hub->slots);
    wsp_rooms_init(&hub->rooms);
    STAILQ_INIT(&hub->dirty);
    STAILQ_INIT(&hub->owed);
    STAILQ_INIT(&hub->dead);
}

/* ---- table ---- */

static uint64_t hash_slot(const void *ud, uint32_t slot)
{
    const struct wsp_hub *hub = ud;
    const struct wsp_session *session = wsp_slots_at(&hub->slots, slot);
    return wsp_hash(&hub->rooms.key, wsp_session_id(session));
}

struct wsp_session *wsp_hub_find(struct wsp_hub *hub, struct wsp_span id)
{
    uint32_t slot;
    struct wsp_slot_walk walk =
        wsp_slot_index_walk(&hub->ids, wsp_hash(&hub->rooms.key, id));
    while ((slot = wsp_slot_walk_next(&walk)) != WSP_SLOT_NONE) {
        struct wsp_session *session = wsp_slots_at(&hub->slots, slot);
        if (wsp_span_equal(wsp_session_id(session), id)) {
            return session;
        }
    }
    return NULL;
}

bool wsp_hub_add(struct wsp_hub *hub, struct wsp_session *session)
{
    const struct wsp_slot_hash hash = {hash_slot, hub};
    session->is_registered =
        wsp_slot_index_add(&hub->ids, WSP_ID_SLOT(session->handle), &hash);
    return session->is_registered;
}

void wsp_hub_withdraw(struct wsp_hub *hub, struct wsp_session *session)
{
    const struct wsp_slot_hash hash = {hash_slot, hub};
    if (session->is_registered) {
        wsp_slot_index_remove(&hub->ids, WSP_ID_SLOT(session->handle), &hash);
        session->is_registered = false;
    }
    if (session->room) {
        wsp_rooms_leave(&hub->rooms, session);
    }
}

/* On removal RoomDestroyed comes before ConnectionClosed (spec §7.1). */
void wsp_hub_remove(struct wsp_hub *hub, struct wsp_session *session)
{
    struct wsp_span room = wsp_session_room(session);
    bool is_last = session->room && session->room->member_count == 1;
    wsp_hub_withdraw(hub, session);
    if (is_last) {
        wsp_metrics_room_destroyed(&hub->metrics, room);
    }
    wsp_metrics_connection_closed(&hub->metrics, room, wsp_session_id(session),
                                  wsp_hub_now_ms(hub) - session->opened_ms,
                                  (enum wsp_reason)session->reason);
}

/* ---- calls ---- */

/* Gives every member a reference; the count is raised once for all of them.
 * Returns how many took the frame (decisions A15). */
static uint32_t fan_out(struct wsp_room *room, struct wsp_blob *blob,
                        wsp_id except)
{
    uint32_t count = room->member_count;
    uint32_t reached = 0;
    unsigned unused = 1; /* the caller's own */
    wsp_blob_ref(blob, count);
    for (uint32_t i = 0; i < count; i++) {
        struct wsp_session *session = room->members[i];
        if (session->handle == except) {
            unused++;
        } else {
            reached += wsp_session_push(session, blob);
        }
    }
    wsp_blob_unref(blob, unused);
    return reached;
}

static void warn_broadcast(struct wsp_hub *hub, struct wsp_span room,
                           const struct wsp_diag *diag)
{
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("room_id", room),
        WSP_LOG_STR("reason", diag ? diag->message : ""),
        WSP_LOG_NUM("generation", hub->config.generation),
    };
    if (wsp_throttle_pass(&hub->encode_warning, wsp_hub_now_ms(hub))) {
        wsp_log(&hub->config.logger, WSP_LOG_WARN,
                "wspulse: broadcast encode failed", fields, 3);
    }
}

enum wsp_err wsp_hub_broadcast(struct wsp_hub *hub, struct wsp_span room_name,
                               const struct wsp_frame *frame, wsp_id except,
                               struct wsp_diag *diag)
{
    if (hub->is_closed) {
        return WSP_ERR_SERVER_CLOSED;
    }
    struct wsp_span message;
    uint8_t opcode;
    enum wsp_err err = wsp_hub_encode(hub, frame, &message, &opcode, diag);
    if (err) {
        warn_broadcast(hub, room_name, diag);
        return err;
    }
    struct wsp_room *room = wsp_rooms_find(&hub->rooms, room_name);
    if (!room) {
        return WSP_OK;
    }
    struct wsp_blob *blob = wsp_hub_blob(message, opcode);
    if (!blob) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    size_t bytes = message.len;
    uint32_t reached = fan_out(room, blob, except);
    wsp_metrics_message_broadcast(&hub->metrics, room_name, bytes, reached);
    return WSP_OK;
}

enum wsp_err wsp_hub_kick(struct wsp_hub *hub, struct wsp_span id)
{
    if (hub->is_closed) {
        return WSP_ERR_SERVER_CLOSED;
    }
    struct wsp_session *session = wsp_hub_find(hub, id);
    if (!session) {
        return WSP_ERR_CONNECTION_NOT_FOUND;
    }
    wsp_session_end(session, WSP_REASON_KICK, WSP_END_NO_ERROR,
                    WSP_CLOSE_NORMAL, "kicked");
    return WSP_OK;
}

void wsp_hub_close(struct wsp_hub *hub)
{
    if (hub->is_closed) {
        return;
    }
    hub->is_closed = true;
    wsp_metrics_hold_rooms(&hub->metrics);
    for (uint32_t slot = 0; hub->ids.count > 0; slot++) {
        struct wsp_session *session = wsp_slots_at(&hub->slots, slot);
        if (session && session->is_registered) {
            wsp_session_end(session, WSP_REASON_SERVER_CLOSE,
                            WSP_END_SERVER_CLOSED, WSP_CLOSE_GOING_AWAY,
                            "server shutting down");
        }
    }
    wsp_metrics_release_rooms(&hub->metrics);
}

/* ---- turns ---- */

void wsp_hub_mark_dirty(struct wsp_hub *hub, struct wsp_session *session)
{
    if (!session->is_dirty) {
        session->is_dirty = true;
        STAILQ_INSERT_TAIL(&hub->dirty, session, dirty_link);
    }
}

void wsp_hub_owe(struct wsp_hub *hub, struct wsp_session *session, uint8_t what)
{
    session->owed |= what;
    if (!session->is_owed_listed) {
        session->is_owed_listed = true;
        STAILQ_INSERT_TAIL(&hub->owed, session, owed_link);
    }
}

static void call_restore(struct wsp_hub *hub, struct wsp_session *session)
{
    struct wsp_restore_info info = {session->replay_count, session->lost_count};
    hub->metrics.frames_lost += session->lost_count;
    session->lost_count = 0;
    session->replay_count = 0;
    hub->events->on_transport_restore(hub->ud, session, &info);
}

/* The error that a session ended with, referenced, or NULL. */
static struct wsp_error *end_error(const struct wsp_session *session)
{
    switch ((enum wsp_session_end_error)session->end_error) {
    case WSP_END_LAST_ERROR:
        return wsp_error_ref(session->last_error);
    case WSP_END_DUPLICATE:
        return wsp_error_new(WSP_ERR_DUPLICATE_CONNECTION_ID, NULL, NULL);
    case WSP_END_SERVER_CLOSED:
        return wsp_error_new(WSP_ERR_SERVER_CLOSED, NULL, NULL);
    case WSP_END_NO_ERROR:
        break;
    }
    return NULL;
}

static void call_disconnect(struct wsp_hub *hub, struct wsp_session *session)
{
    struct wsp_error *error = end_error(session);
    hub->events->on_disconnect(hub->ud, session, error,
                               (enum wsp_reason)session->reason);
    session->is_over = true;
    wsp_error_unref(error);
}

/* Calls one of the callbacks a session owes: the lowest bit. */
static void call_owed(struct wsp_hub *hub, struct wsp_session *session)
{
    uint8_t what = session->owed & (uint8_t)-session->owed;
    session->owed &= (uint8_t)~what;
    switch ((enum wsp_session_owed)what) {
    case WSP_OWED_CONNECT:
        hub->events->on_connect(hub->ud, session);
        session->request = NULL;
        break;
    case WSP_OWED_DROP:
        hub->events->on_transport_drop(hub->ud, session, session->last_error);
        break;
    case WSP_OWED_RESTORE:
        call_restore(hub, session);
        break;
    case WSP_OWED_DRAIN:
        hub->events->on_drain(hub->ud, session);
        break;
    case WSP_OWED_DISCONNECT:
        call_disconnect(hub, session);
        break;
    }
}

/* A session that owes nothing leaves the list: for good when it has ended. */
static void retire(struct wsp_hub *hub, struct wsp_session *session)
{
    session->is_owed_listed = false;
    if (session->state == WSP_SESSION_CLOSED) {
        STAILQ_INSERT_TAIL(&hub->dead, session, owed_link);
    }
}

void wsp_hub_settle(struct wsp_hub *hub)
{
    if (hub->is_settling) {
        return;
    }
    hub->is_settling = true;
    do {
        struct wsp_session *session;
        while ((session = STAILQ_FIRST(&hub->owed))) {
            STAILQ_REMOVE_HEAD(&hub->owed, owed_link);
            while (session->owed) {
                call_owed(hub, session);
            }
            retire(hub, session);
        }
    } while (wsp_metrics_call_hooks(&hub->metrics));
    hub->is_settling = false;
}

void wsp_hub_call_hooks(struct wsp_hub *hub)
{
    if (hub->is_settling) {
        return;
    }
    hub->is_settling = true;
    wsp_metrics_call_hooks(&hub->metrics);
    hub->is_settling = false;
}

static void flush_dirty(struct wsp_hub *hub)
{
    struct wsp_session *session;
    while ((session = STAILQ_FIRST(&hub->dirty))) {
        STAILQ_REMOVE_HEAD(&hub->dirty, dirty_link);
        session->is_dirty = false;
        wsp_session_flush(session);
        wsp_hub_relieve_hooks(hub);
    }
}

static void free_dead(struct wsp_hub *hub)
{
    struct wsp_session *session;
    while ((session = STAILQ_FIRST(&hub->dead))) {
        STAILQ_REMOVE_HEAD(&hub->dead, owed_link);
        hub->events->on_forget(hub->ud, session);
        wsp_slots_release(&hub->slots, session->handle);
        wsp_session_free(session);
    }
}

void wsp_hub_turn(struct wsp_hub *hub)
{
    wsp_wheel_advance(&hub->wheel, wsp_hub_now_ms(hub));
    do {
        wsp_hub_settle(hub);
        flush_dirty(hub);
    } while (wsp_hub_is_unsettled(hub) && !hub->is_settling);
    free_dead(hub);
}

int64_t wsp_hub_wait_ms(struct wsp_hub *hub)
{
    if (!STAILQ_EMPTY(&hub->dirty) || wsp_hub_is_unsettled(hub)) {
        return 0;
    }
    return wsp_wheel_wait_ms(&hub->wheel, wsp_hub_now_ms(hub));
}

void wsp_hub_fini(struct wsp_hub *hub)
{
    STAILQ_INIT(&hub->dirty);
    free_dead(hub);
    for (uint32_t slot = 0; hub->slots.count > 0; slot++) {
        struct wsp_session *session = wsp_slots_at(&hub->slots, slot);
        if (session) {
            wsp_hub_withdraw(hub, session);
            wsp_slots_release(&hub->slots, session->handle);
            wsp_session_free(session);
        }
    }
    wsp_slot_index_fini(&hub->ids);
    wsp_rooms_fini(&hub->rooms);
    wsp_slots_fini(&hub->slots);
    wsp_buf_fini(&hub->scratch);
    wsp_buf_fini(&hub->unescaped);
    wsp_buf_fini(&hub->forwarded);
    wsp_metrics_fini(&hub->metrics);
}
