/* SPDX-License-Identifier: MIT */
#include "cli/bench_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Two histograms: too much for a stack. */
static int make(void **state)
{
    *state = malloc(sizeof(struct wsp_bench_histogram));
    assert_non_null(*state);
    wsp_bench_histogram_init(*state);
    return 0;
}

static int drop(void **state)
{
    free(*state);
    return 0;
}

static void an_empty_one_says_zero(void **state)
{
    const struct wsp_bench_histogram *histogram = *state;
    assert_int_equal(0, wsp_bench_histogram_at(histogram, 50));
    assert_int_equal(0, wsp_bench_histogram_at(histogram, 100));
    assert_true(wsp_bench_histogram_mean(histogram) <= 0);
}

static void small_values_are_exact(void **state)
{
    struct wsp_bench_histogram *histogram = *state;
    for (uint64_t value = 1; value <= 100; value++) {
        wsp_bench_histogram_add(histogram, value, 1);
    }
    assert_int_equal(1, wsp_bench_histogram_at(histogram, 0));
    assert_int_equal(50, wsp_bench_histogram_at(histogram, 50));
    assert_int_equal(99, wsp_bench_histogram_at(histogram, 99));
    assert_int_equal(100, wsp_bench_histogram_at(histogram, 99.9));
    assert_int_equal(1, histogram->min_ns);
    assert_int_equal(100, histogram->max_ns);
    assert_true(wsp_bench_histogram_mean(histogram) > 50.49);
    assert_true(wsp_bench_histogram_mean(histogram) < 50.51);
}

/* Every size of value: read back between itself and 0.8 % more. */
static void a_value_is_at_most_a_hundredth_too_high(void **state)
{
    struct wsp_bench_histogram *histogram = *state;
    for (uint64_t value = 1; value < (1ULL << 43); value += value / 3 + 1) {
        wsp_bench_histogram_init(histogram);
        wsp_bench_histogram_add(histogram, value, 1);
        wsp_bench_histogram_add(histogram, 1ULL << 43, 1);
        uint64_t read = wsp_bench_histogram_at(histogram, 50);
        assert_true(read >= value);
        assert_true((double)read <= (double)value * 1.008);
    }
}

static void neither_a_count_nor_a_tail_is_lost(void **state)
{
    struct wsp_bench_histogram *histogram = *state;
    wsp_bench_histogram_add(histogram, 1000, 999);
    wsp_bench_histogram_add(histogram, 1000000, 1);
    wsp_bench_histogram_add(histogram, 5, 0);
    assert_int_equal(1000, histogram->count);
    assert_int_equal(1000, histogram->min_ns);
    assert_true(wsp_bench_histogram_at(histogram, 99.9) < 1010);
    assert_int_equal(1000000, wsp_bench_histogram_at(histogram, 99.95));
}

static void what_is_too_long_is_kept_as_the_maximum(void **state)
{
    struct wsp_bench_histogram *histogram = *state;
    wsp_bench_histogram_add(histogram, UINT64_MAX, 1);
    assert_int_equal(1, histogram->count);
    assert_true(histogram->max_ns == UINT64_MAX);
    assert_true(wsp_bench_histogram_at(histogram, 50) >= 1ULL << 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_one_says_zero, make, drop),
        cmocka_unit_test_setup_teardown(small_values_are_exact, make, drop),
        cmocka_unit_test_setup_teardown(a_value_is_at_most_a_hundredth_too_high,
                                        make, drop),
        cmocka_unit_test_setup_teardown(neither_a_count_nor_a_tail_is_lost,
                                        make, drop),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_kept_as_the_maximum,
                                        make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
