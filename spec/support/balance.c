/* SPDX-License-Identifier: MIT */
/* Every test of every spec gives back what it took: the linker leads the
 * runner of cmocka through here, and a test after which more blocks or
 * descriptors are open than before it fails.
 * Owner: the linker (`--wrap`). Thread: tests run on one. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "heap.h"
#include "linker.h"

/* What there was at some moment. */
struct balance {
    long blocks;
    long descriptors;
};

/* ---- tests ---- */

static long count_descriptors(void)
{
    long count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static struct balance take_balance(void)
{
    return (struct balance){heap_open_blocks(), count_descriptors()};
}

/* 0 when all that `who` has taken since is given back, else -1. */
static int settle_balance(const char *who, struct balance since)
{
    struct balance now = take_balance();
    if (now.blocks == since.blocks && now.descriptors == since.descriptors) {
        return 0;
    }
    print_error("%s leaves %ld blocks and %ld descriptors behind\n", who,
                now.blocks - since.blocks, now.descriptors - since.descriptors);
    return -1;
}

/* The running group. Its state is kept from cmocka, which would give it to the
 * tests in place of what begin_test is to get. */
static struct group {
    const char *name;
    CMFixtureFunction setup;    /* NULL: none */
    CMFixtureFunction teardown; /* NULL: none */
    void *state;                /* what setup made of it */
    struct balance found;
    bool is_settled; /* the whole of it gave back what it took */
} group;

static int begin_group(void **state)
{
    (void)state;
    group.found = take_balance();
    return group.setup ? group.setup(&group.state) : 0;
}

static int end_group(void **state)
{
    (void)state;
    int code = group.teardown ? group.teardown(&group.state) : 0;
    group.is_settled = settle_balance(group.name, group.found) == 0;
    return code;
}

static struct running {
    const struct CMUnitTest *test; /* as the spec wrote it */
    struct balance found;
} running;

static int begin_test(void **state)
{
    const struct CMUnitTest *test = *state;
    running = (struct running){test, take_balance()};
    *state = test->initial_state ? test->initial_state : group.state;
    return test->setup_func ? test->setup_func(state) : 0;
}

/* What a group shares, a Lua state for one, may grow while its tests run: such
 * a group is settled as a whole. */
static int end_test(void **state)
{
    const struct CMUnitTest *test = running.test;
    int code = test->teardown_func ? test->teardown_func(state) : 0;
    if (group.setup) {
        return code;
    }
    return settle_balance(test->name, running.found) == 0 ? code : -1;
}

int real__cmocka_run_group_tests(const char *name,
                                 const struct CMUnitTest *tests, size_t count,
                                 CMFixtureFunction setup,
                                 CMFixtureFunction teardown)
    LINKER_REAL("_cmocka_run_group_tests");
int wrap__cmocka_run_group_tests(const char *name,
                                 const struct CMUnitTest *tests, size_t count,
                                 CMFixtureFunction setup,
                                 CMFixtureFunction teardown)
    LINKER_WRAP("_cmocka_run_group_tests");

int wrap__cmocka_run_group_tests(const char *name,
                                 const struct CMUnitTest *tests, size_t count,
                                 CMFixtureFunction setup,
                                 CMFixtureFunction teardown)
{
    struct CMUnitTest *balanced = calloc(count, sizeof *balanced);
    if (!balanced) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        balanced[i] = (struct CMUnitTest){
            .name = tests[i].name,
            .test_func = tests[i].test_func,
            .setup_func = begin_test,
            .teardown_func = end_test,
            .initial_state = (void *)(uintptr_t)&tests[i],
        };
    }
    group = (struct group){
        .name = name,
        .setup = setup,
        .teardown = teardown,
    };
    int failed = real__cmocka_run_group_tests(name, balanced, count,
                                              begin_group, end_group);
    free(balanced);
    return failed == 0 && !group.is_settled ? 1 : failed;
}
