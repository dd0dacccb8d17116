/* SPDX-License-Identifier: MIT */
/* Who is at the other end of an accepted socket, as far as the kernel or a
 * trusted proxy says.
 * Owner: whoever embeds it. Thread: the loop's. */
#ifndef WSP_RUNTIME_CALLER_H
#define WSP_RUNTIME_CALLER_H

#include "base/ip.h"
#include "net/address.h"
#include "runtime/settings.h"

struct wsp_caller {
    struct wsp_ip ip;
    bool has_ip;                     /* else a unix socket's peer */
    char text[WSP_ADDRESS_TEXT_MAX]; /* "192.0.2.1:4711", "unix" */
};

/* The peer of a socket. */
struct wsp_caller wsp_caller_of_peer(const struct wsp_address *peer);

/* The client that a proxy names. */
struct wsp_caller wsp_caller_of_client(const struct wsp_ip_port *client);

/* Tells whether it is one of `trusted_proxies`. */
bool wsp_caller_is_trusted(const struct wsp_caller *caller,
                           const struct wsp_settings *settings);

#endif
