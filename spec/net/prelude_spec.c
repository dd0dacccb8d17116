/* SPDX-License-Identifier: MIT */
#include "net/prelude.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_wait.h"

/* Takes up to and with the first '\n', then lets go of the descriptor. */
struct fixture {
    struct wsp_loop *loop;
    struct wsp_prelude prelude;
    int peer;
    char head[64];
    size_t len;
    int released; /* -1 until then */
    int ends;
    int error;
    bool is_refusing; /* ends the prelude at the first byte */
};

static size_t on_peek(void *ud, const uint8_t *data, size_t len)
{
    struct fixture *fixture = ud;
    if (fixture->is_refusing) {
        wsp_prelude_fini(&fixture->prelude);
        fixture->ends++;
        return 0;
    }
    const uint8_t *end = memchr(data, '\n', len);
    size_t count = end ? (size_t)(end - data) + 1 : len;
    assert_true(fixture->len + count <= sizeof fixture->head);
    memcpy(fixture->head + fixture->len, data, count);
    fixture->len += count;
    return count;
}

static void on_taken(void *ud)
{
    struct fixture *fixture = ud;
    if (fixture->head[fixture->len - 1] == '\n') {
        fixture->released = wsp_prelude_release(&fixture->prelude);
    }
}

static void on_end(void *ud, int error)
{
    struct fixture *fixture = ud;
    fixture->ends++;
    fixture->error = error;
    wsp_prelude_fini(&fixture->prelude);
}

static const struct wsp_prelude_ops ops = {on_peek, on_taken, on_end};

static void init(struct fixture *fixture)
{
    int pair[2];
    memset(fixture, 0, sizeof *fixture);
    fixture->released = -1;
    fixture->loop = wsp_loop_new(NULL);
    assert_int_equal(socketpair(AF_UNIX,
                                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                pair),
                     0);
    fixture->peer = pair[1];
    assert_true(wsp_prelude_init(&fixture->prelude, fixture->loop, pair[0],
                                 &ops, fixture));
}

static void fini(struct fixture *fixture)
{
    wsp_prelude_fini(&fixture->prelude);
    if (fixture->released >= 0) {
        close(fixture->released);
    }
    if (fixture->peer >= 0) {
        close(fixture->peer);
    }
    wsp_loop_free(fixture->loop);
}

static void say(struct fixture *fixture, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fixture->peer, text, len, MSG_NOSIGNAL), len);
}

static void test_what_is_behind_stays_in_the_socket(void **state)
{
    struct fixture fixture;
    char rest[16];
    (void)state;
    init(&fixture);
    say(&fixture, "head\nrest");
    LOOP_WAIT(fixture.loop, fixture.released >= 0);
    assert_memory_equal(fixture.head, "head\n", 5);
    assert_int_equal(recv(fixture.released, rest, sizeof rest, 0), 4);
    assert_memory_equal(rest, "rest", 4);
    assert_int_equal(fixture.ends, 0);
    fini(&fixture);
}

static void test_bytes_may_come_one_by_one(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture);
    for (const char *at = "head\n"; *at; at++) {
        char text[] = {*at, '\0'};
        size_t before = fixture.len;
        say(&fixture, text);
        LOOP_WAIT(fixture.loop, fixture.len > before);
    }
    assert_true(fixture.released >= 0);
    fini(&fixture);
}

/* What has been taken makes nothing ready again: the loop may sleep. */
static void test_half_a_head_does_not_keep_the_loop_busy(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture);
    say(&fixture, "he");
    LOOP_WAIT(fixture.loop, fixture.len == 2);
    uint64_t start_ms = loop_wait_clock_ms();
    wsp_loop_poll(fixture.loop, 30);
    assert_true(loop_wait_clock_ms() - start_ms >= 25);
    fini(&fixture);
}

static void test_the_end_of_the_peer_is_told(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture);
    say(&fixture, "he");
    close(fixture.peer);
    fixture.peer = -1;
    LOOP_WAIT(fixture.loop, fixture.ends == 1);
    assert_int_equal(fixture.error, 0);
    assert_int_equal(fixture.len, 2);
    fini(&fixture);
}

static void test_a_look_may_end_it(void **state)
{
    struct fixture fixture;
    char byte;
    (void)state;
    init(&fixture);
    fixture.is_refusing = true;
    say(&fixture, "X");
    LOOP_WAIT(fixture.loop, fixture.ends == 1);
    /* The byte was never read, so the end is a reset for a unix socket. */
    assert_true(recv(fixture.peer, &byte, 1, MSG_DONTWAIT) <= 0);
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_behind_stays_in_the_socket),
        cmocka_unit_test(test_bytes_may_come_one_by_one),
        cmocka_unit_test(test_half_a_head_does_not_keep_the_loop_busy),
        cmocka_unit_test(test_the_end_of_the_peer_is_told),
        cmocka_unit_test(test_a_look_may_end_it),
    };
    return cmocka_run_group_tests_name("net.prelude", tests, NULL, NULL);
}
