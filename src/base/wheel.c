/* SPDX-License-Identifier: MIT */
#include "base/wheel.h"

#include <stddef.h>

#define SLOT_MASK (WSP_WHEEL_SLOTS - 1)

void wsp_wheel_init(struct wsp_wheel *wheel, uint64_t now_ms)
{
    for (int i = 0; i < WSP_WHEEL_SLOTS; i++) {
        LIST_INIT(&wheel->slots[i]);
    }
    for (int i = 0; i < WSP_WHEEL_SLOTS / 64; i++) {
        wheel->used[i] = 0;
    }
    wheel->tick = now_ms / WSP_WHEEL_TICK_MS + 1;
    wheel->soonest = wheel->tick;
    wheel->count = 0;
}

/* The tick that fires a deadline: the first one not before it. */
static uint64_t tick_of(uint64_t at_ms)
{
    return (at_ms + WSP_WHEEL_TICK_MS - 1) / WSP_WHEEL_TICK_MS;
}

static void place(struct wsp_wheel *wheel, struct wsp_deadline *deadline)
{
    uint64_t tick = tick_of(deadline->at_ms);
    if (tick < wheel->tick) {
        tick = wheel->tick;
    }
    if (tick < wheel->soonest) {
        wheel->soonest = tick;
    }
    uint64_t slot = tick & SLOT_MASK;
    LIST_INSERT_HEAD(&wheel->slots[slot], deadline, link);
    wheel->used[slot / 64] |= (uint64_t)1 << (slot % 64);
}

void wsp_wheel_arm(struct wsp_wheel *wheel, struct wsp_deadline *deadline,
                   uint64_t at_ms)
{
    wsp_wheel_disarm(wheel, deadline);
    deadline->at_ms = at_ms ? at_ms : 1;
    place(wheel, deadline);
    wheel->count++;
}

void wsp_wheel_disarm(struct wsp_wheel *wheel, struct wsp_deadline *deadline)
{
    if (deadline->at_ms == 0) {
        return;
    }
    LIST_REMOVE(deadline, link);
    deadline->at_ms = 0;
    wheel->count--;
}

/* Fires the slot's deadlines that are due at this tick. The list is moved to a
 * local head first: functions may arm, disarm and free any deadline, and what
 * they arm lands in the wheel, not in this walk. */
static void fire_slot(struct wsp_wheel *wheel, uint64_t tick)
{
    uint64_t slot = tick & SLOT_MASK;
    struct wsp_deadline_list due;
    LIST_INIT(&due);
    struct wsp_deadline *deadline;
    while ((deadline = LIST_FIRST(&wheel->slots[slot]))) {
        LIST_REMOVE(deadline, link);
        LIST_INSERT_HEAD(&due, deadline, link);
    }
    wheel->used[slot / 64] &= ~((uint64_t)1 << (slot % 64));
    while ((deadline = LIST_FIRST(&due))) {
        if (tick_of(deadline->at_ms) > tick) { /* a later round */
            LIST_REMOVE(deadline, link);
            place(wheel, deadline);
            continue;
        }
        wsp_wheel_disarm(wheel, deadline);
        deadline->fn(deadline);
    }
}

/* Distance in ticks from the wheel's tick to the next slot in use. */
static uint64_t ticks_to_next(const struct wsp_wheel *wheel)
{
    for (uint64_t away = 0; away < WSP_WHEEL_SLOTS;) {
        uint64_t slot = (wheel->tick + away) & SLOT_MASK;
        uint64_t bits = wheel->used[slot / 64] >> (slot % 64);
        if (bits) {
            return away + (uint64_t)__builtin_ctzll(bits);
        }
        away += 64 - slot % 64;
    }
    return WSP_WHEEL_SLOTS;
}

void wsp_wheel_advance(struct wsp_wheel *wheel, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / WSP_WHEEL_TICK_MS;
    while (wheel->count && wheel->tick <= now_tick) {
        uint64_t away = ticks_to_next(wheel);
        if (wheel->tick + away > now_tick) {
            break;
        }
        uint64_t tick = wheel->tick + away;
        wheel->tick = tick + 1;
        fire_slot(wheel, tick);
    }
    if (wheel->tick <= now_tick) {
        wheel->tick = now_tick + 1;
    }
}

int64_t wsp_wheel_wait_ms(struct wsp_wheel *wheel, uint64_t now_ms)
{
    wheel->soonest = wheel->tick + ticks_to_next(wheel);
    if (wheel->count == 0) {
        return -1;
    }
    uint64_t at_ms = wheel->soonest * WSP_WHEEL_TICK_MS;
    return at_ms > now_ms ? (int64_t)(at_ms - now_ms) : 0;
}
