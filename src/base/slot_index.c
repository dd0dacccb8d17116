/* SPDX-License-Identifier: MIT */
#include "base/slot_index.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/slot.h"

#define CAPACITY_MIN 16
#define SLOT_MASK (WSP_SLOT_MAX - 1)

/* The highest bit of a place that is taken is never set. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 57) << 24;
}

static uint32_t home_of(const struct wsp_slot_index *index, uint64_t hash)
{
    return (uint32_t)hash & (index->capacity - 1);
}

static uint32_t behind(const struct wsp_slot_index *index, uint32_t at)
{
    return (at + 1) & (index->capacity - 1);
}

void wsp_slot_index_fini(struct wsp_slot_index *index)
{
    free(index->places);
    *index = (struct wsp_slot_index){NULL, 0, 0};
}

/* ---- places ---- */

static void put(struct wsp_slot_index *index, uint32_t slot, uint64_t hash)
{
    uint32_t at = home_of(index, hash);
    while (index->places[at] != WSP_SLOT_NONE) {
        at = behind(index, at);
    }
    index->places[at] = slot | tag_of(hash);
}

/* Moves everything into `capacity` places. */
static bool resize(struct wsp_slot_index *index, uint32_t capacity,
                   const struct wsp_slot_hash *hash)
{
    struct wsp_slot_index next = {
        .places = malloc(capacity * sizeof(uint32_t)),
        .capacity = capacity,
        .count = index->count,
    };
    if (!next.places) {
        return false;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        next.places[i] = WSP_SLOT_NONE;
    }
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->places[i] != WSP_SLOT_NONE) {
            uint32_t slot = index->places[i] & SLOT_MASK;
            put(&next, slot, hash->fn(hash->ud, slot));
        }
    }
    free(index->places);
    *index = next;
    return true;
}

/* Three quarters are taken at most. */
static bool reserve(struct wsp_slot_index *index,
                    const struct wsp_slot_hash *hash)
{
    if (index->count < index->capacity / 4 * 3) {
        return true;
    }
    uint32_t capacity = index->capacity ? index->capacity * 2 : CAPACITY_MIN;
    return resize(index, capacity, hash);
}

bool wsp_slot_index_add(struct wsp_slot_index *index, uint32_t slot,
                        const struct wsp_slot_hash *hash)
{
    if (!reserve(index, hash)) {
        return false;
    }
    put(index, slot, hash->fn(hash->ud, slot));
    index->count++;
    return true;
}

/* Tells whether the place at `at` lies between a place's home and itself, so
 * that what is in that one may move there. */
static bool may_move(const struct wsp_slot_index *index, uint32_t home,
                     uint32_t from, uint32_t at)
{
    uint32_t mask = index->capacity - 1;
    return ((from - home) & mask) >= ((from - at) & mask);
}

/* Moves up what was put behind a place because it was taken. */
static void close_gap(struct wsp_slot_index *index, uint32_t gap,
                      const struct wsp_slot_hash *hash)
{
    for (uint32_t at = behind(index, gap); index->places[at] != WSP_SLOT_NONE;
         at = behind(index, at)) {
        uint32_t slot = index->places[at] & SLOT_MASK;
        uint32_t home = home_of(index, hash->fn(hash->ud, slot));
        if (may_move(index, home, at, gap)) {
            index->places[gap] = index->places[at];
            gap = at;
        }
    }
    index->places[gap] = WSP_SLOT_NONE;
}

void wsp_slot_index_remove(struct wsp_slot_index *index, uint32_t slot,
                           const struct wsp_slot_hash *hash)
{
    uint32_t at = home_of(index, hash->fn(hash->ud, slot));
    while ((index->places[at] & SLOT_MASK) != slot) {
        at = behind(index, at);
    }
    close_gap(index, at, hash);
    index->count--;
    if (index->count == 0) {
        wsp_slot_index_fini(index);
    }
}

/* ---- walks ---- */

struct wsp_slot_walk wsp_slot_index_walk(const struct wsp_slot_index *index,
                                         uint64_t hash)
{
    return (struct wsp_slot_walk){
        .index = index,
        .at = index->capacity ? home_of(index, hash) : 0,
        .tag = tag_of(hash),
    };
}

uint32_t wsp_slot_walk_next(struct wsp_slot_walk *walk)
{
    const struct wsp_slot_index *index = walk->index;
    uint32_t place;
    if (index->capacity == 0) {
        return WSP_SLOT_NONE;
    }
    do {
        place = index->places[walk->at];
        walk->at = behind(index, walk->at);
    } while (place != WSP_SLOT_NONE && (place & ~SLOT_MASK) != walk->tag);
    return place == WSP_SLOT_NONE ? WSP_SLOT_NONE : place & SLOT_MASK;
}
