/* SPDX-License-Identifier: MIT */
#include "core/address_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wsp_address_count *enter(struct wsp_address_counts *counts,
                                       const char *text)
{
    struct wsp_ip ip;
    assert_true(wsp_ip_parse(&ip, wsp_span_of(text)));
    struct wsp_address_count *place = wsp_address_counts_enter(counts, &ip);
    assert_non_null(place);
    return place;
}

static void test_each_address_is_counted_by_itself(void **state)
{
    struct wsp_address_counts counts;
    (void)state;
    wsp_address_counts_init(&counts);
    struct wsp_address_count *first = enter(&counts, "192.0.2.1");
    struct wsp_address_count *other = enter(&counts, "192.0.2.2");
    assert_ptr_equal(enter(&counts, "::ffff:192.0.2.1"), first);
    assert_int_equal(wsp_address_count_of(first), 2);
    assert_int_equal(wsp_address_count_of(other), 1);
    wsp_address_counts_leave(&counts, first);
    assert_int_equal(wsp_address_count_of(first), 1);
    wsp_address_counts_leave(&counts, other);
    assert_int_equal(wsp_address_counts_len(&counts), 1);
    wsp_address_counts_fini(&counts);
}

static void test_a_64_of_ipv6_is_one_peer(void **state)
{
    struct wsp_address_counts counts;
    (void)state;
    wsp_address_counts_init(&counts);
    struct wsp_address_count *place = enter(&counts, "2001:db8:0:1::1");
    assert_ptr_equal(enter(&counts, "2001:db8:0:1:ffff::2"), place);
    assert_ptr_not_equal(enter(&counts, "2001:db8:0:2::1"), place);
    assert_int_equal(wsp_address_count_of(place), 2);
    wsp_address_counts_fini(&counts);
}

/* A peer that has many addresses leaves nothing behind. */
static void test_hostile_66_a_storm_of_addresses_leaves_nothing(void **state)
{
    enum { COUNT = 100000 };
    struct wsp_address_counts counts;
    struct wsp_address_count **places = calloc(COUNT, sizeof *places);
    (void)state;
    assert_non_null(places);
    wsp_address_counts_init(&counts);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            struct wsp_ip ip = wsp_ip_of_v4(&i);
            places[i] = wsp_address_counts_enter(&counts, &ip);
            assert_non_null(places[i]);
        }
        assert_int_equal(wsp_address_counts_len(&counts), COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            wsp_address_counts_leave(&counts, places[i]);
        }
        assert_int_equal(wsp_address_counts_len(&counts), 0);
    }
    wsp_address_counts_fini(&counts);
    free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_is_counted_by_itself),
        cmocka_unit_test(test_a_64_of_ipv6_is_one_peer),
        cmocka_unit_test(test_hostile_66_a_storm_of_addresses_leaves_nothing),
    };
    return cmocka_run_group_tests_name("core.address_count", tests, NULL, NULL);
}
