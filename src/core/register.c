/* SPDX-License-Identifier: MIT */
/* Registration: which session a new transport belongs to. The answer follows
 * from the state the server knows (spec §3.3). */
#include <stddef.h>
#include <stdlib.h>

#include "core/confirm.h"
#include "core/hub.h"
#include "proto/close.h"

static struct wsp_session *new_session(struct wsp_hub *hub,
                                       struct wsp_span room, struct wsp_span id)
{
    struct wsp_session *session =
        calloc(1, offsetof(struct wsp_session, text) + id.len + room.len);
    if (!session) {
        return NULL;
    }
    session->hub = hub;
    session->opened_ms = wsp_hub_now_ms(hub);
    session->id_len = (uint16_t)id.len;
    session->room_name_len = (uint16_t)room.len;
    if (id.len) {
        memcpy(session->text, id.data, id.len);
    }
    if (room.len) {
        memcpy(session->text + id.len, room.data, room.len);
    }
    return session;
}

static bool take_places(struct wsp_hub *hub, struct wsp_session *session)
{
    if (hub->config.resume_confirm) {
        session->confirm = wsp_confirm_new();
        if (!session->confirm) {
            return false;
        }
    }
    session->handle = wsp_slots_take(&hub->slots, session);
    return session->handle && wsp_hub_add(hub, session) &&
           wsp_rooms_join(&hub->rooms, wsp_session_room(session), session);
}

/* Makes a session with its places in slots, table and room. */
static struct wsp_session *enter(struct wsp_hub *hub, struct wsp_span room,
                                 struct wsp_span id)
{
    struct wsp_session *session = new_session(hub, room, id);
    if (!session) {
        return NULL;
    }
    if (take_places(hub, session)) {
        return session;
    }
    wsp_hub_withdraw(hub, session);
    wsp_slots_release(&hub->slots, session->handle);
    wsp_session_free(session);
    return NULL;
}

/* Spec T1. */
static struct wsp_session *open_session(struct wsp_hub *hub,
                                        struct wsp_link *link,
                                        struct wsp_span room,
                                        struct wsp_span id,
                                        const struct wsp_request *request)
{
    struct wsp_session *session = enter(hub, room, id);
    if (!session) {
        return NULL;
    }
    if (session->room->member_count == 1) {
        wsp_metrics_room_created(&hub->metrics, room);
    }
    wsp_metrics_connection_opened(&hub->metrics, room, id);
    session->request = request;
    wsp_session_attach(session, link);
    wsp_hub_owe(hub, session, WSP_OWED_CONNECT);
    return session;
}

/* Spec T4: the older one gives way. */
static void displace(struct wsp_hub *hub, struct wsp_session *old)
{
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", wsp_session_id(old)),
        WSP_LOG_SPAN("room_id", wsp_session_room(old)),
        WSP_LOG_NUM("generation", hub->config.generation),
    };
    wsp_log(&hub->config.logger, WSP_LOG_WARN,
            "wspulse: duplicate connection id, closing the older connection",
            fields, 3);
    wsp_session_end(old, WSP_REASON_DUPLICATE, WSP_END_DUPLICATE,
                    WSP_CLOSE_NORMAL, "duplicate connection id");
}

/* The newest transport wins; the superseded one ends without a frame (T18). */
static void supersede(struct wsp_session *session)
{
    struct wsp_link *old = wsp_session_give_up_link(
        session, wsp_error_new(WSP_ERR_TRANSPORT_REPLACED, NULL, NULL));
    if (old) {
        old->ops->abort(old);
    }
}

/* Tells whether a new transport takes a session over that still has one: by the
 * option, or because the application has not heard of the old one yet. */
static bool is_superseded(const struct wsp_hub *hub,
                          const struct wsp_session *session)
{
    return session->state == WSP_SESSION_CONNECTED &&
           hub->config.resume_window_ms > 0 &&
           (hub->config.takeover_resumes || (session->owed & WSP_OWED_RESTORE));
}

struct wsp_session *wsp_hub_register(struct wsp_hub *hub, struct wsp_link *link,
                                     struct wsp_span room, struct wsp_span id,
                                     const struct wsp_request *request)
{
    if (hub->is_closed || id.len > UINT16_MAX || room.len > UINT16_MAX) {
        return NULL;
    }
    struct wsp_session *session = wsp_hub_find(hub, id);
    if (session && is_superseded(hub, session)) {
        supersede(session);
    }
    if (session && session->state == WSP_SESSION_SUSPENDED) {
        wsp_session_attach(session, link);
        return session;
    }
    if (session) {
        displace(hub, session);
    }
    return open_session(hub, link, room, id, request);
}
