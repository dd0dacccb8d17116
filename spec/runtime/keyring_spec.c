/* SPDX-License-Identifier: MIT */
#include "runtime/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "net/tls_context.h"
#include "peer.h"
#include "runtime/server.h"
#include "support/certificates.h"
#include "support/loop_wait.h"
#include "support/tls_client.h"

struct fixture {
    struct certificates all;
    char paths[4][CERTIFICATES_PATH_MAX]; /* a.pem a.key b.pem b.key */
    struct wsp_tls_pair pairs[2];
    struct wsp_tls_options tls[2]; /* of a and of b */
    struct wsp_listen listen[4];
    struct wsp_options options;
    struct wsp_handlers handlers;
    struct wsp_loop *loop;
    struct wsp_server *server;
    char log[4096]; /* lines from warnings up, and of reloads */
};

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    (void)ud;
    (void)request;
    (void)admission;
}

static void on_log(void *ud, enum wsp_log_level level, const char *message,
                   const struct wsp_log_field *fields, size_t count)
{
    struct fixture *fixture = ud;
    size_t len = strlen(fixture->log);
    (void)level;
    len += (size_t)snprintf(fixture->log + len, sizeof fixture->log - len, "%s",
                            message);
    for (size_t i = 0; i < count && len < sizeof fixture->log; i++) {
        len +=
            (size_t)snprintf(fixture->log + len, sizeof fixture->log - len,
                             " %s=%.*s", fields[i].key, (int)fields[i].text.len,
                             fields[i].text.data ? fields[i].text.data : "");
    }
    assert_true(len + 1 < sizeof fixture->log);
    strcat(fixture->log, "\n");
}

static void set_up(struct fixture *fixture)
{
    static const char *const files[] = {"a.pem", "a.key", "b.pem", "b.key"};
    memset(fixture, 0, sizeof *fixture);
    certificates_init(&fixture->all);
    for (size_t i = 0; i < 2; i++) {
        const struct certificate_form form = {.file = i ? "b" : "a"};
        certificates_make(&fixture->all, &form);
        fixture->pairs[i] = (struct wsp_tls_pair){fixture->paths[2 * i],
                                                  fixture->paths[2 * i + 1]};
        fixture->tls[i] = (struct wsp_tls_options){.pairs = &fixture->pairs[i],
                                                   .pair_count = 1};
    }
    for (size_t i = 0; i < 4; i++) {
        certificates_path(&fixture->all, files[i], fixture->paths[i]);
    }
    wsp_options_init(&fixture->options);
    fixture->listen[0].address = "127.0.0.1:0";
    fixture->options.listen = fixture->listen;
    fixture->options.listen_count = 1;
    fixture->options.tls = &fixture->tls[0];
    fixture->options.origin_policy = WSP_ORIGIN_SAME;
    fixture->options.logger =
        (struct wsp_logger){on_log, fixture, WSP_LOG_INFO};
    fixture->handlers.connect = on_admit;
    fixture->loop = wsp_loop_new(NULL);
    assert_non_null(fixture->loop);
}

static enum wsp_err start(struct fixture *fixture, struct wsp_diag *diag)
{
    assert_int_equal(wsp_server_new(fixture->loop, &fixture->options,
                                    &fixture->handlers, &fixture->server, diag),
                     WSP_OK);
    return wsp_server_start(fixture->server, diag);
}

static void tear_down(struct fixture *fixture)
{
    if (fixture->server) {
        wsp_server_free(fixture->server);
    }
    wsp_loop_free(fixture->loop);
    certificates_fini(&fixture->all);
}

static const struct wsp_tls_context *context_of(const struct fixture *fixture,
                                                size_t index)
{
    return wsp_keyring_context(&fixture->server->keyring, index);
}

static void replace(struct fixture *fixture, const char *file)
{
    const struct certificate_form form = {.file = file};
    certificates_make(&fixture->all, &form);
}

/* A key that belongs to nothing. */
static void spoil(struct fixture *fixture)
{
    char path[CERTIFICATES_PATH_MAX];
    replace(fixture, "other");
    certificates_path(&fixture->all, "other.key", path);
    assert_int_equal(rename(path, fixture->paths[1]), 0);
}

/* ---- start ---- */

static void test_addresses_share_what_they_have_in_common(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.listen[1].address = "ws://127.0.0.1:0";
    fixture.listen[2].address = "wss://127.0.0.1:0";
    fixture.listen[3] =
        (struct wsp_listen){.address = "127.0.0.1:0", .tls = &fixture.tls[1]};
    fixture.options.listen_count = 4;
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    assert_non_null(context_of(&fixture, 0));
    assert_null(context_of(&fixture, 1));
    assert_ptr_equal(context_of(&fixture, 2), context_of(&fixture, 0));
    assert_ptr_not_equal(context_of(&fixture, 3), context_of(&fixture, 0));
    assert_null(context_of(&fixture, 4));
    const char *first = wsp_server_address(fixture.server, 0);
    assert_memory_equal(first, "wss://127.0.0.1:", 16);
    assert_memory_equal(wsp_server_address(fixture.server, 1), "127.", 4);
    assert_null(wsp_server_address(fixture.server, 4));
    tear_down(&fixture);
}

static void test_a_bad_pair_opens_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct wsp_diag diag = {0};
    set_up(&fixture);
    spoil(&fixture);
    assert_int_equal(start(&fixture, &diag), WSP_ERR_INVALID_OPTION);
    assert_non_null(strstr(diag.message, "wspulse: tls: the key does not fit"));
    assert_null(wsp_server_address(fixture.server, 0));
    assert_int_equal(wsp_server_start(fixture.server, NULL),
                     WSP_ERR_INVALID_OPTION);
    replace(&fixture, "a");
    assert_int_equal(wsp_server_start(fixture.server, &diag), WSP_OK);
    tear_down(&fixture);
}

static void test_a_taken_address_lets_go_of_the_keys(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.listen[1].address = "nonsense";
    fixture.options.listen_count = 2;
    assert_int_equal(start(&fixture, NULL), WSP_ERR_LISTEN);
    assert_null(context_of(&fixture, 0));
    assert_null(fixture.server->keyring.timer);
    tear_down(&fixture);
}

static void test_files_are_checked_without_a_server(void **state)
{
    (void)state;
    struct fixture fixture;
    struct wsp_diag diag = {0};
    set_up(&fixture);
    assert_int_equal(wsp_options_check_files(&fixture.options, &diag), WSP_OK);
    spoil(&fixture);
    assert_int_equal(wsp_options_check_files(&fixture.options, NULL),
                     WSP_ERR_INVALID_OPTION);
    fixture.options.tls = NULL;
    assert_int_equal(wsp_options_check_files(&fixture.options, &diag), WSP_OK);
    tear_down(&fixture);
}

static void test_dangers_are_warned_of(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct certificate_form old = {.file = "a", .seconds = -60};
    char expected[512];
    set_up(&fixture);
    certificates_make(&fixture.all, &old);
    chmod(fixture.paths[1], 0644);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    snprintf(expected, sizeof expected,
             "SECURITY: every user of this machine may read the key of a "
             "certificate; chmod 600 or 640 key=%s ",
             fixture.paths[1]);
    assert_non_null(strstr(fixture.log, expected));
    assert_non_null(strstr(
        fixture.log, "wspulse: a certificate has expired option=tls expired="));
    tear_down(&fixture);
}

static void test_what_is_in_order_is_not_warned_of(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    assert_null(strstr(fixture.log, "certificate"));
    tear_down(&fixture);
}

/* ---- swaps ---- */

static enum wsp_err swap(struct fixture *fixture, struct wsp_diag *diag)
{
    return wsp_server_swap(fixture->server, &fixture->options,
                           &fixture->handlers, 2, diag);
}

static void test_a_swap_keeps_what_has_not_changed(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    const struct wsp_tls_context *before = context_of(&fixture, 0);
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    assert_ptr_equal(context_of(&fixture, 0), before);
    assert_int_equal(before->ref_count, 1);
    replace(&fixture, "a");
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    before = context_of(&fixture, 0);
    fixture.tls[0].min_version = WSP_TLS_1_3;
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    assert_ptr_not_equal(context_of(&fixture, 0), before);
    tear_down(&fixture);
}

static void test_a_refused_swap_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct wsp_diag diag = {0};
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    const struct wsp_tls_context *before = context_of(&fixture, 0);
    spoil(&fixture);
    fixture.options.max_message_size = 4096;
    assert_int_equal(swap(&fixture, &diag), WSP_ERR_INVALID_OPTION);
    assert_non_null(strstr(diag.message, "the key does not fit"));
    assert_ptr_equal(context_of(&fixture, 0), before);
    assert_int_equal(fixture.server->limits.max_message, 512);
    tear_down(&fixture);
}

static void test_the_scheme_of_an_address_stays(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    const struct wsp_tls_context *before = context_of(&fixture, 0);
    fixture.options.tls = NULL;
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    assert_ptr_equal(context_of(&fixture, 0), before);
    assert_non_null(strstr(fixture.log, "option=tls"));
    assert_null(strstr(fixture.log, "option=listen"));
    fixture.log[0] = '\0';
    fixture.options.tls = &fixture.tls[1];
    fixture.listen[0].address = "127.0.0.1:1";
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    assert_ptr_equal(context_of(&fixture, 0), before);
    assert_non_null(strstr(fixture.log, "option=listen"));
    tear_down(&fixture);
}

/* ---- the watch ---- */

static void test_changed_files_are_read_again(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    spoil(&fixture);
    LOOP_WAIT(fixture.loop, strstr(fixture.log, "certificates refused"));
    const char *line = strstr(fixture.log, "certificates refused");
    assert_non_null(strstr(line, "reason=wspulse: tls: the key does not fit"));
    const uint64_t judged = fixture.server->keyring.judged;
    replace(&fixture, "a");
    LOOP_WAIT(fixture.loop, strstr(fixture.log, "certificates reloaded"));
    assert_true(fixture.server->keyring.judged != judged);
    assert_null(strstr(line + 1, "certificates refused"));
    tear_down(&fixture);
}

/* ---- connections ---- */

static void dial(struct fixture *fixture, struct tls_client *client)
{
    struct peer peer;
    const struct tls_client_form form = {0};
    const char *address = wsp_server_address(fixture->server, 0);
    peer_connect(&peer, address + strlen("wss://"));
    tls_client_init(client, peer.fd, &form);
    LOOP_WAIT(fixture->loop, tls_client_shake(client));
}

static void test_a_connection_keeps_what_it_began_with(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tls_client client;
    char answer[256];
    size_t len = 0;
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    dial(&fixture, &client);
    replace(&fixture, "a");
    assert_int_equal(swap(&fixture, NULL), WSP_OK);
    const char *request = "GET /none HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(tls_client_write(&client, request, strlen(request)),
                     strlen(request));
    LOOP_WAIT(fixture.loop,
              (len = tls_client_read(&client, answer, sizeof answer)) > 0);
    assert_memory_equal(answer, "HTTP/1.1 404 ", 13);
    tls_client_fini(&client);
    tear_down(&fixture);
}

static void test_a_closing_server_says_so_under_tls(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tls_client client;
    char answer[16];
    set_up(&fixture);
    assert_int_equal(start(&fixture, NULL), WSP_OK);
    dial(&fixture, &client);
    wsp_loop_poll(fixture.loop, 0);
    wsp_server_abort(fixture.server);
    LOOP_WAIT(fixture.loop, (tls_client_read(&client, answer, sizeof answer),
                             client.has_ended));
    assert_true(client.is_closed);
    tls_client_fini(&client);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_share_what_they_have_in_common),
        cmocka_unit_test(test_a_bad_pair_opens_nothing),
        cmocka_unit_test(test_a_taken_address_lets_go_of_the_keys),
        cmocka_unit_test(test_files_are_checked_without_a_server),
        cmocka_unit_test(test_dangers_are_warned_of),
        cmocka_unit_test(test_what_is_in_order_is_not_warned_of),
        cmocka_unit_test(test_a_swap_keeps_what_has_not_changed),
        cmocka_unit_test(test_a_refused_swap_changes_nothing),
        cmocka_unit_test(test_the_scheme_of_an_address_stays),
        cmocka_unit_test(test_changed_files_are_read_again),
        cmocka_unit_test(test_a_connection_keeps_what_it_began_with),
        cmocka_unit_test(test_a_closing_server_says_so_under_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
