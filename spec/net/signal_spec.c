/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include <wspulse/loop.h>

#include "support/loop_wait.h"

struct fixture {
    struct wsp_loop *loop;
    struct wsp_signal *signal;
    int seen;
    bool is_freed_in_callback;
};

static void on_signal(void *ud)
{
    struct fixture *fixture = ud;
    fixture->seen++;
    if (fixture->is_freed_in_callback) {
        wsp_signal_free(fixture->signal);
        fixture->signal = NULL;
    }
}

static void init(struct fixture *fixture, int signo)
{
    *fixture = (struct fixture){.loop = wsp_loop_new(NULL)};
    assert_non_null(fixture->loop);
    fixture->signal = wsp_signal_new(fixture->loop, signo, on_signal, fixture);
}

static void fini(struct fixture *fixture)
{
    wsp_signal_free(fixture->signal);
    wsp_loop_free(fixture->loop);
}

static void test_each_signal_is_reported_on_the_loop(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, SIGUSR1);
    assert_non_null(fixture.signal);
    kill(getpid(), SIGUSR1);
    LOOP_WAIT(fixture.loop, fixture.seen == 1);
    kill(getpid(), SIGUSR1);
    LOOP_WAIT(fixture.loop, fixture.seen == 2);
    fini(&fixture);
}

static void test_a_signal_may_be_freed_in_its_callback(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, SIGUSR1);
    fixture.is_freed_in_callback = true;
    kill(getpid(), SIGUSR1);
    LOOP_WAIT(fixture.loop, fixture.seen > 0);
    assert_null(fixture.signal);
    fini(&fixture);
}

static void test_freeing_gives_the_old_disposition_back(void **state)
{
    (void)state;
    struct sigaction before;
    struct sigaction after;
    sigaction(SIGUSR2, NULL, &before);
    struct fixture fixture;
    init(&fixture, SIGUSR2);
    sigaction(SIGUSR2, NULL, &after);
    assert_true(after.sa_handler != before.sa_handler);
    fini(&fixture);
    sigaction(SIGUSR2, NULL, &after);
    assert_true(after.sa_handler == before.sa_handler);
}

static void test_a_signal_the_system_refuses_is_null(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, SIGKILL);
    assert_null(fixture.signal);
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_signal_is_reported_on_the_loop),
        cmocka_unit_test(test_a_signal_may_be_freed_in_its_callback),
        cmocka_unit_test(test_freeing_gives_the_old_disposition_back),
        cmocka_unit_test(test_a_signal_the_system_refuses_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
