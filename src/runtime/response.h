/* SPDX-License-Identifier: MIT */
/* What stands behind a wsp_response, and how it is written.
 * Owner: the exchange. Thread: the loop's. */
#ifndef WSP_RUNTIME_RESPONSE_H
#define WSP_RUNTIME_RESPONSE_H

#include <wspulse/response.h>

#include "base/buf.h"

struct wsp_response {
    int status;
    struct wsp_buf headers; /* complete lines, each with its CRLF */
    struct wsp_buf body;
    bool has_content_type;
};

void wsp_response_init(struct wsp_response *response);
void wsp_response_fini(struct wsp_response *response);

/* Turns the response into a plain-text one: the status phrase and a newline, or
 * `text` and a newline. Headers set before are dropped. */
void wsp_response_plain(struct wsp_response *response, int status,
                        const char *text);

/* Adds a header of our own making, unchecked. Returns false without memory. */
bool wsp_response_add(struct wsp_response *response, const char *name,
                      const char *value);

/* Appends status line, headers and, unless `is_head`, the body. Returns false
 * without memory. */
bool wsp_response_write(const struct wsp_response *response, bool is_head,
                        bool is_keep_alive, struct wsp_buf *out);

/* "Not Found" for 404. */
const char *wsp_response_phrase(int status);

#endif
