/* SPDX-License-Identifier: MIT */
/* A table that gives things small dense numbers with a generation: a number
 * that outlived its thing finds nothing, also when the slot is used again.
 * Owner: the hub. Thread: the owner's. */
#ifndef WSP_BASE_SLOT_H
#define WSP_BASE_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSP_SLOT_MAX 0x1000000U /* 24 bits of slot */

struct wsp_slot {
    void *item;          /* NULL while free */
    uint32_t generation; /* of the item, or of the last one */
    uint32_t next_free;  /* while free */
};

struct wsp_slots {
    struct wsp_slot *table;
    uint32_t capacity;
    uint32_t free_head; /* capacity when none is free */
    uint32_t count;     /* items held */
};

void wsp_slots_init(struct wsp_slots *slots);
void wsp_slots_fini(struct wsp_slots *slots);

/* Takes a slot for `item`: (slot << 32) | generation; 0 without memory or when
 * all slots are taken. Generations start at 1. */
uint64_t wsp_slots_take(struct wsp_slots *slots, void *item);

/* Gives the slot of `id` back; its generation is spent. */
void wsp_slots_release(struct wsp_slots *slots, uint64_t id);

/* The item in a slot; NULL in one that is free. */
static inline void *wsp_slots_at(const struct wsp_slots *slots, uint32_t slot)
{
    return slot < slots->capacity ? slots->table[slot].item : NULL;
}

/* The item of `id`, or NULL. */
static inline void *wsp_slots_find(const struct wsp_slots *slots, uint64_t id)
{
    uint32_t slot = (uint32_t)(id >> 32) & (WSP_SLOT_MAX - 1);
    if (slot >= slots->capacity ||
        slots->table[slot].generation != (uint32_t)id) {
        return NULL;
    }
    return slots->table[slot].item;
}

#endif
