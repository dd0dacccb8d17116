/* SPDX-License-Identifier: MIT */
/* Connections that come to nothing: each is counted, and one line a minute says
 * why.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_REFUSAL_H
#define WSP_RUNTIME_REFUSAL_H

#include "base/throttle.h"
#include "core/metrics.h"

struct wsp_server;

/* When a line of each kind was last logged. */
struct wsp_refusals {
    struct wsp_throttle throttles[WSP_REFUSAL_COUNT];
};

/* Counts one refusal of `remote_addr`, and may log it. */
void wsp_refusal_note(struct wsp_server *server, enum wsp_refusal why,
                      const char *remote_addr);

/* The same for a page of `origin`. */
void wsp_refusal_note_origin(struct wsp_server *server, const char *remote_addr,
                             struct wsp_span origin);

/* The same for TLS that failed for `reason`. */
void wsp_refusal_note_tls(struct wsp_server *server, const char *remote_addr,
                          const char *reason);

/* Accepting has stopped because of `error`, an errno, and so many peers were
 * sent away. */
void wsp_refusal_shed(struct wsp_server *server, int error, unsigned times);

#endif
