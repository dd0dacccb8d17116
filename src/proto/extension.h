/* SPDX-License-Identifier: MIT */
/* The negotiation of permessage-deflate (RFC 7692 §5, §7.1): reads what a
 * client offers in Sec-WebSocket-Extensions, picks the first offer that can be
 * kept, writes the answer.
 *
 * The server's own side never takes its context over, whatever is offered, so
 * that one compressed message is right for every recipient.
 * Thread: any. */
#ifndef WSP_PROTO_EXTENSION_H
#define WSP_PROTO_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http_head.h"

/* Window sizes are powers of two: 2^8 to 2^15 bytes (RFC 7692 §7.1.2). zlib
 * cannot compress with the smallest one. */
#define WSP_WINDOW_BITS_MIN 8
#define WSP_WINDOW_BITS_MAX 15
#define WSP_DEFLATE_BITS_MIN 9

/* The longest text wsp_extension_write writes, its NUL included. */
#define WSP_EXTENSION_MAX 160

/* What the server would agree to. */
struct wsp_extension_rules {
    uint8_t server_bits_max; /* of the window it compresses with: 9 to 15 */
    bool may_take_over;      /* clients may keep their context */
};

/* What was agreed. All zero: no compression. */
struct wsp_extension {
    uint8_t server_bits;      /* the server compresses with: 9 to 15; 0: none */
    uint8_t client_bits;      /* the client compresses with: 8 to 15 */
    bool client_takes_over;   /* it keeps its context between messages */
    bool is_server_bits_told; /* the answer has to name them */
};

/* Picks the first offer of permessage-deflate whose parameters are all known,
 * given once, in range and can be kept (RFC 7692 §7.1); other extensions and
 * other offers are declined by not being named. One pass over every
 * Sec-WebSocket-Extensions header. Returns false when none is agreed on, and
 * also when one of the headers does not keep the grammar of RFC 6455 §9.1. */
bool wsp_extension_negotiate(const struct wsp_http_head *head,
                             const char *bytes,
                             const struct wsp_extension_rules *rules,
                             struct wsp_extension *agreed);

/* The same for the value of one header, going on with what those before it have
 * agreed on. Returns false when it does not keep the grammar. */
bool wsp_extension_read(struct wsp_span value,
                        const struct wsp_extension_rules *rules,
                        struct wsp_extension *agreed);

/* Writes what the answer's Sec-WebSocket-Extensions says, NUL-terminated.
 * Returns its length; 0 when nothing was agreed. */
size_t wsp_extension_write(const struct wsp_extension *agreed,
                           char out[WSP_EXTENSION_MAX]);

#endif
