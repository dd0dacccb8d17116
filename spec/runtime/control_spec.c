/* SPDX-License-Identifier: MIT */
#include <wspulse/control.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_wait.h"

#define PEERS_MAX 16

struct fixture {
    struct wsp_loop *loop;
    struct wsp_control *control;
    char dir[32];
    char path[48];
    int calls;
    char command[64]; /* of the last request */
    char argument[64];
    struct wsp_control_reply *owed[32]; /* not answered at once */
    size_t owed_count;
    bool is_late; /* keep replies instead of answering */
    bool closes;  /* close the control in the handler */
    bool is_ok;
    const char *text;
};

static void on_request(void *ud, const char *command, const char *argument,
                       struct wsp_control_reply *reply)
{
    struct fixture *fixture = ud;
    fixture->calls++;
    snprintf(fixture->command, sizeof fixture->command, "%s", command);
    snprintf(fixture->argument, sizeof fixture->argument, "%s", argument);
    if (fixture->closes) {
        wsp_control_close(fixture->control);
        fixture->control = NULL;
    }
    if (fixture->is_late) {
        fixture->owed[fixture->owed_count++] = reply;
        return;
    }
    wsp_control_answer(reply, fixture->is_ok, fixture->text);
    assert_string_equal(fixture->argument, argument);
}

static void init(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .loop = wsp_loop_new(NULL), .is_ok = true, .text = "done"};
    assert_non_null(fixture->loop);
    strcpy(fixture->dir, "/tmp/wspulse-spec-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/c", fixture->dir);
    struct wsp_diag diag = {.message = ""};
    fixture->control = wsp_control_open(fixture->loop, fixture->path,
                                        on_request, fixture, &diag);
    if (!fixture->control) {
        fail_msg("%s", diag.message);
    }
}

static void fini(struct fixture *fixture)
{
    wsp_control_close(fixture->control);
    wsp_loop_free(fixture->loop);
    assert_int_equal(access(fixture->path, F_OK), -1);
    assert_int_equal(rmdir(fixture->dir), 0);
}

static int dial(const struct fixture *fixture)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, fixture->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int dial_and_send(const struct fixture *fixture, const void *data,
                         size_t len)
{
    int fd = dial(fixture);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
    return fd;
}

/* What a peer is told until it is closed. */
struct reading {
    int fd;
    char text[9000];
    size_t len;
};

static bool has_all(struct reading *reading)
{
    size_t room = sizeof reading->text - 1 - reading->len;
    ssize_t got =
        recv(reading->fd, reading->text + reading->len, room, MSG_DONTWAIT);
    reading->len += got > 0 ? (size_t)got : 0;
    reading->text[reading->len] = '\0';
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static void expect_told(struct fixture *fixture, int fd, const char *text)
{
    struct reading reading = {.fd = fd};
    LOOP_WAIT(fixture->loop, has_all(&reading));
    assert_string_equal(reading.text, text);
    close(fd);
}

static void expect_answer(struct fixture *fixture, const char *request,
                          const char *answer)
{
    int fd = dial_and_send(fixture, request, strlen(request));
    expect_told(fixture, fd, answer);
}

/* ---- requests and answers ---- */

static void test_a_request_is_taken_apart_and_answered(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    expect_answer(&fixture, "reload /a b/app.lua\n", "ok done\n");
    assert_string_equal(fixture.command, "reload");
    assert_string_equal(fixture.argument, "/a b/app.lua");
    fixture.text = "";
    expect_answer(&fixture, "status\r\n", "ok\n");
    assert_string_equal(fixture.command, "status");
    assert_string_equal(fixture.argument, "");
    fixture.is_ok = false;
    fixture.text = "app.lua:3: oops";
    expect_answer(&fixture, "\n", "error app.lua:3: oops\n");
    assert_string_equal(fixture.command, "");
    assert_int_equal(fixture.calls, 3);
    fini(&fixture);
}

static void test_a_request_may_come_in_pieces(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    int fd = dial(&fixture);
    const char *request = "reload x\n";
    for (const char *byte = request; *byte; byte++) {
        wsp_loop_poll(fixture.loop, 1);
        assert_int_equal(fixture.calls, 0);
        assert_int_equal(send(fd, byte, 1, MSG_NOSIGNAL), 1);
    }
    expect_told(&fixture, fd, "ok done\n");
    assert_string_equal(fixture.argument, "x");
    fini(&fixture);
}

static void test_what_follows_the_line_is_ignored(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    expect_answer(&fixture, "one\ntwo\nthree", "ok done\n");
    assert_int_equal(fixture.calls, 1);
    assert_string_equal(fixture.command, "one");
    fini(&fixture);
}

static void test_a_half_closed_peer_is_answered(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    int fd = dial_and_send(&fixture, "status\n", 7);
    shutdown(fd, SHUT_WR);
    expect_told(&fixture, fd, "ok done\n");
    fini(&fixture);
}

static void test_answers_are_escaped_and_bounded(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.text = "a\nok b\x1b[2J";
    expect_answer(&fixture, "x\n", "ok a\\nok b\\x1b[2J\n");
    static char long_text[20000];
    memset(long_text, 'x', sizeof long_text - 1);
    fixture.text = long_text;
    int fd = dial_and_send(&fixture, "x\n", 2);
    struct reading reading = {.fd = fd};
    LOOP_WAIT(fixture.loop, has_all(&reading));
    assert_int_equal(reading.len, 8192);
    assert_string_equal(reading.text + reading.len - 5, "x…\n");
    close(fd);
    fini(&fixture);
}

static void test_an_answer_may_come_later(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_late = true;
    int first = dial_and_send(&fixture, "a\n", 2);
    int second = dial_and_send(&fixture, "b\n", 2);
    LOOP_WAIT(fixture.loop, fixture.owed_count == 2);
    wsp_control_answer(fixture.owed[0], true, fixture.text);
    wsp_control_answer(fixture.owed[1], true, fixture.text);
    expect_told(&fixture, second, "ok done\n");
    expect_told(&fixture, first, "ok done\n");
    fini(&fixture);
}

/* ---- hostile peers ---- */

static void test_a_line_of_4096_bytes_is_the_longest(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    char request[4098];
    memset(request, 'a', sizeof request);
    request[4096] = '\n';
    int fd = dial_and_send(&fixture, request, 4097);
    expect_told(&fixture, fd, "ok done\n");
    request[4096] = 'a';
    request[4097] = '\n';
    fd = dial_and_send(&fixture, request, 4098);
    expect_told(&fixture, fd, "error the request is longer than 4096 bytes\n");
    fd = dial_and_send(&fixture, request, 4097);
    expect_told(&fixture, fd, "error the request is longer than 4096 bytes\n");
    assert_int_equal(fixture.calls, 1);
    fini(&fixture);
}

static void test_a_nul_byte_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    int fd = dial_and_send(&fixture, "re\0load\n", 8);
    expect_told(&fixture, fd, "error the request holds a NUL byte\n");
    assert_int_equal(fixture.calls, 0);
    fini(&fixture);
}

static void test_a_silent_peer_is_closed_at_the_deadline(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    int fd = dial_and_send(&fixture, "never a newline", 15);
    expect_told(&fixture, fd, "error no request came within 5 seconds\n");
    assert_int_equal(fixture.calls, 0);
    fini(&fixture);
}

static void test_a_peer_that_leaves_early_is_forgotten(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    for (int i = 0; i < 3 * PEERS_MAX; i++) {
        close(dial_and_send(&fixture, "x", 1));
        wsp_loop_poll(fixture.loop, 1);
    }
    expect_answer(&fixture, "x\n", "ok done\n");
    assert_int_equal(fixture.calls, 1);
    fini(&fixture);
}

static void test_a_peer_that_leaves_before_its_answer_is_no_error(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_late = true;
    int fd = dial_and_send(&fixture, "x\n", 2);
    LOOP_WAIT(fixture.loop, fixture.owed_count == 1);
    close(fd);
    wsp_loop_poll(fixture.loop, 5);
    wsp_control_answer(fixture.owed[0], true, "nobody listens");
    fixture.is_late = false;
    expect_answer(&fixture, "x\n", "ok done\n");
    fini(&fixture);
}

static void test_more_than_16_peers_are_turned_away(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_late = true;
    int peers[PEERS_MAX];
    for (size_t i = 0; i < PEERS_MAX; i++) {
        peers[i] = dial_and_send(&fixture, "x\n", 2);
    }
    LOOP_WAIT(fixture.loop, fixture.owed_count == PEERS_MAX);
    expect_told(&fixture, dial(&fixture),
                "error too many control connections\n");
    for (size_t i = 0; i < PEERS_MAX; i++) {
        wsp_control_answer(fixture.owed[i], false, "");
        expect_told(&fixture, peers[i], "error\n");
    }
    fixture.is_late = false;
    expect_answer(&fixture, "x\n", "ok done\n");
    fini(&fixture);
}

/* ---- closing ---- */

static void test_close_in_the_handler_drops_everybody(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.closes = true;
    int silent = dial(&fixture);
    int asking = dial_and_send(&fixture, "x\n", 2);
    LOOP_WAIT(fixture.loop, fixture.calls == 1);
    expect_told(&fixture, asking, "");
    expect_told(&fixture, silent, "");
    assert_int_equal(dial(&fixture), -1);
    fini(&fixture);
}

static void test_replies_may_be_answered_after_close(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_late = true;
    int fd = dial_and_send(&fixture, "x\n", 2);
    LOOP_WAIT(fixture.loop, fixture.owed_count == 1);
    wsp_control_close(fixture.control);
    fixture.control = NULL;
    wsp_control_answer(fixture.owed[0], true, "late");
    expect_told(&fixture, fd, "");
    fini(&fixture);
}

static void test_the_file_is_the_owners_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct stat status;
    assert_int_equal(lstat(fixture.path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    struct wsp_diag diag = {.message = ""};
    assert_null(wsp_control_open(fixture.loop, fixture.path, on_request,
                                 &fixture, &diag));
    assert_int_equal(diag.code, WSP_ERR_CONTROL);
    assert_non_null(strstr(diag.message, fixture.path));
    assert_non_null(strstr(diag.message, strerror(EADDRINUSE)));
    fini(&fixture);
}

/* ---- the calling side ---- */

struct caller {
    const char *path;
    const char *request;
    size_t answer_size;
    enum wsp_err result;
    char answer[32];
    struct wsp_diag diag;
    atomic_bool is_done;
};

static void *call(void *ud)
{
    struct caller *caller = ud;
    caller->result =
        wsp_control_call(caller->path, caller->request, caller->answer,
                         caller->answer_size, 20000, &caller->diag);
    atomic_store(&caller->is_done, true);
    return NULL;
}

static void call_over(struct fixture *fixture, struct caller *caller)
{
    pthread_t thread;
    caller->path = fixture->path;
    caller->answer_size =
        caller->answer_size ? caller->answer_size : sizeof caller->answer;
    assert_int_equal(pthread_create(&thread, NULL, call, caller), 0);
    LOOP_WAIT(fixture->loop, atomic_load(&caller->is_done));
    pthread_join(thread, NULL);
}

static void test_a_call_gets_its_answer(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    struct caller caller = {.request = "reload /x"};
    call_over(&fixture, &caller);
    assert_int_equal(caller.result, WSP_OK);
    assert_string_equal(caller.answer, "done");
    assert_string_equal(fixture.argument, "/x");
    fixture.text = NULL;
    struct caller again = {.request = "reload", .answer = "before"};
    call_over(&fixture, &again);
    assert_int_equal(again.result, WSP_OK);
    assert_string_equal(again.answer, "");
    fini(&fixture);
}

static void test_a_call_gets_the_reason_of_a_refusal(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_ok = false;
    fixture.text = "app.lua:3: oops";
    struct caller caller = {.request = "reload"};
    call_over(&fixture, &caller);
    assert_int_equal(caller.result, WSP_ERR_RELOAD_REFUSED);
    assert_string_equal(caller.answer, "app.lua:3: oops");
    struct caller small = {.request = "reload", .answer_size = 8};
    call_over(&fixture, &small);
    assert_string_equal(small.answer, "app.lua");
    fini(&fixture);
}

static void test_a_server_that_closes_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.closes = true;
    struct caller caller = {.request = "reload"};
    call_over(&fixture, &caller);
    assert_int_equal(caller.result, WSP_ERR_CONTROL);
    assert_non_null(strstr(caller.diag.message, "closed without an answer"));
    fini(&fixture);
}

static void test_no_server_is_an_error_with_the_path(void **state)
{
    (void)state;
    char answer[8] = "";
    struct wsp_diag diag = {.message = ""};
    assert_int_equal(wsp_control_call("/nowhere/at/all", "x", answer,
                                      sizeof answer, 1000, &diag),
                     WSP_ERR_CONTROL);
    char message[128];
    snprintf(message, sizeof message, "control socket /nowhere/at/all: %s",
             strerror(ENOENT));
    assert_string_equal(diag.message, message);
    assert_int_equal(diag.sys_errno, ENOENT);
}

static void test_requests_that_are_no_line_are_refused(void **state)
{
    (void)state;
    char answer[8] = "";
    char request[4098];
    memset(request, 'a', sizeof request);
    request[4097] = '\0';
    const char *texts[] = {request, "a\nb"};
    for (size_t i = 0; i < 2; i++) {
        struct wsp_diag diag = {.message = ""};
        assert_int_equal(wsp_control_call("/x", texts[i], answer, sizeof answer,
                                          1000, &diag),
                         WSP_ERR_CONTROL);
        assert_non_null(strstr(diag.message, "line of 4096 bytes"));
    }
}

/* The loop does not turn: nobody answers. */
static void test_a_call_gives_up_at_its_deadline(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    char answer[8] = "";
    struct wsp_diag diag = {.message = ""};
    assert_int_equal(
        wsp_control_call(fixture.path, "x", answer, sizeof answer, 20, &diag),
        WSP_ERR_CONTROL);
    assert_non_null(strstr(diag.message, "no answer in time"));
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_taken_apart_and_answered),
        cmocka_unit_test(test_a_request_may_come_in_pieces),
        cmocka_unit_test(test_what_follows_the_line_is_ignored),
        cmocka_unit_test(test_a_half_closed_peer_is_answered),
        cmocka_unit_test(test_answers_are_escaped_and_bounded),
        cmocka_unit_test(test_an_answer_may_come_later),
        cmocka_unit_test(test_a_line_of_4096_bytes_is_the_longest),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_a_silent_peer_is_closed_at_the_deadline),
        cmocka_unit_test(test_a_peer_that_leaves_early_is_forgotten),
        cmocka_unit_test(test_a_peer_that_leaves_before_its_answer_is_no_error),
        cmocka_unit_test(test_more_than_16_peers_are_turned_away),
        cmocka_unit_test(test_close_in_the_handler_drops_everybody),
        cmocka_unit_test(test_replies_may_be_answered_after_close),
        cmocka_unit_test(test_the_file_is_the_owners_alone),
        cmocka_unit_test(test_a_call_gets_its_answer),
        cmocka_unit_test(test_a_call_gets_the_reason_of_a_refusal),
        cmocka_unit_test(test_a_server_that_closes_is_named),
        cmocka_unit_test(test_no_server_is_an_error_with_the_path),
        cmocka_unit_test(test_requests_that_are_no_line_are_refused),
        cmocka_unit_test(test_a_call_gives_up_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
