/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slot.h"

static void finds_what_it_holds_and_nothing_else(void **state)
{
    (void)state;
    struct wsp_slots slots;
    int things[40];
    uint64_t ids[40];
    wsp_slots_init(&slots);
    assert_null(wsp_slots_find(&slots, 0));
    for (int i = 0; i < 40; i++) {
        ids[i] = wsp_slots_take(&slots, &things[i]);
        assert_int_not_equal(ids[i], 0);
    }
    for (int i = 0; i < 40; i++) {
        assert_ptr_equal(wsp_slots_find(&slots, ids[i]), &things[i]);
        assert_null(wsp_slots_find(&slots, ids[i] + 1));
    }
    assert_null(wsp_slots_find(&slots, (uint64_t)5000 << 32 | 1));
    wsp_slots_fini(&slots);
}

static void a_reused_slot_has_another_generation(void **state)
{
    (void)state;
    struct wsp_slots slots;
    int thing;
    wsp_slots_init(&slots);
    uint64_t first = wsp_slots_take(&slots, &thing);
    wsp_slots_release(&slots, first);
    wsp_slots_release(&slots, first); /* a second time does nothing */
    assert_int_equal(slots.count, 0);
    uint64_t second = wsp_slots_take(&slots, &thing);
    assert_int_equal(first >> 32, second >> 32);
    assert_int_not_equal(first, second);
    assert_null(wsp_slots_find(&slots, first));
    wsp_slots_release(&slots, first);
    assert_ptr_equal(wsp_slots_find(&slots, second), &thing);
    wsp_slots_fini(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_holds_and_nothing_else),
        cmocka_unit_test(a_reused_slot_has_another_generation),
    };
    return cmocka_run_group_tests_name("base.slot", tests, NULL, NULL);
}
