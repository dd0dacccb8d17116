/* SPDX-License-Identifier: MIT */
#include "runtime/caller.h"

struct wsp_caller wsp_caller_of_peer(const struct wsp_address *peer)
{
    struct wsp_caller caller;
    caller.has_ip = wsp_address_ip(peer, &caller.ip);
    wsp_address_format(peer, caller.text);
    return caller;
}

struct wsp_caller wsp_caller_of_client(const struct wsp_ip_port *client)
{
    struct wsp_caller caller = {.ip = client->ip, .has_ip = true};
    wsp_ip_port_format(client, caller.text);
    return caller;
}

bool wsp_caller_is_trusted(const struct wsp_caller *caller,
                           const struct wsp_settings *settings)
{
    return caller->has_ip
               ? wsp_forwarded_is_trusted(&settings->trust, &caller->ip)
               : settings->trusts_unix;
}
