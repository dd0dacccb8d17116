/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"
#include "support/loop_wait.h"

enum { FREE_ON_DATA = 1, FREE_ON_END = 2, FREE_ON_WRITABLE = 4 };

struct fixture;

/* What a stream is embedded in. */
struct owner {
    struct wsp_stream stream; /* first */
    struct fixture *fixture;
};

struct fixture {
    struct wsp_loop *loop;
    struct wsp_stream *stream; /* of an owner on the heap: a touch after the end
                                  is found */
    int peer;
    char got[64];
    size_t got_len; /* bytes */
    size_t largest; /* bytes of one on_data */
    int ends;
    int end_error;
    int writables;
    char order[16]; /* 'd', 'e', 'w' in the order of the callbacks */
    size_t order_len;
    int actions;           /* FREE_ON_… */
    bool is_write_kept;    /* on_writable does not turn itself off */
    struct fixture *other; /* whose stream kill_other frees */
};

static struct fixture *fixture_of(const struct wsp_stream *stream)
{
    return ((const struct owner *)stream)->fixture;
}

static struct wsp_loop *loop_of(const struct wsp_stream *stream)
{
    return fixture_of(stream)->loop;
}

static void note(struct fixture *fixture, char letter, int action)
{
    if (fixture->order_len < sizeof fixture->order - 1) {
        fixture->order[fixture->order_len++] = letter;
    }
    if (fixture->actions & action) {
        wsp_stream_fini(fixture->stream);
        free(fixture->stream);
        fixture->stream = NULL;
    }
}

static void on_data(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct fixture *fixture = fixture_of(stream);
    size_t room = sizeof fixture->got - fixture->got_len;
    memcpy(fixture->got + fixture->got_len, data, len < room ? len : room);
    fixture->got_len += len < room ? len : room;
    fixture->largest = len > fixture->largest ? len : fixture->largest;
    note(fixture, 'd', FREE_ON_DATA);
}

static void on_end(struct wsp_stream *stream, int error)
{
    struct fixture *fixture = fixture_of(stream);
    fixture->ends++;
    fixture->end_error = error;
    note(fixture, 'e', FREE_ON_END);
}

static void on_writable(struct wsp_stream *stream)
{
    struct fixture *fixture = fixture_of(stream);
    fixture->writables++;
    if (!fixture->is_write_kept) {
        wsp_stream_want_write(fixture->stream, false);
    }
    note(fixture, 'w', FREE_ON_WRITABLE);
}

static const struct wsp_stream_ops ops = {loop_of, on_data, on_end,
                                          on_writable};

static void open_stream(struct fixture *fixture, int fd,
                        const struct wsp_stream_ops *with)
{
    struct owner *owner = malloc(sizeof *owner);
    assert_non_null(owner);
    owner->fixture = fixture;
    fixture->stream = &owner->stream;
    wsp_stream_init(fixture->stream, fd, with);
}

static void init_with(struct fixture *fixture, int ours, int theirs)
{
    *fixture = (struct fixture){.loop = wsp_loop_new(NULL), .peer = theirs};
    assert_non_null(fixture->loop);
    open_stream(fixture, ours, &ops);
}

static void init(struct fixture *fixture)
{
    int pair[2];
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
    init_with(fixture, pair[0], pair[1]);
}

static void fini(struct fixture *fixture)
{
    if (fixture->stream) {
        wsp_stream_fini(fixture->stream);
        wsp_stream_fini(fixture->stream);
        free(fixture->stream);
    }
    if (fixture->peer >= 0) {
        close(fixture->peer);
    }
    wsp_loop_free(fixture->loop);
}

static void tell(struct fixture *fixture, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fixture->peer, text, len, MSG_NOSIGNAL), len);
}

/* Fills the socket until the kernel takes no more. Returns the bytes. */
static size_t fill(struct fixture *fixture)
{
    static const char block[4096];
    size_t total = 0;
    ssize_t sent;
    while ((sent = wsp_stream_write(fixture->stream, block, sizeof block)) >
           0) {
        total += (size_t)sent;
    }
    assert_int_equal(sent, 0);
    return total;
}

static void drain(struct fixture *fixture)
{
    char block[4096];
    while (recv(fixture->peer, block, sizeof block, MSG_DONTWAIT) > 0) {
    }
}

/* ---- input ---- */

static void test_nothing_is_read_before_it_is_wanted(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    tell(&fixture, "hello");
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.got_len, 0);
    assert_true(wsp_stream_want_read(fixture.stream, true));
    LOOP_WAIT(fixture.loop, fixture.got_len == 5);
    assert_memory_equal(fixture.got, "hello", 5);
    assert_true(wsp_stream_want_read(fixture.stream, false));
    tell(&fixture, "more");
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.got_len, 5);
    fini(&fixture);
}

static void test_a_readiness_is_one_receive(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_stream_want_read(fixture.stream, true);
    tell(&fixture, "one");
    tell(&fixture, "two");
    wsp_loop_poll(fixture.loop, -1);
    assert_int_equal(fixture.order_len, 1);
    assert_int_equal(fixture.largest, 6);
    fini(&fixture);
}

static void test_the_last_byte_is_reported_once(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_stream_want_read(fixture.stream, true);
    tell(&fixture, "bye");
    shutdown(fixture.peer, SHUT_WR);
    LOOP_WAIT(fixture.loop, fixture.ends == 1);
    assert_string_equal(fixture.order, "de");
    assert_int_equal(fixture.end_error, 0);
    assert_true(wsp_stream_want_read(fixture.stream, true));
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.ends, 1);
    assert_int_equal(wsp_stream_write(fixture.stream, "still", 5), 5);
    fini(&fixture);
}

/* A pair of connected TCP sockets. */
static void make_tcp_pair(int *ours, int *theirs)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof name;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&name, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    getsockname(listening, (struct sockaddr *)&name, &len);
    *theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*theirs, (struct sockaddr *)&name, len), 0);
    *ours = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*ours >= 0);
    close(listening);
}

static void test_a_reset_is_reported_with_its_error(void **state)
{
    (void)state;
    int ours;
    int theirs;
    make_tcp_pair(&ours, &theirs);
    struct fixture fixture;
    init_with(&fixture, ours, theirs);
    wsp_stream_want_read(fixture.stream, true);
    struct linger now = {.l_onoff = 1};
    setsockopt(theirs, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(theirs);
    fixture.peer = -1;
    LOOP_WAIT(fixture.loop, fixture.ends == 1);
    assert_int_equal(fixture.end_error, ECONNRESET);
    fini(&fixture);
}

/* ---- closing in a callback ---- */

static void test_on_data_may_free_the_stream(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.actions = FREE_ON_DATA;
    wsp_stream_want_read(fixture.stream, true);
    tell(&fixture, "x");
    LOOP_WAIT(fixture.loop, fixture.stream == NULL);
    wsp_loop_poll(fixture.loop, 10);
    assert_string_equal(fixture.order, "d");
    fini(&fixture);
}

static void test_on_end_may_free_the_stream(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.actions = FREE_ON_END;
    wsp_stream_want_read(fixture.stream, true);
    close(fixture.peer);
    fixture.peer = -1;
    LOOP_WAIT(fixture.loop, fixture.stream == NULL);
    assert_string_equal(fixture.order, "e");
    fini(&fixture);
}

/* Both kinds are ready at once: room to write comes first, and what it frees is
 * not read any more. */
static void test_on_writable_may_free_the_stream(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.actions = FREE_ON_WRITABLE;
    wsp_stream_want_read(fixture.stream, true);
    wsp_stream_want_write(fixture.stream, true);
    tell(&fixture, "x");
    LOOP_WAIT(fixture.loop, fixture.stream == NULL);
    wsp_loop_poll(fixture.loop, 10);
    assert_string_equal(fixture.order, "w");
    fini(&fixture);
}

static void test_write_comes_before_read(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_stream_want_read(fixture.stream, true);
    wsp_stream_want_write(fixture.stream, true);
    tell(&fixture, "x");
    wsp_loop_poll(fixture.loop, -1);
    assert_string_equal(fixture.order, "wd");
    fini(&fixture);
}

static void kill_other(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct fixture *self = fixture_of(stream);
    struct fixture *victim = self->other;
    (void)data;
    (void)len;
    wsp_stream_fini(victim->stream);
    free(victim->stream);
    victim->stream = NULL;
    self->got_len++;
}

static const struct wsp_stream_ops killer_ops = {loop_of, kill_other, on_end,
                                                 on_writable};

/* Both streams are ready in the same turn; the first frees the second. */
static void test_a_stream_may_free_another_that_is_ready_too(void **state)
{
    (void)state;
    struct fixture one;
    struct fixture two;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair),
                     0);
    one = (struct fixture){
        .loop = wsp_loop_new(NULL), .peer = pair[1], .other = &two};
    assert_non_null(one.loop);
    open_stream(&one, pair[0], &killer_ops);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair),
                     0);
    two = (struct fixture){.loop = one.loop, .peer = pair[1], .other = &one};
    open_stream(&two, pair[0], &killer_ops);
    wsp_stream_want_read(one.stream, true);
    wsp_stream_want_read(two.stream, true);
    tell(&one, "x");
    tell(&two, "x");
    wsp_loop_poll(one.loop, -1);
    assert_int_equal(one.got_len + two.got_len, 1);
    assert_true((one.stream == NULL) != (two.stream == NULL));
    if (two.stream) {
        wsp_stream_fini(two.stream);
        free(two.stream);
    }
    close(two.peer);
    fini(&one);
}

static void test_a_full_socket_takes_nothing_and_tells_when_it_does(void **st)
{
    (void)st;
    struct fixture fixture;
    init(&fixture);
    assert_true(fill(&fixture) > 0);
    assert_true(wsp_stream_want_write(fixture.stream, true));
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.writables, 0);
    drain(&fixture);
    LOOP_WAIT(fixture.loop, fixture.writables == 1);
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.writables, 1);
    fini(&fixture);
}

static void test_wanting_to_write_stays_until_turned_off(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    fixture.is_write_kept = true;
    wsp_stream_want_write(fixture.stream, true);
    LOOP_WAIT(fixture.loop, fixture.writables == 3);
    wsp_stream_want_write(fixture.stream, false);
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.writables, 3);
    fini(&fixture);
}

static void test_parts_are_written_in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    char one[] = "one ";
    char two[] = "two";
    const struct iovec parts[] = {{one, 4}, {two, 3}};
    assert_int_equal(wsp_stream_writev(fixture.stream, parts, 2), 7);
    char got[16] = "";
    assert_int_equal(recv(fixture.peer, got, sizeof got, 0), 7);
    assert_string_equal(got, "one two");
    fini(&fixture);
}

static void test_more_parts_than_the_kernel_takes_are_cut(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    static struct iovec parts[WSP_STREAM_PARTS_MAX + 5];
    char byte[] = "b";
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i] = (struct iovec){byte, 1};
    }
    assert_int_equal(
        wsp_stream_writev(fixture.stream, parts, WSP_STREAM_PARTS_MAX + 5),
        WSP_STREAM_PARTS_MAX);
    fini(&fixture);
}

/* SIGPIPE keeps its default here: it would end the test program. */
static void test_a_write_to_a_gone_peer_is_an_error_without_a_signal(void **st)
{
    (void)st;
    struct fixture fixture;
    init(&fixture);
    close(fixture.peer);
    fixture.peer = -1;
    char data[] = "x";
    const struct iovec part = {data, 1};
    assert_int_equal(wsp_stream_write(fixture.stream, data, 1), -EPIPE);
    assert_int_equal(wsp_stream_writev(fixture.stream, &part, 1), -EPIPE);
    fini(&fixture);
}

static void test_shutdown_lets_the_peer_read_the_rest(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    wsp_stream_want_read(fixture.stream, true);
    assert_int_equal(wsp_stream_write(fixture.stream, "last", 4), 4);
    wsp_stream_shutdown(fixture.stream);
    char got[16];
    assert_int_equal(recv(fixture.peer, got, sizeof got, 0), 4);
    assert_int_equal(recv(fixture.peer, got, sizeof got, 0), 0);
    tell(&fixture, "answer");
    LOOP_WAIT(fixture.loop, fixture.got_len == 6);
    fini(&fixture);
}

static void test_abort_resets_the_peer(void **state)
{
    (void)state;
    int ours;
    int theirs;
    make_tcp_pair(&ours, &theirs);
    struct fixture fixture;
    init_with(&fixture, ours, theirs);
    wsp_stream_abort_on_close(fixture.stream);
    wsp_stream_fini(fixture.stream);
    char got[4];
    assert_int_equal(recv(theirs, got, sizeof got, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    fini(&fixture);
}

static void test_fini_closes_the_descriptor(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture);
    int fd = fixture.stream->fd;
    wsp_stream_want_read(fixture.stream, true);
    wsp_stream_fini(fixture.stream);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(fixture.stream->fd, -1);
    assert_true(wsp_stream_want_read(fixture.stream, true));
    wsp_loop_poll(fixture.loop, 5);
    assert_int_equal(fixture.order_len, 0);
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_read_before_it_is_wanted),
        cmocka_unit_test(test_a_readiness_is_one_receive),
        cmocka_unit_test(test_the_last_byte_is_reported_once),
        cmocka_unit_test(test_a_reset_is_reported_with_its_error),
        cmocka_unit_test(test_on_data_may_free_the_stream),
        cmocka_unit_test(test_on_end_may_free_the_stream),
        cmocka_unit_test(test_on_writable_may_free_the_stream),
        cmocka_unit_test(test_write_comes_before_read),
        cmocka_unit_test(test_a_stream_may_free_another_that_is_ready_too),
        cmocka_unit_test(
            test_a_full_socket_takes_nothing_and_tells_when_it_does),
        cmocka_unit_test(test_wanting_to_write_stays_until_turned_off),
        cmocka_unit_test(test_parts_are_written_in_order),
        cmocka_unit_test(test_more_parts_than_the_kernel_takes_are_cut),
        cmocka_unit_test(
            test_a_write_to_a_gone_peer_is_an_error_without_a_signal),
        cmocka_unit_test(test_shutdown_lets_the_peer_read_the_rest),
        cmocka_unit_test(test_abort_resets_the_peer),
        cmocka_unit_test(test_fini_closes_the_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
