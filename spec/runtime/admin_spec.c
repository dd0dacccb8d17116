/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"
#include "support/loop_wait.h"

static void expect_status(const char *answer, const char *status)
{
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    assert_memory_equal(answer + 9, status, strlen(status));
}

static void expect_in(const char *answer, const char *text)
{
    if (!strstr(answer, text)) {
        fail_msg("\"%s\" is not in: %s", text, answer);
    }
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* ---- what is answered ---- */

static void m1_m2_a_scrape_shows_what_happened(void **state)
{
    (void)state;
    struct stage stage;
    struct peer ann;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    stage_echo(&stage, &ann);
    peer_connect(&peer, stage_admin(&stage));
    stage_ask(&stage, &peer, "GET /metrics", answer);
    expect_status(answer, "200 OK\r\n");
    expect_in(answer, "\r\nContent-Type: text/plain; version=0.0.4; "
                      "charset=utf-8\r\n");
    expect_in(answer, "\nwspulse_connections_opened_total 1\n");
    expect_in(answer, "\nwspulse_connections_active 1\n");
    expect_in(answer, "\nwspulse_rooms_created_total 1\n");
    expect_in(answer, "\nwspulse_messages_received_total 1\n");
    expect_in(answer, "\nwspulse_messages_received_bytes_total 5\n");
    expect_in(answer, "\nwspulse_messages_sent_total 1\n");
    expect_in(answer, "\nwspulse_send_buffer_utilization_count 1\n");
    expect_in(answer, "\nwspulse_server_info{name=\"main\",");
    assert_int_equal(stage.route_calls, 0);
    size_t len = 0;
    char *text = wsp_server_metrics_text(stage.server, &len);
    assert_non_null(text);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, body_of(answer));
    wsp_server_metrics_text_free(text);
    peer_close(&peer);
    peer_close(&ann);
    stage_free(&stage);
}

static void health_and_readiness(void **state)
{
    (void)state;
    struct stage stage;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    assert_true(wsp_server_is_ready(stage.server));
    peer_connect(&peer, stage_admin(&stage));
    stage_ask(&stage, &peer, "GET /healthz", answer);
    expect_status(answer, "200 OK\r\n");
    assert_string_equal(body_of(answer), "ok\n");
    stage_ask(&stage, &peer, "GET /readyz",
              answer); /* on the same connection */
    expect_status(answer, "200 OK\r\n");
    assert_string_equal(body_of(answer), "ready\n");
    peer_close(&peer);
    stage_free(&stage);
}

static void head_has_the_headers_of_get(void **state)
{
    (void)state;
    static const char *const paths[] = {"/metrics", "/healthz", "/readyz"};
    struct stage stage;
    struct peer peer;
    char get[STAGE_ANSWER_MAX];
    char head[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    peer_connect(&peer, stage_admin(&stage));
    for (size_t i = 0; i < 3; i++) {
        char line[64];
        snprintf(line, sizeof line, "GET %s", paths[i]);
        stage_ask(&stage, &peer, line, get);
        snprintf(line, sizeof line, "HEAD %s", paths[i]);
        stage_ask(&stage, &peer, line, head);
        assert_string_equal(body_of(head), "");
        char length[64];
        snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n",
                 strlen(body_of(get)));
        expect_status(head, "200 OK\r\n");
        expect_in(head, length);
    }
    peer_close(&peer);
    stage_free(&stage);
}

static void other_methods_and_paths_are_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "/",   "/own",       "/metrics/", "/metrics.md",
        "/ws", "/healthz/x", "/..//docs", "/index.html"};
    struct stage stage;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    peer_connect(&peer, stage_admin(&stage));
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "GET %s", unknown[i]);
        stage_ask(&stage, &peer, line, answer);
        expect_status(answer, "404 Not Found\r\n");
    }
    stage_ask(&stage, &peer, "POST /metrics", answer);
    expect_status(answer, "405 Method Not Allowed\r\n");
    expect_in(answer, "\r\nAllow: GET, HEAD\r\n");
    stage_ask(&stage, &peer, "DELETE /readyz", answer);
    expect_status(answer, "405 Method Not Allowed\r\n");
    stage_ask(&stage, &peer, "GET /metrics?name=wspulse", answer);
    expect_status(answer, "200 OK\r\n");
    assert_int_equal(stage.route_calls, 0);
    peer_close(&peer);
    stage_free(&stage);
}

static void hostile_80_nothing_upgrades_on_the_admin_address(void **state)
{
    (void)state;
    struct stage stage;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    stage_upgrade(&stage, &peer, stage_admin(&stage), answer);
    expect_status(answer, "404 Not Found\r\n");
    assert_int_equal(stage.admissions, 0);
    peer_close(&peer);
    stage_free(&stage);
}

static void the_other_addresses_know_no_admin_endpoints(void **state)
{
    (void)state;
    struct stage stage;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    peer_connect(&peer, wsp_server_address(stage.server, 0));
    stage_ask(&stage, &peer, "GET /healthz", answer);
    expect_status(answer, "404 Not Found\r\n");
    stage_ask(&stage, &peer, "GET /metrics", answer);
    assert_string_equal(body_of(answer), "the application's");
    assert_int_equal(stage.route_calls, 1);
    peer_close(&peer);
    stage_free(&stage);
}

static void closing_is_told_and_does_not_wait_for_scrapers(void **state)
{
    (void)state;
    struct stage stage;
    struct peer ann;
    struct peer peer;
    struct peer idle;
    char answer[STAGE_ANSWER_MAX];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    stage_echo(&stage, &ann);
    peer_connect(&idle, stage_admin(&stage));
    stage_ask(&stage, &idle, "GET /readyz", answer);
    stage_close(&stage);
    assert_false(wsp_server_is_ready(stage.server));
    stage_ask(&stage, &idle, "GET /readyz", answer); /* ann has not answered */
    expect_status(answer, "503 Service Unavailable\r\n");
    expect_in(answer, "\r\nConnection: close\r\n");
    assert_string_equal(body_of(answer), "closing\n");
    peer_connect(&peer, stage_admin(&stage));
    stage_ask(&stage, &peer, "GET /healthz", answer);
    expect_status(answer, "200 OK\r\n");
    peer_close(&peer);
    peer_connect(&peer, stage_admin(&stage));
    stage_ask(&stage, &peer, "GET /metrics", answer);
    expect_in(
        answer,
        "\nwspulse_connections_closed_total{reason=\"server_close\"} 1\n");
    assert_false(stage.is_closed);
    peer_close(&peer);
    peer_connect(&peer, stage_admin(&stage)); /* says nothing, stays open */
    peer_close(&ann);
    LOOP_WAIT(stage.loop, stage.is_closed);
    assert_null(wsp_server_admin_address(stage.server));
    LOOP_WAIT(stage.loop, !stage_pull(&peer) || errno == ECONNRESET);
    peer_close(&peer);
    peer_close(&idle);
    stage_free(&stage);
}

/* ---- where it listens ---- */

static unsigned warnings_for(const char *address)
{
    struct stage stage;
    stage_init(&stage, address);
    stage_start(&stage);
    unsigned count = stage.security_warnings;
    assert_non_null(wsp_server_admin_address(stage.server));
    stage_free(&stage);
    return count;
}

static void hostile_80_an_open_address_is_warned_of_once(void **state)
{
    (void)state;
    assert_int_equal(warnings_for("127.0.0.1:0"), 0);
    assert_int_equal(warnings_for("localhost:0"), 0);
    char dir[] = "/tmp/wspulse-spec-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "unix:%s/admin", dir);
    assert_int_equal(warnings_for(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(warnings_for(":0"), 1);
    assert_int_equal(warnings_for("0.0.0.0:0"), 1);
}

static void without_the_option_there_is_none(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, NULL);
    stage_new(&stage);
    assert_false(wsp_server_is_ready(stage.server)); /* not started */
    stage_free(&stage);
    stage_init(&stage, NULL);
    stage_start(&stage);
    assert_null(wsp_server_admin_address(stage.server));
    char *text = wsp_server_metrics_text(stage.server, NULL);
    assert_non_null(text);
    expect_in(text, "\nwspulse_connections_opened_total 0\n");
    wsp_server_metrics_text_free(text);
    stage_free(&stage);
}

static void an_address_in_use_stops_the_start(void **state)
{
    (void)state;
    struct stage one;
    struct stage two;
    struct wsp_diag diag = {.message = ""};
    char expected[256];
    stage_init(&one, "127.0.0.1:0");
    stage_start(&one);
    stage_init(&two, stage_admin(&one));
    stage_new(&two);
    assert_int_equal(wsp_server_start(two.server, &diag), WSP_ERR_LISTEN);
    snprintf(expected, sizeof expected, "listen %s: Address already in use",
             stage_admin(&one));
    assert_string_equal(diag.message, expected);
    assert_null(wsp_server_address(two.server, 0)); /* none is open */
    assert_null(wsp_server_admin_address(two.server));
    stage_free(&two);
    stage_free(&one);
}

static void an_empty_address_is_an_error(void **state)
{
    (void)state;
    struct stage stage;
    struct wsp_diag diag = {.message = ""};
    stage_init(&stage, "");
    assert_int_equal(wsp_options_check(&stage.options, &diag),
                     WSP_ERR_INVALID_OPTION);
    assert_string_equal(diag.message, "wspulse: admin: must name an address "
                                      "(admin.listen = \"\")");
}

/* ---- swaps and hooks ---- */

static void on_opened(void *ud, struct wsp_span room, struct wsp_span id)
{
    struct stage *stage = ud;
    stage->opened++;
    snprintf(stage->log, sizeof stage->log, "%.*s/%.*s", (int)room.len,
             room.data, (int)id.len, id.data);
}

static bool count_member(void *ud, struct wsp_connection *connection)
{
    (void)connection;
    (*(unsigned *)ud)++;
    return true;
}

static void on_sent(void *ud, struct wsp_span room, struct wsp_span id,
                    size_t bytes)
{
    struct stage *stage = ud;
    unsigned members = 0;
    (void)id;
    stage->sent += (unsigned)bytes;
    wsp_server_each(stage->server, room, count_member, &members); /* M10 */
    assert_int_equal(members, 1);
}

static void on_closed(void *ud, struct wsp_span room, struct wsp_span id,
                      double seconds, enum wsp_reason reason)
{
    struct stage *stage = ud;
    (void)room;
    (void)id;
    assert_true(seconds >= 0);
    assert_int_equal(reason, WSP_REASON_SERVER_CLOSE);
    stage->closed++;
}

static void a_swap_keeps_the_address_and_says_so(void **state)
{
    (void)state;
    struct stage stage;
    struct peer peer;
    char answer[STAGE_ANSWER_MAX];
    char address[128];
    stage_init(&stage, "127.0.0.1:0");
    stage_start(&stage);
    snprintf(address, sizeof address, "%s", stage_admin(&stage));
    stage_swap(&stage, "127.0.0.1:0");
    assert_int_equal(stage.kept_warnings, 0);
    stage_swap(&stage, "127.0.0.1:1");
    assert_int_equal(stage.kept_warnings, 1);
    stage_swap(&stage,
               NULL); /* compared with what is served, not with the last */
    assert_int_equal(stage.kept_warnings, 2);
    assert_string_equal(stage_admin(&stage), address);
    peer_connect(&peer, address);
    stage_ask(&stage, &peer, "GET /metrics", answer);
    expect_in(answer, "\nwspulse_server_generation 2\n");
    peer_close(&peer);
    stage_free(&stage);
}

static void m1_m7_m10_hooks_of_the_handlers_are_called(void **state)
{
    (void)state;
    struct stage stage;
    struct peer ann;
    stage_init(&stage, NULL);
    stage.handlers.metrics = (struct wsp_metrics_hooks){
        .ud = &stage,
        .connection_opened = on_opened,
        .message_sent = on_sent,
    };
    stage_start(&stage);
    stage_echo(&stage, &ann);
    assert_int_equal(stage.opened, 1);
    assert_string_equal(stage.log, "a/ann");
    assert_int_equal(stage.sent, 5);
    stage.handlers.metrics = (struct wsp_metrics_hooks){
        .ud = &stage,
        .connection_closed = on_closed,
    };
    stage_swap(&stage, NULL);
    stage_close(&stage);
    peer_close(&ann);
    LOOP_WAIT(stage.loop, stage.is_closed);
    assert_int_equal(stage.closed, 1);
    assert_int_equal(stage.opened, 1);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m1_m2_a_scrape_shows_what_happened),
        cmocka_unit_test(health_and_readiness),
        cmocka_unit_test(head_has_the_headers_of_get),
        cmocka_unit_test(other_methods_and_paths_are_refused),
        cmocka_unit_test(hostile_80_nothing_upgrades_on_the_admin_address),
        cmocka_unit_test(the_other_addresses_know_no_admin_endpoints),
        cmocka_unit_test(closing_is_told_and_does_not_wait_for_scrapers),
        cmocka_unit_test(hostile_80_an_open_address_is_warned_of_once),
        cmocka_unit_test(without_the_option_there_is_none),
        cmocka_unit_test(an_address_in_use_stops_the_start),
        cmocka_unit_test(an_empty_address_is_an_error),
        cmocka_unit_test(a_swap_keeps_the_address_and_says_so),
        cmocka_unit_test(m1_m7_m10_hooks_of_the_handlers_are_called),
    };
    return cmocka_run_group_tests_name("runtime.admin", tests, NULL, NULL);
}
