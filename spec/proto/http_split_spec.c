/* SPDX-License-Identifier: MIT */
/* However a request head is cut into reads, the same comes out. */
#include "proto/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: a\r\n"

static const char *const corpus[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /chat?room=a%20b HTTP/1.1\r\nHost: example.com:80\r\n"
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\nOrigin: https://example.com\r\n"
    "Cookie: a=b; c=\"d\"\r\nX-Empty:\r\nX-Blank: \t \r\n\r\n\x81\x85",
    "\r\nPOST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n",
    "GET / HTTP/2.0\r\n" HOST "\r\n",
    "GET /# HTTP/1.1\r\n" HOST "\r\n",
    "GET /\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "Incomplete: head\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
};

#define CORPUS_COUNT (sizeof(corpus) / sizeof(*corpus))

struct outcome {
    int status;
    struct wsp_http_head head;
};

static struct outcome begin(void)
{
    struct outcome outcome = {.status = 0};
    wsp_http_head_init(&outcome.head);
    return outcome;
}

/* Goes on with the first `len` bytes, unless it is over. */
static void go_on(struct outcome *outcome, const char *bytes, size_t len)
{
    if (outcome->status == 0) {
        /* Bytes may move between two calls. */
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        outcome->status =
            wsp_http_head_parse(&outcome->head, (struct wsp_span){copy, len});
        free(copy);
    }
}

static void expect_same(const struct outcome *found,
                        const struct outcome *whole)
{
    assert_int_equal(found->status, whole->status);
    if (whole->status > 0) {
        assert_memory_equal(&found->head, &whole->head, sizeof(whole->head));
    }
}

static void try_cuts(const char *bytes, size_t len)
{
    struct outcome whole = begin();
    go_on(&whole, bytes, len);
    struct outcome bytewise = begin();
    for (size_t end = 1; end <= len; end++) {
        go_on(&bytewise, bytes, end);
    }
    expect_same(&bytewise, &whole);
    for (size_t cut = 0; cut <= len; cut++) {
        struct outcome found = begin();
        go_on(&found, bytes, cut);
        go_on(&found, bytes, len);
        expect_same(&found, &whole);
    }
}

static void test_hostile_37_every_cut_of_every_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        try_cuts(corpus[i], strlen(corpus[i]));
    }
}

static void test_hostile_37_every_cut_in_three_of_a_handshake(void **state)
{
    (void)state;
    const char *bytes = corpus[1];
    size_t len = strlen(bytes);
    struct outcome whole = begin();
    go_on(&whole, bytes, len);
    assert_int_equal(whole.status, (int)len - 2);
    for (size_t first = 1; first < len; first++) {
        for (size_t second = first + 1; second < len; second++) {
            struct outcome found = begin();
            go_on(&found, bytes, first);
            go_on(&found, bytes, second);
            go_on(&found, bytes, len);
            expect_same(&found, &whole);
        }
    }
}

/* Cuts near the bounds of a line and of the head. */
static void try_bound(struct wsp_span start, size_t bound)
{
    size_t len = bound + 3;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    memcpy(bytes, start.data, start.len);
    struct outcome whole = begin();
    go_on(&whole, bytes, len);
    assert_int_equal(whole.status, -431);
    for (size_t cut = bound - 3; cut <= len; cut++) {
        struct outcome found = begin();
        for (size_t end = cut; end <= len; end++) {
            go_on(&found, bytes, end);
        }
        expect_same(&found, &whole);
    }
    free(bytes);
}

static void test_cuts_at_the_bounds(void **state)
{
    (void)state;
    try_bound(wsp_span_of("GET /"), WSP_HTTP_LINE_MAX);
    try_bound(wsp_span_of("GET / HTTP/1.1\r\nX: "), 16 + WSP_HTTP_LINE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_37_every_cut_of_every_request),
        cmocka_unit_test(test_hostile_37_every_cut_in_three_of_a_handshake),
        cmocka_unit_test(test_cuts_at_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
