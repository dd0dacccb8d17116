/* SPDX-License-Identifier: MIT */
/* The admin endpoints: a listener of the server on which GET /metrics, /healthz
 * and /readyz are answered and nothing else. It knows no routes, files or
 * WebSockets, and asks nobody who they are: whoever reaches it may read it.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_ADMIN_H
#define WSP_RUNTIME_ADMIN_H

#include <wspulse/error.h>

struct wsp_request;
struct wsp_response;
struct wsp_server;

/* Opens the address of the option admin_listen, if there is one, and warns when
 * other machines can reach it. Returns WSP_OK or WSP_ERR_LISTEN with `diag`. */
enum wsp_err wsp_admin_open(struct wsp_server *server, struct wsp_diag *diag);

/* Stops listening. Nothing happens when it does not. */
void wsp_admin_close(struct wsp_server *server);

/* Answers a request to the admin listener. */
void wsp_admin_run(struct wsp_server *server, const struct wsp_request *request,
                   struct wsp_response *response);

#endif
