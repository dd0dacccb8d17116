/* SPDX-License-Identifier: MIT */
#include "core/hub.h"

#include <stdlib.h>

#include "proto/close.h"
#include "proto/frame_head.h"
#include "proto/utf8.h"

#define SCRATCH_KEEP (64 * 1024) /* bytes kept between two messages */

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
    wsp_slots_init(&hub->slots);
    wsp_rooms_init(&hub->rooms);
    TAILQ_INIT(&hub->dirty);
    STAILQ_INIT(&hub->owed);
    STAILQ_INIT(&hub->dead);
}

/* ---- table ---- */

static unsigned hash_id(const struct wsp_hub *hub, struct wsp_span id)
{
    return (unsigned)wsp_hash(&hub->rooms.key, id);
}

struct wsp_session *wsp_hub_find(struct wsp_hub *hub, struct wsp_span id)
{
    struct wsp_session *session = NULL;
    const char *key = id.data ? id.data : "";
    unsigned hash = hash_id(hub, id);
    HASH_FIND_BYHASHVALUE(hh, hub->sessions, key, id.len, hash, session);
    return session;
}

static bool add_to_table(struct wsp_hub *hub, struct wsp_session *session)
{
    unsigned hash = hash_id(hub, wsp_session_id(session));
    session->hh.tbl = NULL;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, hub->sessions, session->text,
                                session->id_len, hash, session);
    session->is_registered = session->hh.tbl != NULL;
    return session->is_registered;
}

void wsp_hub_remove(struct wsp_hub *hub, struct wsp_session *session)
{
    if (session->is_registered) {
        HASH_DEL(hub->sessions, session);
        session->is_registered = false;
    }
    if (session->room) {
        wsp_rooms_leave(&hub->rooms, session);
    }
    if (session->is_dirty) {
        TAILQ_REMOVE(&hub->dirty, session, dirty_link);
        session->is_dirty = false;
    }
}

/* ---- registration ---- */

static struct wsp_session *new_session(struct wsp_hub *hub,
                                       struct wsp_span room, struct wsp_span id)
{
    struct wsp_session *session =
        calloc(1, sizeof *session + id.len + room.len);
    if (!session) {
        return NULL;
    }
    session->hub = hub;
    session->opened_ms = wsp_hub_now_ms(hub);
    session->id_len = (uint32_t)id.len;
    session->room_name_len = (uint32_t)room.len;
    if (id.len) {
        memcpy(session->text, id.data, id.len);
    }
    if (room.len) {
        memcpy(session->text + id.len, room.data, room.len);
    }
    return session;
}

/* Gives a new session its handle and its places in table and room. */
static bool enter(struct wsp_hub *hub, struct wsp_session *session)
{
    session->handle = wsp_slots_take(&hub->slots, session);
    if (!session->handle) {
        return false;
    }
    if (add_to_table(hub, session) &&
        wsp_rooms_join(&hub->rooms, wsp_session_room(session), session)) {
        return true;
    }
    wsp_hub_remove(hub, session);
    wsp_slots_release(&hub->slots, session->handle);
    return false;
}

static void displace(struct wsp_hub *hub, struct wsp_span id)
{
    struct wsp_session *old = wsp_hub_find(hub, id);
    if (!old) {
        return;
    }
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", id),
        WSP_LOG_SPAN("room_id", wsp_session_room(old)),
    };
    wsp_log(&hub->config.logger, WSP_LOG_WARN,
            "wspulse: duplicate connection id, closing the older connection",
            fields, 2);
    struct wsp_error *error =
        wsp_error_new(WSP_ERR_DUPLICATE_CONNECTION_ID, NULL, NULL);
    wsp_session_end(old, WSP_REASON_DUPLICATE, error, WSP_CLOSE_NORMAL,
                    "duplicate connection id");
    wsp_error_unref(error);
}

struct wsp_session *wsp_hub_register(struct wsp_hub *hub, struct wsp_link *link,
                                     struct wsp_span room, struct wsp_span id,
                                     const struct wsp_request *request)
{
    if (hub->is_closed || id.len > UINT32_MAX || room.len > UINT32_MAX) {
        return NULL;
    }
    struct wsp_session *session = new_session(hub, room, id);
    if (!session) {
        return NULL;
    }
    displace(hub, id);
    if (!enter(hub, session)) {
        free(session);
        return NULL;
    }
    session->link = link;
    session->request = request;
    link->session = session;
    hub->counters.connections_opened++;
    wsp_hub_owe(hub, session, WSP_OWED_CONNECT);
    return session;
}

/* ---- encoding ---- */

/* Text that was not made by the codec itself must still be UTF-8 when it leaves
 * as a text message (RFC 6455 §5.6). */
static enum wsp_err check_text(const struct wsp_frame *frame,
                               struct wsp_span message, uint8_t opcode,
                               struct wsp_diag *diag)
{
    bool is_known = frame->is_checked && !frame->binary;
    if (opcode != 1 || is_known || wsp_utf8_check(message.data, message.len)) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_ENCODE,
                        "wspulse: encode failed: text is not valid UTF-8");
}

enum wsp_err wsp_hub_encode(struct wsp_hub *hub, const struct wsp_frame *frame,
                            struct wsp_span *message, uint8_t *opcode,
                            struct wsp_diag *diag)
{
    const struct wsp_codec *codec = hub->config.codec;
    if (frame->raw.data) {
        *message = frame->raw;
        *opcode = frame->binary && codec == &wsp_codec_raw ? 2 : codec->opcode;
        return check_text(frame, *message, *opcode, diag);
    }
    wsp_buf_reset(&hub->scratch, SCRATCH_KEEP);
    *opcode = codec->opcode;
    enum wsp_err err = codec->encode(frame, &hub->scratch, opcode, diag);
    if (err) {
        return err;
    }
    *message = (struct wsp_span){hub->scratch.data, hub->scratch.len};
    return check_text(frame, *message, *opcode, diag);
}

struct wsp_blob *wsp_hub_blob(struct wsp_span message, uint8_t opcode)
{
    struct wsp_blob *blob = wsp_blob_new(message, opcode);
    if (blob) {
        uint8_t head[WSP_FRAME_HEAD_MAX];
        size_t head_len = wsp_frame_head_build(head, opcode, message.len);
        wsp_blob_set_head(blob, head, head_len);
    }
    return blob;
}

/* ---- calls ---- */

/* Gives every member a reference; the count was raised for all of them. */
static void fan_out(struct wsp_room *room, struct wsp_blob *blob, wsp_id except)
{
    uint32_t count = room->member_count;
    wsp_blob_ref(blob, count);
    unsigned unused = 1; /* the caller's own */
    for (uint32_t i = 0; i < count; i++) {
        struct wsp_session *session = room->members[i];
        if (session->handle == except) {
            unused++;
        } else {
            wsp_session_push(session, blob);
        }
    }
    wsp_blob_unref(blob, unused);
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
    fan_out(room, blob, except);
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
    wsp_session_end(session, WSP_REASON_KICK, NULL, WSP_CLOSE_NORMAL, "kicked");
    return WSP_OK;
}

void wsp_hub_close(struct wsp_hub *hub)
{
    if (hub->is_closed) {
        return;
    }
    hub->is_closed = true;
    struct wsp_error *error = wsp_error_new(WSP_ERR_SERVER_CLOSED, NULL, NULL);
    while (hub->sessions) {
        wsp_session_end(hub->sessions, WSP_REASON_SERVER_CLOSE, error,
                        WSP_CLOSE_GOING_AWAY, "server shutting down");
    }
    wsp_error_unref(error);
}

/* ---- turns ---- */

void wsp_hub_mark_dirty(struct wsp_hub *hub, struct wsp_session *session)
{
    if (!session->is_dirty) {
        session->is_dirty = true;
        TAILQ_INSERT_TAIL(&hub->dirty, session, dirty_link);
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

/* Calls the lowest of the callbacks a session owes. */
static void call_owed(struct wsp_hub *hub, struct wsp_session *session)
{
    if (session->owed & WSP_OWED_CONNECT) {
        session->owed &= (uint8_t)~WSP_OWED_CONNECT;
        hub->events->on_connect(hub->ud, session);
        session->request = NULL;
        return;
    }
    session->owed &= (uint8_t)~WSP_OWED_DISCONNECT;
    hub->events->on_disconnect(hub->ud, session, session->end_error,
                               (enum wsp_reason)session->reason);
    session->is_over = true;
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
    struct wsp_session *session;
    while ((session = STAILQ_FIRST(&hub->owed))) {
        STAILQ_REMOVE_HEAD(&hub->owed, owed_link);
        while (session->owed) {
            call_owed(hub, session);
        }
        retire(hub, session);
    }
    hub->is_settling = false;
}

static void flush_dirty(struct wsp_hub *hub)
{
    struct wsp_session *session;
    while ((session = TAILQ_FIRST(&hub->dirty))) {
        TAILQ_REMOVE(&hub->dirty, session, dirty_link);
        session->is_dirty = false;
        wsp_session_flush(session);
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
    } while (!STAILQ_EMPTY(&hub->owed) && !hub->is_settling);
    free_dead(hub);
}

int64_t wsp_hub_wait_ms(const struct wsp_hub *hub)
{
    if (!TAILQ_EMPTY(&hub->dirty) || !STAILQ_EMPTY(&hub->owed)) {
        return 0;
    }
    return wsp_wheel_wait_ms(&hub->wheel, wsp_hub_now_ms(hub));
}

void wsp_hub_fini(struct wsp_hub *hub)
{
    struct wsp_session *session;
    struct wsp_session *next;
    free_dead(hub);
    HASH_ITER(hh, hub->sessions, session, next) {
        wsp_hub_remove(hub, session);
        wsp_slots_release(&hub->slots, session->handle);
        wsp_session_free(session);
    }
    wsp_rooms_fini(&hub->rooms);
    wsp_slots_fini(&hub->slots);
    wsp_buf_fini(&hub->scratch);
    wsp_buf_fini(&hub->unescaped);
}
