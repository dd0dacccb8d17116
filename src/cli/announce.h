/* SPDX-License-Identifier: MIT */
/* Says where the servers of an application listen, one line per address:
 *
 *     wspulse: listening on http://127.0.0.1:41873/ and
 *     ws://127.0.0.1:41873/ws                    (one line; fit to be clicked)
 *     wspulse: listening on https://127.0.0.1:8443/ and wss://… (with TLS)
 *     wspulse: listening on unix:/run/app.sock (wss://unix:/… with TLS)
 *     wspulse: admin on http://127.0.0.1:9100/metrics
 *
 * A server that is not named "main" stands behind it: "(server admin)".
 * Thread: main. */
#ifndef WSP_CLI_ANNOUNCE_H
#define WSP_CLI_ANNOUNCE_H

#include <stdio.h>

#include "lua/lua_host.h"

/* Writes the lines of every server of `host` and flushes them. */
void wsp_announce_servers(FILE *out, struct wsp_lua_host *host);

#endif
