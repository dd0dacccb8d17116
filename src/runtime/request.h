/* SPDX-License-Identifier: MIT */
/* What stands behind a wsp_request: a parsed head over the bytes it came in.
 * Owner: the exchange, for the length of a callback. Thread: the loop's. */
#ifndef WSP_RUNTIME_REQUEST_H
#define WSP_RUNTIME_REQUEST_H

#include <wspulse/request.h>
#include <wspulse/tls.h>

#include "proto/http_head.h"

struct wsp_request {
    const struct wsp_http_head *head;
    const char *bytes; /* the head's bytes; slices of `head` are in them */
    size_t head_len;
    struct wsp_span body;
    const char *remote_addr;           /* NUL-terminated */
    struct wsp_http_slice subprotocol; /* that was chosen; length 0: none */
    const struct wsp_certificate *certificate; /* of the peer, or NULL */
    bool is_secure;                            /* it came over TLS */
};

#endif
