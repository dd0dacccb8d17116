/* SPDX-License-Identifier: MIT */
#include "base/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How many may be taken at once. */
static int take_all(struct wsp_pace *pace, uint32_t per_second, uint64_t now_ms)
{
    int count = 0;
    while (wsp_pace_take(pace, per_second, now_ms)) {
        count++;
    }
    return count;
}

static void test_so_many_at_once_and_as_many_a_second(void **state)
{
    static const uint32_t rates[] = {1, 2, 10, 100, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct wsp_pace pace = {0};
        uint32_t rate = rates[i];
        assert_int_equal(take_all(&pace, rate, 5000), rate);
        assert_int_equal(take_all(&pace, rate, 5000), 0);
        assert_int_equal(take_all(&pace, rate, 5500), rate / 2);
        assert_int_equal(take_all(&pace, rate, 60000), rate);
    }
}

static void test_the_highest_rate_is_a_million(void **state)
{
    struct wsp_pace pace = {0};
    (void)state;
    assert_int_equal(take_all(&pace, 1000000, 1), 1000000);
    assert_int_equal(take_all(&pace, 1000000, 2), 1000);
}

/* Four bytes of microseconds turn over every 72 minutes. */
static void test_the_clock_may_turn_over(void **state)
{
    struct wsp_pace pace = {0};
    uint64_t turn_ms = (UINT64_C(1) << 32) / 1000;
    (void)state;
    for (uint64_t now_ms = turn_ms - 5000; now_ms < turn_ms + 5000;
         now_ms += 1000) {
        assert_int_equal(take_all(&pace, 10, now_ms), 10);
    }
    for (int i = 1; i < 1000; i++) { /* whenever somebody comes back */
        uint64_t now_ms = (uint64_t)i * 104729 * 1000;
        assert_true(wsp_pace_take(&pace, 10, now_ms));
    }
}

static void test_a_rate_may_change(void **state)
{
    struct wsp_pace pace = {0};
    (void)state;
    assert_int_equal(take_all(&pace, 100, 1000), 100);
    assert_int_equal(take_all(&pace, 1, 1999), 0);
    assert_int_equal(take_all(&pace, 1, 2000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_so_many_at_once_and_as_many_a_second),
        cmocka_unit_test(test_the_highest_rate_is_a_million),
        cmocka_unit_test(test_the_clock_may_turn_over),
        cmocka_unit_test(test_a_rate_may_change),
    };
    return cmocka_run_group_tests_name("base.pace", tests, NULL, NULL);
}
