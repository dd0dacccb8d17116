/* SPDX-License-Identifier: MIT */
#include "runtime/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/server.h"
#include "runtime/transport.h"

/* Input kept while an answer waits for the socket. */
#define PIPELINE_MAX (128 * 1024)

/* Answers that wait for sockets may hold so much of the server's memory in all;
 * beyond that only small ones are given. */
#define HELD_MAX (64 * 1024 * 1024)
#define HELD_SMALL (16 * 1024)

struct wsp_exchange *wsp_exchange_new(struct wsp_transport *transport,
                                      const struct wsp_caller *caller)
{
    struct wsp_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        return NULL;
    }
    exchange->transport = transport;
    wsp_http_head_init(&exchange->head);
    exchange->caller = *caller;
    exchange->client = *caller;
    wsp_transport_arm(transport, transport->server->settings->handshake_ms);
    return exchange;
}

/* What the socket has not taken of an answer is held until it has, or is gone. */
static void hold(struct wsp_exchange *exchange)
{
    struct wsp_transport *transport = exchange->transport;
    size_t held = transport->busy->rest.len - transport->busy->rest_offset;
    transport->server->held += held - exchange->held;
    exchange->held = held;
}

static void release(struct wsp_exchange *exchange)
{
    exchange->transport->server->held -= exchange->held;
    exchange->held = 0;
}

void wsp_exchange_free(struct wsp_exchange *exchange)
{
    if (exchange) {
        release(exchange);
        wsp_buf_fini(&exchange->in);
        free(exchange->certificate);
        free(exchange);
    }
}

void wsp_exchange_note_timeout(const struct wsp_exchange *exchange)
{
    if (!exchange->was_answered) {
        wsp_refusal_note(exchange->transport->server,
                         WSP_REFUSAL_HANDSHAKE_TIMEOUT, exchange->client.text);
    }
}

struct wsp_request wsp_exchange_request(struct wsp_exchange *exchange)
{
    const struct wsp_stream *stream = &exchange->transport->stream;
    if (stream->tls && !exchange->certificate) {
        exchange->certificate = wsp_stream_certificate(stream);
    }
    return (struct wsp_request){
        .head = &exchange->head,
        .bytes = exchange->in.data,
        .head_len = exchange->head_len,
        .body = {exchange->in.data + exchange->head_len,
                 exchange->head.content_length},
        .remote_addr = exchange->client.text,
        .certificate = exchange->certificate,
        .is_secure = stream->tls != NULL,
    };
}

/* ---- answers ---- */

static bool is_head_method(const struct wsp_exchange *exchange)
{
    if (!exchange->head_len) {
        return false;
    }
    struct wsp_span method =
        wsp_http_slice_in(exchange->head.method, exchange->in.data);
    return wsp_span_equal(method, wsp_span_of("HEAD"));
}

void wsp_exchange_answer(struct wsp_exchange *exchange,
                         const struct wsp_response *response, bool is_last)
{
    struct wsp_transport *transport = exchange->transport;
    struct wsp_buf out;
    wsp_buf_init(&out);
    bool is_built =
        wsp_response_write(response, is_head_method(exchange), !is_last, &out);
    if (is_built) {
        wsp_transport_write(transport, out.data, out.len);
        hold(exchange);
    }
    wsp_buf_fini(&out);
    if (!is_built) {
        wsp_transport_destroy(transport);
        return;
    }
    if (is_last) {
        exchange->is_closing = true;
        wsp_transport_finish(transport);
    }
}

void wsp_exchange_refuse(struct wsp_exchange *exchange, int status,
                         const char *text)
{
    struct wsp_response response;
    wsp_response_init(&response);
    wsp_response_plain(&response, status, text);
    wsp_exchange_answer(exchange, &response, true);
    wsp_response_fini(&response);
}

/* ---- one request ---- */

/* Forgets the request that was answered and keeps what came behind it. */
static void next_request(struct wsp_exchange *exchange)
{
    struct wsp_buf *in = &exchange->in;
    uint64_t handshake_ms = exchange->transport->server->settings->handshake_ms;
    size_t used = exchange->head_len + exchange->head.content_length;
    memmove(in->data, in->data + used, in->len - used);
    in->len -= used;
    if (in->len == 0) {
        wsp_buf_fini(in);
    }
    wsp_http_head_init(&exchange->head);
    exchange->head_len = 0;
    exchange->has_continued = false;
    exchange->was_answered = true;
    wsp_transport_arm(exchange->transport,
                      in->len ? handshake_ms : WSP_EXCHANGE_IDLE_MS);
}

static void run_plain(struct wsp_exchange *exchange)
{
    struct wsp_request request = wsp_exchange_request(exchange);
    struct wsp_response response;
    wsp_response_init(&response);
    wsp_route_run(exchange, &request, &response);
    bool is_last = !exchange->head.is_keep_alive ||
                   exchange->transport->server->is_closing;
    if (response.body.len > HELD_SMALL &&
        exchange->transport->server->held > HELD_MAX) {
        wsp_response_plain(&response, 503, NULL);
    }
    if (exchange->transport->phase == WSP_TRANSPORT_HTTP) {
        wsp_exchange_answer(exchange, &response, is_last);
    }
    wsp_response_fini(&response);
    if (!is_last) {
        next_request(exchange);
    }
}

static bool is_socket_path(const struct wsp_exchange *exchange)
{
    const char *path = exchange->transport->server->settings->options.path;
    return wsp_span_equal(
        wsp_http_slice_in(exchange->head.path, exchange->in.data),
        wsp_span_of(path));
}

/* Says that the body may come (RFC 9110 §10.1.1). */
static void send_continue(struct wsp_exchange *exchange)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (exchange->has_continued ||
        !wsp_http_head_has_token(&exchange->head, exchange->in.data,
                                 wsp_span_of("Expect"),
                                 wsp_span_of("100-continue"))) {
        return;
    }
    exchange->has_continued = true;
    wsp_transport_write(exchange->transport, text, sizeof text - 1);
}

/* Tells whether the body is here; refuses one that will not be read. */
static bool has_body(struct wsp_exchange *exchange)
{
    const struct wsp_http_head *head = &exchange->head;
    if (head->has_transfer_encoding) {
        wsp_exchange_refuse(exchange, 411, NULL);
        return false;
    }
    if (head->content_length > WSP_EXCHANGE_BODY_MAX) {
        wsp_exchange_refuse(exchange, 413, NULL);
        return false;
    }
    if (exchange->in.len - exchange->head_len < head->content_length) {
        send_continue(exchange);
        return false;
    }
    return true;
}

/* Notes who asks: behind a trusted proxy it is whom that one names. */
static void find_client(struct wsp_exchange *exchange)
{
    const struct wsp_settings *settings = exchange->transport->server->settings;
    struct wsp_ip_port found;
    bool is_other = wsp_caller_is_trusted(&exchange->caller, settings) &&
                    wsp_forwarded_find(&exchange->head, exchange->in.data,
                                       &settings->trust, &found);
    exchange->client =
        is_other ? wsp_caller_of_client(&found) : exchange->caller;
}

/* Parses on. Returns true when the head is complete. */
static bool has_head(struct wsp_exchange *exchange)
{
    if (exchange->head_len) {
        return true;
    }
    struct wsp_span bytes = {exchange->in.data, exchange->in.len};
    int result = bytes.len ? wsp_http_head_parse(&exchange->head, bytes) : 0;
    if (result < 0) {
        wsp_exchange_refuse(exchange, -result, NULL);
        return false;
    }
    exchange->head_len = (size_t)result;
    if (result > 0) {
        find_client(exchange);
    }
    return result > 0;
}

/* Handles one request when it is complete. Returns false when the exchange has
 * to wait, has ended, or is gone. */
static bool handle_next(struct wsp_exchange *exchange)
{
    struct wsp_transport *transport = exchange->transport;
    if (!has_head(exchange)) {
        return false;
    }
    if (transport->is_crowded) {
        wsp_exchange_refuse(exchange, 429, "too many connections");
        return false;
    }
    if (!transport->is_admin && is_socket_path(exchange)) {
        wsp_upgrade_run(exchange);
        return false;
    }
    if (!has_body(exchange)) {
        return false;
    }
    run_plain(exchange);
    return transport->phase == WSP_TRANSPORT_HTTP;
}

/* Handles what is complete, one request after the other. */
static void handle_all(struct wsp_exchange *exchange)
{
    struct wsp_transport *transport = exchange->transport;
    while (wsp_transport_is_drained(transport) && handle_next(exchange)) {
    }
    bool is_waiting = transport->phase == WSP_TRANSPORT_HTTP &&
                      !wsp_transport_is_drained(transport);
    if (is_waiting && exchange->in.len > PIPELINE_MAX) {
        wsp_stream_want_read(&transport->stream, false);
    }
}

void wsp_exchange_on_data(struct wsp_exchange *exchange, const uint8_t *data,
                          size_t len)
{
    bool was_idle = exchange->was_answered && exchange->in.len == 0;
    if (!wsp_buf_add(&exchange->in, data, len)) {
        wsp_transport_destroy(exchange->transport);
        return;
    }
    if (was_idle && exchange->head_len == 0) {
        wsp_transport_arm(exchange->transport,
                          exchange->transport->server->settings->handshake_ms);
    }
    handle_all(exchange);
}

void wsp_exchange_drained(struct wsp_exchange *exchange)
{
    release(exchange);
    if (!wsp_stream_want_read(&exchange->transport->stream, true)) {
        wsp_transport_destroy(exchange->transport);
        return;
    }
    handle_all(exchange);
}
