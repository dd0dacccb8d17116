/* SPDX-License-Identifier: MIT */
/* Hostile 60: memory ends at every single allocation of a server's day, for one
 * allocation and for all that follow. Nothing crashes or is lost, whoever was
 * told that something began is told of its end, and once there is memory again
 * the server serves. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "day.h"
#include "net/loop.h"
#include "stride.h"
#include "support/heap.h"

#define TRIES_MAX 5000
#define FOREVER 1000000

/* Lives through a day in which allocations from number `first` on are refused,
 * `count` of them. Returns how many were. */
static long live(int kind, long first, long count)
{
    static struct day day;
    long before = heap_open_blocks();
    heap_hold();
    day_open(&day, kind);
    heap_release();
    heap_refuse(first, count);
    bool is_running = day_morning(&day);
    if (is_running) {
        day_noon(&day);
    } else {
        assert_true(day.diag.code != WSP_OK);
        assert_true(day.diag.message[0] != '\0');
    }
    if (is_running) {
        heap_hold(); /* there is memory again */
        day_check_service(&day);
        heap_release();
    }
    day_evening(&day);
    long refused = heap_refused();
    if (refused == 0 && !is_running) {
        fail_msg("%s", day.diag.message);
    }
    heap_refuse(0, 0);
    day_close(&day);
    assert_int_equal(heap_open_blocks(), before);
    return refused;
}

/* Refuses at each allocation in turn, until a day passes without one. */
static void sweep(int kind, long count)
{
    long number = 1;
    while (number < TRIES_MAX) {
        if (getenv("WSP_FAULT_SHOW")) {
            print_message("allocation %ld\n", number);
        }
        if (live(kind, number, count) == 0) {
            break;
        }
        number = stride_from(number);
    }
    print_message("memory ended up to allocation %ld\n", number - 1);
    assert_in_range(number, 100, TRIES_MAX - 1);
}

static void test_hostile_60_one_allocation_fails(void **state)
{
    (void)state;
    sweep(DAY_PLAIN, 1);
}

static void
test_hostile_60_one_allocation_fails_with_confirmation_and_compression(
    void **state)
{
    (void)state;
    sweep(DAY_CONFIRMED | DAY_PACKED, 1);
}

static void test_hostile_60_memory_ends_for_good(void **state)
{
    (void)state;
    sweep(DAY_PACKED, FOREVER);
}

/* Without epoll libevent would take poll(2), and nobody would know why the
 * server is slow. */
static void test_hostile_60_a_loop_waits_by_epoll_or_not_at_all(void **state)
{
    (void)state;
    struct wsp_loop *loop = NULL;
    for (long number = 1; !loop; number++) {
        struct wsp_diag diag = {.message = ""};
        heap_refuse(number, 1);
        loop = wsp_loop_new(&diag);
        if (loop) {
            assert_string_equal(event_base_get_method(wsp_loop_base(loop)),
                                "epoll");
        } else {
            assert_true(diag.message[0] != '\0');
        }
        if (loop && heap_refused() > 0) {
            wsp_loop_free(loop);
            loop = NULL;
        }
    }
    heap_refuse(0, 0);
    wsp_loop_free(loop);
}

static void be_quiet(int severity, const char *message)
{
    (void)severity;
    (void)message;
}

/* What is allocated once and kept is not a loss. */
static int warm_up(void **state)
{
    (void)state;
    live(DAY_PLAIN, 0, 0);
    live(DAY_CONFIRMED | DAY_PACKED, 0, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_60_one_allocation_fails),
        cmocka_unit_test(
            test_hostile_60_one_allocation_fails_with_confirmation_and_compression),
        cmocka_unit_test(test_hostile_60_memory_ends_for_good),
        cmocka_unit_test(test_hostile_60_a_loop_waits_by_epoll_or_not_at_all),
    };
    /* libevent's memory is refused as well; it must be told before its first
     * call. */
    event_set_mem_functions(malloc, realloc, free);
    event_set_log_callback(be_quiet);
    return cmocka_run_group_tests_name("faults.memory", tests, warm_up, NULL);
}
