/* SPDX-License-Identifier: MIT */
/* Listen and peer addresses: "127.0.0.1:8080", "[::1]:0", ":8080" (every
 * address), "localhost:8080", "unix:/run/app.sock".
 * Thread: any. */
#ifndef WSP_NET_ADDRESS_H
#define WSP_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include <wspulse/error.h>

#include "base/ip.h"

#define WSP_ADDRESS_TEXT_MAX 128

struct wsp_address {
    struct sockaddr_storage storage;
    socklen_t len;
    bool is_every; /* ":8080": IPv6 and IPv4 on one socket where possible */
};

/* Reads an address. Names are resolved (blocking: set-up only), to IPv4 when
 * they have both kinds. Returns WSP_OK or WSP_ERR_LISTEN with "listen X:
 * reason" in `diag`. */
enum wsp_err wsp_address_parse(struct wsp_address *address, const char *text,
                               struct wsp_diag *diag);

/* The path of a unix socket, or NULL. Lies in `address`. */
const char *wsp_address_path(const struct wsp_address *address);

/* Gives the IP address. False for a unix socket, which has none. */
bool wsp_address_ip(const struct wsp_address *address, struct wsp_ip *ip);

/* Tells whether only this machine can reach it: 127.0.0.0/8, ::1 or a unix
 * socket. */
bool wsp_address_is_local(const struct wsp_address *address);

/* Writes "127.0.0.1:80", "[::1]:80", "unix:/path" or "unix" (a peer without a
 * name); IPv4-mapped IPv6 is written as IPv4. */
void wsp_address_format(const struct wsp_address *address,
                        char out[WSP_ADDRESS_TEXT_MAX]);

#endif
