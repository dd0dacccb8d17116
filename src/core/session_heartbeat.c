/* SPDX-License-Identifier: MIT */
/* The heartbeat of a connected session: a ping every period, and the end of a
 * transport whose peer has not answered within the wait (spec §5.1). Data does
 * not count as an answer (decisions A14). */
#include <stddef.h>

#include "core/confirm.h"
#include "core/hub.h"
#include "core/session.h"
#include "proto/close.h"

/* Deadlines are served within a tick or two. One that is served so late means
 * that nothing was: the process was stopped, or a callback took its time. */
#define STALL_MS 250

/* What is due first. */
static uint64_t next_due_ms(const struct wsp_session *session)
{
    uint64_t at_ms = session->ping_due_ms;
    if (session->pong_due_ms < at_ms) {
        at_ms = session->pong_due_ms;
    }
    if (session->confirm && session->confirm->due_ms &&
        session->confirm->due_ms < at_ms) {
        at_ms = session->confirm->due_ms;
    }
    return at_ms;
}

void wsp_session_arm(struct wsp_session *session)
{
    uint64_t at_ms = next_due_ms(session);
    if (session->deadline.at_ms != at_ms) {
        wsp_wheel_arm(&session->hub->wheel, &session->deadline, at_ms);
    }
}

void wsp_session_ping(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    struct wsp_confirm *confirm = session->confirm;
    if (!confirm) {
        link->ops->ping(link, NULL, 0);
        return;
    }
    uint8_t body[WSP_CONFIRM_PING_LEN];
    wsp_confirm_ping(confirm, body);
    link->ops->ping(link, body, sizeof body);
}

/* The peer is silent. Without a window it is told 1000 in case it lives after
 * all; a suspended session's old transport ends without a frame. */
static void time_out(struct wsp_session *session)
{
    struct wsp_hub *hub = session->hub;
    wsp_metrics_pong_timeout(&hub->metrics, wsp_session_room(session),
                             wsp_session_id(session));
    struct wsp_link *link = wsp_session_detach(session);
    wsp_session_lost(session, wsp_error_new(WSP_ERR_PONG_TIMEOUT, NULL, NULL));
    if (session->state == WSP_SESSION_SUSPENDED) {
        link->ops->abort(link);
    } else {
        link->ops->close(link, NULL, 0, WSP_CLOSE_NORMAL, wsp_span_of(""));
    }
}

/* Time in which nothing was served does not count as silence. Who missed a whole
 * period gets what is left of the wait behind a ping, because its pong may be on
 * its way, behind other data. */
static void excuse_stall(struct wsp_session *session, uint64_t now_ms)
{
    const struct wsp_hub_config *config = &session->hub->config;
    uint64_t due_ms = next_due_ms(session);
    uint64_t least_ms = now_ms + config->pong_ms - config->ping_ms;
    if (now_ms < due_ms + STALL_MS) {
        return;
    }
    session->pong_due_ms += now_ms - due_ms;
    if (now_ms >= due_ms + config->ping_ms && session->pong_due_ms < least_ms) {
        session->pong_due_ms = least_ms;
    }
}

static void on_beat(struct wsp_deadline *deadline)
{
    struct wsp_session *session =
        (struct wsp_session *)((char *)deadline -
                               offsetof(struct wsp_session, deadline));
    struct wsp_hub *hub = session->hub;
    uint64_t now_ms = wsp_hub_now_ms(hub);
    excuse_stall(session, now_ms);
    if (now_ms >= session->pong_due_ms) {
        time_out(session);
        return;
    }
    bool is_confirm_due = session->confirm && session->confirm->due_ms &&
                          now_ms >= session->confirm->due_ms;
    if (now_ms >= session->ping_due_ms) {
        session->ping_due_ms = now_ms + hub->config.ping_ms;
        wsp_session_ping(session);
    } else if (is_confirm_due) {
        wsp_session_ping(session);
    }
    wsp_session_arm(session);
}

void wsp_session_start_heartbeat(struct wsp_session *session)
{
    const struct wsp_hub *hub = session->hub;
    uint64_t now_ms = wsp_hub_now_ms(hub);
    session->deadline.fn = on_beat;
    session->ping_due_ms = now_ms + hub->config.ping_ms;
    session->pong_due_ms = now_ms + hub->config.pong_ms;
    wsp_session_arm(session);
}

void wsp_session_stop_heartbeat(struct wsp_session *session)
{
    wsp_wheel_disarm(&session->hub->wheel, &session->deadline);
}
