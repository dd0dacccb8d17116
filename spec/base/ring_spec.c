/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ring.h"

static void *item(uintptr_t n)
{
    return (void *)n;
}

static void push_and_pop_in_order(void **state)
{
    (void)state;
    struct wsp_ring ring;
    wsp_ring_init(&ring);
    assert_null(wsp_ring_pop(&ring));
    for (uintptr_t i = 1; i <= 100; i++) {
        assert_true(wsp_ring_push(&ring, item(i)));
    }
    for (uintptr_t i = 1; i <= 100; i++) {
        assert_ptr_equal(wsp_ring_pop(&ring), item(i));
    }
    assert_null(wsp_ring_pop(&ring));
    wsp_ring_fini(&ring);
}

static void one_item_costs_no_memory(void **state)
{
    (void)state;
    struct wsp_ring ring;
    wsp_ring_init(&ring);
    for (uintptr_t i = 1; i < 10; i++) {
        assert_true(wsp_ring_push(&ring, item(i)));
        assert_int_equal(ring.capacity, 0);
        assert_ptr_equal(wsp_ring_at(&ring, 0), item(i));
        assert_ptr_equal(wsp_ring_pop(&ring), item(i));
    }
    wsp_ring_fini(&ring);
}

static void wraps_around_and_keeps_the_order(void **state)
{
    (void)state;
    struct wsp_ring ring;
    wsp_ring_init(&ring);
    uintptr_t next_in = 1;
    uintptr_t next_out = 1;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 3; i++) {
            assert_true(wsp_ring_push(&ring, item(next_in++)));
        }
        for (int i = 0; i < 2; i++) {
            assert_ptr_equal(wsp_ring_pop(&ring), item(next_out++));
        }
        for (uint32_t i = 0; i < ring.count; i++) {
            assert_ptr_equal(wsp_ring_at(&ring, i), item(next_out + i));
        }
    }
    assert_int_equal(ring.count, 50);
    wsp_ring_fini(&ring);
}

static void an_item_may_go_back_to_the_front(void **state)
{
    (void)state;
    struct wsp_ring ring;
    wsp_ring_init(&ring);
    assert_true(wsp_ring_push_front(&ring, item(3)));
    assert_true(wsp_ring_push_front(&ring, item(2)));
    assert_true(wsp_ring_push(&ring, item(4)));
    assert_true(wsp_ring_push_front(&ring, item(1)));
    for (uintptr_t i = 1; i <= 4; i++) {
        assert_ptr_equal(wsp_ring_pop(&ring), item(i));
    }
    wsp_ring_trim(&ring);
    assert_int_equal(ring.capacity, 0);
    wsp_ring_fini(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_and_pop_in_order),
        cmocka_unit_test(one_item_costs_no_memory),
        cmocka_unit_test(wraps_around_and_keeps_the_order),
        cmocka_unit_test(an_item_may_go_back_to_the_front),
    };
    return cmocka_run_group_tests_name("base.ring", tests, NULL, NULL);
}
