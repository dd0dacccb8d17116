/* SPDX-License-Identifier: MIT */
/* Hostile 17: the header of a proxy, well-meant or not, at every cut. */
#include "proto/proxy_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "page_end.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x1f\x90\0\x50"
#define V6                                                                     \
    SIGNATURE "\x21\x21\0\x24"                                                 \
              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"                       \
              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x1f\x90\0\x50"

#define BYTES(text)                                                            \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

/* What came of a stream: "192.0.2.1:8080 +3" with three bytes left, "proxy +0",
 * "more" or "bad". */
struct outcome {
    char text[80];
};

/* Feeds the stream in pieces of `step` bytes, each at the end of a page. */
static struct outcome read_in(struct wsp_span stream, size_t step)
{
    struct wsp_proxy_head head;
    struct page_end page;
    struct outcome outcome = {"more"};
    enum wsp_proxy_result result = WSP_PROXY_MORE;
    size_t used = 0;
    page_end_init(&page, step);
    wsp_proxy_head_init(&head);
    while (result == WSP_PROXY_MORE && used < stream.len) {
        size_t len = stream.len - used < step ? stream.len - used : step;
        struct wsp_span piece = {stream.data + used, len};
        size_t taken;
        const char *at = page_end_put(&page, piece);
        result = wsp_proxy_head_feed(&head, (const uint8_t *)at, len, &taken);
        assert_true(taken <= len);
        assert_true(taken == len || result != WSP_PROXY_MORE);
        used += taken;
    }
    page_end_fini(&page);
    char client[WSP_IP_TEXT_MAX] = "proxy";
    if (head.has_client) {
        wsp_ip_port_format(&head.client, client);
    }
    if (result == WSP_PROXY_DONE) {
        snprintf(outcome.text, sizeof outcome.text, "%s +%zu", client,
                 stream.len - used);
    } else if (result == WSP_PROXY_BAD) {
        snprintf(outcome.text, sizeof outcome.text, "bad");
    }
    return outcome;
}

static void expect(struct wsp_span stream, const char *expected)
{
    size_t steps[] = {1, 2, 3, 7, 16, 17, 100, stream.len};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct outcome outcome = read_in(stream, steps[i] ? steps[i] : 1);
        assert_string_equal(outcome.text, expected);
    }
}

static void expect_text(const char *text, const char *expected)
{
    expect(wsp_span_of(text), expected);
}

/* ---- version 1 ---- */

static void test_v1_names_the_client(void **state)
{
    (void)state;
    expect_text("PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n",
                "192.0.2.1:8080 +0");
    expect_text("PROXY TCP4 192.0.2.1 192.0.2.2 65535 0\r\nGET",
                "192.0.2.1:65535 +3");
    expect_text("PROXY TCP6 2001:db8::1 ::1 8080 80\r\n",
                "[2001:db8::1]:8080 +0");
    expect_text("PROXY TCP6 ::ffff:192.0.2.1 ::1 8080 80\r\n",
                "192.0.2.1:8080 +0");
}

static void test_v1_may_name_nobody(void **state)
{
    (void)state;
    expect_text("PROXY UNKNOWN\r\nGET", "proxy +3");
    expect_text("PROXY UNKNOWN ffff:f...f:ffff whatever 1 2\r\n", "proxy +0");
}

static void test_v1_is_107_bytes_at_most(void **state)
{
    char line[160];
    (void)state;
    for (int pad = 80; pad < 100; pad++) {
        int len = snprintf(line, sizeof line, "PROXY UNKNOWN %0*d\r\n", pad, 0);
        expect_text(line, len <= WSP_PROXY_HEAD_V1_MAX ? "proxy +0" : "bad");
    }
}

static void test_hostile_17_v1_that_is_wrong(void **state)
{
    static const char *const lines[] = {
        "PROXY \r\n",
        "PROXY\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80 1\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 8080 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 08080 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 99999999999 80\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 8080 80\r\n",
        "PROXY TCP4 192.0.2.1 evil 8080 80\r\n",
        "PROXY TCP4 2001:db8::1 ::1 8080 80\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 8080 80\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 8080 80\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\rX",
        "PROXY TCP4 192.0.2.1\t192.0.2.2 8080 80\r\n",
        "PROXY UNKNOWN \x1b[2J\r\n",
        "PROXY UNKNOWN \x80\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 8080 80\r\n",
        "PROXIMATE",
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect_text(lines[i], "bad");
    }
}

/* ---- version 2 ---- */

static void test_v2_names_the_client(void **state)
{
    const struct wsp_span v4 = BYTES(V4 "GET");
    const struct wsp_span v6 = BYTES(V6);
    (void)state;
    expect(v4, "192.0.2.1:8080 +3");
    expect(v6, "[2001:db8::1]:8080 +0");
}

static void test_v2_may_name_nobody(void **state)
{
    const struct wsp_span local = BYTES(SIGNATURE "\x20\x11\0\x0c"
                                                  "abcdefghijklGET");
    const struct wsp_span short_local = BYTES(SIGNATURE "\x20\0\0\0GET");
    const struct wsp_span unspecified = BYTES(SIGNATURE "\x21\0\0\2abGET");
    const struct wsp_span udp = BYTES(SIGNATURE "\x21\x12\0\x0c"
                                                "abcdefghijklGET");
    const struct wsp_span unix_path = BYTES(SIGNATURE "\x21\x31\0\4abcdGET");
    (void)state;
    expect(local, "proxy +3");
    expect(short_local, "proxy +3");
    expect(unspecified, "proxy +3");
    expect(udp, "proxy +3");
    expect(unix_path, "proxy +3");
}

static void test_v2_additions_are_stepped_over(void **state)
{
    static char stream[16 + 65535 + 3];
    const struct wsp_span v4 = BYTES(V4);
    (void)state;
    memset(stream, 'x', sizeof stream);
    memcpy(stream, v4.data, v4.len);
    stream[14] = stream[15] = (char)0xff;
    const size_t steps[] = {1, 1000, sizeof stream};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct wsp_span all = {stream, sizeof stream};
        struct outcome outcome = read_in(all, steps[i]);
        assert_string_equal(outcome.text, "192.0.2.1:8080 +3");
    }
    struct outcome cut =
        read_in((struct wsp_span){stream, sizeof stream - 4}, 1000);
    assert_string_equal(cut.text, "more");
}

static void test_hostile_17_v2_that_is_wrong(void **state)
{
    static const struct wsp_span streams[] = {
        BYTES(SIGNATURE "\x11\x11\0\x0c"), /* another version */
        BYTES(SIGNATURE "\x31\x11\0\x0c"), /* and one to come */
        BYTES(SIGNATURE "\x22\x11\0\x0c"), /* another command */
        BYTES(SIGNATURE "\x21\x13\0\x0c"), /* another transport */
        BYTES(SIGNATURE "\x21\x41\0\x0c"), /* another family */
        BYTES(SIGNATURE "\x21\x11\0\x0b"), /* too short for IPv4 */
        BYTES(SIGNATURE "\x21\x21\0\x0c"), /* too short for IPv6 */
        BYTES(SIGNATURE "\x21\x21\0\0"),   BYTES("\r\n\r\n\0\r\nQUIT\r"),
        BYTES("\r\nGET / HTTP/1.1\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        expect(streams[i], "bad");
    }
}

static void test_hostile_17_every_start_asks_for_more(void **state)
{
    const struct wsp_span streams[] = {
        BYTES(V4), BYTES(V6),
        BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n")};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < streams[i].len; len++) {
            expect((struct wsp_span){streams[i].data, len}, "more");
        }
    }
}

static void test_after_its_end_nothing_is_taken(void **state)
{
    struct wsp_proxy_head head;
    size_t taken;
    (void)state;
    wsp_proxy_head_init(&head);
    const uint8_t bad[] = "X";
    assert_int_equal(wsp_proxy_head_feed(&head, bad, 1, &taken), WSP_PROXY_BAD);
    assert_int_equal(wsp_proxy_head_feed(&head, bad, 1, &taken), WSP_PROXY_BAD);
    assert_int_equal(taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_names_the_client),
        cmocka_unit_test(test_v1_may_name_nobody),
        cmocka_unit_test(test_v1_is_107_bytes_at_most),
        cmocka_unit_test(test_hostile_17_v1_that_is_wrong),
        cmocka_unit_test(test_v2_names_the_client),
        cmocka_unit_test(test_v2_may_name_nobody),
        cmocka_unit_test(test_v2_additions_are_stepped_over),
        cmocka_unit_test(test_hostile_17_v2_that_is_wrong),
        cmocka_unit_test(test_hostile_17_every_start_asks_for_more),
        cmocka_unit_test(test_after_its_end_nothing_is_taken),
    };
    return cmocka_run_group_tests_name("proto.proxy_head", tests, NULL, NULL);
}
