/* SPDX-License-Identifier: MIT */
#include "base/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text in memory of its own length, so that a read beyond is found. */
static struct wsp_span exact(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return (struct wsp_span){copy, len};
}

static void drop(struct wsp_span text)
{
    free((void *)(uintptr_t)text.data);
}

/* What is read of `text`, written again; "no" when it is none. */
static const char *again(const char *text)
{
    static char out[WSP_IP_TEXT_MAX];
    struct wsp_ip_port read;
    struct wsp_span span = exact(text);
    bool is_read = wsp_ip_port_parse(&read, span);
    drop(span);
    if (!is_read) {
        return "no";
    }
    wsp_ip_port_format(&read, out);
    return out;
}

static struct wsp_ip ip_of(const char *text)
{
    struct wsp_ip ip;
    struct wsp_span span = exact(text);
    assert_true(wsp_ip_parse(&ip, span));
    drop(span);
    return ip;
}

static bool is_range(const char *text)
{
    struct wsp_ip_range range;
    struct wsp_span span = exact(text);
    bool is_one = wsp_ip_range_parse(&range, span);
    drop(span);
    return is_one;
}

static bool holds(const char *text, const char *address)
{
    struct wsp_ip_range range;
    struct wsp_span span = exact(text);
    assert_true(wsp_ip_range_parse(&range, span));
    drop(span);
    struct wsp_ip ip = ip_of(address);
    return wsp_ip_range_holds(&range, &ip);
}

/* ---- addresses ---- */

static void test_an_address_is_read_with_or_without_a_port(void **state)
{
    static const char *const rows[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"192.0.2.1:0", "192.0.2.1"},
        {"2001:db8::1", "[2001:db8::1]"},
        {"2001:DB8:0:0:0:0:0:1", "[2001:db8::1]"},
        {"[2001:db8::1]", "[2001:db8::1]"},
        {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"[::ffff:192.0.2.1]:443", "192.0.2.1:443"},
        {"2001:db8::1:80", "[2001:db8::1:80]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(again(rows[i][0]), rows[i][1]);
    }
}

static void test_hostile_18_a_zone_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(again("fe80::1%eth0"), "[fe80::1]");
    assert_string_equal(again("[fe80::1%25eth0]:80"), "[fe80::1]:80");
    assert_string_equal(again("fe80::1%"), "[fe80::1]");
}

static void test_hostile_18_what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1 ",
        " 192.0.2.1",
        "192.0.2.256",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:080",
        "192.0.2.1:8x",
        "[192.0.2.1]",
        "[192.0.2.1]:80",
        "[2001:db8::1",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "[]",
        "[",
        "]",
        ":",
        ":80",
        "::1::2",
        "%eth0",
        "010.0.0.1",
        "evil\r\nX-Forged: 1",
        "192.0.2.1,10.0.0.1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_string_equal(again(texts[i]), "no");
    }
    struct wsp_ip ip;
    assert_false(wsp_ip_parse(&ip, (struct wsp_span){"1.2.3.4\0x", 9}));
    assert_false(wsp_ip_parse(&ip, (struct wsp_span){NULL, 0}));
}

/* ---- ranges ---- */

static void test_a_range_holds_what_begins_like_it(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.0.1"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("192.0.2.128/25", "192.0.2.129"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.7", "192.0.2.7"));
    assert_false(holds("192.0.2.7", "192.0.2.6"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("::1", "::1"));
    assert_true(holds("0.0.0.0/0", "203.0.113.9"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("::/0", "203.0.113.9"));
    assert_true(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
}

static void test_what_is_no_range_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "2001:db8::1/32",
        "10.0.0.0/",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "/8",
        "2001:db8::/129",
        "local",
        "10.0.0.0:80",
        "10.0.0.0/8 ",
        "10.0.0.0/255.0.0.0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(is_range(texts[i]));
    }
    assert_true(is_range("10.0.0.0/32"));
    assert_true(is_range("::/0"));
}

/* ---- peers ---- */

static uint64_t peer_of(const char *text)
{
    struct wsp_ip ip = ip_of(text);
    return wsp_ip_peer(&ip);
}

static void test_a_peer_is_an_ipv4_address_or_a_64(void **state)
{
    (void)state;
    assert_true(peer_of("192.0.2.1") == peer_of("::ffff:192.0.2.1"));
    assert_true(peer_of("192.0.2.1") != peer_of("192.0.2.2"));
    assert_true(peer_of("2001:db8::1") == peer_of("2001:db8::ffff:0:0:1"));
    assert_true(peer_of("2001:db8::1") != peer_of("2001:db8:0:1::1"));
    assert_true(peer_of("0.0.0.0") != peer_of("::"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_is_read_with_or_without_a_port),
        cmocka_unit_test(test_hostile_18_a_zone_is_left_out),
        cmocka_unit_test(test_hostile_18_what_is_no_address_is_refused),
        cmocka_unit_test(test_a_range_holds_what_begins_like_it),
        cmocka_unit_test(test_what_is_no_range_is_refused),
        cmocka_unit_test(test_a_peer_is_an_ipv4_address_or_a_64),
    };
    return cmocka_run_group_tests_name("base.ip", tests, NULL, NULL);
}
