/* SPDX-License-Identifier: MIT */
/* An HTTP request: the one that asks for an upgrade, or a plain one.
 * Owner: the server, during the callback that received it.
 * Thread: the server's loop. */
#ifndef WSPULSE_REQUEST_H
#define WSPULSE_REQUEST_H

#include <wspulse/api.h>
#include <wspulse/span.h>
#include <wspulse/tls.h>

WSP_BEGIN_C

struct wsp_request;

WSP_API struct wsp_span wsp_request_method(const struct wsp_request *request);

/* The path as sent, without the query, not percent-decoded. */
WSP_API struct wsp_span wsp_request_path(const struct wsp_request *request);

/* "127.0.0.1:54321", "[::1]:54321" or "unix"; behind a trusted proxy the client
 * that it names, without a port when it told none. */
WSP_API const char *wsp_request_remote_addr(const struct wsp_request *request);

/* Tells whether it came over TLS. What a proxy in front of the server did is not
 * known here. */
WSP_API bool wsp_request_is_secure(const struct wsp_request *request);

/* The certificate that the peer has shown, or NULL: without TLS, when nobody
 * asked for one (wsp_tls_options.verify), or when it has none. With
 * WSP_TLS_VERIFY_ANY it proves nothing unless is_verified. */
WSP_API const struct wsp_certificate *wsp_request_client_certificate(
    const struct wsp_request *request);

/* The first header of that name, compared without case (RFC 9110 §5.1), or a
 * span with NULL data. */
WSP_API struct wsp_span wsp_request_header(const struct wsp_request *request,
                                           struct wsp_span name);

/* Walks the headers: fills name and value of header `index` and returns true,
 * or returns false behind the last one. */
WSP_API bool wsp_request_header_at(const struct wsp_request *request,
                                   size_t index, struct wsp_span *name,
                                   struct wsp_span *value);

/* The first query parameter of that name, percent- and plus-decoded into
 * `buffer` (capacity `size`). Returns its length, or -1 when it is absent,
 * malformed or longer than `size`. A key without `=` has the length 0. */
WSP_API long wsp_request_query(const struct wsp_request *request,
                               struct wsp_span name, char *buffer, size_t size);

/* The whole query behind the `?`, as sent; NULL data when there is none. */
WSP_API struct wsp_span wsp_request_query_string(
    const struct wsp_request *request);

/* The cookie of that name (RFC 6265 §5.4), or a span with NULL data. */
WSP_API struct wsp_span wsp_request_cookie(const struct wsp_request *request,
                                           struct wsp_span name);

/* The sub-protocol that an upgrade will answer with: the first of the option
 * `subprotocols` that the client offers. NULL data when there is none, and for a
 * plain request. */
WSP_API struct wsp_span wsp_request_subprotocol(
    const struct wsp_request *request);

/* The body of a plain request, at most 64 KiB; empty for an upgrade. */
WSP_API struct wsp_span wsp_request_body(const struct wsp_request *request);

/* Makes a copy that lives until wsp_request_free. NULL without memory. */
WSP_API struct wsp_request *wsp_request_copy(const struct wsp_request *request);
WSP_API void wsp_request_free(struct wsp_request *request);

WSP_END_C

#endif
