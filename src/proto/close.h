/* SPDX-License-Identifier: MIT */
/* Close codes: what they are called, who may send them, and whether a client
 * should come back (RFC 6455 §7.4, IANA registry).
 * Thread: any. */
#ifndef WSP_PROTO_CLOSE_H
#define WSP_PROTO_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wspulse/span.h>

enum wsp_close_code {
    WSP_CLOSE_NORMAL = 1000,
    WSP_CLOSE_GOING_AWAY = 1001,
    WSP_CLOSE_PROTOCOL = 1002,
    WSP_CLOSE_UNSUPPORTED = 1003,
    WSP_CLOSE_NO_STATUS = 1005, /* never on the wire */
    WSP_CLOSE_ABNORMAL = 1006,  /* never on the wire */
    WSP_CLOSE_INVALID_DATA = 1007,
    WSP_CLOSE_POLICY = 1008,
    WSP_CLOSE_TOO_BIG = 1009,
    WSP_CLOSE_INTERNAL = 1011,
};

/* A reason fits into a control frame beside its two-byte code. */
#define WSP_CLOSE_REASON_MAX 123

/* Tells whether a peer may put `code` on the wire: 1000-1003, 1007-1014 and
 * 3000-4999. */
bool wsp_close_is_legal(uint16_t code);

/* Takes the body of a close frame apart. Returns 0 with code and reason (1005
 * for an empty body), or the code to fail with: 1002 for one byte or an illegal
 * code, 1007 for a reason that is not UTF-8. */
uint16_t wsp_close_parse(struct wsp_span body, uint16_t *code,
                         struct wsp_span *reason);

/* Writes a close body, at most 125 bytes; a code of 1005 gives an empty one. A
 * reason too long is cut between characters. Returns its length. */
size_t wsp_close_build(uint8_t out[125], uint16_t code, struct wsp_span reason);

/* A name such as "going away", or "application" / "library" for the ranges. */
const char *wsp_close_name(uint16_t code);

#endif
