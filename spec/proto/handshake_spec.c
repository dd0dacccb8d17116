/* SPDX-License-Identifier: MIT */
#include "proto/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"

static const struct wsp_extension uncompressed;

struct request {
    char bytes[WSP_HTTP_HEAD_MAX];
    struct wsp_http_head head;
};

/* Parses a request line with the headers behind Host. */
static struct request request_of(const char *line, const char *headers)
{
    struct request request;
    int len = snprintf(request.bytes, sizeof(request.bytes),
                       "%s\r\nHost: a\r\n%s\r\n", line, headers);
    wsp_http_head_init(&request.head);
    assert_int_equal(
        wsp_http_head_parse(&request.head,
                            (struct wsp_span){request.bytes, (size_t)len}),
        len);
    return request;
}

static void expect_answer(const char *line, const char *headers, int status)
{
    struct request request = request_of(line, headers);
    int found = wsp_handshake_check(&request.head, request.bytes);
    if (found != status) {
        fail_msg("%d, not %d: %s %s", found, status, line, headers);
    }
}

static void expect_get(const char *headers, int status)
{
    expect_answer("GET /ws HTTP/1.1", headers, status);
}

static void test_a_handshake_as_browsers_send_it(void **state)
{
    (void)state;
    expect_get(UPGRADE CONNECTION VERSION KEY, 0);
    expect_get("upgrade: WebSocket\r\nconnection: upgrade\r\n"
               "sec-websocket-version: 13\r\n" KEY,
               0);
    expect_get(UPGRADE CONNECTION VERSION KEY "Content-Length: 0\r\n", 0);
}

static void test_hostile_1_upgrade_headers(void **state)
{
    (void)state;
    expect_get("Connection: keep-alive, Upgrade\r\n" UPGRADE VERSION KEY, 0);
    expect_get("", 400);
    expect_get(UPGRADE VERSION KEY, 400);
    expect_get(CONNECTION VERSION KEY, 400);
    expect_get("Upgrade: h2c\r\n" CONNECTION VERSION KEY, 400);
    expect_get(UPGRADE "Connection: close\r\n" VERSION KEY, 400);
}

static void expect_version(const char *value, int status)
{
    char headers[512];
    snprintf(headers, sizeof(headers),
             UPGRADE CONNECTION KEY "Sec-WebSocket-Version: %s\r\n", value);
    expect_get(headers, status);
}

static void test_hostile_2_version(void **state)
{
    (void)state;
    expect_get(UPGRADE CONNECTION KEY, 426);
    expect_get(UPGRADE CONNECTION KEY VERSION VERSION, 426);
    expect_version("13", 0);
    expect_version("7", 426);
    expect_version("8", 426);
    expect_version("12", 426);
    expect_version("013", 426);
    expect_version("13, 8", 426);
    expect_version("", 426);
}

static void test_hostile_4_method_version_and_body(void **state)
{
    (void)state;
    static const char headers[] = UPGRADE CONNECTION VERSION KEY;
    expect_answer("POST / HTTP/1.1", headers, 405);
    expect_answer("get / HTTP/1.1", headers, 405);
    expect_answer("GET / HTTP/1.0", headers, 400);
    expect_answer("GET / HTTP/0.9", headers, 400);
    expect_get(UPGRADE CONNECTION VERSION KEY "Content-Length: 5\r\n", 400);
    expect_get(UPGRADE CONNECTION VERSION KEY "Transfer-Encoding: chunked\r\n",
               400);
}

static void test_the_order_of_the_checks(void **state)
{
    (void)state;
    expect_answer("POST / HTTP/1.0", "", 400);
    expect_answer("POST / HTTP/1.0", CONNECTION, 400);
    expect_answer("POST / HTTP/1.0", CONNECTION UPGRADE, 405);
    expect_answer("GET / HTTP/1.0", CONNECTION UPGRADE, 400);
    expect_answer("GET / HTTP/1.1", CONNECTION UPGRADE "Content-Length: 1\r\n",
                  400);
    expect_answer("GET / HTTP/1.1", CONNECTION UPGRADE, 426);
}

static void expect_key(const char *headers, int status)
{
    struct request request = request_of("GET / HTTP/1.1", headers);
    int found = wsp_handshake_check_key(&request.head, request.bytes);
    if (found != status) {
        fail_msg("%d, not %d: %s", found, status, headers);
    }
}

static void test_hostile_3_key(void **state)
{
    (void)state;
    char headers[4000];
    expect_key(KEY, 0);
    expect_key("Sec-WebSocket-Key:  ABCDEFGHIJ+/klmnopqrsA== \r\n", 0);
    expect_key("", 400);
    expect_key(KEY KEY, 400);
    static const char *const bad[] = {
        "",
        "=",
        "dGhlIHNhbXBsZSBub25jZQ=",  /* cut short */
        "dGhlIHNhbXBsZSBub25j",     /* 15 bytes */
        "dGhlIHNhbXBsZSBub25jZQA=", /* 17 bytes */
        "dGhlIHNhbXBsZSBub25jZQAA", /* 18 bytes */
        "dGhlIHNhbXBsZSBub25jZ-==", /* another alphabet */
        "dGhlIHNhbXBs SBub25jZQ==",
        "dGhlIHNhbXBsZSBub2=jZQ==",
        "\xC3\xA9hlIHNhbXBsZSBub25jZQ==",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(headers, sizeof(headers), "Sec-WebSocket-Key: %s\r\n", bad[i]);
        expect_key(headers, 400);
    }
    snprintf(headers, sizeof(headers), "Sec-WebSocket-Key: %03500d\r\n", 0);
    expect_key(headers, 400);
}

/* The key and answer of RFC 6455 §1.3. */
static void test_the_answer(void **state)
{
    (void)state;
    struct request request =
        request_of("GET / HTTP/1.1", UPGRADE CONNECTION VERSION KEY);
    static const char expected[] =
        "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "\r\n";
    char out[WSP_HANDSHAKE_ACCEPT_MAX];
    size_t len =
        wsp_handshake_accept(&request.head, request.bytes,
                             (struct wsp_span){NULL, 0}, &uncompressed, out);
    assert_int_equal(len, sizeof(expected) - 1);
    assert_memory_equal(out, expected, len);
}

/* ---- sub-protocols ---- */

#define PROTOCOL "Sec-WebSocket-Protocol: "

static const char *const spoken[] = {"chat.v2", "chat", "Chat"};

/* What a server that speaks `spoken` chooses from the headers; "" for none. */
static void expect_choice(const char *headers, const char *name)
{
    struct request request = request_of("GET / HTTP/1.1", headers);
    struct wsp_http_slice chosen =
        wsp_handshake_subprotocol(&request.head, request.bytes, spoken, 3);
    struct wsp_span span = wsp_http_slice_in(chosen, request.bytes);
    if (!wsp_span_equal(span, wsp_span_of(name))) {
        fail_msg("%.*s, not \"%s\": %s", (int)span.len, span.data, name,
                 headers);
    }
}

static void test_the_server_prefers_a_subprotocol(void **state)
{
    (void)state;
    expect_choice(PROTOCOL "chat\r\n", "chat");
    expect_choice(PROTOCOL "chat, chat.v2\r\n", "chat.v2");
    expect_choice(PROTOCOL "other,chat.v2 ,\tchat\r\n", "chat.v2");
    expect_choice("sec-websocket-protocol: x\r\n" PROTOCOL "chat\r\n"
                  "X-Between: chat.v2\r\n" PROTOCOL "y, chat.v2\r\n",
                  "chat.v2");
    expect_choice(PROTOCOL "Chat\r\n", "Chat");
}

static void test_no_subprotocol_in_common(void **state)
{
    (void)state;
    expect_choice("", "");
    expect_choice(PROTOCOL "\r\n", "");
    expect_choice(PROTOCOL "CHAT, chat.v, chat.v22, \"chat\", chat;q=1\r\n",
                  "");
    expect_choice(PROTOCOL "cha\r\n" PROTOCOL "t\r\n", "");
    expect_choice(PROTOCOL "chat%0d%0aX-Forged: 1\r\n", "");
    struct request request = request_of("GET / HTTP/1.1", PROTOCOL "chat\r\n");
    struct wsp_http_slice none =
        wsp_handshake_subprotocol(&request.head, request.bytes, NULL, 0);
    assert_int_equal(none.len, 0);
}

/* As long as a head may be: every line is walked once. */
static void test_hostile_11_long_offers(void **state)
{
    (void)state;
    static char headers[WSP_HTTP_HEAD_MAX];
    static const char *const fillers[] = {",", " ", ", ", "a,", "chat."};
    for (size_t i = 0; i < sizeof(fillers) / sizeof(*fillers); i++) {
        size_t at = (size_t)sprintf(headers, PROTOCOL);
        while (at < 8000) {
            at += (size_t)sprintf(headers + at, "%s", fillers[i]);
        }
        at += (size_t)sprintf(headers + at, "\r\n" PROTOCOL);
        while (at < 16000) {
            at += (size_t)sprintf(headers + at, "%s", fillers[i]);
        }
        sprintf(headers + at, ", chat\r\n");
        expect_choice(headers, "chat");
    }
}

static void test_the_answer_names_the_choice_alone(void **state)
{
    (void)state;
    struct request request =
        request_of("GET / HTTP/1.1",
                   UPGRADE CONNECTION VERSION KEY PROTOCOL "chat, other\r\n");
    struct wsp_http_slice chosen =
        wsp_handshake_subprotocol(&request.head, request.bytes, spoken, 3);
    char out[WSP_HANDSHAKE_ACCEPT_MAX + 1];
    size_t len = wsp_handshake_accept(&request.head, request.bytes,
                                      wsp_http_slice_in(chosen, request.bytes),
                                      &uncompressed, out);
    out[len] = '\0';
    static const char end[] = "\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    assert_in_range(len, sizeof(end), WSP_HANDSHAKE_ACCEPT_MAX);
    assert_string_equal(out + len - (sizeof(end) - 1), end);
    assert_null(strstr(out, "other"));
}

static void test_the_longest_subprotocol_fits_the_answer(void **state)
{
    (void)state;
    char name[WSP_SUBPROTOCOL_MAX + 2];
    memset(name, 'p', sizeof(name));
    name[WSP_SUBPROTOCOL_MAX + 1] = '\0';
    assert_false(wsp_subprotocol_is_valid(name));
    name[WSP_SUBPROTOCOL_MAX] = '\0';
    assert_true(wsp_subprotocol_is_valid(name));
    struct request request =
        request_of("GET / HTTP/1.1", UPGRADE CONNECTION VERSION KEY);
    char out[WSP_HANDSHAKE_ACCEPT_MAX];
    size_t len = wsp_handshake_accept(&request.head, request.bytes,
                                      wsp_span_of(name), &uncompressed, out);
    assert_in_range(len, WSP_SUBPROTOCOL_MAX, sizeof(out) - 1);
    assert_memory_equal(out + len - 4, "\r\n\r\n", 4);
}

static void test_a_subprotocol_is_a_token(void **state)
{
    (void)state;
    assert_true(wsp_subprotocol_is_valid("v12.stomp"));
    assert_true(wsp_subprotocol_is_valid("!#$%&'*+-.^_`|~09azAZ"));
    static const char *const bad[] = {"",     "a b", "a,b",      "a\r\nX: 1",
                                      "a\tb", "\"",  "\xC3\xA9", "a/b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(wsp_subprotocol_is_valid(bad[i]));
    }
}

static void test_hostile_10_nothing_of_the_request_is_echoed(void **state)
{
    (void)state;
    struct request request = request_of("GET /%0d%0aX:%20y?a=%0d%0ab HTTP/1.1",
                                        UPGRADE CONNECTION VERSION KEY
                                        "Sec-WebSocket-Protocol: a, b\r\n"
                                        "Sec-WebSocket-Extensions: "
                                        "permessage-deflate\r\n");
    char out[WSP_HANDSHAKE_ACCEPT_MAX + 1];
    size_t len =
        wsp_handshake_accept(&request.head, request.bytes,
                             (struct wsp_span){NULL, 0}, &uncompressed, out);
    assert_in_range(len, 1, WSP_HANDSHAKE_ACCEPT_MAX);
    out[len] = '\0';
    assert_null(strstr(out, "Protocol:"));
    assert_null(strstr(out, "Extensions"));
    assert_null(strstr(out, "%0d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_as_browsers_send_it),
        cmocka_unit_test(test_hostile_1_upgrade_headers),
        cmocka_unit_test(test_hostile_2_version),
        cmocka_unit_test(test_hostile_4_method_version_and_body),
        cmocka_unit_test(test_the_order_of_the_checks),
        cmocka_unit_test(test_hostile_3_key),
        cmocka_unit_test(test_the_answer),
        cmocka_unit_test(test_the_server_prefers_a_subprotocol),
        cmocka_unit_test(test_no_subprotocol_in_common),
        cmocka_unit_test(test_hostile_11_long_offers),
        cmocka_unit_test(test_the_answer_names_the_choice_alone),
        cmocka_unit_test(test_the_longest_subprotocol_fits_the_answer),
        cmocka_unit_test(test_a_subprotocol_is_a_token),
        cmocka_unit_test(test_hostile_10_nothing_of_the_request_is_echoed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
