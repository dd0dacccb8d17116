/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/nearest.h"

static const char *const flags[] = {"listen", "watch", "no-watch", "control",
                                    "no-control"};

static const char *nearest_flag(const char *word)
{
    struct wsp_nearest nearest;
    wsp_nearest_init(&nearest, word);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        wsp_nearest_offer(&nearest, flags[i]);
    }
    return nearest.best;
}

static void finds_what_one_slip_hides(void **state)
{
    (void)state;
    assert_string_equal("watch", nearest_flag("wach"));
    assert_string_equal("watch", nearest_flag("wattch"));
    assert_string_equal("watch", nearest_flag("watsh"));
    assert_string_equal("watch", nearest_flag("wacth"));
    assert_string_equal("watch", nearest_flag("watch"));
}

static void allows_more_slips_in_longer_words(void **state)
{
    (void)state;
    assert_string_equal("no-control", nearest_flag("nocontol"));
    assert_string_equal("listen", nearest_flag("lsiten"));
    assert_null(nearest_flag("wah"));
}

static void prefers_the_closest(void **state)
{
    (void)state;
    assert_string_equal("no-watch", nearest_flag("no-wach"));
    assert_string_equal("control", nearest_flag("controls"));
}

static void finds_nothing_for_what_is_no_slip(void **state)
{
    (void)state;
    char longer[64];
    memset(longer, 'w', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(nearest_flag(""));
    assert_null(nearest_flag("x"));
    assert_null(nearest_flag("workers"));
    assert_null(nearest_flag(longer));
}

static void passes_over_names_that_are_too_long(void **state)
{
    (void)state;
    struct wsp_nearest nearest;
    wsp_nearest_init(&nearest, "abcdefghijklmnopqrstuvwxyzabcde");
    wsp_nearest_offer(&nearest, "abcdefghijklmnopqrstuvwxyzabcdef");
    assert_null(nearest.best);
    wsp_nearest_offer(&nearest, "abcdefghijklmnopqrstuvwxyzabcd");
    assert_string_equal("abcdefghijklmnopqrstuvwxyzabcd", nearest.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_one_slip_hides),
        cmocka_unit_test(allows_more_slips_in_longer_words),
        cmocka_unit_test(prefers_the_closest),
        cmocka_unit_test(finds_nothing_for_what_is_no_slip),
        cmocka_unit_test(passes_over_names_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
