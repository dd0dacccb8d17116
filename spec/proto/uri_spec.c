/* SPDX-License-Identifier: MIT */
#include "proto/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})

/* ---- queries ---- */

static void expect_query(const char *query, const char *name, const char *value)
{
    char out[64];
    long len = wsp_uri_query_find(wsp_span_of(query), wsp_span_of(name), out,
                                  sizeof(out));
    if (!value) {
        assert_int_equal(len, -1);
        return;
    }
    assert_int_equal(len, (long)strlen(value));
    assert_memory_equal(out, value, strlen(value));
}

static void test_query_parameters_are_found(void **state)
{
    (void)state;
    expect_query("a=1&b=2", "a", "1");
    expect_query("a=1&b=2", "b", "2");
    expect_query("a=1&a=2", "a", "1");
    expect_query("a=1&b=2", "c", NULL);
    expect_query("ab=1", "a", NULL);
    expect_query("a=1", "ab", NULL);
    expect_query("", "a", NULL);
    expect_query("a", "a", "");
    expect_query("a=", "a", "");
    expect_query("&&a=b=c&", "a", "b=c");
    expect_query("&a=1", "", NULL);
    expect_query("=1", "", "1");
}

static void test_query_parameters_are_decoded(void **state)
{
    (void)state;
    expect_query("a=x+y%20z%2B", "a", "x y z+");
    expect_query("a=%e2%82%AC", "a", "\xE2\x82\xAC");
    expect_query("%61=1", "a", "1");
    expect_query("a+b=1", "a b", "1");
    expect_query("a%3Db=1", "a=b", "1");
    expect_query("a=%26&b=2", "a", "&");
}

static void test_malformed_query_parameters(void **state)
{
    (void)state;
    expect_query("a=%", "a", NULL);
    expect_query("a=%4", "a", NULL);
    expect_query("a=%4g", "a", NULL);
    expect_query("a=%-1", "a", NULL);
    expect_query("%=1&a=2", "a", "2");
    expect_query("a%=1&a=2", "a", "2");
}

static void test_a_value_must_fit(void **state)
{
    (void)state;
    char out[4];
    struct wsp_span name = SPAN("a");
    assert_int_equal(wsp_uri_query_find(SPAN("a=1234"), name, out, 4), 4);
    assert_int_equal(wsp_uri_query_find(SPAN("a=12345"), name, out, 4), -1);
    assert_int_equal(wsp_uri_query_find(SPAN("a=%31%32%33%34"), name, out, 4),
                     4);
    assert_int_equal(wsp_uri_query_find(SPAN("a="), name, out, 0), 0);
    struct wsp_span none = {NULL, 0};
    assert_int_equal(wsp_uri_query_find(none, name, out, 4), -1);
}

/* ---- cookies ---- */

static void expect_cookie(const char *header, const char *name,
                          const char *value)
{
    struct wsp_span found =
        wsp_uri_cookie_find(wsp_span_of(header), wsp_span_of(name));
    if (!value) {
        assert_null(found.data);
        return;
    }
    assert_non_null(found.data);
    assert_true(wsp_span_equal(found, wsp_span_of(value)));
}

static void test_cookies(void **state)
{
    (void)state;
    expect_cookie("a=1; b=2", "a", "1");
    expect_cookie("a=1; b=2", "b", "2");
    expect_cookie("a=1;b=2", "b", "2");
    expect_cookie("a=1; a=2", "a", "1");
    expect_cookie("a=b=c", "a", "b=c");
    expect_cookie("a=\"quoted\"", "a", "quoted");
    expect_cookie("a=\"", "a", "\"");
    expect_cookie("a=\"\"", "a", "");
    expect_cookie("a=; b=1", "a", "");
    expect_cookie(" \ta = 1 \t", "a", "1");
    expect_cookie("A=1", "a", NULL);
    expect_cookie("a", "a", NULL);
    expect_cookie("ba=1", "a", NULL);
    expect_cookie(";;; ;", "a", NULL);
    expect_cookie("", "a", NULL);
    assert_null(
        wsp_uri_cookie_find((struct wsp_span){NULL, 0}, SPAN("a")).data);
}

/* ---- paths ---- */

static void expect_path(const char *path, const char *decoded)
{
    char out[64];
    long len = wsp_uri_path_decode(wsp_span_of(path), out, sizeof(out));
    if (!decoded) {
        if (len != -1) {
            fail_msg("%s became %s", path, out);
        }
        return;
    }
    assert_int_equal(len, (long)strlen(decoded));
    assert_string_equal(out, decoded);
}

static void test_paths_are_decoded_and_resolved(void **state)
{
    (void)state;
    expect_path("/", "/");
    expect_path("/index.html", "/index.html");
    expect_path("/a/b/", "/a/b/");
    expect_path("/a//b", "/a/b");
    expect_path("//", "/");
    expect_path("/a/./b", "/a/b");
    expect_path("/a/../b", "/b");
    expect_path("/a/b/../../c", "/c");
    expect_path("/a/..", "/");
    expect_path("/a/b/..", "/a/");
    expect_path("/a/.", "/a/");
    expect_path("/.", "/");
    expect_path("/gr%C3%BC%C3%9Ft%20x+y", "/gr\xC3\xBC\xC3\x9Ft x+y");
    expect_path("/a%2Fb", "/a/b");
}

static void test_paths_do_not_escape(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "a",
        "..",
        "/..",
        "/../a",
        "/a/../..",
        "/a/../../b",
        "/%2e%2e/a",
        "/.%2E/a",
        "/a%2f..%2f..",
        "/.git/config",
        "/a/.env",
        "/%2egit",
        "/...",
        "/..a",
        "/a\\b",
        "/a%5Cb",
        "/..%5c..",
        "/a%00",
        "/%",
        "/%4",
        "/%zz",
        "%2Fa",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        expect_path(paths[i], NULL);
    }
}

static void test_a_path_must_fit(void **state)
{
    (void)state;
    char out[5];
    assert_int_equal(wsp_uri_path_decode(SPAN("/abc"), out, 5), 4);
    assert_int_equal(wsp_uri_path_decode(SPAN("/abcd"), out, 5), -1);
    assert_int_equal(wsp_uri_path_decode(SPAN("/"), out, 1), -1);
    assert_int_equal(wsp_uri_path_decode(SPAN("/"), out, 0), -1);
}

static void test_nothing_is_read_behind_the_text(void **state)
{
    (void)state;
    static const char text[] = "/a/../b%41%4";
    struct page_end memory;
    char out[64];
    page_end_init(&memory, sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        struct wsp_span span =
            page_end_span(&memory, (struct wsp_span){text, len});
        bool is_cut = len == 0 || text[len - 1] == '%' ||
                      (len > 1 && text[len - 2] == '%');
        assert_int_equal(wsp_uri_path_decode(span, out, sizeof(out)) < 0,
                         is_cut);
        wsp_uri_query_find(span, SPAN("x"), out, sizeof(out));
        assert_null(wsp_uri_cookie_find(span, SPAN("x")).data);
    }
    page_end_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_parameters_are_found),
        cmocka_unit_test(test_query_parameters_are_decoded),
        cmocka_unit_test(test_malformed_query_parameters),
        cmocka_unit_test(test_a_value_must_fit),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_paths_are_decoded_and_resolved),
        cmocka_unit_test(test_paths_do_not_escape),
        cmocka_unit_test(test_a_path_must_fit),
        cmocka_unit_test(test_nothing_is_read_behind_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
