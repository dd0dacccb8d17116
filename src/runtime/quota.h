/* SPDX-License-Identifier: MIT */
/* The option max_connections_per_ip: whoever is over it is told so, and whoever
 * is far over it is not even told.
 * Owner: the server. Thread: the loop's. */
#ifndef WSP_RUNTIME_QUOTA_H
#define WSP_RUNTIME_QUOTA_H

#include "core/address_count.h"
#include "runtime/caller.h"

struct wsp_server;

struct wsp_quota {
    struct wsp_address_count *place; /* to leave again, or NULL: not counted */
    bool is_crowded; /* one too many: its request is to be answered with 429 */
    bool is_flooded; /* not even that; there is no place */
};

/* Counts a socket of `caller`, unless there is no limit, or it is a trusted
 * proxy or has no IP address. Notes a refusal. */
struct wsp_quota wsp_quota_enter(struct wsp_server *server,
                                 const struct wsp_caller *caller);

/* Leaves a place and forgets it; NULL is fine. */
void wsp_quota_leave(struct wsp_server *server,
                     struct wsp_address_count **place);

#endif
