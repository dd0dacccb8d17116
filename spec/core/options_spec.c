/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <wspulse/options.h>

static struct wsp_options defaults(void)
{
    struct wsp_options options;
    wsp_options_init(&options);
    return options;
}

static void assert_text(const struct wsp_options *options, const char *text)
{
    struct wsp_diag diag = {WSP_OK, 0, ""};
    assert_int_equal(wsp_options_check(options, &diag), WSP_ERR_INVALID_OPTION);
    assert_string_equal(diag.message, text);
}

static void the_seeds_defaults(void **state)
{
    (void)state;
    struct wsp_options o = defaults();
    assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);
    assert_true(o.resume_window == 0 && o.heartbeat_ping == 10 &&
                o.heartbeat_pong == 30 && o.write_wait == 10);
    assert_true(o.max_message_size == 512 && o.send_buffer_size == 256);
    assert_string_equal(o.codec, "json");
    assert_int_equal(o.origin_policy, WSP_ORIGIN_ANY);
}

/* One member set to a value, and the text that is expected. */
#define REFUSE(member, value, text)                                            \
    do {                                                                       \
        struct wsp_options o = defaults();                                     \
        o.member = (value);                                                    \
        assert_text(&o, text);                                                 \
    } while (0)

#define ACCEPT(member, value)                                                  \
    do {                                                                       \
        struct wsp_options o = defaults();                                     \
        o.member = (value);                                                    \
        assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);                 \
    } while (0)

static void the_seeds_texts(void **state)
{
    (void)state;
    REFUSE(resume_window, -1,
           "wspulse: WithResumeWindow: duration must be non-negative "
           "(resume_window = -1)");
    REFUSE(write_wait, 0,
           "wspulse: WithWriteWait: duration must be positive (write_wait = "
           "0)");
    REFUSE(write_wait, 30.5,
           "wspulse: WithWriteWait: duration exceeds maximum (30s) (write_wait "
           "= 30.5)");
    REFUSE(max_message_size, 0,
           "wspulse: WithMaxMessageSize: n must be at least 1 "
           "(max_message_size = 0)");
    REFUSE(max_message_size, 67108865,
           "wspulse: WithMaxMessageSize: n exceeds maximum (64 MiB) "
           "(max_message_size = 67108865)");
    REFUSE(send_buffer_size, 0,
           "wspulse: WithSendBufferSize: n must be at least 1 "
           "(send_buffer_size = 0)");
    REFUSE(send_buffer_size, 4097,
           "wspulse: WithSendBufferSize: n exceeds maximum (4096) "
           "(send_buffer_size = 4097)");
    REFUSE(upgrader_read_size, 0,
           "wspulse: WithUpgraderBufferSize: readSize must be positive "
           "(upgrader_buffer_size.read = 0)");
    REFUSE(upgrader_write_size, -1,
           "wspulse: WithUpgraderBufferSize: writeSize must be positive "
           "(upgrader_buffer_size.write = -1)");
    REFUSE(codec, NULL,
           "wspulse: WithCodec: codec must not be nil (codec = nil)");
    REFUSE(codec, "xml", "wspulse: WithCodec: unknown codec (codec = \"xml\")");
    REFUSE(takeover, WSP_TAKEOVER_RESUME,
           "wspulse: takeover: \"resume\" needs resume_window greater than 0 "
           "(resume_window = 0)");
    REFUSE(resume_confirm, true,
           "wspulse: resume_confirm: needs resume_window greater than 0 "
           "(resume_window = 0)");
}

static void heartbeat_in_the_seeds_order(void **state)
{
    (void)state;
    struct wsp_options o = defaults();
    o.heartbeat_ping = 30;
    assert_text(&o, "wspulse: WithHeartbeat: pingPeriod must be positive and "
                    "strictly less than pongWait (heartbeat = { ping = 30, "
                    "pong = 30 })");
    o.heartbeat_ping = 301;
    o.heartbeat_pong = 601;
    assert_text(&o, "wspulse: WithHeartbeat: pingPeriod exceeds maximum (5m) "
                    "(heartbeat = { ping = 301, pong = 601 })");
    o.heartbeat_ping = 300;
    assert_text(&o, "wspulse: WithHeartbeat: pongWait exceeds maximum (10m) "
                    "(heartbeat = { ping = 300, pong = 601 })");
    o.heartbeat_pong = 600;
    assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);
    o.heartbeat_ping = NAN;
    assert_int_equal(wsp_options_check(&o, NULL), WSP_ERR_INVALID_OPTION);
}

static void boundaries_are_accepted(void **state)
{
    (void)state;
    ACCEPT(write_wait, 30);
    ACCEPT(write_wait, 0.001);
    ACCEPT(max_message_size, 1);
    ACCEPT(max_message_size, 67108864);
    ACCEPT(send_buffer_size, 1);
    ACCEPT(send_buffer_size, 4096);
    ACCEPT(resume_window, 86400);
    ACCEPT(upgrader_read_size, 1);
}

static void hostile_82_nan_infinity_and_fractions(void **state)
{
    (void)state;
    REFUSE(max_message_size, NAN,
           "wspulse: WithMaxMessageSize: n must be at least 1 "
           "(max_message_size = nan)");
    REFUSE(max_message_size, INFINITY,
           "wspulse: WithMaxMessageSize: n exceeds maximum (64 MiB) "
           "(max_message_size = inf)");
    REFUSE(send_buffer_size, 1.5,
           "wspulse: WithSendBufferSize: n must be a whole number "
           "(send_buffer_size = 1.5)");
    REFUSE(resume_window, INFINITY,
           "wspulse: WithResumeWindow: duration must be a finite number "
           "(resume_window = inf)");
    REFUSE(write_wait, -INFINITY,
           "wspulse: WithWriteWait: duration must be positive (write_wait = "
           "-inf)");
}

static void hostile_82_limits_out_of_range(void **state)
{
    (void)state;
    REFUSE(handshake_timeout, 0,
           "wspulse: handshake_timeout: duration must be positive "
           "(handshake_timeout = 0)");
    REFUSE(handshake_timeout, 301,
           "wspulse: handshake_timeout: duration exceeds maximum (5m) "
           "(handshake_timeout = 301)");
    REFUSE(max_connections, -1,
           "wspulse: max_connections: n must be non-negative "
           "(max_connections = -1)");
    REFUSE(max_connections, 1e99,
           "wspulse: max_connections: n exceeds maximum (16777216) "
           "(max_connections = 1e+99)");
    REFUSE(max_connections_per_ip, 0.5,
           "wspulse: max_connections_per_ip: n must be a whole number "
           "(max_connections_per_ip = 0.5)");
    REFUSE(accept_per_second, NAN,
           "wspulse: accept_rate: n must be non-negative "
           "(accept_rate.per_second = nan)");
    REFUSE(accept_burst, 1.5,
           "wspulse: accept_rate: n must be a whole number "
           "(accept_rate.burst = 1.5)");
    REFUSE(max_fragments, -1,
           "wspulse: max_fragments: n must be non-negative "
           "(max_fragments = -1)");
    REFUSE(max_control_rate, INFINITY,
           "wspulse: max_control_rate: n exceeds maximum (1000000) "
           "(max_control_rate = inf)");
    ACCEPT(handshake_timeout, 0.001);
    ACCEPT(accept_per_second, 0.5);
    ACCEPT(max_control_rate, 0);
}

static void hostile_9_an_origin_that_lets_nobody_in(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "https://a.example/", "a.example",          "null", "",
        "https://",           "https://a.example:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const origins[] = {"https://a.example:8443", bad[i]};
        struct wsp_options o = defaults();
        char text[256];
        o.origin_policy = WSP_ORIGIN_LIST;
        o.origins = origins;
        o.origin_count = 1;
        assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);
        o.origin_count = 2;
        snprintf(text, sizeof text,
                 "wspulse: WithCheckOrigin: an origin is a scheme and a host, "
                 "such as \"https://a.example\", and maybe a port "
                 "(check_origin[2] = \"%s\")",
                 bad[i]);
        assert_text(&o, text);
    }
}

static void refuse_proxies(const char *const *texts, size_t count,
                           const char *text)
{
    struct wsp_options o = defaults();
    o.trusted_proxies = texts;
    o.trusted_proxy_count = count;
    assert_text(&o, text);
}

static void proxies_are_addresses_ranges_or_unix(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1", "10.0.0.0/8", "::1",
                                       "2001:db8::/32", "unix"};
    static const struct wsp_listen behind = {.address = "127.0.0.1:0",
                                             .proxy_protocol = true};
    struct wsp_options o = defaults();
    o.listen = &behind;
    o.listen_count = 1;
    assert_text(&o, "wspulse: proxy_protocol: needs trusted_proxies, from "
                    "nobody else is it believed (listen = \"127.0.0.1:0\")");
    o.trusted_proxies = good;
    o.trusted_proxy_count = 5;
    assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);
    refuse_proxies((const char *const[]){"::1", "nginx.local"}, 2,
                   "wspulse: trusted_proxies: must be an IP address, a range "
                   "such as \"10.0.0.0/8\", or \"unix\" (trusted_proxies[2] "
                   "= \"nginx.local\")");
    refuse_proxies((const char *const[]){"10.0.0.1/8"}, 1,
                   "wspulse: trusted_proxies: must be an IP address, a range "
                   "such as \"10.0.0.0/8\", or \"unix\" (trusted_proxies[1] "
                   "= \"10.0.0.1/8\")");
}

static void routes_and_folders_are_checked(void **state)
{
    (void)state;
    struct wsp_route route = {"GET", "hello"};
    struct wsp_options o = defaults();
    o.routes = &route;
    o.route_count = 1;
    assert_text(&o, "wspulse: http: a route is a method and a path, such as "
                    "\"GET /hello\" (http = \"GET hello\")");
    struct wsp_static_dir dir = {"assets", "public"};
    o = defaults();
    o.static_dirs = &dir;
    o.static_count = 1;
    assert_text(&o,
                "wspulse: static: a URL prefix starts with \"/\" and names a "
                "folder (static[\"assets\"] = \"public\")");
}

static void refuse_subprotocols(const char *const *names, size_t count,
                                const char *text)
{
    struct wsp_options o = defaults();
    o.subprotocols = names;
    o.subprotocol_count = count;
    assert_text(&o, text);
}

static void subprotocols_are_different_tokens(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A", "v12.stomp"};
    struct wsp_options o = defaults();
    o.subprotocols = good;
    o.subprotocol_count = 3;
    assert_int_equal(wsp_options_check(&o, NULL), WSP_OK);
    refuse_subprotocols((const char *const[]){"a", "b c"}, 2,
                        "wspulse: subprotocols: a name is an RFC 9110 token of "
                        "at most 128 bytes (subprotocols[2] = \"b c\")");
    refuse_subprotocols((const char *const[]){""}, 1,
                        "wspulse: subprotocols: a name is an RFC 9110 token of "
                        "at most 128 bytes (subprotocols[1] = \"\")");
    refuse_subprotocols((const char *const[]){"a", "b", "a"}, 3,
                        "wspulse: subprotocols: names must differ "
                        "(subprotocols[3] = \"a\")");
    const char *many[33];
    for (size_t i = 0; i < 33; i++) {
        many[i] = "a";
    }
    refuse_subprotocols(many, 33,
                        "wspulse: subprotocols: at most 32 names "
                        "(subprotocols = 33 names)");
}

static void the_options_of_compression(void **state)
{
    (void)state;
    const struct wsp_compression_options is = defaults().compression;
    assert_true(!is.is_on && is.client_no_context_takeover);
    assert_true(is.level == 1 && is.min_size == 1024 &&
                is.server_max_window_bits == 15 && is.max_memory == 67108864);
    REFUSE(compression.level, 0,
           "wspulse: compression: n must be at least 1 (compression.level = "
           "0)");
    REFUSE(compression.level, 10,
           "wspulse: compression: n exceeds maximum (9) (compression.level = "
           "10)");
    REFUSE(compression.level, 1.5,
           "wspulse: compression: n must be a whole number (compression.level "
           "= 1.5)");
    REFUSE(compression.min_size, -1,
           "wspulse: compression: n must be non-negative "
           "(compression.min_size = -1)");
    REFUSE(compression.server_max_window_bits, 8,
           "wspulse: compression: n must be at least 9, the smallest window of "
           "zlib (compression.server_max_window_bits = 8)");
    REFUSE(compression.server_max_window_bits, 16,
           "wspulse: compression: n exceeds maximum (15) "
           "(compression.server_max_window_bits = 16)");
    REFUSE(compression.max_memory, (double)NAN,
           "wspulse: compression: n must be non-negative "
           "(compression.max_memory = nan)");
    REFUSE(compression.max_memory, (double)INFINITY,
           "wspulse: compression: n must be a finite number "
           "(compression.max_memory = inf)");
    ACCEPT(compression.level, 9);
    ACCEPT(compression.min_size, 0);
    ACCEPT(compression.server_max_window_bits, 9);
    ACCEPT(compression.max_memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seeds_defaults),
        cmocka_unit_test(the_seeds_texts),
        cmocka_unit_test(heartbeat_in_the_seeds_order),
        cmocka_unit_test(boundaries_are_accepted),
        cmocka_unit_test(hostile_82_nan_infinity_and_fractions),
        cmocka_unit_test(hostile_82_limits_out_of_range),
        cmocka_unit_test(hostile_9_an_origin_that_lets_nobody_in),
        cmocka_unit_test(proxies_are_addresses_ranges_or_unix),
        cmocka_unit_test(routes_and_folders_are_checked),
        cmocka_unit_test(subprotocols_are_different_tokens),
        cmocka_unit_test(the_options_of_compression),
    };
    return cmocka_run_group_tests_name("core.options", tests, NULL, NULL);
}
