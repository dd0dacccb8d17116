/* SPDX-License-Identifier: MIT */
/* The WebSocket side of a transport, inwards: what the reader finds, what is too
 * much, and how long a turn is. */
#include "proto/close.h"
#include "proto/inflate.h"
#include "proto/opcode.h"
#include "runtime/server.h"
#include "runtime/transport.h"

/* Frames in one receive: more than many, and the next one takes less; fewer than
 * few in a full one, and it takes more. */
#define FRAMES_MANY 256
#define FRAMES_FEW 32

#define FRAME_INFLATED_BYTES 4096 /* so much inflating is as good as a frame */

/* ---- failing ---- */

static enum wsp_err failure_code(uint16_t close_code)
{
    switch (close_code) {
    case WSP_CLOSE_TOO_BIG:
        return WSP_ERR_MESSAGE_TOO_BIG;
    case WSP_CLOSE_INVALID_DATA:
        return WSP_ERR_INVALID_UTF8;
    case WSP_CLOSE_INTERNAL:
        return WSP_ERR_OUT_OF_MEMORY;
    default:
        return WSP_ERR_PROTOCOL;
    }
}

/* The first message over the limit names the option: the default of 512 bytes
 * surprises newcomers. */
static void warn_too_big(struct wsp_transport *transport)
{
    struct wsp_server *server = transport->server;
    if (!wsp_throttle_pass(&server->too_big_warning,
                           wsp_hub_now_ms(&server->hub))) {
        return;
    }
    struct wsp_session *session = transport->link.session;
    struct wsp_log_field fields[] = {
        WSP_LOG_NUM("max_message_size", server->limits.max_message),
        WSP_LOG_SPAN("conn_id",
                     session ? wsp_session_id(session) : wsp_span_of("")),
    };
    wsp_server_log(server, WSP_LOG_WARN,
                   "wspulse: message over max_message_size, closing with 1009; "
                   "raise the option max_message_size to accept it",
                   fields, 2);
}

/* The first peer that does too much of something names the options too. */
static void warn_policy(struct wsp_transport *transport, const char *text)
{
    struct wsp_server *server = transport->server;
    if (!wsp_throttle_pass(&server->policy_warning,
                           wsp_hub_now_ms(&server->hub))) {
        return;
    }
    struct wsp_session *session = transport->link.session;
    struct wsp_log_field fields[] = {
        WSP_LOG_STR("reason", text),
        WSP_LOG_SPAN("conn_id",
                     session ? wsp_session_id(session) : wsp_span_of("")),
    };
    wsp_server_log(server, WSP_LOG_WARN,
                   "wspulse: closing with 1008; see the options max_fragments "
                   "and max_control_rate",
                   fields, 2);
}

static void fail_stream(struct wsp_transport *transport,
                        const struct wsp_reader_failure *failure)
{
    if (failure->close_code == WSP_CLOSE_TOO_BIG) {
        warn_too_big(transport);
    } else if (failure->close_code == WSP_CLOSE_POLICY) {
        warn_policy(transport, failure->text);
    }
    struct wsp_session *session = transport->link.session;
    if (session) {
        enum wsp_err code = failure_code(failure->close_code);
        struct wsp_diag diag;
        wsp_diag_set(&diag, code, "%s: %s", wsp_err_text(code), failure->text);
        wsp_session_lost(session, wsp_error_new(code, diag.message, NULL));
    }
    if (transport->phase == WSP_TRANSPORT_OPEN) {
        const char *text =
            failure->close_code == WSP_CLOSE_TOO_BIG ? "" : failure->text;
        wsp_channel_emit_close(transport, failure->close_code,
                               wsp_span_of(text));
    }
    wsp_transport_finish(transport);
}

/* ---- what the reader finds ---- */

static bool on_message(void *ud, uint8_t opcode, char *data, size_t len)
{
    struct wsp_transport *transport = ud;
    transport->server->read_count++;
    if (transport->link.session) {
        wsp_session_receive(transport->link.session, opcode, data, len);
    }
    return transport->phase != WSP_TRANSPORT_DEAD;
}

bool wsp_channel_next(struct wsp_link *link, struct wsp_link_message *message)
{
    struct wsp_transport *transport = (struct wsp_transport *)link;
    struct wsp_server *server = transport->server;
    struct wsp_reader_next next;
    if (!wsp_reader_next(&transport->reader, server->readers, &next)) {
        return false;
    }
    server->read_count++;
    message->opcode = next.opcode;
    message->data = (struct wsp_span){next.data, next.len};
    return true;
}

/* Counts a control frame that nobody asked for. False when that is one too many:
 * the stream has failed. */
static bool pace_control(struct wsp_transport *transport)
{
    static const struct wsp_reader_failure too_many = {
        WSP_CLOSE_POLICY, "too many control frames"};
    struct wsp_server *server = transport->server;
    double rate = server->settings->options.max_control_rate;
    server->read_count++;
    if (!(rate > 0) || wsp_pace_take(&transport->control, (uint32_t)rate,
                                     wsp_hub_now_ms(&server->hub))) {
        return true;
    }
    fail_stream(transport, &too_many);
    return false;
}

static bool on_ping(void *ud, const uint8_t *data, size_t len)
{
    struct wsp_transport *transport = ud;
    if (transport->phase != WSP_TRANSPORT_OPEN) {
        return true;
    }
    if (!pace_control(transport)) {
        return false;
    }
    wsp_channel_pong(transport, data, len);
    return true;
}

static bool on_pong(void *ud, const uint8_t *data, size_t len)
{
    struct wsp_transport *transport = ud;
    if (transport->link.session) {
        wsp_session_pong(transport->link.session, data, len);
    }
    if (transport->phase != WSP_TRANSPORT_OPEN) {
        return true;
    }
    if (transport->pings_out > 0) {
        transport->pings_out--;
        return true;
    }
    return pace_control(transport); /* legal all the same (RFC 6455 §5.5.3) */
}

/* An ordinary end is no error (decisions A2). */
static bool is_ordinary(uint16_t code)
{
    return code == WSP_CLOSE_NORMAL || code == WSP_CLOSE_GOING_AWAY ||
           code == WSP_CLOSE_NO_STATUS;
}

static bool on_close(void *ud, uint16_t code, const char *reason, size_t len)
{
    struct wsp_transport *transport = ud;
    struct wsp_session *session = transport->link.session;
    if (session) {
        wsp_session_peer_closed(
            session,
            is_ordinary(code) ? NULL : wsp_error_new_close(code, reason, len));
    }
    if (transport->phase == WSP_TRANSPORT_OPEN) {
        wsp_channel_emit_close(transport, code, (struct wsp_span){NULL, 0});
    }
    wsp_transport_finish(transport);
    return false;
}

static const struct wsp_reader_sink reader_sink = {
    on_message,
    on_ping,
    on_pong,
    on_close,
};

/* ---- input ---- */

/* How many bytes were ever inflated; 0 for a peer that sends nothing
 * compressed. */
static uint64_t inflated_bytes(const struct wsp_transport *transport)
{
    return transport->reader.window_bits
               ? wsp_reader_pool_inflaters(transport->server->readers)
                     ->out_bytes
               : 0;
}

/* A peer that sends many small frames, or little that inflates to much, gets
 * shorter turns, so that the others come sooner; one that sends few large
 * frames gets longer turns. */
static void adapt_turn(struct wsp_transport *transport, size_t len,
                       uint64_t inflated)
{
    struct wsp_stream *stream = &transport->stream;
    uint64_t count = transport->server->read_count;
    count += inflated / FRAME_INFLATED_BYTES;
    if (count > FRAMES_MANY) {
        if (stream->read_shift < WSP_STREAM_READ_SHIFT_MAX) {
            stream->read_shift++;
        }
    } else if (count < FRAMES_FEW && stream->read_shift > 0 &&
               len == wsp_stream_read_size(stream)) {
        stream->read_shift--;
    }
}

void wsp_channel_on_data(struct wsp_transport *transport, uint8_t *data,
                         size_t len)
{
    struct wsp_server *server = transport->server;
    const struct wsp_reader_port port = {server->readers, &server->limits,
                                         &reader_sink, transport};
    struct wsp_reader_failure failure;
    server->corked = transport;
    server->cork_len = 0;
    server->read_count = 0;
    uint64_t inflated = inflated_bytes(transport);
    enum wsp_reader_result result =
        wsp_reader_feed(&transport->reader, &port, data, len, &failure);
    if (result == WSP_READER_FAILED) {
        fail_stream(transport, &failure);
    }
    wsp_channel_uncork(transport);
    server->corked = NULL;
    adapt_turn(transport, len, inflated_bytes(transport) - inflated);
    wsp_transport_shut_down(transport);
}
