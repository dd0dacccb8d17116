/* SPDX-License-Identifier: MIT */
/* The server's side of the opening handshake (RFC 6455 §4.2): checks in the
 * order of the seed, and the 101 answer.
 * Thread: any. */
#ifndef WSP_PROTO_HANDSHAKE_H
#define WSP_PROTO_HANDSHAKE_H

#include <stddef.h>

#include "proto/extension.h"
#include "proto/http_head.h"

/* Sub-protocols a server may name, and bytes of one name. */
#define WSP_SUBPROTOCOLS_MAX 32
#define WSP_SUBPROTOCOL_MAX 128

/* The longest answer wsp_handshake_accept writes. */
#define WSP_HANDSHAKE_ACCEPT_MAX (256 + WSP_SUBPROTOCOL_MAX + WSP_EXTENSION_MAX)

/* Checks before the origin is looked at, in this order: a Connection token
 * `upgrade` (400), an Upgrade token `websocket` (400), method GET (405),
 * HTTP/1.1 (400), no body (400), exactly one Sec-WebSocket-Version of 13 (426).
 * Returns 0 or the status to refuse with. */
int wsp_handshake_check(const struct wsp_http_head *head, const char *bytes);

/* Checks that there is exactly one Sec-WebSocket-Key, base64 of 16 bytes.
 * Returns 0 or 400. */
int wsp_handshake_check_key(const struct wsp_http_head *head,
                            const char *bytes);

/* Tells whether `name` can be offered and chosen: a token (RFC 6455 §4.1) of at
 * most WSP_SUBPROTOCOL_MAX bytes. */
bool wsp_subprotocol_is_valid(const char *name);

/* Finds the first of the server's `names` that the client offers, compared byte
 * for byte; every Sec-WebSocket-Protocol header counts (RFC 6455 §11.3.4).
 * Returns where it stands in the head's bytes; a length of 0 when there is
 * none. */
struct wsp_http_slice wsp_handshake_subprotocol(
    const struct wsp_http_head *head, const char *bytes,
    const char *const *names, size_t count);

/* Writes the whole 101 response for a head that passed both checks, naming the
 * sub-protocol unless it is empty, and what was agreed on compression unless it
 * is nothing. Returns its length, or 0 when libcrypto fails. */
size_t wsp_handshake_accept(const struct wsp_http_head *head, const char *bytes,
                            struct wsp_span subprotocol,
                            const struct wsp_extension *agreed,
                            char out[WSP_HANDSHAKE_ACCEPT_MAX]);

#endif
