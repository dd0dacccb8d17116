/* SPDX-License-Identifier: MIT */
#include "proto/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wspulse/codec.h>

#include "proto/page_end.h"

/* ---- a slow decoder that follows RFC 3629 §3 word by word ---- */

/* The length of a character by its first byte, 0 for none. */
static size_t slow_len(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if ((first & 0xE0) == 0xC0) {
        return 2;
    }
    if ((first & 0xF0) == 0xE0) {
        return 3;
    }
    return (first & 0xF8) == 0xF0 ? 4 : 0;
}

/* The code point of `len` bytes, or UINT32_MAX when one is no continuation. */
static uint32_t slow_decode(const uint8_t *data, size_t len)
{
    uint32_t point = len == 1 ? data[0] : data[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((data[i] & 0xC0) != 0x80) {
            return UINT32_MAX;
        }
        point = point << 6 | (data[i] & 0x3F);
    }
    return point;
}

static bool slow_check(const uint8_t *data, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    while (len > 0) {
        size_t count = slow_len(data[0]);
        if (count == 0 || count > len) {
            return false;
        }
        uint32_t point = slow_decode(data, count);
        if (point < least[count] || point > 0x10FFFF ||
            (point >= 0xD800 && point <= 0xDFFF)) {
            return false;
        }
        data += count;
        len -= count;
    }
    return true;
}

/* ---- against the slow one ---- */

static void compare(const uint8_t *data, size_t len)
{
    if (wsp_utf8_check(data, len) != slow_check(data, len)) {
        fail_msg("differs: %02x %02x %02x %02x, %zu bytes", data[0], data[1],
                 data[2], data[3], len);
    }
}

static void test_all_texts_of_one_two_and_three_bytes(void **state)
{
    (void)state;
    uint8_t data[4] = {0};
    for (uint32_t value = 0; value < 1u << 24; value++) {
        data[0] = (uint8_t)value;
        data[1] = (uint8_t)(value >> 8);
        data[2] = (uint8_t)(value >> 16);
        if (value < 1u << 8) {
            compare(data, 1);
        }
        if (value < 1u << 16) {
            compare(data, 2);
        }
        compare(data, 3);
    }
}

static void test_texts_of_four_bytes(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x28, 0x7F, 0x80, 0x8F, 0x90,
                                    0x9F, 0xA0, 0xBF, 0xC0, 0xE2, 0xFF};
    for (uint32_t first = 0x80; first <= 0xFF; first++) {
        for (uint32_t second = 0; second <= 0xFF; second++) {
            for (size_t i = 0; i < sizeof(edges) * sizeof(edges); i++) {
                uint8_t data[4] = {(uint8_t)first, (uint8_t)second,
                                   edges[i / sizeof(edges)],
                                   edges[i % sizeof(edges)]};
                compare(data, 4);
            }
        }
    }
}

static void test_every_character_is_valid(void **state)
{
    (void)state;
    for (uint32_t point = 0x10000; point <= 0x10FFFF; point++) {
        uint8_t data[4] = {(uint8_t)(0xF0 | point >> 18),
                           (uint8_t)(0x80 | (point >> 12 & 0x3F)),
                           (uint8_t)(0x80 | (point >> 6 & 0x3F)),
                           (uint8_t)(0x80 | (point & 0x3F))};
        if (!wsp_utf8_check(data, 4)) {
            fail_msg("refused: U+%X", point);
        }
    }
}

/* ---- in pieces ---- */

static const char sample[] =
    "plain ASCII for a while, then \xC3\xA9\xC3\xA8 and \xE2\x82\xAC, "
    "\xF0\x9F\x98\x80\xF0\x9F\x98\x81 at last";

static void test_a_text_may_be_cut_anywhere(void **state)
{
    (void)state;
    size_t len = sizeof(sample) - 1;
    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second++) {
            struct wsp_utf8 utf8 = {0};
            assert_true(wsp_utf8_feed(&utf8, sample, first));
            assert_true(wsp_utf8_feed(&utf8, sample + first, second - first));
            assert_true(wsp_utf8_feed(&utf8, sample + second, len - second));
            assert_true(wsp_utf8_is_complete(&utf8));
        }
    }
}

static void test_it_fails_at_the_first_byte_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t good_len; /* bytes that may still become something */
    } cases[] = {
        {"\x80", 0},          {"ok\xC0\x80", 2},       {"\xC3(", 1},
        {"\xE0\x9F\x80", 1},  {"\xED\xA0\x80", 1},     {"\xE2\x82(", 2},
        {"\xF0\x8F\x80", 1},  {"\xF4\x90\x80\x80", 1}, {"\xF5", 0},
        {"\xF0\x9F\x98(", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wsp_utf8 utf8 = {0};
        for (size_t at = 0; at <= cases[i].good_len; at++) {
            assert_int_equal(wsp_utf8_feed(&utf8, cases[i].text + at, 1),
                             at < cases[i].good_len);
        }
    }
}

static void test_an_unfinished_character_is_not_complete(void **state)
{
    (void)state;
    struct wsp_utf8 utf8 = {0};
    assert_true(wsp_utf8_feed(&utf8, "\xE2\x82", 2));
    assert_false(wsp_utf8_is_complete(&utf8));
    assert_true(wsp_utf8_feed(&utf8, "", 0));
    assert_false(wsp_utf8_is_complete(&utf8));
    assert_true(wsp_utf8_feed(&utf8, "\xAC", 1));
    assert_true(wsp_utf8_is_complete(&utf8));
}

static void test_a_wrong_byte_is_found_at_any_place(void **state)
{
    (void)state;
    char text[64];
    struct page_end memory;
    page_end_init(&memory, sizeof(text));
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t bad = 0; bad < len; bad++) {
            memset(text, 'a', sizeof(text));
            text[bad] = (char)0xFF;
            char *data = page_end_put(&memory, (struct wsp_span){text, len});
            assert_false(wsp_utf8_check(data, len));
            data[bad] = 'a';
            assert_true(wsp_utf8_check(data, len));
        }
    }
    page_end_fini(&memory);
}

/* ---- the rest ---- */

static void test_the_length_of_a_character(void **state)
{
    (void)state;
    assert_int_equal(wsp_utf8_character_len("abc", 3), 1);
    assert_int_equal(wsp_utf8_character_len("\xC3\xA9x", 3), 2);
    assert_int_equal(wsp_utf8_character_len("\xE2\x82\xACx", 4), 3);
    assert_int_equal(wsp_utf8_character_len("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(wsp_utf8_character_len("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(wsp_utf8_character_len("\x80", 1), 0);
    assert_int_equal(wsp_utf8_character_len("", 0), 0);
}

static void expect_repaired(struct wsp_span text, struct wsp_span repaired)
{
    char out[64];
    assert_int_equal(wsp_utf8_repair(text.data, text.len, NULL), repaired.len);
    assert_int_equal(wsp_utf8_repair(text.data, text.len, out), repaired.len);
    assert_memory_equal(out, repaired.data, repaired.len);
    assert_true(wsp_utf8_check(out, repaired.len));
}

static void test_repair_replaces_each_byte_that_is_wrong(void **state)
{
    (void)state;
    struct wsp_span whole = {sample, strlen(sample)};
    expect_repaired(whole, whole);
    expect_repaired(wsp_span_of("a\xFF\xC3\xA9"),
                    wsp_span_of("a\xEF\xBF\xBD\xC3\xA9"));
    expect_repaired(wsp_span_of("\xE2\x82"),
                    wsp_span_of("\xEF\xBF\xBD\xEF\xBF\xBD"));
    expect_repaired((struct wsp_span){"\0\x80\0", 3},
                    (struct wsp_span){"\0\xEF\xBF\xBD\0", 5});
}

static void test_the_public_check(void **state)
{
    (void)state;
    assert_true(wsp_utf8_is_valid((struct wsp_span){NULL, 0}));
    assert_true(wsp_utf8_is_valid(wsp_span_of(sample)));
    assert_true(wsp_utf8_is_valid((struct wsp_span){"a\0b", 3}));
    assert_false(wsp_utf8_is_valid(wsp_span_of("\xC3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_texts_of_one_two_and_three_bytes),
        cmocka_unit_test(test_texts_of_four_bytes),
        cmocka_unit_test(test_every_character_is_valid),
        cmocka_unit_test(test_a_text_may_be_cut_anywhere),
        cmocka_unit_test(test_it_fails_at_the_first_byte_that_is_wrong),
        cmocka_unit_test(test_an_unfinished_character_is_not_complete),
        cmocka_unit_test(test_a_wrong_byte_is_found_at_any_place),
        cmocka_unit_test(test_the_length_of_a_character),
        cmocka_unit_test(test_repair_replaces_each_byte_that_is_wrong),
        cmocka_unit_test(test_the_public_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
