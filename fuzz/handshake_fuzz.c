/* SPDX-License-Identifier: MIT */
/* The upgrade check on request heads whose fields are the input: who passes has
 * what RFC 6455 §4.2.1 asks for, and the answer holds nothing of the peer's but
 * the sub-protocol that the server offers.
 * Covers: src/proto/handshake.c */
#include "proto/handshake.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "bytes.h"
#include "target.h"

static const char *const names[] = {"chat", "superchat", "v2.bezirk.org", "x"};

#define NAME_COUNT (sizeof names / sizeof names[0])

/* RFC 6455 §4.2.1 point 5, by libcrypto. */
static bool is_key(struct wsp_span text)
{
    unsigned char raw[32];
    if (text.len != 24 || memcmp(text.data + 22, "==", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > 'z') {
            return false; /* it passes over white space */
        }
    }
    return memchr(text.data, '=', 22) == NULL &&
           memchr(text.data, '-', 22) == NULL &&
           EVP_DecodeBlock(raw, (const unsigned char *)text.data, 24) == 18;
}

static size_t lines_of(const char *text, size_t len)
{
    size_t lines = 0;
    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
        FUZZ_CHECK(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'));
        FUZZ_CHECK(text[i] != '\0');
    }
    return lines;
}

/* The best of the server's names among what the client offers, by one search for
 * each of them. */
static const char *expected_name(const struct wsp_http_head *head,
                                 const char *bytes)
{
    struct wsp_span name = wsp_span_of("Sec-WebSocket-Protocol");
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct wsp_http_values offers = wsp_http_values_of(head, bytes, name);
        struct wsp_span offer;
        while (wsp_http_values_next(&offers, &offer)) {
            if (wsp_span_equal(offer, wsp_span_of(names[i]))) {
                return names[i];
            }
        }
    }
    return "";
}

static void check_answer(const struct wsp_http_head *head, const char *bytes)
{
    char answer[WSP_HANDSHAKE_ACCEPT_MAX];
    struct wsp_http_slice chosen =
        wsp_handshake_subprotocol(head, bytes, names, NAME_COUNT);
    struct wsp_span name = wsp_http_slice_in(chosen, bytes);
    FUZZ_CHECK(wsp_span_equal(name, wsp_span_of(expected_name(head, bytes))));
    struct wsp_extension_rules rules = {
        .server_bits_max = WSP_WINDOW_BITS_MAX,
        .may_take_over = true,
    };
    struct wsp_extension agreed = {0};
    bool is_agreed = wsp_extension_negotiate(head, bytes, &rules, &agreed);
    FUZZ_CHECK(is_agreed == (agreed.server_bits != 0));
    size_t len = wsp_handshake_accept(head, bytes, name, &agreed, answer);
    FUZZ_CHECK(len > 0 && len < sizeof answer);
    FUZZ_CHECK(memcmp(answer + len - 4, "\r\n\r\n", 4) == 0);
    size_t lines = 5U + (name.len > 0 ? 1 : 0) + (is_agreed ? 1 : 0);
    FUZZ_CHECK(lines_of(answer, len) == lines);
}

static bool has_token(const struct wsp_http_head *head, const char *bytes,
                      const char *name, const char *token)
{
    return wsp_http_head_has_token(head, bytes, wsp_span_of(name),
                                   wsp_span_of(token));
}

static void check_request(const struct wsp_http_head *head, const char *bytes)
{
    struct wsp_span key_name = wsp_span_of("Sec-WebSocket-Key");
    struct wsp_span key = wsp_http_head_find(head, bytes, key_name);
    bool has_key =
        wsp_http_head_count(head, bytes, key_name) == 1 && is_key(key);
    int status = wsp_handshake_check(head, bytes);
    int key_status = wsp_handshake_check_key(head, bytes);
    FUZZ_CHECK(status == 0 || status == 400 || status == 405 || status == 426);
    FUZZ_CHECK(key_status == (has_key ? 0 : 400));
    if (status == 0) {
        FUZZ_CHECK(has_token(head, bytes, "Connection", "Upgrade"));
        FUZZ_CHECK(has_token(head, bytes, "Upgrade", "WebSocket"));
        FUZZ_CHECK(has_token(head, bytes, "Sec-WebSocket-Version", "13"));
        FUZZ_CHECK(head->minor == 1 && !head->has_transfer_encoding);
        FUZZ_CHECK(head->content_length == 0);
    }
    if (status == 0 && key_status == 0) {
        check_answer(head, bytes);
    }
}

/* Puts a request line and what is common in front of the input. */
static void build(struct wsp_buf *text, struct bytes *input)
{
    static const char *const lines[] = {
        "GET /ws HTTP/1.1\r\nHost: a\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "POST /ws HTTP/1.1\r\nHost: a\r\n",
    };
    const char *line = lines[bytes_below(input, 4)];
    struct wsp_span rest = bytes_rest(input);
    FUZZ_CHECK(wsp_buf_add(text, line, strlen(line)));
    FUZZ_CHECK(wsp_buf_add(text, rest.data, rest.len));
    FUZZ_CHECK(wsp_buf_add(text, "\r\n\r\n", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct wsp_buf text = {0};
    struct wsp_http_head head;
    build(&text, &input);
    wsp_http_head_init(&head);
    int len =
        wsp_http_head_parse(&head, (struct wsp_span){text.data, text.len});
    if (len > 0) {
        check_request(&head, text.data);
    }
    wsp_buf_fini(&text);
    return 0;
}
