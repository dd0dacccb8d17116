/* SPDX-License-Identifier: MIT */
/* The upgrade: admission by the application, the checks of the handshake in the
 * seed's order (spec §2.3), the 101 answer, and the new session. */
#include <stdlib.h>

#include <wspulse/codec.h>

#include "proto/close.h"
#include "proto/handshake.h"
#include "runtime/exchange.h"
#include "runtime/origin.h"
#include "runtime/quota.h"
#include "runtime/server.h"

/* Counts a refusal and says at level debug why. */
static void note_refusal(struct wsp_exchange *exchange, enum wsp_refusal why,
                         int status, const char *reason)
{
    struct wsp_server *server = exchange->transport->server;
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("remote_addr", exchange->client.text),
        WSP_LOG_NUM("status", status),
        WSP_LOG_STR("reason", reason),
    };
    wsp_refusal_note(server, why, exchange->client.text);
    wsp_server_log(server, WSP_LOG_DEBUG, "wspulse: upgrade refused", fields,
                   3);
}

/* The text of a refusal says nothing of its cause (decisions A4). */
static void refuse_admission(struct wsp_exchange *exchange,
                             const struct wsp_admission *admission)
{
    int status = admission->status ? admission->status : 401;
    const char *reason = admission->log_reason;
    note_refusal(exchange, WSP_REFUSAL_CONNECT, status, reason ? reason : "");
    wsp_exchange_refuse(exchange, status,
                        status == 401 ? "unauthorized" : NULL);
}

static void refuse_handshake(struct wsp_exchange *exchange, int status)
{
    struct wsp_response response;
    wsp_response_init(&response);
    wsp_response_plain(&response, status, NULL);
    wsp_response_add(&response, "Sec-WebSocket-Version", "13");
    if (status == 405) {
        wsp_response_add(&response, "Allow", "GET");
    }
    wsp_exchange_answer(exchange, &response, true);
    wsp_response_fini(&response);
}

/* ---- the steps ---- */

/* There is room for one more: in all, and behind a proxy of this client, whose
 * address is known only now. Returns false after a refusal. */
static bool has_room(struct wsp_exchange *exchange)
{
    struct wsp_transport *transport = exchange->transport;
    struct wsp_server *server = transport->server;
    double limit = server->settings->options.max_connections;
    if (limit > 0 && (double)server->channel_count >= limit) {
        wsp_refusal_note(server, WSP_REFUSAL_MAX_CONNECTIONS,
                         exchange->client.text);
        wsp_exchange_refuse(exchange, 503, "too many connections");
        return false;
    }
    if (transport->place) {
        return true;
    }
    struct wsp_quota quota = wsp_quota_enter(server, &exchange->client);
    transport->place = quota.place;
    if (quota.is_crowded || quota.is_flooded) {
        wsp_exchange_refuse(exchange, 429, "too many connections");
        return false;
    }
    return true;
}

/* Asks the application. Returns false after a refusal. */
static bool admit(struct wsp_exchange *exchange,
                  const struct wsp_request *request,
                  struct wsp_admission *admission)
{
    struct wsp_server *server = exchange->transport->server;
    *admission = (struct wsp_admission){0};
    bool is_down =
        wsp_callback_begin(&server->callback, "connect", NULL, NULL, request);
    server->hub.is_settling = true;
    server->handlers.connect(server->handlers.ud, request, admission);
    server->hub.is_settling = false;
    wsp_callback_end(&server->callback, is_down);
    if (exchange->transport->phase != WSP_TRANSPORT_HTTP) {
        return false; /* the handler aborted the server */
    }
    if (!admission->is_accepted) {
        refuse_admission(exchange, admission);
        return false;
    }
    return true;
}

static bool has_origin(struct wsp_exchange *exchange,
                       const struct wsp_request *request)
{
    struct wsp_server *server = exchange->transport->server;
    if (wsp_origin_is_allowed(server, request)) {
        return true;
    }
    wsp_refusal_note_origin(server, exchange->client.text,
                            wsp_request_header(request, wsp_span_of("Origin")));
    refuse_handshake(exchange, 403);
    return false;
}

/* Returns false after a refusal for a status that is not 0. */
static bool passes(struct wsp_exchange *exchange, int status)
{
    if (status) {
        note_refusal(exchange, WSP_REFUSAL_HANDSHAKE, status, "handshake");
        refuse_handshake(exchange, status);
    }
    return status == 0;
}

/* The checks behind `connect`. Returns false after a refusal. */
static bool check(struct wsp_exchange *exchange,
                  const struct wsp_request *request)
{
    const struct wsp_http_head *head = &exchange->head;
    const char *bytes = exchange->in.data;
    return passes(exchange, wsp_handshake_check(head, bytes)) &&
           has_origin(exchange, request) &&
           passes(exchange, wsp_handshake_check_key(head, bytes));
}

/* Registers the session; without one the peer is told and let go. */
static void register_session(struct wsp_exchange *exchange,
                             const struct wsp_request *request,
                             struct wsp_span room, struct wsp_span id,
                             const struct wsp_extension *agreed)
{
    struct wsp_transport *transport = exchange->transport;
    struct wsp_server *server = transport->server;
    wsp_channel_open(transport, agreed);
    if (wsp_hub_register(&server->hub, &transport->link, room, id, request)) {
        wsp_hub_settle(&server->hub);
        return;
    }
    bool is_late = server->hub.is_closed; /* decisions A16 */
    transport->link.ops->close(
        &transport->link, NULL, 0,
        is_late ? WSP_CLOSE_GOING_AWAY : WSP_CLOSE_INTERNAL,
        wsp_span_of(is_late ? "server shutting down" : "out of memory"));
}

/* Frees the exchange and reads what came behind the request. */
static void leave_http(struct wsp_exchange *exchange)
{
    struct wsp_transport *transport = exchange->transport;
    struct wsp_buf in = exchange->in;
    size_t used = exchange->head_len;
    wsp_buf_init(&exchange->in);
    transport->busy->exchange = NULL;
    wsp_exchange_free(exchange);
    if (in.len > used && transport->phase != WSP_TRANSPORT_DEAD) {
        wsp_channel_on_data(transport, (uint8_t *)in.data + used,
                            in.len - used);
    }
    wsp_buf_fini(&in);
}

/* Picks one of the client's offers of compression, if that is wanted. A client
 * may keep its context while the budget has room for it; afterwards it is told
 * not to. */
static void agree_on_compression(struct wsp_exchange *exchange,
                                 struct wsp_extension *agreed)
{
    struct wsp_transport *transport = exchange->transport;
    const struct wsp_compression_options *options =
        &transport->server->settings->options.compression;
    struct wsp_extension_rules rules = {
        .server_bits_max = (uint8_t)options->server_max_window_bits,
        .may_take_over = !options->client_no_context_takeover,
    };
    const char *bytes = exchange->in.data;
    *agreed = (struct wsp_extension){0};
    if (!options->is_on ||
        !wsp_extension_negotiate(&exchange->head, bytes, &rules, agreed)) {
        return;
    }
    struct wsp_reader_pool *readers = transport->server->readers;
    if (!wsp_reader_agree(&transport->reader, readers, agreed)) {
        rules.may_take_over = false;
        wsp_extension_negotiate(&exchange->head, bytes, &rules, agreed);
        wsp_reader_agree(&transport->reader, readers, agreed);
    }
}

static void accept_upgrade(struct wsp_exchange *exchange,
                           const struct wsp_request *request,
                           const struct wsp_admission *admission)
{
    char answer[WSP_HANDSHAKE_ACCEPT_MAX];
    char uuid[37];
    struct wsp_span id = admission->id;
    struct wsp_extension agreed;
    agree_on_compression(exchange, &agreed);
    size_t len =
        wsp_handshake_accept(&exchange->head, exchange->in.data,
                             wsp_request_subprotocol(request), &agreed, answer);
    if (id.len == 0 && wsp_uuid(uuid)) {
        id = (struct wsp_span){uuid, 36};
    }
    if (len == 0 || id.len == 0) {
        wsp_reader_fini(&exchange->transport->reader,
                        exchange->transport->server->readers);
        wsp_exchange_refuse(exchange, 500, NULL);
        return;
    }
    if (!wsp_transport_write(exchange->transport, answer, len)) {
        return;
    }
    register_session(exchange, request, admission->room, id, &agreed);
    leave_http(exchange);
}

/* The request as handlers see it, with the sub-protocol that it will get. */
static struct wsp_request upgrade_request(struct wsp_exchange *exchange)
{
    const struct wsp_options *options =
        &exchange->transport->server->settings->options;
    struct wsp_request request = wsp_exchange_request(exchange);
    request.body = (struct wsp_span){NULL, 0};
    request.subprotocol = wsp_handshake_subprotocol(request.head, request.bytes,
                                                    options->subprotocols,
                                                    options->subprotocol_count);
    return request;
}

void wsp_upgrade_run(struct wsp_exchange *exchange)
{
    if (exchange->transport->server->is_closing) {
        wsp_refusal_note(exchange->transport->server, WSP_REFUSAL_CLOSING,
                         exchange->client.text);
        wsp_exchange_refuse(exchange, 503, "server closed");
        return;
    }
    struct wsp_request request = upgrade_request(exchange);
    struct wsp_admission admission;
    if (has_room(exchange) && admit(exchange, &request, &admission) &&
        check(exchange, &request)) {
        accept_upgrade(exchange, &request, &admission);
    }
}
