/* SPDX-License-Identifier: MIT */
/* Hostile 12, and what RFC 7692 §7.1 says of offers. */
#include "proto/extension.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define PMD "permessage-deflate"
#define RESET PMD "; server_no_context_takeover"
#define BOTH RESET "; client_no_context_takeover"

/* What a server answers to headers; "" is nothing, "!" a broken grammar. */
struct row {
    const char *value;
    const char *answer;
};

static const struct wsp_extension_rules plain_rules = {15, false};
static const struct wsp_extension_rules taking_rules = {15, true};
static const struct wsp_extension_rules small_rules = {10, false};

static void expect_rows(const struct row *rows, size_t count,
                        const struct wsp_extension_rules *rules)
{
    for (size_t i = 0; i < count; i++) {
        struct wsp_extension agreed = {0};
        char answer[WSP_EXTENSION_MAX] = "!";
        if (wsp_extension_read(wsp_span_of(rows[i].value), rules, &agreed)) {
            size_t len = wsp_extension_write(&agreed, answer);
            assert_int_equal(len, strlen(answer));
        }
        if (strcmp(answer, rows[i].answer) != 0) {
            fail_msg("%s: %s, not %s", rows[i].value, answer, rows[i].answer);
        }
    }
}

#define EXPECT(rows, rules)                                                    \
    expect_rows(rows, sizeof(rows) / sizeof(*(rows)), &(rules))

static void test_offers_of_well_known_clients(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* Chromium and Firefox, Safari, ws, gorilla, websockets */
        {PMD "; client_max_window_bits", BOTH},
        {PMD, BOTH},
        {"x-webkit-deflate-frame", ""},
        {PMD "; server_no_context_takeover; client_no_context_takeover", BOTH},
        {PMD "; server_max_window_bits=12; client_max_window_bits=12",
         BOTH "; server_max_window_bits=12"},
    };
    EXPECT(rows, plain_rules);
}

static void test_a_window_is_what_both_can_do(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {PMD, BOTH "; server_max_window_bits=10"},
        {PMD "; server_max_window_bits=15", BOTH "; server_max_window_bits=10"},
        {PMD "; server_max_window_bits=9", BOTH "; server_max_window_bits=9"},
    };
    EXPECT(rows, small_rules);
    static const struct row whole[] = {
        {PMD "; server_max_window_bits=15", BOTH "; server_max_window_bits=15"},
        {PMD "; server_max_window_bits=\"10\"",
         BOTH "; server_max_window_bits=10"},
        {PMD "; server_max_window_bits=\"\\1\\0\"",
         BOTH "; server_max_window_bits=10"},
    };
    EXPECT(whole, plain_rules);
}

static void test_the_context_of_a_client(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {PMD, RESET},
        {PMD "; client_no_context_takeover", BOTH},
        {PMD "; client_max_window_bits", RESET},
        {PMD "; client_max_window_bits=15", RESET},
        {PMD "; client_max_window_bits=8", RESET "; client_max_window_bits=8"},
        {PMD "; client_max_window_bits=9; client_no_context_takeover", BOTH},
    };
    EXPECT(rows, taking_rules);
}

static void test_hostile_12_offers_that_are_declined(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", ""},
        {"  ,, ,\t, ", ""},
        {"permessage-bzip2; blocks=9", ""},
        {"PERMESSAGE-DEFLATES", ""},
        {PMD "; unknown", ""},
        {PMD "; unknown=1", ""},
        {PMD "; server_max_window_bits", ""},
        {PMD "; server_max_window_bits=7", ""},
        {PMD "; server_max_window_bits=8", ""}, /* zlib cannot */
        {PMD "; server_max_window_bits=16", ""},
        {PMD "; server_max_window_bits=20", ""},
        {PMD "; server_max_window_bits=100", ""},
        {PMD "; server_max_window_bits=010", ""},
        {PMD "; server_max_window_bits=09", ""},
        {PMD "; server_max_window_bits=abc", ""},
        {PMD "; server_max_window_bits=-9", ""},
        {PMD "; server_max_window_bits=+9", ""},
        {PMD "; server_max_window_bits=9.0", ""},
        {PMD "; server_max_window_bits=1:", "!"},
        {PMD "; client_max_window_bits=7", ""},
        {PMD "; client_max_window_bits=16", ""},
        {PMD "; client_max_window_bits=99999999999999999999", ""},
        {PMD "; server_no_context_takeover=1", ""},
        {PMD "; server_no_context_takeover=\"true\"", ""},
        {PMD "; client_no_context_takeover=false", ""},
        {PMD "; server_no_context_takeover; server_no_context_takeover", ""},
        {PMD "; client_no_context_takeover; client_no_context_takeover", ""},
        {PMD "; server_max_window_bits=10; server_max_window_bits=10", ""},
        {PMD "; client_max_window_bits; client_max_window_bits", ""},
        {PMD "; client_max_window_bits; client_max_window_bits=10", ""},
        {PMD "; client_max_window_bits=10; client_max_window_bits", ""},
    };
    EXPECT(rows, plain_rules);
}

static void test_the_first_offer_that_can_be_kept_wins(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {PMD "; server_max_window_bits=8, " PMD, BOTH},
        {"a, b;c=d , " PMD " ; server_max_window_bits = 11 ,\t" PMD,
         BOTH "; server_max_window_bits=11"},
        {PMD "; x," PMD "; server_max_window_bits=16," PMD
             "; server_max_window_bits=12," PMD,
         BOTH "; server_max_window_bits=12"},
        {PMD ", " PMD "; server_max_window_bits=9", BOTH},
        {"foo; a=\"\\p\\e\\r\"; b=\"message-deflate\", " PMD, BOTH},
    };
    EXPECT(rows, plain_rules);
}

static void test_hostile_12_broken_grammar(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {";", "!"},
        {PMD ";", "!"},
        {PMD "; ;", "!"},
        {PMD "; =1", "!"},
        {PMD "; a=", "!"},
        {PMD "; a=;", "!"},
        {PMD "; a=\"", "!"},
        {PMD "; a=\"\"", "!"},
        {PMD "; a=\"b", "!"},
        {PMD "; a=\"b\\", "!"},
        {PMD "; a=\"b\\\"", "!"},
        {PMD "; a=\"\\\"nested\\\"\"", "!"},
        {PMD "; a=\"b, " PMD "; c=\"d\"", "!"},
        {PMD "; a=\"b\"c", "!"},
        {PMD "; a='b c'", "!"},
        {PMD " " PMD, "!"},
        {PMD "; a b", "!"},
        {PMD "=1", "!"},
        {"\"" PMD "\"", "!"},
        {PMD ", \"", "!"},
        {PMD "; a=b=c", "!"},
        {"\x80", "!"},
        {PMD "; \xC3\xA4", "!"},
        {"[]", "!"},
    };
    EXPECT(rows, plain_rules);
}

/* A value of 16 MiB made of one piece again and again: what took the square of
 * its length would not end before the suite gives up. */
static void expect_long(const char *piece, const char *end, const char *answer)
{
    struct wsp_buf text = {0};
    size_t len = strlen(piece);
    while (text.len < (16u << 20)) {
        assert_true(wsp_buf_add(&text, piece, len));
    }
    assert_true(wsp_buf_add(&text, end, strlen(end) + 1));
    const struct row row = {text.data, answer};
    expect_rows(&row, 1, &plain_rules);
    wsp_buf_fini(&text);
}

static void test_hostile_12_long_values_take_linear_time(void **state)
{
    (void)state;
    expect_long(",", PMD, BOTH);
    expect_long(", ", "", "");
    expect_long("a", "", "");
    expect_long("a;b=\"\\c\", ", PMD, BOTH);
    expect_long("\"", "", "!");
    expect_long("a;b=\"\\\"", "", "!");
    expect_long(PMD ";a;a;a,", "x", "");
    expect_long(PMD ";server_max_window_bits=\"1", "", "!");
    expect_long(";server_no_context_takeover", "", "!");
    expect_long(PMD "; client_max_window_bits, ", "", BOTH);
}

/* ---- several headers ---- */

static bool negotiate(const char *headers, struct wsp_extension *agreed)
{
    char bytes[1024];
    struct wsp_http_head head;
    int len = snprintf(bytes, sizeof bytes,
                       "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
    wsp_http_head_init(&head);
    assert_int_equal(
        wsp_http_head_parse(&head, (struct wsp_span){bytes, (size_t)len}), len);
    return wsp_extension_negotiate(&head, bytes, &plain_rules, agreed);
}

static void test_every_header_counts(void **state)
{
    (void)state;
    struct wsp_extension agreed;
    assert_false(negotiate("", &agreed));
    assert_int_equal(agreed.server_bits, 0);
    assert_true(negotiate("sec-websocket-extensions: other\r\n"
                          "Sec-WebSocket-Protocol: " PMD "\r\n"
                          "Sec-WebSocket-Extensions: " PMD
                          "; server_max_window_bits=9\r\n"
                          "Sec-WebSocket-Extensions: " PMD "\r\n",
                          &agreed));
    assert_int_equal(agreed.server_bits, 9);
    assert_false(agreed.client_takes_over);
}

static void test_one_broken_header_declines_all(void **state)
{
    (void)state;
    struct wsp_extension agreed;
    assert_false(negotiate("Sec-WebSocket-Extensions: " PMD "\r\n"
                           "Sec-WebSocket-Extensions: ;\r\n",
                           &agreed));
    assert_int_equal(agreed.server_bits, 0);
    char answer[WSP_EXTENSION_MAX] = "x";
    assert_int_equal(wsp_extension_write(&agreed, answer), 0);
    assert_string_equal(answer, "");
}

/* Whatever is changed in an offer, the answer keeps within the rules. */
static void test_hostile_12_changed_bytes(void **state)
{
    (void)state;
    static const char start[] =
        PMD "; server_max_window_bits=\"10\"; client_max_window_bits , " PMD;
    unsigned seed = 12;
    size_t agreed_count = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof start];
        memcpy(text, start, sizeof start);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1103515245 + 12345;
            size_t at = (seed >> 8) % (sizeof start - 1);
            text[at] = "\"\\,;= 8p\x01\xFF"[(seed >> 24) % 10];
        }
        struct wsp_extension agreed = {0};
        struct wsp_span value = {text, sizeof start - 1};
        if (wsp_extension_read(value, &small_rules, &agreed) &&
            agreed.server_bits != 0) {
            agreed_count++;
            assert_in_range(agreed.server_bits, 9, 10);
            assert_in_range(agreed.client_bits, 8, 15);
            assert_false(agreed.client_takes_over);
        }
    }
    assert_in_range(agreed_count, 1, 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers_of_well_known_clients),
        cmocka_unit_test(test_a_window_is_what_both_can_do),
        cmocka_unit_test(test_the_context_of_a_client),
        cmocka_unit_test(test_hostile_12_offers_that_are_declined),
        cmocka_unit_test(test_the_first_offer_that_can_be_kept_wins),
        cmocka_unit_test(test_hostile_12_broken_grammar),
        cmocka_unit_test(test_hostile_12_long_values_take_linear_time),
        cmocka_unit_test(test_every_header_counts),
        cmocka_unit_test(test_one_broken_header_declines_all),
        cmocka_unit_test(test_hostile_12_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
