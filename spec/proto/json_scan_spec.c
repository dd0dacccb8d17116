/* SPDX-License-Identifier: MIT */
#include "proto/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wspulse/codec.h>

#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

/* ---- tables ---- */

static const char *const valid[] = {
    "null",
    "true",
    "false",
    " null ",
    "\t\n\r null\t\n\r ",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890123456789012345678901234567890",
    "0.0",
    "-0.1",
    "1.5",
    "0e0",
    "1e5",
    "1E5",
    "1e+5",
    "1e-5",
    "1.25E-300",
    "1e400",
    "9007199254740993",
    "1.0",
    "\"\"",
    "\"a\"",
    "\" \"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\"",
    "\"\\uD83D\\ude00\"",
    "\"\\ud800\"",
    "\"\\uABCDef\"",
    "\"\x7F\"",
    "\"\xC3\xA9\"",
    "\"\xFF\"",
    "\"'\"",
    "\"/\"",
    "\"more than sixteen bytes without anything to escape\"",
    "\"fifteen bytes..\\n and an escape behind\"",
    "[]",
    "[ ]",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[],[]]",
    "[{}]",
    "[null,true,\"\",[],{},0]",
    "\n[\n1\n]\n",
    "{}",
    "{ }",
    "{\"\":0}",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "{\"a\":{}}",
    "{\"a\":[]}",
    "{\"a\":{\"b\":{\"c\":[1,[2,[3]]]}}}",
    "{\"a\":1,\"a\":2}",
    "{\"\\u0061\":1}",
    "[{\"a\":[{\"b\":[]}]}]",
};

static const char *const invalid[] = {
    "",
    " ",
    "\n",
    "\xEF\xBB\xBF{}",
    "\357\273\2771",
    "\xFE\xFF",
    "n",
    "nul",
    "nulL",
    "Null",
    "NULL",
    "nullx",
    "null null",
    "tru",
    "truee",
    "True",
    "fals",
    "undefined",
    "NaN",
    "nan",
    "-NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "0x10",
    "0X1",
    "1.",
    "-1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1e-",
    "1e1.5",
    "1.2.3",
    "1a",
    "1_000",
    "1,2",
    "--1",
    "1-",
    "1 2",
    "0b1",
    "1f",
    "\302\2401",
    "\0131",
    "\0141",
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"a\\\"",
    "\"\\\"",
    "\"\\",
    "\"\\x41\"",
    "\"\\a\"",
    "\"\\v\"",
    "\"\\'\"",
    "\"\\0\"",
    "\"\\U0041\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u12G4\"",
    "\"\\u 123\"",
    "\"\\u123",
    "\"\t\"",
    "\"\n\"",
    "\"\x01\"",
    "\"\x1F\"",
    "\"\r\"",
    "\"a long text with a line break behind it\n\"",
    "\"a\"b",
    "\"a\"\"b\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[1]]",
    "[[]",
    "[}",
    "[1}",
    "[\"a\":1]",
    "[a]",
    "[1;2]",
    "[-]",
    "[\"",
    "[]a",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{,\"a\":1}",
    "{\"a\"}",
    "{\"a\":}",
    "{:1}",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\" 1}",
    "{\"a\"=1}",
    "{\"a\"::1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\":1]",
    "{\"a\":[}",
    "{\"a\":1}}",
    "{}{}",
    "{} {}",
    "{null:1}",
    "{[]:1}",
    "{\"a\\x\":1}",
    "{\"a\":1}//",
    "[1]/**/",
    "[1,//\n2]",
    "#\n1",
    "{\"a\":tru}",
    "[nul]",
    "[1,\"a]",
    "@",
    "\\",
    "\\u0031",
};

static void test_valid_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
        if (!wsp_json_check(wsp_span_of(valid[i]))) {
            fail_msg("refused: %s", valid[i]);
        }
    }
}

static void test_hostile_43_and_other_invalid_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
        if (wsp_json_check(wsp_span_of(invalid[i]))) {
            fail_msg("accepted: %s", invalid[i]);
        }
    }
}

static void test_a_text_cut_short_is_invalid(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e+3,true,false,null,{\"b\\u00e9\":\"\\n text of some "
        "length, to be cut\"},[[]]]}";
    struct page_end memory;
    page_end_init(&memory, sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        struct wsp_span span =
            page_end_span(&memory, (struct wsp_span){text, len});
        assert_int_equal(wsp_json_check(span), len == sizeof(text) - 1);
    }
    page_end_fini(&memory);
}

static void test_a_nul_byte_is_no_end(void **state)
{
    (void)state;
    assert_false(wsp_json_check(SPAN("1\0")));
    assert_false(wsp_json_check(SPAN("\"a\0b\"")));
    assert_false(wsp_json_check(SPAN("\"a\\\0\"")));
    assert_false(wsp_json_check(SPAN("\0")));
    assert_false(wsp_json_check((struct wsp_span){NULL, 0}));
}

/* ---- depth ---- */

/* A text of `depth` containers; `kinds` is repeated: "[", "{" or a mix. */
static struct wsp_span nest(size_t depth, const char *kinds, char *out)
{
    size_t kind_count = strlen(kinds);
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        bool is_object = kinds[i % kind_count] == '{';
        struct wsp_span open = wsp_span_of(is_object ? "{\"a\":" : "[");
        memcpy(out + len, open.data, open.len);
        len += open.len;
    }
    out[len++] = '1';
    for (size_t i = depth; i > 0; i--) {
        out[len++] = kinds[(i - 1) % kind_count] == '{' ? '}' : ']';
    }
    return (struct wsp_span){out, len};
}

static void test_nesting_of_512_and_513(void **state)
{
    (void)state;
    static const char *const kinds[] = {"[", "{", "[{", "{{[", "[[[[[{{"};
    char *out = malloc(70000);
    assert_non_null(out);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        assert_true(wsp_json_check(nest(512, kinds[i], out)));
        assert_false(wsp_json_check(nest(513, kinds[i], out)));
        assert_false(wsp_json_check(nest(10000, kinds[i], out)));
    }
    /* The levels above a value count. */
    assert_int_not_equal(wsp_json_skip(nest(511, "[", out), 0, 1), 0);
    assert_int_equal(wsp_json_skip(nest(512, "[", out), 0, 1), 0);
    free(out);
}

static void expect_kinds_remembered(size_t depth, char *out)
{
    struct wsp_span text = nest(depth, "[{{[{", out);
    assert_true(wsp_json_check(text));
    for (size_t i = 0; i < depth; i++) {
        char *bracket = &out[text.len - 1 - i];
        char right = *bracket;
        *bracket = right == ']' ? '}' : ']';
        assert_false(wsp_json_check(text));
        *bracket = right;
    }
}

static void test_the_kind_of_each_level_is_remembered(void **state)
{
    (void)state;
    static const size_t depths[] = {1, 2, 7, 63, 64, 65, 128, 129, 511, 512};
    char *out = malloc(70000);
    assert_non_null(out);
    for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
        expect_kinds_remembered(depths[i], out);
    }
    free(out);
}

/* ---- hostile 42: much of it ---- */

static char *repeat(struct wsp_span part, size_t count, size_t *len)
{
    char *out = malloc(part.len * count + 3);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + 1 + i * part.len, part.data, part.len);
    }
    *len = part.len * count + 2;
    return out;
}

static void expect_many(char open, const char *part, size_t count, char close,
                        bool is_valid)
{
    size_t len;
    char *text = repeat(wsp_span_of(part), count, &len);
    text[0] = open;
    text[len - 1] = close;
    assert_int_equal(wsp_json_check((struct wsp_span){text, len}), is_valid);
    free(text);
}

static void test_hostile_42_large_texts(void **state)
{
    (void)state;
    expect_many('[', "[", 100000, ']', false);
    expect_many('1', "1234567890", 100000, '1', true);
    expect_many('"', "\\u0000", 170000, '"', true);
    expect_many('"', "x", 1000000, '"', true);
    expect_many(' ', " ", 1000000, '1', true);
    expect_many('[', "1,", 500000, ']', false);
    size_t len;
    char *text = repeat(SPAN("\"key\":0,"), 1000000, &len);
    text[0] = '{';
    text[len - 2] = ' ';
    text[len - 1] = '}';
    assert_true(wsp_json_check((struct wsp_span){text, len}));
    free(text);
}

/* ---- the parts ---- */

static void test_where_a_value_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {
        {"1,2", 1},         {"-1.5e3]", 6},      {"null,", 4},
        {"nullx", 4},       {"\"a\\\"b\" :", 6}, {"[1,[2]] ]", 7},
        {"{\"a\":{}},", 8}, {"tru", 0},          {"", 0},
        {" 1", 0},          {"012", 1},          {"]", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(wsp_json_skip(wsp_span_of(cases[i].text), 0, 0),
                         cases[i].end);
    }
    assert_int_equal(wsp_json_skip(SPAN("[1, 22]"), 4, 1), 6);
}

static void test_strings_tell_whether_they_have_escapes(void **state)
{
    (void)state;
    bool has_escape;
    assert_int_equal(wsp_json_skip_string(SPAN("\"abc\",1"), 0, &has_escape),
                     5);
    assert_false(has_escape);
    assert_int_equal(wsp_json_skip_string(SPAN("[\"\\n\"]"), 1, &has_escape),
                     5);
    assert_true(has_escape);
    assert_int_equal(wsp_json_skip_string(SPAN("\"abc"), 0, &has_escape), 0);
}

/* Each special byte at each place of a text of each length. */
static void test_plain_text_ends_at_the_first_special_byte(void **state)
{
    (void)state;
    static const char specials[] = {'"', '\\', 0, 1, 0x1F, '\n'};
    static const char plains[] = {' ',        '!',       '#',        '[',
                                  ']',        0x7F,      (char)0x80, (char)0xA2,
                                  (char)0xDC, (char)0xFF};
    char text[70];
    struct page_end memory;
    page_end_init(&memory, sizeof(text));
    for (size_t len = 0; len <= sizeof(text); len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = plains[(i + len) % sizeof(plains)];
        }
        char *data = page_end_put(&memory, (struct wsp_span){text, len});
        struct wsp_span span = {data, len};
        assert_int_equal(wsp_json_plain_len(span, 0), len);
        for (size_t at = 0; at < len; at++) {
            data[at] = specials[(at + len) % sizeof(specials)];
            assert_int_equal(wsp_json_plain_len(span, 0), at);
            assert_int_equal(wsp_json_plain_len(span, at), 0);
            data[at] = text[at];
        }
    }
    page_end_fini(&memory);
}

static void test_the_public_check(void **state)
{
    (void)state;
    assert_true(wsp_json_is_valid(SPAN("{\"a\":[1]}")));
    assert_false(wsp_json_is_valid(SPAN("{\"a\":[1}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_texts),
        cmocka_unit_test(test_hostile_43_and_other_invalid_texts),
        cmocka_unit_test(test_a_text_cut_short_is_invalid),
        cmocka_unit_test(test_a_nul_byte_is_no_end),
        cmocka_unit_test(test_nesting_of_512_and_513),
        cmocka_unit_test(test_the_kind_of_each_level_is_remembered),
        cmocka_unit_test(test_hostile_42_large_texts),
        cmocka_unit_test(test_where_a_value_ends),
        cmocka_unit_test(test_strings_tell_whether_they_have_escapes),
        cmocka_unit_test(test_plain_text_ends_at_the_first_special_byte),
        cmocka_unit_test(test_the_public_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
