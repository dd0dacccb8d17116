/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The text lies at the end of its memory, so that a read beyond is found. */
static void expect(enum wsp_escape style, const char *text, size_t len,
                   const char *expected)
{
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    struct wsp_span rest = {exact, len};
    char got[256];
    size_t used = 0;
    while (rest.len > 0) {
        char piece[WSP_ESCAPE_MAX];
        size_t piece_len = 0;
        size_t taken = wsp_escape_next(rest, style, piece, &piece_len);
        assert_in_range(taken, 1, rest.len);
        assert_in_range(piece_len, 1, WSP_ESCAPE_MAX);
        assert_true(used + piece_len < sizeof got);
        memcpy(got + used, piece, piece_len);
        used += piece_len;
        rest.data += taken;
        rest.len -= taken;
    }
    got[used] = '\0';
    assert_string_equal(got, expected);
    bool is_same = used == len && memcmp(got, text, len) == 0;
    assert_int_equal(wsp_escape_is_plain((struct wsp_span){exact, len}, style),
                     is_same);
    free(exact);
}

#define EXPECT(style, text, expected)                                          \
    expect(WSP_ESCAPE_##style, (text), sizeof(text) - 1, (expected))

static void test_ordinary_text_stays(void **state)
{
    (void)state;
    const char *text = "Grüße, 世界 🎉 ~!";
    for (int style = WSP_ESCAPE_PLAIN; style <= WSP_ESCAPE_JSON; style++) {
        expect((enum wsp_escape)style, text, strlen(text), text);
        expect((enum wsp_escape)style, "", 0, "");
    }
}

static void test_quotes_depend_on_the_style(void **state)
{
    (void)state;
    EXPECT(PLAIN, "a \"b\" \\c", "a \"b\" \\c");
    EXPECT(QUOTED, "a \"b\" \\c", "a \\\"b\\\" \\\\c");
    EXPECT(JSON, "a \"b\" \\c", "a \\\"b\\\" \\\\c");
}

static void test_hostile_81_controls_become_visible(void **state)
{
    (void)state;
    EXPECT(PLAIN, "a\r\nb\tc", "a\\r\\nb\\tc");
    EXPECT(PLAIN, "\x1b[31m\x07\x7f\x00", "\\x1b[31m\\x07\\x7f\\x00");
    EXPECT(JSON, "\x1b[31m\x07\x7f\x00", "\\u001b[31m\\u0007\\u007f\\u0000");
    EXPECT(PLAIN,
           "\xc2\x9b"
           "31m\xc2\x85",
           "\\u009b31m\\u0085");
}

static void test_hostile_81_changes_of_direction_become_visible(void **state)
{
    (void)state;
    EXPECT(QUOTED, "\xe2\x80\xaa\xe2\x80\xae", "\\u202a\\u202e");
    EXPECT(QUOTED, "\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069");
    EXPECT(QUOTED, "\xe2\x80\x8e\xe2\x80\x8f", "\\u200e\\u200f");
    EXPECT(JSON, "\xd8\x9c\xe2\x80\xa8\xe2\x80\xa9", "\\u061c\\u2028\\u2029");
    EXPECT(JSON, "\xef\xbb\xbf", "\\ufeff");
}

static void test_hostile_81_broken_utf8_becomes_visible(void **state)
{
    (void)state;
    EXPECT(PLAIN, "a\xff\xc3", "a\\xff\\xc3");
    EXPECT(JSON, "a\xff\xc3", "a\\ufffd\\ufffd");
    EXPECT(PLAIN, "\xc0\xaf", "\\xc0\\xaf");
    EXPECT(PLAIN, "\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    EXPECT(PLAIN, "\xed\xa0\x80", "\\xed\\xa0\\x80");
    EXPECT(PLAIN, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    EXPECT(PLAIN, "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
    EXPECT(PLAIN, "\xe2\x82", "\\xe2\\x82");
    EXPECT(PLAIN, "\xe2(\xa1", "\\xe2(\\xa1");
    EXPECT(PLAIN, "\xf4\x8f\xbf\xbf\x80", "\xf4\x8f\xbf\xbf\\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_text_stays),
        cmocka_unit_test(test_quotes_depend_on_the_style),
        cmocka_unit_test(test_hostile_81_controls_become_visible),
        cmocka_unit_test(test_hostile_81_changes_of_direction_become_visible),
        cmocka_unit_test(test_hostile_81_broken_utf8_becomes_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
