/* SPDX-License-Identifier: MIT */
/* May a page of this origin open a WebSocket here? The option check_origin.
 * Thread: the loop's. */
#ifndef WSP_RUNTIME_ORIGIN_H
#define WSP_RUNTIME_ORIGIN_H

#include <stdbool.h>

#include <wspulse/request.h>

struct wsp_server;

/* Applies the policy. A request without an Origin header is no page's and is
 * let in by "same" and by a list; a function sees every request. Two Origin
 * headers are refused by each but "any". */
bool wsp_origin_is_allowed(struct wsp_server *server,
                           const struct wsp_request *request);

#endif
