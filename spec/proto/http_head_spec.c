/* SPDX-License-Identifier: MIT */
#include "proto/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proto/page_end.h"

#define SPAN(text) ((struct wsp_span){(text), sizeof(text) - 1})
#define HOST "Host: a\r\n"

static int parse(struct wsp_http_head *head, const char *bytes)
{
    wsp_http_head_init(head);
    return wsp_http_head_parse(head, wsp_span_of(bytes));
}

static void expect_status(const char *bytes, int status)
{
    struct wsp_http_head head;
    int result = parse(&head, bytes);
    if (result != status) {
        fail_msg("%d, not %d: %s", result, status, bytes);
    }
}

static void expect_complete(const char *bytes)
{
    expect_status(bytes, (int)strlen(bytes));
}

static void expect_slice(struct wsp_http_slice slice, const char *bytes,
                         const char *text)
{
    struct wsp_span span = wsp_http_slice_in(slice, bytes);
    if (!wsp_span_equal(span, wsp_span_of(text))) {
        fail_msg("%.*s, not %s", (int)span.len, span.data, text);
    }
}

/* ---- what is right ---- */

static void test_a_request_is_taken_apart(void **state)
{
    (void)state;
    static const char bytes[] = "GET /ws?room=1&x HTTP/1.1\r\n"
                                "Host: example.com:8080\r\n"
                                "X-Empty:\r\n"
                                "X-Space: \t a b \t \r\n"
                                "\r\n"
                                "behind";
    struct wsp_http_head head;
    assert_int_equal(parse(&head, bytes), (int)sizeof(bytes) - 1 - 6);
    expect_slice(head.method, bytes, "GET");
    expect_slice(head.target, bytes, "/ws?room=1&x");
    expect_slice(head.path, bytes, "/ws");
    expect_slice(head.query, bytes, "room=1&x");
    assert_true(head.has_query);
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.field_count, 3);
    expect_slice(head.fields[0].name, bytes, "Host");
    expect_slice(head.fields[0].value, bytes, "example.com:8080");
    expect_slice(head.fields[1].name, bytes, "X-Empty");
    expect_slice(head.fields[1].value, bytes, "");
    expect_slice(head.fields[2].value, bytes, "a b");
    assert_true(head.is_keep_alive);
    assert_false(head.has_content_length);
    assert_int_equal(head.content_length, 0);
    assert_false(head.has_transfer_encoding);
}

static void expect_target(const char *target, const char *host,
                          const char *path, const char *query)
{
    char bytes[256];
    struct wsp_http_head head;
    snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
             target, host);
    assert_int_equal(parse(&head, bytes), (int)strlen(bytes));
    expect_slice(head.target, bytes, target);
    expect_slice(head.path, bytes, path);
    assert_int_equal(head.has_query, query != NULL);
    if (query) {
        expect_slice(head.query, bytes, query);
    }
}

static void test_targets(void **state)
{
    (void)state;
    expect_target("/", "a", "/", NULL);
    expect_target("/?", "a", "/", "");
    expect_target("/a/b;c?d?e=/", "a", "/a/b;c", "d?e=/");
    expect_target("//a", "a", "//a", NULL);
    expect_target("/%41|{}", "a", "/%41|{}", NULL);
    expect_target("http://a:80/b?c", "a:80", "/b", "c");
    expect_target("HTTPS://A/", "a", "/", NULL);
    expect_target("http://a", "a", "/", NULL);
    expect_target("http://a?b", "a", "/", "b");
    expect_complete("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
}

static void test_bad_targets(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "*",        "a",       "example.com:80", "ftp://a/",
        "http:///", "http://", "http:a",         "/a#b",
        "/\x80",    "/a\tb",   "http://b/",      "http://u@a/",
        "?a",       "/a b",    "/\x7f",          "http://?a",
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        char bytes[128];
        snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\n" HOST "\r\n",
                 targets[i]);
        expect_status(bytes, -400);
    }
}

static void test_versions(void **state)
{
    (void)state;
    struct wsp_http_head head;
    parse(&head, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(head.minor, 1);
    parse(&head, "GET / HTTP/1.9\r\n" HOST "\r\n");
    assert_int_equal(head.minor, 1);
    parse(&head, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(head.minor, 0);
    parse(&head, "GET / HTTP/0.9\r\n\r\n");
    assert_int_equal(head.minor, 0);
    expect_complete("GET / HTTP/1.0\r\n\r\n");
    expect_status("GET / HTTP/2.0\r\n" HOST "\r\n", -505);
    expect_status("GET / HTTP/3", -505);
    expect_status("GET / http/1.1\r\n" HOST "\r\n", -400);
    expect_status("GET / HTTP/1.10\r\n" HOST "\r\n", -400);
    expect_status("GET / HTTP/1\r\n" HOST "\r\n", -400);
    expect_status("GET / HTTP/1,1\r\n" HOST "\r\n", -400);
    expect_status("GET / HTTP/a.1\r\n" HOST "\r\n", -400);
    expect_status("GET /\r\n" HOST "\r\n", -400);
}

static void test_one_empty_line_may_come_first(void **state)
{
    (void)state;
    static const char bytes[] = "\r\nGET /a HTTP/1.1\r\n" HOST "\r\n";
    struct wsp_http_head head;
    assert_int_equal(parse(&head, bytes), (int)sizeof(bytes) - 1);
    expect_slice(head.method, bytes, "GET");
    expect_slice(head.path, bytes, "/a");
    expect_status("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", -400);
    expect_status("\nGET / HTTP/1.1\r\n" HOST "\r\n", -400);
    expect_status("\r\rGET / HTTP/1.1\r\n" HOST "\r\n", -400);
}

static void test_bytes_over_7f_may_stand_in_values_only(void **state)
{
    (void)state;
    expect_complete("GET / HTTP/1.1\r\n" HOST "X: gr\xC3\xBC\xC3\x9F\r\n\r\n");
    expect_status("GET / HTTP/1.1\r\n" HOST "X\xC3\xBC: a\r\n\r\n", -400);
    expect_status("G\xC3\x84T / HTTP/1.1\r\n" HOST "\r\n", -400);
}

static void test_more_is_asked_for(void **state)
{
    (void)state;
    expect_status("", 0);
    expect_status("G", 0);
    expect_status("GET / HTTP/1.1\r\n" HOST, 0);
    expect_status("GET / HTTP/1.1\r\n" HOST "\r", 0);
}

/* ---- hostile 5: what is no header ---- */

static void test_hostile_5_malformed_lines(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tfolded\r\n\r\n",
        "GET / HTTP/1.1\r\n X: a\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X\t: a\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X(y): a\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "\rX",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET /  HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1 \r\n" HOST "\r\n",
        " GET / HTTP/1.1\r\n" HOST "\r\n",
        "G,T / HTTP/1.1\r\n" HOST "\r\n",
        "\x16\x03\x01\x02",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        expect_status(heads[i], -400);
    }
}

static void test_hostile_5_nul_bytes(void **state)
{
    (void)state;
    static const char good[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: ab\r\n\r\n";
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        char bytes[sizeof(good)];
        struct wsp_http_head head;
        memcpy(bytes, good, sizeof(good));
        bytes[at] = '\0';
        wsp_http_head_init(&head);
        assert_int_equal(wsp_http_head_parse(
                             &head, (struct wsp_span){bytes, sizeof(good) - 1}),
                         -400);
    }
}

static void test_hostile_5_host(void **state)
{
    (void)state;
    expect_status("GET / HTTP/1.1\r\n\r\n", -400);
    expect_status("GET / HTTP/1.1\r\n" HOST HOST "\r\n", -400);
    expect_status("GET / HTTP/1.1\r\n" HOST "hOST: a\r\n\r\n", -400);
    expect_status("GET / HTTP/1.0\r\n" HOST HOST "\r\n", -400);
    expect_status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -400);
    expect_status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -400);
    expect_status("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", -400);
    expect_complete("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    expect_complete("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    expect_complete("GET / HTTP/1.0\r\n" HOST "\r\n");
}

/* ---- hostile 4: bodies ---- */

static void test_hostile_4_content_length(void **state)
{
    (void)state;
    struct wsp_http_head head;
    parse(&head, "POST / HTTP/1.1\r\n" HOST "Content-Length: 012\r\n\r\n");
    assert_true(head.has_content_length);
    assert_int_equal(head.content_length, 12);
    parse(&head, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
                 "content-length: 5\r\n\r\n");
    assert_int_equal(head.content_length, 5);
    parse(&head, "POST / HTTP/1.1\r\n" HOST
                 "Content-Length: 99999999999999999999999\r\n\r\n");
    assert_true(head.content_length == SIZE_MAX);
    parse(&head, "POST / HTTP/1.1\r\n" HOST
                 "Content-Length: 18446744073709551615\r\n\r\n");
    assert_true(head.content_length == SIZE_MAX);
    static const char *const bad[] = {"",     "-1",  "+1", "1 2",
                                      "5, 5", "0x5", "1e3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char bytes[128];
        snprintf(bytes, sizeof(bytes),
                 "POST / HTTP/1.1\r\n" HOST "Content-Length: %s\r\n\r\n",
                 bad[i]);
        expect_status(bytes, -400);
    }
    expect_status("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
                  "Content-Length: 6\r\n\r\n",
                  -400);
}

static void test_hostile_4_transfer_encoding(void **state)
{
    (void)state;
    struct wsp_http_head head;
    assert_true(parse(&head, "POST / HTTP/1.1\r\n" HOST
                             "Transfer-Encoding: chunked\r\n\r\n") > 0);
    assert_true(head.has_transfer_encoding);
    expect_status("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                  "Content-Length: 0\r\n\r\n",
                  -400);
    expect_status(
        "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", -400);
}

static void expect_keep_alive(const char *version, const char *connection,
                              bool is_keep_alive)
{
    char bytes[128];
    struct wsp_http_head head;
    snprintf(bytes, sizeof(bytes),
             "GET / HTTP/%s\r\n" HOST "Connection: %s\r\n\r\n", version,
             connection);
    assert_true(parse(&head, bytes) > 0);
    assert_int_equal(head.is_keep_alive, is_keep_alive);
}

static void test_keep_alive(void **state)
{
    (void)state;
    expect_keep_alive("1.1", "", true);
    expect_keep_alive("1.1", "Upgrade", true);
    expect_keep_alive("1.1", "foo, CLOSE", false);
    expect_keep_alive("1.0", "", false);
    expect_keep_alive("1.0", "Keep-Alive", true);
    expect_keep_alive("1.0", "keep-alive, close", false);
}

/* ---- hostile 6: bounds ---- */

/* A head with one line of `line_len` bytes, CRLF included. */
static void expect_line(size_t line_len, bool is_request_line, int status)
{
    struct wsp_buf bytes = {NULL, 0, 0};
    const char *start = is_request_line ? "GET /" : "X: ";
    const char *end = is_request_line ? " HTTP/1.1\r\n" : "\r\n";
    if (!is_request_line) {
        wsp_buf_printf(&bytes, "GET / HTTP/1.1\r\n");
    }
    wsp_buf_printf(&bytes, "%s", start);
    for (size_t i = strlen(start) + strlen(end); i < line_len; i++) {
        wsp_buf_add(&bytes, "x", 1);
    }
    wsp_buf_printf(&bytes, "%s" HOST "\r\n", end);
    wsp_buf_add(&bytes, "", 1);
    expect_status(bytes.data, status ? status : (int)bytes.len - 1);
    wsp_buf_fini(&bytes);
}

static void test_hostile_6_a_long_line(void **state)
{
    (void)state;
    expect_line(WSP_HTTP_LINE_MAX, true, 0);
    expect_line(WSP_HTTP_LINE_MAX, false, 0);
    expect_line(WSP_HTTP_LINE_MAX + 1, true, -431);
    expect_line(WSP_HTTP_LINE_MAX + 1, false, -431);
    expect_line(WSP_HTTP_LINE_MAX * 4, false, -431);
}

static void expect_headers(int count, int status)
{
    struct wsp_buf bytes = {NULL, 0, 0};
    wsp_buf_printf(&bytes, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < count; i++) {
        wsp_buf_printf(&bytes, "X-%d: y\r\n", i);
    }
    wsp_buf_printf(&bytes, "\r\n");
    wsp_buf_add(&bytes, "", 1);
    expect_status(bytes.data, status ? status : (int)bytes.len - 1);
    wsp_buf_fini(&bytes);
}

static void test_hostile_6_many_headers(void **state)
{
    (void)state;
    expect_headers(64, 0);
    expect_headers(65, -431);
    expect_headers(1000, -431);
}

/* A head of `len` bytes in lines of 4,000. */
static void expect_head_len(size_t len, int status)
{
    struct wsp_buf bytes = {NULL, 0, 0};
    wsp_buf_printf(&bytes, "GET / HTTP/1.1\r\n" HOST);
    while (bytes.len + 2 < len) {
        size_t left = len - 2 - bytes.len;
        size_t line = left >= 8000 ? 4000 : left > 4000 ? left / 2 : left;
        wsp_buf_printf(&bytes, "X: %0*d\r\n", (int)line - 5, 0);
    }
    wsp_buf_printf(&bytes, "\r\n");
    assert_int_equal(bytes.len, len);
    wsp_buf_add(&bytes, "", 1);
    expect_status(bytes.data, status ? status : (int)len);
    wsp_buf_fini(&bytes);
}

static void test_hostile_6_a_long_head(void **state)
{
    (void)state;
    expect_head_len(WSP_HTTP_HEAD_MAX, 0);
    expect_head_len(WSP_HTTP_HEAD_MAX + 1, -431);
    expect_head_len(65536, -431);
}

static void test_hostile_6_bytes_without_end(void **state)
{
    (void)state;
    char *bytes = malloc(65537);
    assert_non_null(bytes);
    memset(bytes, 'A', 65536);
    bytes[65536] = '\0';
    expect_status(bytes, -431);
    free(bytes);
}

/* ---- fields ---- */

static void test_fields_are_found_without_case(void **state)
{
    (void)state;
    static const char bytes[] = "GET / HTTP/1.1\r\n" HOST "X-One: 1\r\n"
                                "x-two: 2\r\nX-TWO: 3\r\n\r\n";
    struct wsp_http_head head;
    assert_true(parse(&head, bytes) > 0);
    struct wsp_span found = wsp_http_head_find(&head, bytes, SPAN("x-ONE"));
    assert_true(wsp_span_equal(found, SPAN("1")));
    found = wsp_http_head_find(&head, bytes, SPAN("X-Two"));
    assert_true(wsp_span_equal(found, SPAN("2")));
    assert_null(wsp_http_head_find(&head, bytes, SPAN("X-T")).data);
    assert_int_equal(wsp_http_head_count(&head, bytes, SPAN("X-Two")), 2);
    assert_int_equal(wsp_http_head_count(&head, bytes, SPAN("X-Three")), 0);
}

static void expect_token(const char *value, const char *token, bool is_there)
{
    char bytes[256];
    struct wsp_http_head head;
    snprintf(bytes, sizeof(bytes),
             "GET / HTTP/1.1\r\n" HOST "X: a\r\nX: %s\r\n\r\n", value);
    assert_true(parse(&head, bytes) > 0);
    assert_int_equal(
        wsp_http_head_has_token(&head, bytes, SPAN("x"), wsp_span_of(token)),
        is_there);
}

static void test_tokens_of_a_list(void **state)
{
    (void)state;
    expect_token("upgrade", "upgrade", true);
    expect_token("keep-alive, Upgrade", "upgrade", true);
    expect_token(",, \tUPGRADE\t ,", "upgrade", true);
    expect_token("b", "a", true);
    expect_token("upgrade2", "upgrade", false);
    expect_token("up grade", "upgrade", false);
    expect_token("upgrade;q=1", "upgrade", false);
    expect_token("", "upgrade", false);
    expect_token(",,,", "upgrade", false);
}

static void test_values_of_every_field_of_a_name(void **state)
{
    (void)state;
    static const char bytes[] =
        "GET / HTTP/1.1\r\n" HOST "X: a,b c ,\r\nY: no\r\nX: ,, \t,\r\n"
        "x:\r\nX: d\r\n\r\n";
    static const char *const expected[] = {"a", "b c", "d"};
    struct wsp_http_head head;
    assert_true(parse(&head, bytes) > 0);
    struct wsp_http_values values = wsp_http_values_of(&head, bytes, SPAN("X"));
    struct wsp_span value;
    for (size_t i = 0; i < 3; i++) {
        assert_true(wsp_http_values_next(&values, &value));
        assert_true(wsp_span_equal(value, wsp_span_of(expected[i])));
    }
    assert_false(wsp_http_values_next(&values, &value));
    assert_false(wsp_http_values_next(&values, &value));
    values = wsp_http_values_of(&head, bytes, SPAN("Z"));
    assert_false(wsp_http_values_next(&values, &value));
}

static void test_nothing_is_read_behind_the_bytes(void **state)
{
    (void)state;
    static const char bytes[] =
        "GET /a?b HTTP/1.1\r\nHost: a\r\nX:  y \r\n\r\n";
    struct page_end memory;
    page_end_init(&memory, sizeof(bytes));
    for (size_t len = 0; len < sizeof(bytes); len++) {
        struct wsp_http_head head;
        wsp_http_head_init(&head);
        struct wsp_span span =
            page_end_span(&memory, (struct wsp_span){bytes, len});
        int result = wsp_http_head_parse(&head, span);
        assert_int_equal(result, len < sizeof(bytes) - 1 ? 0 : (int)len);
    }
    page_end_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_taken_apart),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_one_empty_line_may_come_first),
        cmocka_unit_test(test_bytes_over_7f_may_stand_in_values_only),
        cmocka_unit_test(test_more_is_asked_for),
        cmocka_unit_test(test_hostile_5_malformed_lines),
        cmocka_unit_test(test_hostile_5_nul_bytes),
        cmocka_unit_test(test_hostile_5_host),
        cmocka_unit_test(test_hostile_4_content_length),
        cmocka_unit_test(test_hostile_4_transfer_encoding),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_hostile_6_a_long_line),
        cmocka_unit_test(test_hostile_6_many_headers),
        cmocka_unit_test(test_hostile_6_a_long_head),
        cmocka_unit_test(test_hostile_6_bytes_without_end),
        cmocka_unit_test(test_fields_are_found_without_case),
        cmocka_unit_test(test_tokens_of_a_list),
        cmocka_unit_test(test_values_of_every_field_of_a_name),
        cmocka_unit_test(test_nothing_is_read_behind_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
