/* SPDX-License-Identifier: MIT */
/* What a session's link reports: messages and pongs. */
#include "core/confirm.h"
#include "core/hub.h"
#include "core/session.h"
#include "proto/close.h"
#include "proto/opcode.h"

/* One line a minute is enough for what a peer can trigger. */
static void warn_decode(struct wsp_session *session, const char *reason)
{
    struct wsp_hub *hub = session->hub;
    hub->metrics.decode_failures++;
    if (!wsp_throttle_pass(&hub->decode_warning, wsp_hub_now_ms(hub))) {
        return;
    }
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("conn_id", wsp_session_id(session)),
        WSP_LOG_SPAN("room_id", wsp_session_room(session)),
        WSP_LOG_STR("reason", reason),
        WSP_LOG_NUM("failures", hub->metrics.decode_failures),
        WSP_LOG_NUM("generation", hub->config.generation),
    };
    wsp_log(&hub->config.logger, WSP_LOG_WARN, "wspulse: decode failed", fields,
            sizeof fields / sizeof fields[0]);
}

/* A handler that failed ends the transport; the peer sees 1000 (spec §3.5). */
static void fail_handler(struct wsp_session *session, struct wsp_error *error)
{
    session->hub->metrics.handler_failures++;
    struct wsp_link *link = wsp_session_detach(session);
    wsp_session_lost(session, error);
    if (link) {
        link->ops->close(link, NULL, 0, WSP_CLOSE_NORMAL, wsp_span_of(""));
    }
}

static enum wsp_message_kind kind_of(const struct wsp_hub *hub, uint8_t opcode)
{
    if (opcode == WSP_OPCODE_BINARY) {
        return WSP_MESSAGE_BINARY;
    }
    return hub->config.is_text_checked ? WSP_MESSAGE_UTF8 : WSP_MESSAGE_TEXT;
}

/* Makes the hub's frame of a message; false when that is not possible. */
static bool decode(struct wsp_hub *hub, uint8_t opcode, struct wsp_span message)
{
    struct wsp_delivery *delivery = &hub->delivery;
    delivery->diag.message[0] = '\0'; /* the rest is of no use */
    delivery->err = hub->config.codec->decode(message, kind_of(hub, opcode),
                                              &hub->unescaped, &delivery->frame,
                                              &delivery->diag);
    return delivery->err == WSP_OK;
}

static struct wsp_error *call_handler(struct wsp_session *session)
{
    struct wsp_hub *hub = session->hub;
    struct wsp_delivery *delivery = &hub->delivery;
    delivery->session = session;
    delivery->epoch = session->epoch;
    hub->is_settling = true;
    struct wsp_error *error =
        hub->events->on_message(hub->ud, session, &delivery->frame);
    hub->is_settling = false;
    delivery->session = NULL;
    return error;
}

/* What becomes of the session when its handler has failed. */
static void take_error(struct wsp_session *session, struct wsp_error *error)
{
    if (wsp_error_code(error) == WSP_ERR_DECODE) {
        warn_decode(session, wsp_error_message(error));
        wsp_error_unref(error);
    } else if (session->epoch == session->hub->delivery.epoch) {
        fail_handler(session, error);
    } else {
        wsp_error_unref(error); /* it closed the connection, then failed */
    }
}

/* Decodes and delivers. Returns true when reading goes on. */
static bool deliver(struct wsp_session *session, uint8_t opcode,
                    struct wsp_span message)
{
    struct wsp_hub *hub = session->hub;
    if (!decode(hub, opcode, message)) {
        warn_decode(session, hub->delivery.diag.message);
        return true;
    }
    struct wsp_error *error = call_handler(session);
    if (hub->delivery.err) { /* of one that the handler has asked for */
        warn_decode(session, hub->delivery.diag.message);
    }
    if (error) {
        take_error(session, error);
    }
    return session->epoch == hub->delivery.epoch;
}

bool wsp_session_receive(struct wsp_session *session, uint8_t opcode,
                         char *data, size_t len)
{
    struct wsp_hub *hub = session->hub;
    if (session->owed) { /* connect and restore come before messages */
        wsp_hub_settle(hub);
    }
    wsp_hub_relieve_hooks(hub);
    if (!session->link) {
        return false;
    }
    wsp_metrics_message_received(&hub->metrics, wsp_session_room(session), len);
    if (!hub->config.has_on_message) {
        return true;
    }
    return deliver(session, opcode, (struct wsp_span){data, len});
}

/* Between two messages the way of wsp_session_receive would call what is owed. */
static bool may_go_on(const struct wsp_session *session)
{
    const struct wsp_hub *hub = session->hub;
    const struct wsp_delivery *delivery = &hub->delivery;
    return delivery->session == session && delivery->epoch == session->epoch &&
           delivery->err == WSP_OK && session->link && !session->owed &&
           !hub->metrics.wanted;
}

bool wsp_session_next(struct wsp_session *session)
{
    struct wsp_link *link = session->link;
    struct wsp_link_message message;
    if (!may_go_on(session) || !link->ops->next(link, &message)) {
        return false;
    }
    struct wsp_hub *hub = session->hub;
    wsp_metrics_message_received(&hub->metrics, wsp_session_room(session),
                                 message.data.len);
    return decode(hub, message.opcode, message.data);
}

void wsp_session_pong(struct wsp_session *session, const uint8_t *data,
                      size_t len)
{
    struct wsp_hub *hub = session->hub;
    struct wsp_confirm *confirm = session->confirm;
    session->pong_due_ms = wsp_hub_now_ms(hub) + hub->config.pong_ms;
    if (confirm && wsp_confirm_pong(confirm, data, len) &&
        (wsp_sendq_count(&session->queue) ||
         wsp_confirm_is_unpinged(confirm))) {
        wsp_hub_mark_dirty(hub, session);
    }
}
