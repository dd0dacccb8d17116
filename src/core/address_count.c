/* SPDX-License-Identifier: MIT */
#include "core/address_count.h"

#include <stdlib.h>

/* A table that cannot grow is no reason to end the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct wsp_address_count {
    uint64_t peer; /* see wsp_ip_peer */
    uint32_t count;
    UT_hash_handle hh; /* by peer */
};

void wsp_address_counts_init(struct wsp_address_counts *counts)
{
    counts->table = NULL;
    wsp_hash_key_init(&counts->key);
}

void wsp_address_counts_fini(struct wsp_address_counts *counts)
{
    struct wsp_address_count *place = counts->table;
    HASH_CLEAR(hh, counts->table); /* the places stay linked */
    while (place) {
        struct wsp_address_count *next = place->hh.next;
        free(place);
        place = next;
    }
}

/* Returns NULL without memory. */
static struct wsp_address_count *add(struct wsp_address_counts *counts,
                                     uint64_t peer, unsigned hash)
{
    struct wsp_address_count *place = calloc(1, sizeof *place);
    if (!place) {
        return NULL;
    }
    place->peer = peer;
    HASH_ADD_BYHASHVALUE(hh, counts->table, peer, sizeof place->peer, hash,
                         place);
    if (!place->hh.tbl) { /* uthash could not allocate */
        free(place);
        return NULL;
    }
    return place;
}

struct wsp_address_count *wsp_address_counts_enter(
    struct wsp_address_counts *counts, const struct wsp_ip *ip)
{
    uint64_t peer = wsp_ip_peer(ip);
    struct wsp_span bytes = {(const char *)&peer, sizeof peer};
    unsigned hash = (unsigned)wsp_hash(&counts->key, bytes);
    struct wsp_address_count *place = NULL;
    HASH_FIND_BYHASHVALUE(hh, counts->table, &peer, sizeof peer, hash, place);
    if (!place) {
        place = add(counts, peer, hash);
    }
    if (place) {
        place->count++;
    }
    return place;
}

uint32_t wsp_address_count_of(const struct wsp_address_count *place)
{
    return place->count;
}

void wsp_address_counts_leave(struct wsp_address_counts *counts,
                              struct wsp_address_count *place)
{
    if (--place->count == 0) {
        HASH_DEL(counts->table, place);
        free(place);
    }
}

unsigned wsp_address_counts_len(const struct wsp_address_counts *counts)
{
    return HASH_COUNT(counts->table);
}
