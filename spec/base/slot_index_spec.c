/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slot_index.h"

#define SLOTS 4096

/* Gives few hashes to many slots, so that everything collides. */
static uint64_t crowded(const void *ud, uint32_t slot)
{
    (void)ud;
    return (uint64_t)(slot % 7) << 57 | slot % 61;
}

static uint64_t spread(const void *ud, uint32_t slot)
{
    (void)ud;
    return (slot + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static bool holds(const struct wsp_slot_index *index, uint32_t slot,
                  const struct wsp_slot_hash *hash)
{
    struct wsp_slot_walk walk =
        wsp_slot_index_walk(index, hash->fn(hash->ud, slot));
    uint32_t found;
    while ((found = wsp_slot_walk_next(&walk)) != WSP_SLOT_NONE) {
        if (found == slot) {
            return true;
        }
    }
    return false;
}

static void check_all(const struct wsp_slot_index *index, const bool *is_held,
                      uint32_t count, const struct wsp_slot_hash *hash)
{
    uint32_t held = 0;
    for (uint32_t slot = 0; slot < count; slot++) {
        assert_int_equal(holds(index, slot, hash), is_held[slot]);
        held += is_held[slot];
    }
    assert_int_equal(index->count, held);
}

static void live(uint64_t (*fn)(const void *, uint32_t), uint32_t count,
                 int steps)
{
    static bool is_held[SLOTS];
    struct wsp_slot_index index = {NULL, 0, 0};
    const struct wsp_slot_hash hash = {fn, NULL};
    uint32_t random = 5;
    memset(is_held, 0, sizeof is_held);
    for (int i = 0; i < steps; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t slot = (random >> 8) % count;
        if (is_held[slot]) {
            wsp_slot_index_remove(&index, slot, &hash);
        } else {
            assert_true(wsp_slot_index_add(&index, slot, &hash));
        }
        is_held[slot] = !is_held[slot];
        if (i % 997 == 0) {
            check_all(&index, is_held, count, &hash);
        }
    }
    for (uint32_t slot = 0; slot < count; slot++) {
        if (is_held[slot]) {
            wsp_slot_index_remove(&index, slot, &hash);
            is_held[slot] = false;
        }
    }
    check_all(&index, is_held, count, &hash);
    wsp_slot_index_fini(&index);
}

static void finds_what_it_holds_and_nothing_else(void **state)
{
    (void)state;
    live(spread, SLOTS, 50000);
}

static void finds_it_when_hashes_collide(void **state)
{
    (void)state;
    live(crowded, 300, 20000);
}

static void holds_the_last_of_all_slots(void **state)
{
    (void)state;
    struct wsp_slot_index index = {NULL, 0, 0};
    const struct wsp_slot_hash hash = {spread, NULL};
    assert_false(holds(&index, 0xFFFFFF, &hash));
    assert_true(wsp_slot_index_add(&index, 0xFFFFFF, &hash));
    assert_true(wsp_slot_index_add(&index, 0, &hash));
    assert_true(holds(&index, 0xFFFFFF, &hash));
    wsp_slot_index_remove(&index, 0xFFFFFF, &hash);
    assert_false(holds(&index, 0xFFFFFF, &hash));
    assert_true(holds(&index, 0, &hash));
    wsp_slot_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_holds_and_nothing_else),
        cmocka_unit_test(finds_it_when_hashes_collide),
        cmocka_unit_test(holds_the_last_of_all_slots),
    };
    return cmocka_run_group_tests_name("base.slot_index", tests, NULL, NULL);
}
