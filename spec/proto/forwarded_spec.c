/* SPDX-License-Identifier: MIT */
#include "proto/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The proxies are 10.0.0.0/8 and ::1. */
static struct wsp_forwarded_trust trust_of(struct wsp_ip_range ranges[2])
{
    assert_true(wsp_ip_range_parse(&ranges[0], wsp_span_of("10.0.0.0/8")));
    assert_true(wsp_ip_range_parse(&ranges[1], wsp_span_of("::1")));
    return (struct wsp_forwarded_trust){ranges, 2};
}

/* The client that the fields name; "nobody" when there is none. */
static void expect(const char *fields, const char *expected)
{
    static char bytes[WSP_HTTP_HEAD_MAX];
    struct wsp_ip_range ranges[2];
    const struct wsp_forwarded_trust trust = trust_of(ranges);
    struct wsp_http_head head;
    struct wsp_ip_port client;
    char text[WSP_IP_TEXT_MAX] = "nobody";
    int len = snprintf(bytes, sizeof bytes,
                       "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    wsp_http_head_init(&head);
    struct wsp_span span = {bytes, (size_t)len};
    assert_int_equal(wsp_http_head_parse(&head, span), len);
    if (wsp_forwarded_find(&head, bytes, &trust, &client)) {
        wsp_ip_port_format(&client, text);
    }
    assert_string_equal(text, expected);
}

#define FOR "X-Forwarded-For: "

static void test_hostile_18_the_right_most_hop_that_is_not_trusted(void **state)
{
    (void)state;
    expect("", "nobody");
    expect(FOR "192.0.2.1\r\n", "192.0.2.1");
    expect(FOR "198.51.100.9, 192.0.2.1\r\n", "192.0.2.1");
    expect(FOR "198.51.100.9, 192.0.2.1, 10.1.2.3, ::1\r\n", "192.0.2.1");
    expect(FOR "10.9.9.9, 192.0.2.1, 10.1.2.3\r\n", "192.0.2.1");
    expect(FOR "10.0.0.3, 10.0.0.2\r\n", "10.0.0.3");
    expect(FOR "192.0.2.1:4711, 10.0.0.1:80\r\n", "192.0.2.1:4711");
    expect(FOR "[2001:db8::1]:80\r\n", "[2001:db8::1]:80");
    expect(FOR "fe80::1%eth0\r\n", "[fe80::1]");
}

static void test_hostile_18_several_fields_are_one_list(void **state)
{
    (void)state;
    expect(FOR "198.51.100.9\r\n" FOR "192.0.2.1\r\n", "192.0.2.1");
    expect(FOR "192.0.2.1\r\nx-forwarded-for: 10.0.0.1\r\n", "192.0.2.1");
    expect(FOR "198.51.100.9\r\n" FOR ",, ,\r\n", "198.51.100.9");
}

static void test_hostile_18_what_is_no_address_is_not_believed(void **state)
{
    (void)state;
    expect(FOR "192.0.2.1, evil\r\n", "nobody");
    expect(FOR "192.0.2.1, evil, 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2");
    expect(FOR "unknown\r\n", "nobody");
    expect(FOR "_hidden, 10.0.0.2\r\n", "10.0.0.2");
    expect(FOR "evil, 192.0.2.1\r\n", "192.0.2.1");
    expect(FOR "192.0.2.1 198.51.100.9\r\n", "nobody");
    expect(FOR "\r\n", "nobody");
    expect("Forwarded: for=192.0.2.1\r\n", "nobody");
}

static void test_hostile_18_a_hundred_hops(void **state)
{
    char fields[4096] = FOR "198.51.100.9";
    (void)state;
    for (int i = 0; i < 100; i++) {
        strcat(fields, i == 50 ? ", 192.0.2.1" : ", 10.0.0.1");
    }
    strcat(fields, "\r\n");
    expect(fields, "192.0.2.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_hostile_18_the_right_most_hop_that_is_not_trusted),
        cmocka_unit_test(test_hostile_18_several_fields_are_one_list),
        cmocka_unit_test(test_hostile_18_what_is_no_address_is_not_believed),
        cmocka_unit_test(test_hostile_18_a_hundred_hops),
    };
    return cmocka_run_group_tests_name("proto.forwarded", tests, NULL, NULL);
}
