/* SPDX-License-Identifier: MIT */
/* Finds slots by the hash of what is in them, at four bytes a place: the slot's
 * number and seven bits of the hash. What is in a slot is compared by who asks.
 * Owner: the hub. Thread: the owner's. */
#ifndef WSP_BASE_SLOT_INDEX_H
#define WSP_BASE_SLOT_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#define WSP_SLOT_NONE UINT32_MAX

/* Zeroed is an empty index. */
struct wsp_slot_index {
    uint32_t *places;  /* heap; WSP_SLOT_NONE in those that are free */
    uint32_t capacity; /* places, a power of two or 0 */
    uint32_t count;    /* slots held */
};

/* Gives the hash of what is in a slot again. */
struct wsp_slot_hash {
    uint64_t (*fn)(const void *ud, uint32_t slot);
    const void *ud;
};

void wsp_slot_index_fini(struct wsp_slot_index *index);

/* Adds a slot that is not held. Returns false without memory. */
bool wsp_slot_index_add(struct wsp_slot_index *index, uint32_t slot,
                        const struct wsp_slot_hash *hash);

/* Takes a slot out that is held. */
void wsp_slot_index_remove(struct wsp_slot_index *index, uint32_t slot,
                           const struct wsp_slot_hash *hash);

/* A walk over the slots that may have a hash. */
struct wsp_slot_walk {
    const struct wsp_slot_index *index;
    uint32_t at;  /* the next place */
    uint32_t tag; /* of the hash */
};

struct wsp_slot_walk wsp_slot_index_walk(const struct wsp_slot_index *index,
                                         uint64_t hash);

/* The next of them, or WSP_SLOT_NONE. */
uint32_t wsp_slot_walk_next(struct wsp_slot_walk *walk);

#endif
