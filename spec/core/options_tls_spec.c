/* SPDX-License-Identifier: MIT */
#include "core/options_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct wsp_tls_pair pairs[] = {{"a.pem", "a.key"}};
static const struct wsp_tls_options tls = {.pairs = pairs, .pair_count = 1};
static const struct wsp_tls_options own = {.pairs = pairs, .pair_count = 1};

static void expect_place(const char *text, const struct wsp_tls_options *server,
                         const char *address,
                         const struct wsp_tls_options *expected)
{
    struct wsp_options options;
    const struct wsp_listen place = {.address = text};
    wsp_options_init(&options);
    options.listen = &place;
    options.listen_count = 1;
    options.tls = server;
    assert_int_equal(wsp_options_address_count(&options), 1);
    assert_string_equal(wsp_options_address(&options, 0), address);
    assert_ptr_equal(wsp_options_address_tls(&options, 0), expected);
    assert_int_equal(wsp_options_check(&options, NULL), WSP_OK);
}

static void test_the_scheme_decides_else_the_kind(void **state)
{
    (void)state;
    expect_place("127.0.0.1:1", NULL, "127.0.0.1:1", NULL);
    expect_place("127.0.0.1:1", &tls, "127.0.0.1:1", &tls);
    expect_place("ws://127.0.0.1:1", &tls, "127.0.0.1:1", NULL);
    expect_place("ws://127.0.0.1:1", NULL, "127.0.0.1:1", NULL);
    expect_place("wss://[::1]:1", &tls, "[::1]:1", &tls);
    expect_place("unix:/run/a", &tls, "unix:/run/a", NULL);
    expect_place("wss://unix:/run/a", &tls, "unix:/run/a", &tls);
    expect_place("ws://unix:/run/a", &tls, "unix:/run/a", NULL);
}

static void test_no_address_is_the_usual_one(void **state)
{
    (void)state;
    struct wsp_options options;
    wsp_options_init(&options);
    assert_int_equal(wsp_options_address_count(&options), 1);
    assert_string_equal(wsp_options_address(&options, 0), "127.0.0.1:8080");
    assert_null(wsp_options_address_tls(&options, 0));
    options.tls = &tls;
    assert_ptr_equal(wsp_options_address_tls(&options, 0), &tls);
}

static void test_an_address_may_have_its_own(void **state)
{
    (void)state;
    static const struct wsp_listen listen[] = {{"a:1", NULL, false},
                                               {"unix:/b", &own, false},
                                               {"wss://c:1", &own, false}};
    char name[WSP_OPTIONS_TLS_NAME_MAX];
    struct wsp_options options;
    wsp_options_init(&options);
    options.listen = listen;
    options.listen_count = 3;
    assert_int_equal(wsp_options_check(&options, NULL), WSP_OK);
    assert_null(wsp_options_address_tls(&options, 0));
    assert_ptr_equal(wsp_options_address_tls(&options, 1), &own);
    assert_ptr_equal(wsp_options_address_tls(&options, 2), &own);
    options.tls = &tls;
    assert_ptr_equal(wsp_options_address_tls(&options, 0), &tls);
    wsp_options_tls_name(&options, 0, name);
    assert_string_equal(name, "tls");
    wsp_options_tls_name(&options, 2, name);
    assert_string_equal(name, "listen[3].tls");
}

static void expect_text(const char *address,
                        const struct wsp_tls_options *server,
                        const struct wsp_tls_options *of_address,
                        const char *text)
{
    struct wsp_options options;
    struct wsp_diag diag = {0};
    const struct wsp_listen place = {.address = address, .tls = of_address};
    wsp_options_init(&options);
    options.listen = &place;
    options.listen_count = 1;
    options.tls = server;
    assert_int_equal(wsp_options_check(&options, &diag),
                     WSP_ERR_INVALID_OPTION);
    assert_string_equal(diag.message, text);
}

static void test_what_contradicts_is_refused(void **state)
{
    (void)state;
    expect_text("wss://a:1", NULL, NULL,
                "wspulse: listen: wss:// needs the option tls "
                "(listen = \"wss://a:1\")");
    expect_text("ws://a:1", &tls, &own,
                "wspulse: listen: ws:// is plain and has no tls "
                "(listen = \"ws://a:1\")");
    expect_text("http://a:1", NULL, NULL,
                "wspulse: listen: in front of an address there is wss:// or "
                "ws:// (listen = \"http://a:1\")");
    expect_text("ws://wss://a:1", NULL, NULL,
                "wspulse: listen: in front of an address there is wss:// or "
                "ws:// (listen = \"ws://wss://a:1\")");
}

static void test_members_are_checked_under_their_name(void **state)
{
    (void)state;
    static const char *const alpn[] = {"http/1.1", ""};
    static const struct wsp_tls_pair nameless[] = {{"a.pem", ""}};
    const struct wsp_tls_options none = {.pair_count = 0};
    const struct wsp_tls_options bad = {.pairs = nameless, .pair_count = 1};
    const struct wsp_tls_options asks = {
        .pairs = pairs, .pair_count = 1, .verify = WSP_TLS_VERIFY_OPTIONAL};
    const struct wsp_tls_options speaks = {
        .pairs = pairs, .pair_count = 1, .alpn = alpn, .alpn_count = 2};
    expect_text("a:1", &none, NULL,
                "wspulse: tls: needs a certificate (tls.cert = nil)");
    expect_text("a:1", NULL, &none,
                "wspulse: listen[1].tls: needs a certificate "
                "(listen[1].tls.cert = nil)");
    expect_text("a:1", &bad, NULL,
                "wspulse: tls: a certificate and its key are the names of "
                "files (tls, certificate 1)");
    expect_text("a:1", &asks, NULL,
                "wspulse: tls: needs a ca, which certifies peers "
                "(tls.verify = \"optional\")");
    expect_text("a:1", NULL, &speaks,
                "wspulse: listen[1].tls: a protocol has 1 to 255 bytes "
                "(listen[1].tls.alpn[2] = \"\")");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_scheme_decides_else_the_kind),
        cmocka_unit_test(test_no_address_is_the_usual_one),
        cmocka_unit_test(test_an_address_may_have_its_own),
        cmocka_unit_test(test_what_contradicts_is_refused),
        cmocka_unit_test(test_members_are_checked_under_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
