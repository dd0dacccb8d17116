/* SPDX-License-Identifier: MIT */
/* Hostile 59, 60, 62: every system call of a server's day fails in every way that
 * its manual names. What the manual says to try again changes nothing; anything
 * else costs a connection, a request or the start, never the server. */
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "day.h"
#include "kernel.h"
#include "stride.h"

#define TRIES_MAX 5000
#define FOREVER 1000000

/* What a failure costs. */
enum cost {
    COST_NOTHING, /* the day goes as if it had not been */
    COST_SOMETHING,
};

struct fault {
    enum kernel_call call;
    int error;
    enum cost cost;
};

static const struct fault faults[] = {
    {KERNEL_ACCEPT4, EINTR, COST_NOTHING},
    {KERNEL_ACCEPT4, ECONNABORTED, COST_NOTHING},
    {KERNEL_ACCEPT4, EMFILE, COST_SOMETHING},
    {KERNEL_ACCEPT4, ENOMEM, COST_SOMETHING},
    {KERNEL_BIND, EADDRINUSE, COST_SOMETHING},
    {KERNEL_BIND, EACCES, COST_SOMETHING},
    {KERNEL_EPOLL_CREATE, EMFILE, COST_SOMETHING},
    {KERNEL_EPOLL_CTL, ENOMEM, COST_SOMETHING},
    {KERNEL_EPOLL_CTL, ENOSPC, COST_SOMETHING},
    {KERNEL_EPOLL_WAIT, EINTR, COST_NOTHING},
    {KERNEL_EVENTFD, EMFILE, COST_SOMETHING},
    {KERNEL_FSTAT, EIO, COST_SOMETHING},
    {KERNEL_GETADDRINFO, EAI_MEMORY, COST_SOMETHING},
    {KERNEL_GETRANDOM, EINTR, COST_NOTHING},
    {KERNEL_GETRANDOM, ENOSYS, COST_SOMETHING},
    {KERNEL_LISTEN, EADDRINUSE, COST_SOMETHING},
    {KERNEL_OPEN, EMFILE, COST_SOMETHING},
    {KERNEL_OPENAT2, EMFILE, COST_SOMETHING},
    {KERNEL_OPENAT2, ENOSYS, COST_NOTHING},
    {KERNEL_PTHREAD_CREATE, EAGAIN, COST_SOMETHING},
    {KERNEL_READ, EINTR, COST_NOTHING},
    {KERNEL_READ, EIO, COST_SOMETHING},
    {KERNEL_RECV, EINTR, COST_NOTHING},
    {KERNEL_RECV, EAGAIN, COST_NOTHING},
    {KERNEL_RECV, ECONNRESET, COST_SOMETHING},
    {KERNEL_RECV, ENOMEM, COST_SOMETHING},
    {KERNEL_SEND, EINTR, COST_NOTHING},
    {KERNEL_SEND, EAGAIN, COST_NOTHING},
    {KERNEL_SEND, EPIPE, COST_SOMETHING},
    {KERNEL_SEND, ENOBUFS, COST_SOMETHING},
    {KERNEL_SENDMSG, EINTR, COST_NOTHING},
    {KERNEL_SENDMSG, EAGAIN, COST_NOTHING},
    {KERNEL_SENDMSG, ECONNRESET, COST_SOMETHING},
    {KERNEL_SENDMSG, ENOMEM, COST_SOMETHING},
    {KERNEL_SETSOCKOPT, ENOPROTOOPT, COST_SOMETHING},
    {KERNEL_SOCKET, EMFILE, COST_SOMETHING},
    {KERNEL_SOCKET, ENOMEM, COST_SOMETHING},
    {KERNEL_WRITE, EINTR, COST_NOTHING},
};

#define FAULT_COUNT (sizeof faults / sizeof faults[0])

/* The rest of a day whose kernel was told what to do. Returns how many calls
 * have failed. */
static long live(struct day *day)
{
    bool is_running = day_morning(day);
    if (is_running) {
        day_noon(day);
    } else {
        assert_true(day->diag.code != WSP_OK);
        assert_true(day->diag.message[0] != '\0');
    }
    long failed = kernel_failed();
    kernel_mend();
    if (is_running) {
        day_check_service(day);
    }
    day_evening(day);
    day_close(day);
    if (failed == 0 && !is_running) {
        fail_msg("%s", day->diag.message);
    }
    return failed;
}

/* The diary of a day on which nothing failed. */
static struct day_diary ordinary(void)
{
    static struct day day;
    day_open(&day, DAY_PACKED);
    live(&day);
    return day.diary;
}

static void show(const struct fault *fault, long number)
{
    if (getenv("WSP_FAULT_SHOW")) {
        print_message("%s number %ld: error %d\n", kernel_name(fault->call),
                      number, fault->error);
    }
}

/* Lives through a day on which call number `first` fails, and every `step`th
 * from it on. */
static long try(const struct fault *fault, long first, long step, long count)
{
    static struct day day;
    static struct day_diary expected;
    if (expected.connects == 0) {
        expected = ordinary();
    }
    show(fault, first);
    day_open(&day, DAY_PACKED);
    kernel_fail(fault->call, fault->error, first, step, count);
    long failed = live(&day);
    bool is_endless = step == 1 && count > 1;
    if (fault->cost == COST_NOTHING && !is_endless) {
        assert_memory_equal(&day.diary, &expected, sizeof expected);
    }
    return failed;
}

static void test_hostile_62_each_call_fails_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        long number = 1;
        while (number < TRIES_MAX && try(&faults[i], number, 1, 1) > 0) {
            number = stride_from(number);
        }
        print_message("%s: %ld times error %d\n", kernel_name(faults[i].call),
                      number - 1, faults[i].error);
        assert_in_range(number, 2, TRIES_MAX - 1);
    }
}

static void test_hostile_62_every_other_call_is_to_be_tried_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        if (faults[i].cost == COST_NOTHING) {
            assert_true(try(&faults[i], 1, 2, FOREVER) > 0);
        }
    }
}

static void test_hostile_62_a_call_fails_for_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        /* libevent and our own loops try these again for ever. */
        if (faults[i].error != EINTR) {
            assert_true(try(&faults[i], 1, 1, FOREVER) > 0);
        }
    }
}

/* Hostile 59: a socket that stays ready must not keep the loop busy. */
static void test_hostile_59_no_descriptor_to_accept_into(void **state)
{
    (void)state;
    const struct fault fault = {KERNEL_ACCEPT4, EMFILE, COST_SOMETHING};
    assert_in_range(try(&fault, 1, 1, FOREVER), 1, 40);
}

static void live_short(size_t max, int broadcasts)
{
    static struct day day;
    struct day_diary expected = ordinary();
    day_open(&day, DAY_PACKED);
    day.broadcasts = broadcasts;
    kernel_shorten(max);
    live(&day);
    assert_memory_equal(&day.diary, &expected, sizeof expected);
}

static void test_hostile_62_reads_and_writes_are_short(void **state)
{
    (void)state;
    live_short(1, 1);
    live_short(7, 4);
    live_short(1000, 40);
    live_short(11990, 40); /* just under a frame */
}

static void be_quiet(int severity, const char *message)
{
    (void)severity;
    (void)message;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_62_each_call_fails_once),
        cmocka_unit_test(test_hostile_62_every_other_call_is_to_be_tried_again),
        cmocka_unit_test(test_hostile_62_a_call_fails_for_good),
        cmocka_unit_test(test_hostile_59_no_descriptor_to_accept_into),
        cmocka_unit_test(test_hostile_62_reads_and_writes_are_short),
    };
    event_set_log_callback(be_quiet);
    return cmocka_run_group_tests_name("faults.kernel", tests, NULL, NULL);
}
