/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <stdlib.h>

void wsp_ring_init(struct wsp_ring *ring)
{
    *ring = (struct wsp_ring){NULL, 0, 0, 0};
}

void wsp_ring_fini(struct wsp_ring *ring)
{
    if (ring->capacity) {
        free(ring->slots);
    }
    wsp_ring_init(ring);
}

static bool grow(struct wsp_ring *ring)
{
    if (ring->capacity > UINT32_MAX / 2) {
        return false;
    }
    uint32_t capacity = ring->capacity ? ring->capacity * 2 : 4;
    void **slots = malloc(capacity * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < ring->count; i++) {
        slots[i] = wsp_ring_at(ring, i);
    }
    if (ring->capacity) {
        free(ring->slots);
    }
    ring->slots = slots;
    ring->capacity = capacity;
    ring->head = 0;
    return true;
}

/* Makes room for one more behind those in the ring. */
static bool make_room(struct wsp_ring *ring)
{
    return ring->count < ring->capacity || grow(ring);
}

/* Holds the only item in place of the slots. */
static bool hold_inline(struct wsp_ring *ring, void *item)
{
    if (ring->capacity || ring->count) {
        return false;
    }
    ring->slots = item;
    ring->count = 1;
    return true;
}

bool wsp_ring_push(struct wsp_ring *ring, void *item)
{
    if (hold_inline(ring, item)) {
        return true;
    }
    if (!make_room(ring)) {
        return false;
    }
    ring->slots[(ring->head + ring->count) & (ring->capacity - 1)] = item;
    ring->count++;
    return true;
}

bool wsp_ring_push_front(struct wsp_ring *ring, void *item)
{
    if (hold_inline(ring, item)) {
        return true;
    }
    if (!make_room(ring)) {
        return false;
    }
    ring->head = (ring->head - 1) & (ring->capacity - 1);
    ring->slots[ring->head] = item;
    ring->count++;
    return true;
}

void *wsp_ring_pop(struct wsp_ring *ring)
{
    if (ring->count == 0) {
        return NULL;
    }
    void *item = wsp_ring_at(ring, 0);
    if (ring->capacity == 0) {
        wsp_ring_init(ring);
        return item;
    }
    ring->head = (ring->head + 1) & (ring->capacity - 1);
    ring->count--;
    return item;
}

void *wsp_ring_pop_back(struct wsp_ring *ring)
{
    if (ring->count == 0) {
        return NULL;
    }
    void *item = wsp_ring_at(ring, ring->count - 1);
    if (ring->capacity == 0) {
        wsp_ring_init(ring);
        return item;
    }
    ring->count--;
    return item;
}

void wsp_ring_trim(struct wsp_ring *ring)
{
    if (ring->count == 0) {
        wsp_ring_fini(ring);
    }
}
