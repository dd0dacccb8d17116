/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static void expect_text(const char *text, const char *written)
{
    struct wsp_address address;
    struct wsp_diag diag = {.message = ""};
    if (wsp_address_parse(&address, text, &diag) != WSP_OK) {
        fail_msg("%s", diag.message);
    }
    char out[WSP_ADDRESS_TEXT_MAX];
    wsp_address_format(&address, out);
    assert_string_equal(out, written);
}

static void expect_refused(const char *text, const char *message)
{
    struct wsp_address address;
    struct wsp_diag diag = {.message = ""};
    assert_int_equal(wsp_address_parse(&address, text, &diag), WSP_ERR_LISTEN);
    assert_int_equal(diag.code, WSP_ERR_LISTEN);
    assert_string_equal(diag.message, message);
}

static void test_numeric_addresses_come_back_as_written(void **state)
{
    (void)state;
    expect_text("127.0.0.1:8080", "127.0.0.1:8080");
    expect_text("0.0.0.0:0", "0.0.0.0:0");
    expect_text("[::1]:65535", "[::1]:65535");
    expect_text("[2001:DB8::1]:80", "[2001:db8::1]:80");
    expect_text("[::ffff:10.0.0.1]:80", "10.0.0.1:80");
    expect_text("unix:/run/app.sock", "unix:/run/app.sock");
    expect_text("unix:app.sock", "unix:app.sock");
}

static void test_a_name_is_resolved(void **state)
{
    (void)state;
    expect_text("localhost:8080", "127.0.0.1:8080");
}

static void test_no_host_means_every_address(void **state)
{
    (void)state;
    struct wsp_address address;
    assert_int_equal(wsp_address_parse(&address, ":8080", NULL), WSP_OK);
    assert_true(address.is_every);
    char out[WSP_ADDRESS_TEXT_MAX];
    wsp_address_format(&address, out);
    if (address.storage.ss_family == AF_INET6) {
        assert_string_equal(out, "[::]:8080");
    } else {
        assert_string_equal(out, "0.0.0.0:8080");
    }
    assert_int_equal(wsp_address_parse(&address, "0.0.0.0:8080", NULL), WSP_OK);
    assert_false(address.is_every);
}

static void test_a_malformed_address_says_what_is_wrong(void **state)
{
    (void)state;
    const char *no_port =
        "listen 8080: the port is missing (host:port, :port or unix:path)";
    expect_refused("8080", no_port);
    expect_refused(
        "", "listen : the port is missing (host:port, :port or unix:path)");
    const char *bad[] = {"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                         ":http",      "127.0.0.1:80 ",   "a:99999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "listen %s: the port is not a number from 0 to 65535", bad[i]);
        expect_refused(bad[i], message);
    }
    expect_refused("::1:80",
                   "listen ::1:80: an IPv6 address is written [address]:port");
    expect_refused("[::1:80",
                   "listen [::1:80: an IPv6 address is written [address]:port");
    expect_refused("[]:80",
                   "listen []:80: an IPv6 address is written [address]:port");
    expect_refused("unix:", "listen unix:: the socket has no path");
}

static void test_what_cannot_be_resolved_is_refused(void **state)
{
    (void)state;
    struct wsp_address address;
    struct wsp_diag diag = {.message = ""};
    assert_int_equal(wsp_address_parse(&address, "[localhost]:80", &diag),
                     WSP_ERR_LISTEN);
    assert_memory_equal(diag.message, "listen [localhost]:80: ", 23);
    assert_int_equal(wsp_address_parse(&address, "[127.0.0.1]:80", &diag),
                     WSP_ERR_LISTEN);
}

static void test_long_texts_are_refused(void **state)
{
    (void)state;
    struct wsp_address address;
    char text[600];
    memset(text, 'a', sizeof text);
    memcpy(text, "unix:", 5);
    text[5 + 107] = '\0';
    assert_int_equal(wsp_address_parse(&address, text, NULL), WSP_OK);
    assert_int_equal(strlen(wsp_address_path(&address)), 107);
    text[5 + 107] = 'a';
    text[5 + 108] = '\0';
    assert_int_equal(wsp_address_parse(&address, text, NULL), WSP_ERR_LISTEN);
    memset(text, 'a', sizeof text);
    memcpy(text + 256, ":80", 4);
    struct wsp_diag diag;
    assert_int_equal(wsp_address_parse(&address, text, &diag), WSP_ERR_LISTEN);
    assert_non_null(strstr(diag.message, "the host name is too long"));
}

static void test_a_diagnostic_is_not_needed(void **state)
{
    (void)state;
    struct wsp_address address;
    assert_int_equal(wsp_address_parse(&address, "x", NULL), WSP_ERR_LISTEN);
}

static void test_a_unix_peer_without_a_name_is_unix(void **state)
{
    (void)state;
    struct wsp_address peer = {.len = sizeof(sa_family_t)};
    peer.storage.ss_family = AF_UNIX;
    char out[WSP_ADDRESS_TEXT_MAX];
    wsp_address_format(&peer, out);
    assert_string_equal(out, "unix");
    assert_null(wsp_address_path(&peer));
}

static void test_a_scope_is_written(void **state)
{
    (void)state;
    struct wsp_address peer = {.len = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer.storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(80);
    in6->sin6_scope_id = 2;
    inet_pton(AF_INET6, "fe80::1", &in6->sin6_addr);
    char out[WSP_ADDRESS_TEXT_MAX];
    wsp_address_format(&peer, out);
    assert_string_equal(out, "[fe80::1%2]:80");
}

static bool is_local(const char *text)
{
    struct wsp_address address;
    assert_int_equal(wsp_address_parse(&address, text, NULL), WSP_OK);
    return wsp_address_is_local(&address);
}

static void test_local_is_what_other_machines_cannot_reach(void **state)
{
    (void)state;
    assert_true(is_local("127.0.0.1:80"));
    assert_true(is_local("127.255.255.254:80"));
    assert_true(is_local("localhost:80"));
    assert_true(is_local("[::1]:80"));
    assert_true(is_local("[::ffff:127.0.0.1]:80"));
    assert_true(is_local("unix:/run/app.sock"));
    assert_false(is_local("128.0.0.1:80"));
    assert_false(is_local("0.0.0.0:80"));
    assert_false(is_local("[::]:80"));
    assert_false(is_local("[::ffff:10.0.0.1]:80"));
    assert_false(is_local("[2001:db8::1]:80"));
    assert_false(is_local(":80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric_addresses_come_back_as_written),
        cmocka_unit_test(test_a_name_is_resolved),
        cmocka_unit_test(test_no_host_means_every_address),
        cmocka_unit_test(test_a_malformed_address_says_what_is_wrong),
        cmocka_unit_test(test_what_cannot_be_resolved_is_refused),
        cmocka_unit_test(test_long_texts_are_refused),
        cmocka_unit_test(test_a_diagnostic_is_not_needed),
        cmocka_unit_test(test_a_unix_peer_without_a_name_is_unix),
        cmocka_unit_test(test_a_scope_is_written),
        cmocka_unit_test(test_local_is_what_other_machines_cannot_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
