/* SPDX-License-Identifier: MIT */
#include "proto/close.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

static bool is_expected_legal(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void test_hostile_31_which_codes_a_peer_may_send(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 65535; code++) {
        assert_int_equal(wsp_close_is_legal((uint16_t)code),
                         is_expected_legal(code));
    }
}

static void expect_parsed(struct wsp_span body, uint16_t code,
                          const char *reason)
{
    uint16_t found;
    struct wsp_span text;
    assert_int_equal(wsp_close_parse(body, &found, &text), 0);
    assert_int_equal(found, code);
    assert_non_null(text.data);
    assert_true(wsp_span_equal(text, wsp_span_of(reason)));
}

static void expect_refused(struct wsp_span body, uint16_t with)
{
    uint16_t found;
    struct wsp_span text;
    assert_int_equal(wsp_close_parse(body, &found, &text), with);
}

static void test_bodies_are_taken_apart(void **state)
{
    (void)state;
    expect_parsed(SPAN(""), WSP_CLOSE_NO_STATUS, "");
    expect_parsed((struct wsp_span){NULL, 0}, WSP_CLOSE_NO_STATUS, "");
    expect_parsed(SPAN("\x03\xE8"), 1000, "");
    expect_parsed(SPAN("\x03\xF4later"), 1012, "later");
    expect_parsed(SPAN("\x13\x87gr\xC3\xBC\xC3\x9F"), 4999,
                  "gr\xC3\xBC\xC3\x9F");
}

static void test_broken_bodies_are_refused(void **state)
{
    (void)state;
    expect_refused(SPAN("\x03"), WSP_CLOSE_PROTOCOL);
    expect_refused(SPAN("\x03\xED"), WSP_CLOSE_PROTOCOL);
    expect_refused(SPAN("\x03\xEE"), WSP_CLOSE_PROTOCOL);
    expect_refused(SPAN("\x00\x00"), WSP_CLOSE_PROTOCOL);
    expect_refused(SPAN("\x03\xE8\xC3"), WSP_CLOSE_INVALID_DATA);
    expect_refused(SPAN("\x03\xE8ok\xFF"), WSP_CLOSE_INVALID_DATA);
}

static void test_bodies_are_built(void **state)
{
    (void)state;
    uint8_t out[125];
    assert_int_equal(wsp_close_build(out, 1000, SPAN("")), 2);
    assert_memory_equal(out, "\x03\xE8", 2);
    assert_int_equal(wsp_close_build(out, 1001, (struct wsp_span){NULL, 0}), 2);
    assert_int_equal(wsp_close_build(out, 4000, SPAN("now")), 5);
    assert_memory_equal(out, "\x0F\xA0now", 5);
    assert_int_equal(wsp_close_build(out, WSP_CLOSE_NO_STATUS, SPAN("bye")), 0);
}

static void test_a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    static const char euro[] = {'\xE2', '\x82', '\xAC'};
    uint8_t out[125];
    char reason[140];
    memset(reason, 'a', sizeof(reason));
    struct wsp_span text = {reason, sizeof(reason)};
    assert_int_equal(wsp_close_build(out, 1000, text), 125);
    text.len = 123;
    assert_int_equal(wsp_close_build(out, 1000, text), 125);
    text.len = 140;
    memcpy(reason + 121, euro, sizeof(euro));
    assert_int_equal(wsp_close_build(out, 1000, text), 123);
    memset(reason, 'a', sizeof(reason));
    memcpy(reason + 120, euro, sizeof(euro));
    assert_int_equal(wsp_close_build(out, 1000, text), 125);
    memset(reason, 0x80, sizeof(reason));
    assert_int_equal(wsp_close_build(out, 1000, text), 2);
}

static void test_codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(wsp_close_name(1000), "normal");
    assert_string_equal(wsp_close_name(1001), "going away");
    assert_string_equal(wsp_close_name(1009), "message too big");
    assert_string_equal(wsp_close_name(1014), "bad gateway");
    assert_string_equal(wsp_close_name(3000), "library");
    assert_string_equal(wsp_close_name(4000), "application");
    assert_string_equal(wsp_close_name(2000), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_31_which_codes_a_peer_may_send),
        cmocka_unit_test(test_bodies_are_taken_apart),
        cmocka_unit_test(test_broken_bodies_are_refused),
        cmocka_unit_test(test_bodies_are_built),
        cmocka_unit_test(test_a_long_reason_is_cut_between_characters),
        cmocka_unit_test(test_codes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
