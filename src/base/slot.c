/* SPDX-License-Identifier: MIT */
#include "base/slot.h"

#include <stddef.h>
#include <stdlib.h>

void wsp_slots_init(struct wsp_slots *slots)
{
    *slots = (struct wsp_slots){NULL, 0, 0, 0};
}

void wsp_slots_fini(struct wsp_slots *slots)
{
    free(slots->table);
    wsp_slots_init(slots);
}

/* By half: what is not used yet is a burden on every slot that is. */
static bool grow(struct wsp_slots *slots)
{
    uint32_t capacity = slots->capacity + slots->capacity / 2 + 16;
    if (capacity > WSP_SLOT_MAX) {
        capacity = WSP_SLOT_MAX;
    }
    if (capacity == slots->capacity) {
        return false;
    }
    struct wsp_slot *table = realloc(slots->table, capacity * sizeof *table);
    if (!table) {
        return false;
    }
    for (uint32_t i = slots->capacity; i < capacity; i++) {
        table[i] = (struct wsp_slot){NULL, 0, i + 1};
    }
    slots->table = table;
    slots->free_head = slots->capacity;
    slots->capacity = capacity;
    return true;
}

uint64_t wsp_slots_take(struct wsp_slots *slots, void *item)
{
    if (slots->free_head == slots->capacity && !grow(slots)) {
        return 0;
    }
    uint32_t index = slots->free_head;
    struct wsp_slot *slot = &slots->table[index];
    slots->free_head = slot->next_free;
    slot->item = item;
    if (++slot->generation == 0) {
        slot->generation = 1;
    }
    slots->count++;
    return (uint64_t)index << 32 | slot->generation;
}

void wsp_slots_release(struct wsp_slots *slots, uint64_t id)
{
    if (!wsp_slots_find(slots, id)) {
        return;
    }
    uint32_t index = (uint32_t)(id >> 32);
    struct wsp_slot *slot = &slots->table[index];
    slot->item = NULL;
    slot->next_free = slots->free_head;
    slots->free_head = index;
    slots->count--;
}
