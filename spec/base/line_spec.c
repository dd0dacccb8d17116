/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Exactly `size` bytes of memory, so that a write beyond is found. */
static struct wsp_line make(size_t size)
{
    struct wsp_line line = {.data = malloc(size ? size : 1), .size = size};
    assert_non_null(line.data);
    return line;
}

static void expect(struct wsp_line *line, const char *text)
{
    assert_int_equal(line->len, strlen(text));
    assert_memory_equal(line->data, text, line->len);
    free(line->data);
}

static void test_add_is_all_or_nothing(void **state)
{
    (void)state;
    struct wsp_line line = make(5);
    assert_true(wsp_line_add(&line, "abc"));
    assert_false(wsp_line_add(&line, "def"));
    assert_true(wsp_line_add(&line, ""));
    assert_true(wsp_line_add(&line, "de"));
    expect(&line, "abcde");
}

static void test_a_text_that_fits_exactly_is_not_cut(void **state)
{
    (void)state;
    struct wsp_line line = make(6);
    assert_true(
        wsp_line_escape(&line, wsp_span_of("ab\ncd"), WSP_ESCAPE_PLAIN, 6));
    expect(&line, "ab\\ncd");
}

static void test_a_longer_text_ends_in_an_ellipsis(void **state)
{
    (void)state;
    struct wsp_line line = make(6);
    assert_false(wsp_line_escape(&line, wsp_span_of("abcdefg"),
                                 WSP_ESCAPE_PLAIN, SIZE_MAX));
    expect(&line, "abc…");
}

static void test_max_cuts_before_the_end_of_the_line(void **state)
{
    (void)state;
    struct wsp_line line = make(100);
    wsp_line_add(&line, "x=");
    assert_false(
        wsp_line_escape(&line, wsp_span_of("abcdefg"), WSP_ESCAPE_PLAIN, 5));
    expect(&line, "x=ab…");
}

static void test_a_cut_keeps_characters_and_escapes_whole(void **state)
{
    (void)state;
    struct wsp_line line = make(7);
    assert_false(wsp_line_escape(&line, wsp_span_of("aöööö"), WSP_ESCAPE_PLAIN,
                                 SIZE_MAX));
    expect(&line, "aö…");
    line = make(7);
    assert_false(wsp_line_escape(&line, wsp_span_of("a\x1b\x1b"),
                                 WSP_ESCAPE_PLAIN, SIZE_MAX));
    expect(&line, "a…");
}

static void test_no_room_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t size = 0; size < 3; size++) {
        struct wsp_line line = make(size);
        assert_false(wsp_line_escape(&line, wsp_span_of("abcd"),
                                     WSP_ESCAPE_PLAIN, SIZE_MAX));
        expect(&line, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_is_all_or_nothing),
        cmocka_unit_test(test_a_text_that_fits_exactly_is_not_cut),
        cmocka_unit_test(test_a_longer_text_ends_in_an_ellipsis),
        cmocka_unit_test(test_max_cuts_before_the_end_of_the_line),
        cmocka_unit_test(test_a_cut_keeps_characters_and_escapes_whole),
        cmocka_unit_test(test_no_room_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
