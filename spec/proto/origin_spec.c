/* SPDX-License-Identifier: MIT */
#include "proto/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect_same(const char *origin, const char *host, bool is_tls,
                        bool is_same)
{
    if (wsp_uri_origin_is_same(wsp_span_of(origin), wsp_span_of(host),
                               is_tls) != is_same) {
        fail_msg("%s and %s", origin, host);
    }
}

static void test_hostile_9_the_origin_of_the_page_itself(void **state)
{
    (void)state;
    expect_same("http://example.com", "example.com", false, true);
    expect_same("https://example.com", "example.com", true, true);
    expect_same("HTTP://EXAMPLE.com", "Example.COM", false, true);
    expect_same("http://example.com:8080", "example.com:8080", false, true);
    expect_same("http://example.com:80", "example.com", false, true);
    expect_same("http://example.com", "example.com:80", false, true);
    expect_same("https://example.com", "example.com:443", true, true);
    expect_same("http://[::1]:8080", "[::1]:8080", false, true);
    expect_same("http://xn--mnchen-3ya.de", "xn--mnchen-3ya.de", false, true);
    /* A proxy in front has ended TLS. */
    expect_same("https://example.com", "example.com", false, true);
}

static void test_hostile_9_foreign_origins(void **state)
{
    (void)state;
    static const char host[] = "good.example";
    static const char *const origins[] = {
        "",
        "null",
        "http://evil.example",
        "https://good.example.evil.com",
        "http://evil-good.example",
        "http://good.example:81",
        "http://good.example:0",
        "http://good.example:80:80",
        "http://good.example:99999",
        "http://good.example:8a",
        "http://good.example:",
        "http://good.example/",
        "http://good.example/path",
        "http://good.example@evil.com",
        "http://evil.com@good.example",
        "http://good.example http://evil.com",
        "http://good.example, http://evil.com",
        "http://xn--god-sna.example",
        "http:/good.example",
        "://good.example",
        "good.example",
        "http://",
        "http://good.example\\.evil.com",
    };
    for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
        expect_same(origins[i], host, false, false);
    }
    expect_same("http://good.example", "", false, false);
    expect_same("http://a:443", "a", false, false);
    expect_same("http://a", "a:443", true, false);
    expect_same("http://[::1", "[::1", false, false);
    expect_same("http://[::1]x", "[::1]", false, false);
}

static void expect_equal(const char *a, const char *b, bool is_equal)
{
    if (wsp_uri_origin_equal(wsp_span_of(a), wsp_span_of(b)) != is_equal ||
        wsp_uri_origin_equal(wsp_span_of(b), wsp_span_of(a)) != is_equal) {
        fail_msg("%s and %s", a, b);
    }
}

static void test_listed_origins(void **state)
{
    (void)state;
    expect_equal("https://example.com", "https://example.com", true);
    expect_equal("https://example.com", "HTTPS://Example.Com:443", true);
    expect_equal("http://example.com", "http://example.com:80", true);
    expect_equal("app://x", "app://x", true);
    expect_equal("http://example.com", "https://example.com", false);
    expect_equal("http://example.com:443", "https://example.com", false);
    expect_equal("http://example.com", "http://example.com:8080", false);
    expect_equal("http://example.com", "http://www.example.com", false);
    expect_equal("null", "null", false);
    expect_equal("", "", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_9_the_origin_of_the_page_itself),
        cmocka_unit_test(test_hostile_9_foreign_origins),
        cmocka_unit_test(test_listed_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
