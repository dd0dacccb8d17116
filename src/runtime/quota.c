/* SPDX-License-Identifier: MIT */
#include "runtime/quota.h"

#include "runtime/server.h"

/* So many sockets over the limit are kept until they have their answer. */
#define CROWD 16

struct wsp_quota wsp_quota_enter(struct wsp_server *server,
                                 const struct wsp_caller *caller)
{
    struct wsp_quota quota = {.place = NULL};
    double limit = server->settings->options.max_connections_per_ip;
    if (!(limit > 0) || !caller->has_ip ||
        wsp_caller_is_trusted(caller, server->settings)) {
        return quota;
    }
    quota.place = wsp_address_counts_enter(&server->addresses, &caller->ip);
    if (!quota.place || wsp_address_count_of(quota.place) <= limit) {
        return quota;
    }
    wsp_refusal_note(server, WSP_REFUSAL_MAX_CONNECTIONS_PER_IP, caller->text);
    quota.is_flooded = wsp_address_count_of(quota.place) > limit + CROWD;
    quota.is_crowded = !quota.is_flooded;
    if (quota.is_flooded) {
        wsp_quota_leave(server, &quota.place);
    }
    return quota;
}

void wsp_quota_leave(struct wsp_server *server,
                     struct wsp_address_count **place)
{
    if (*place) {
        wsp_address_counts_leave(&server->addresses, *place);
        *place = NULL;
    }
}
