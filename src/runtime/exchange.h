/* SPDX-License-Identifier: MIT */
/* An exchange: the HTTP side of a transport, request by request, until one of
 * them asks for an upgrade.
 * Owner: the transport. Thread: the loop's. */
#ifndef WSP_RUNTIME_EXCHANGE_H
#define WSP_RUNTIME_EXCHANGE_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/http_head.h"
#include "runtime/caller.h"
#include "runtime/request.h"
#include "runtime/response.h"

#define WSP_EXCHANGE_BODY_MAX (64 * 1024) /* bytes of a request's body */
#define WSP_EXCHANGE_IDLE_MS 60000        /* between two requests */

struct wsp_transport;

struct wsp_exchange {
    struct wsp_transport *transport;
    struct wsp_buf in; /* bytes that arrived, from the head on */
    struct wsp_http_head head;
    size_t head_len;          /* 0 while the head is incomplete */
    size_t held;              /* bytes of an answer that wait for the socket */
    bool has_continued;       /* 100 Continue went out */
    bool is_closing;          /* the last answer was written */
    bool was_answered;        /* a request before this one */
    struct wsp_caller caller; /* who connected */
    struct wsp_caller client; /* who asks, once the head is complete; another
                                 one behind a trusted proxy */
    struct wsp_certificate *certificate; /* heap; the peer's, or NULL */
};

/* Begins to wait for a request. NULL without memory. */
struct wsp_exchange *wsp_exchange_new(struct wsp_transport *transport,
                                      const struct wsp_caller *caller);

/* NULL is ignored. */
void wsp_exchange_free(struct wsp_exchange *exchange);

/* Its deadline has passed: counts who never sent a whole request. */
void wsp_exchange_note_timeout(const struct wsp_exchange *exchange);

/* Bytes arrived. The exchange may be gone afterwards. */
void wsp_exchange_on_data(struct wsp_exchange *exchange, const uint8_t *data,
                          size_t len);

/* What was written is out: goes on with the next request. */
void wsp_exchange_drained(struct wsp_exchange *exchange);

/* The request as handlers see it. */
struct wsp_request wsp_exchange_request(struct wsp_exchange *exchange);

/* Writes an answer; `is_last` closes the connection behind it. */
void wsp_exchange_answer(struct wsp_exchange *exchange,
                         const struct wsp_response *response, bool is_last);

/* Answers with a plain text (NULL: the status phrase) and closes. */
void wsp_exchange_refuse(struct wsp_exchange *exchange, int status,
                         const char *text);

/* ---- other files ---- */

/* Decides about an upgrade request (upgrade.c). Afterwards the exchange has
 * answered, or is gone because the transport speaks WebSocket. */
void wsp_upgrade_run(struct wsp_exchange *exchange);

/* Answers a plain request: http routes, then static folders; or the admin
 * endpoints (route.c). */
void wsp_route_run(struct wsp_exchange *exchange,
                   const struct wsp_request *request,
                   struct wsp_response *response);

#endif
