/* SPDX-License-Identifier: MIT */
/* How many sockets each peer address has open: an IPv4 address, or a /64 of
 * IPv6. An entry exists while it has any, so there are never more of them than
 * sockets; they are found under a secret key.
 * Owner: the server. Thread: worker. */
#ifndef WSP_CORE_ADDRESS_COUNT_H
#define WSP_CORE_ADDRESS_COUNT_H

#include <stdint.h>

#include "base/hash.h"
#include "base/ip.h"

struct wsp_address_count;

struct wsp_address_counts {
    struct wsp_address_count *table;
    struct wsp_hash_key key;
};

void wsp_address_counts_init(struct wsp_address_counts *counts);

/* Forgets the entries that are left; nobody may leave afterwards. */
void wsp_address_counts_fini(struct wsp_address_counts *counts);

/* Counts one more socket. Returns the place that it must leave, or NULL without
 * memory. */
struct wsp_address_count *wsp_address_counts_enter(
    struct wsp_address_counts *counts, const struct wsp_ip *ip);

/* How many there are, the one that has just entered included. */
uint32_t wsp_address_count_of(const struct wsp_address_count *place);

/* One less. The place must not be used again. */
void wsp_address_counts_leave(struct wsp_address_counts *counts,
                              struct wsp_address_count *place);

/* How many addresses have sockets. */
unsigned wsp_address_counts_len(const struct wsp_address_counts *counts);

#endif
