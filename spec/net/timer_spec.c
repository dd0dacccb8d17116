/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <wspulse/loop.h>

#include "support/loop_wait.h"

struct fixture {
    struct wsp_loop *loop;
    struct wsp_timer *timer;
    struct wsp_timer *other;
    uint64_t fired_ms; /* the loop's clock when it fired last */
    int fired;
    int restarts; /* how often the callback starts it again */
};

static void on_timer(void *ud)
{
    struct fixture *fixture = ud;
    fixture->fired++;
    fixture->fired_ms = wsp_loop_now_ms(fixture->loop);
    if (fixture->restarts-- > 0) {
        assert_true(wsp_timer_start(fixture->timer, 1));
    }
}

static void init(struct fixture *fixture)
{
    *fixture = (struct fixture){.loop = wsp_loop_new(NULL)};
    assert_non_null(fixture->loop);
    fixture->timer = wsp_timer_new(fixture->loop, on_timer, fixture);
    assert_non_null(fixture->timer);
}

static void fini(struct fixture *fixture)
{
    wsp_timer_free(fixture->timer);
    wsp_timer_free(fixture->other);
    wsp_loop_free(fixture->loop);
}

static void test_a_timer_fires_once_a_start(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_timer_start(fixture.timer, 5);
    LOOP_WAIT(fixture.loop, fixture.fired == 1);
    wsp_loop_poll(fixture.loop, 20);
    assert_int_equal(fixture.fired, 1);
    wsp_timer_start(fixture.timer, 0);
    LOOP_WAIT(fixture.loop, fixture.fired == 2);
    fini(&fixture);
}

static void burn_ms(uint64_t count)
{
    uint64_t end_ms = loop_wait_clock_ms() + count;
    while (loop_wait_clock_ms() < end_ms) {
    }
}

/* Whatever clock libevent uses, wherever between its ticks the start lies, and
 * although the loop is awake all the time: a callback that compares with the
 * loop's clock finds its deadline reached. */
static void test_a_timer_never_fires_early(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    for (int i = 0; i < 40; i++) {
        burn_ms((uint64_t)i % 10);
        uint64_t due_ms = wsp_loop_now_ms(fixture.loop) + 4;
        wsp_timer_start(fixture.timer, 4);
        while (fixture.fired == i) {
            wsp_loop_poll(fixture.loop, 0);
        }
        assert_true(fixture.fired_ms >= due_ms);
    }
    fini(&fixture);
}

static void test_a_callback_may_start_its_timer_again(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.restarts = 3;
    wsp_timer_start(fixture.timer, 1);
    LOOP_WAIT(fixture.loop, fixture.fired == 4);
    wsp_loop_poll(fixture.loop, 20);
    assert_int_equal(fixture.fired, 4);
    fini(&fixture);
}

static void test_a_stopped_timer_is_silent(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_timer_start(fixture.timer, 1);
    wsp_timer_stop(fixture.timer);
    wsp_timer_stop(fixture.timer);
    wsp_loop_poll(fixture.loop, 20);
    assert_int_equal(fixture.fired, 0);
    fini(&fixture);
}

static void test_a_start_replaces_the_one_before(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_timer_start(fixture.timer, 3600 * 1000);
    wsp_timer_start(fixture.timer, 1);
    LOOP_WAIT(fixture.loop, fixture.fired == 1);
    wsp_timer_start(fixture.timer, 1);
    wsp_timer_start(fixture.timer, 3600 * 1000);
    wsp_loop_poll(fixture.loop, 20);
    assert_int_equal(fixture.fired, 1);
    fini(&fixture);
}

static void test_a_wait_beyond_all_bounds_is_just_long(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    assert_true(wsp_timer_start(fixture.timer, UINT64_MAX));
    wsp_loop_poll(fixture.loop, 5);
    assert_int_equal(fixture.fired, 0);
    fini(&fixture);
}

static void free_both(void *ud)
{
    struct fixture *fixture = ud;
    fixture->fired++;
    wsp_timer_free(fixture->timer);
    wsp_timer_free(fixture->other);
    fixture->timer = NULL;
    fixture->other = NULL;
}

/* Both are due in the same turn; the first one frees itself and the other. */
static void test_a_timer_may_be_freed_in_a_callback(void **state)
{
    (void)state;
    struct fixture fixture = {.loop = wsp_loop_new(NULL)};
    fixture.timer = wsp_timer_new(fixture.loop, free_both, &fixture);
    fixture.other = wsp_timer_new(fixture.loop, free_both, &fixture);
    wsp_timer_start(fixture.timer, 1);
    wsp_timer_start(fixture.other, 1);
    LOOP_WAIT(fixture.loop, fixture.fired > 0);
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.fired, 1);
    fini(&fixture);
}

#define CROWD 1000

static void test_a_thousand_timers_all_fire(void **state)
{
    (void)state;
    struct fixture crowd[CROWD];
    struct wsp_loop *loop = wsp_loop_new(NULL);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = (struct fixture){.loop = loop};
        crowd[i].timer = wsp_timer_new(loop, on_timer, &crowd[i]);
        assert_non_null(crowd[i].timer);
        assert_true(wsp_timer_start(crowd[i].timer, (i * 7) % 50));
    }
    for (size_t i = 0; i < CROWD; i++) {
        LOOP_WAIT(loop, crowd[i].fired == 1);
        wsp_timer_free(crowd[i].timer);
    }
    wsp_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_timer_fires_once_a_start),
        cmocka_unit_test(test_a_timer_never_fires_early),
        cmocka_unit_test(test_a_callback_may_start_its_timer_again),
        cmocka_unit_test(test_a_stopped_timer_is_silent),
        cmocka_unit_test(test_a_start_replaces_the_one_before),
        cmocka_unit_test(test_a_wait_beyond_all_bounds_is_just_long),
        cmocka_unit_test(test_a_timer_may_be_freed_in_a_callback),
        cmocka_unit_test(test_a_thousand_timers_all_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
