/* SPDX-License-Identifier: MIT */
#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START_MS 1000000

/* How many may be taken at once. */
static int take_all(struct wsp_bucket *bucket,
                    const struct wsp_bucket_rate *rate, uint64_t now_ms)
{
    int count = 1;
    while (wsp_bucket_take(bucket, rate, now_ms) == 0) {
        count++;
    }
    return count;
}

static void test_a_burst_and_then_the_rate(void **state)
{
    const struct wsp_bucket_rate rate = {.per_second = 10, .burst = 5};
    struct wsp_bucket bucket = {0};
    (void)state;
    assert_int_equal(take_all(&bucket, &rate, START_MS), 5);
    assert_int_equal(take_all(&bucket, &rate, START_MS + 100), 1);
    assert_int_equal(take_all(&bucket, &rate, START_MS + 300), 2);
    assert_int_equal(take_all(&bucket, &rate, START_MS + 60000), 5);
}

static void test_the_wait_is_for_one_more(void **state)
{
    const struct wsp_bucket_rate rate = {.per_second = 4, .burst = 1};
    struct wsp_bucket bucket = {0};
    (void)state;
    uint64_t wait_ms = wsp_bucket_take(&bucket, &rate, START_MS);
    assert_in_range(wait_ms, 250, 251);
    wait_ms = wsp_bucket_take(&bucket, &rate, START_MS + wait_ms);
    assert_in_range(wait_ms, 249, 251);
}

/* Whoever takes without waiting pays later, and the sum comes out right. */
static void test_the_long_run_keeps_the_rate(void **state)
{
    const struct wsp_bucket_rate rate = {.per_second = 1000.0 / 7, .burst = 3};
    struct wsp_bucket bucket = {0};
    uint64_t now_ms = START_MS;
    (void)state;
    for (int i = 0; i < 10003; i++) {
        now_ms += wsp_bucket_take(&bucket, &rate, now_ms);
    }
    assert_in_range(now_ms, START_MS + 69990, START_MS + 80010);
}

static void test_a_rate_may_change(void **state)
{
    struct wsp_bucket_rate rate = {.per_second = 1, .burst = 100};
    struct wsp_bucket bucket = {0};
    (void)state;
    assert_int_equal(take_all(&bucket, &rate, START_MS), 100);
    rate = (struct wsp_bucket_rate){.per_second = 100, .burst = 1};
    assert_int_equal(take_all(&bucket, &rate, START_MS + 1000), 1);
    assert_int_equal(take_all(&bucket, &rate, START_MS + 3000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_the_wait_is_for_one_more),
        cmocka_unit_test(test_the_long_run_keeps_the_rate),
        cmocka_unit_test(test_a_rate_may_change),
    };
    return cmocka_run_group_tests_name("base.bucket", tests, NULL, NULL);
}
