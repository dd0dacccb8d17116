/* SPDX-License-Identifier: MIT */
/* A first-in first-out ring of pointers. One pointer is held in the ring itself,
 * so that a queue that never holds two costs no allocation.
 * Owner: whoever embeds it. Thread: the owner's. */
#ifndef WSP_BASE_RING_H
#define WSP_BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

struct wsp_ring {
    void **slots;      /* heap, a power of two of them; the one item itself
                          while capacity is 0 */
    uint32_t capacity; /* slots allocated, 0 for the inline one */
    uint32_t head;     /* index of the oldest */
    uint32_t count;    /* pointers held */
};

/* A zeroed struct is an empty ring as well. */
void wsp_ring_init(struct wsp_ring *ring);
/* Frees the slots, not what they point to. */
void wsp_ring_fini(struct wsp_ring *ring);

/* Appends at the tail. Returns false without memory. */
bool wsp_ring_push(struct wsp_ring *ring, void *item);

/* Puts an item back in front of the oldest. Returns false without memory. */
bool wsp_ring_push_front(struct wsp_ring *ring, void *item);

/* Takes the oldest, NULL when empty. */
void *wsp_ring_pop(struct wsp_ring *ring);

/* Takes the newest, NULL when empty. */
void *wsp_ring_pop_back(struct wsp_ring *ring);

/* The item `index` places behind the oldest; index < count. */
static inline void *wsp_ring_at(const struct wsp_ring *ring, uint32_t index)
{
    if (ring->capacity == 0) {
        return (void *)ring->slots;
    }
    return ring->slots[(ring->head + index) & (ring->capacity - 1)];
}

/* Gives the slots back when the ring is empty. */
void wsp_ring_trim(struct wsp_ring *ring);

#endif
