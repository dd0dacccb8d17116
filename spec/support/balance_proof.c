/* SPDX-License-Identifier: MIT */
/* Proves that balance.c notices: each argument leaves something behind in its
 * own way, and the program fails unless that made the group fail. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void *kept; /* so that it is open, not lost */
static int kept_fd;

static int keep_a_block(void **state)
{
    (void)state;
    kept = malloc(16);
    return kept ? 0 : -1;
}

static void keeps_a_block(void **state)
{
    assert_int_equal(keep_a_block(state), 0);
}

static void keeps_a_descriptor(void **state)
{
    (void)state;
    kept_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(kept_fd >= 0);
}

static void keeps_nothing(void **state)
{
    (void)state;
    free(malloc(16));
}

static int run(const char *way)
{
    const struct CMUnitTest block[] = {cmocka_unit_test(keeps_a_block)};
    const struct CMUnitTest descriptor[] = {
        cmocka_unit_test(keeps_a_descriptor)};
    const struct CMUnitTest nothing[] = {cmocka_unit_test(keeps_nothing)};
    if (strcmp(way, "block") == 0) {
        return cmocka_run_group_tests(block, NULL, NULL);
    }
    if (strcmp(way, "descriptor") == 0) {
        return cmocka_run_group_tests(descriptor, NULL, NULL);
    }
    if (strcmp(way, "group") == 0) {
        return cmocka_run_group_tests(nothing, keep_a_block, NULL);
    }
    return cmocka_run_group_tests(nothing, NULL, NULL) == 0;
}

int main(int argc, char **argv)
{
    int failed = run(argc > 1 ? argv[1] : "nothing");
    free(kept);
    if (kept_fd > 0) {
        close(kept_fd);
    }
    return failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
