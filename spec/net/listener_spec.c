/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_wait.h"

#define PEERS_MAX 128

struct fixture {
    struct wsp_loop *loop;
    struct wsp_listener *listener;
    int accepted[PEERS_MAX];
    size_t count;
    char peer[WSP_ADDRESS_TEXT_MAX]; /* of the last one accepted */
    size_t close_after;              /* 0: never */
    char dir[32];                    /* for socket files */
    char text[64];                   /* "unix:<dir>/s" */
};

static void on_accept(void *ud, int fd, const struct wsp_address *peer)
{
    struct fixture *fixture = ud;
    assert_true(fixture->count < PEERS_MAX);
    fixture->accepted[fixture->count++] = fd;
    wsp_address_format(peer, fixture->peer);
    if (fixture->count == fixture->close_after) {
        wsp_listener_close(fixture->listener);
        fixture->listener = NULL;
    }
}

static void init(struct fixture *fixture, const char *text)
{
    *fixture = (struct fixture){.loop = wsp_loop_new(NULL)};
    assert_non_null(fixture->loop);
    strcpy(fixture->dir, "/tmp/wspulse-spec-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->text, sizeof fixture->text, "unix:%s/s", fixture->dir);
    struct wsp_diag diag = {.message = ""};
    fixture->listener =
        wsp_listener_open(fixture->loop, text ? text : fixture->text, 0,
                          on_accept, fixture, &diag);
    if (!fixture->listener) {
        fail_msg("%s", diag.message);
    }
}

static void fini(struct fixture *fixture)
{
    wsp_listener_close(fixture->listener);
    for (size_t i = 0; i < fixture->count; i++) {
        close(fixture->accepted[i]);
    }
    wsp_loop_free(fixture->loop);
    unlink(fixture->text + 5);
    assert_int_equal(rmdir(fixture->dir), 0);
}

static const char *file_of(const struct fixture *fixture)
{
    return fixture->text + 5;
}

/* Connects to a listener; blocking, which a backlog makes immediate. */
static int dial(const char *text)
{
    struct wsp_address address;
    assert_int_equal(wsp_address_parse(&address, text, NULL), WSP_OK);
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&address.storage, address.len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void test_port_0_becomes_the_real_port(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    const char *text = wsp_listener_address(fixture.listener);
    assert_memory_equal(text, "127.0.0.1:", 10);
    assert_true(strtol(text + 10, NULL, 10) > 0);
    int peer = dial(text);
    assert_true(peer >= 0);
    LOOP_WAIT(fixture.loop, fixture.count == 1);
    assert_memory_equal(fixture.peer, "127.0.0.1:", 10);
    close(peer);
    fini(&fixture);
}

static void test_what_is_accepted_is_ready_for_use(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    int peer = dial(wsp_listener_address(fixture.listener));
    LOOP_WAIT(fixture.loop, fixture.count == 1);
    int fd = fixture.accepted[0];
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int no_delay = 0;
    socklen_t len = sizeof no_delay;
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len);
    assert_true(no_delay);
    close(peer);
    fini(&fixture);
}

static bool has_ipv6_loopback(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    name.sin6_addr = in6addr_loopback;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound =
        fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_bound;
}

/* Where the machine has no IPv6, the refusal has to name it. */
static void test_ipv6_is_accepted_or_refused_by_name(void **state)
{
    (void)state;
    if (!has_ipv6_loopback()) {
        struct wsp_diag diag = {.message = ""};
        struct wsp_loop *loop = wsp_loop_new(NULL);
        assert_null(
            wsp_listener_open(loop, "[::1]:0", 0, on_accept, NULL, &diag));
        assert_memory_equal(diag.message, "listen [::1]:0: ", 16);
        wsp_loop_free(loop);
        return;
    }
    struct fixture fixture;
    init(&fixture, "[::1]:0");
    assert_memory_equal(wsp_listener_address(fixture.listener), "[::1]:", 6);
    int peer = dial(wsp_listener_address(fixture.listener));
    LOOP_WAIT(fixture.loop, fixture.count == 1);
    assert_memory_equal(fixture.peer, "[::1]:", 6);
    close(peer);
    fini(&fixture);
}

static void test_every_address_takes_ipv4_peers(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, ":0");
    const char *port = strrchr(wsp_listener_address(fixture.listener), ':');
    char text[64];
    snprintf(text, sizeof text, "127.0.0.1%s", port);
    int peer = dial(text);
    assert_true(peer >= 0);
    LOOP_WAIT(fixture.loop, fixture.count == 1);
    assert_memory_equal(fixture.peer, "127.0.0.1:", 10);
    close(peer);
    fini(&fixture);
}

static void test_a_used_address_is_refused_by_name(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    const char *text = wsp_listener_address(fixture.listener);
    struct wsp_diag diag;
    assert_null(
        wsp_listener_open(fixture.loop, text, 0, on_accept, NULL, &diag));
    assert_int_equal(diag.code, WSP_ERR_LISTEN);
    assert_int_equal(diag.sys_errno, EADDRINUSE);
    char message[128];
    snprintf(message, sizeof message, "listen %s: %s", text,
             strerror(EADDRINUSE));
    assert_string_equal(diag.message, message);
    assert_null(
        wsp_listener_open(fixture.loop, "nonsense", 0, on_accept, NULL, &diag));
    assert_int_equal(diag.code, WSP_ERR_LISTEN);
    fini(&fixture);
}

static void test_close_stops_accepting(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    char text[WSP_ADDRESS_TEXT_MAX];
    strcpy(text, wsp_listener_address(fixture.listener));
    wsp_listener_close(fixture.listener);
    fixture.listener = NULL;
    assert_int_equal(dial(text), -1);
    fini(&fixture);
}

static void test_close_in_the_accept_callback_ends_the_batch(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    fixture.close_after = 2;
    int peers[4];
    for (size_t i = 0; i < 4; i++) {
        peers[i] = dial(wsp_listener_address(fixture.listener));
    }
    LOOP_WAIT(fixture.loop, fixture.listener == NULL);
    wsp_loop_poll(fixture.loop, 10);
    assert_int_equal(fixture.count, 2);
    for (size_t i = 0; i < 4; i++) {
        close(peers[i]);
    }
    fini(&fixture);
}

static void test_at_most_64_are_accepted_a_turn(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, NULL);
    int peers[100];
    for (size_t i = 0; i < 100; i++) {
        peers[i] = dial(fixture.text);
        assert_true(peers[i] >= 0);
    }
    wsp_loop_poll(fixture.loop, -1);
    assert_int_equal(fixture.count, 64);
    wsp_loop_poll(fixture.loop, -1);
    assert_int_equal(fixture.count, 100);
    for (size_t i = 0; i < 100; i++) {
        close(peers[i]);
    }
    fini(&fixture);
}

/* ---- unix socket files ---- */

static void test_a_unix_socket_comes_and_goes_with_its_file(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, NULL);
    assert_string_equal(wsp_listener_address(fixture.listener), fixture.text);
    int peer = dial(fixture.text);
    assert_true(peer >= 0);
    LOOP_WAIT(fixture.loop, fixture.count == 1);
    assert_string_equal(fixture.peer, "unix");
    wsp_listener_close(fixture.listener);
    fixture.listener = NULL;
    assert_int_equal(access(file_of(&fixture), F_OK), -1);
    close(peer);
    fini(&fixture);
}

static void test_a_mode_is_exact_whatever_the_umask(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    const unsigned modes[] = {0600, 0666, 0660};
    for (size_t i = 0; i < 3; i++) {
        struct wsp_listener *listener = wsp_listener_open(
            fixture.loop, fixture.text, modes[i], on_accept, &fixture, NULL);
        assert_non_null(listener);
        struct stat status;
        assert_int_equal(lstat(file_of(&fixture), &status), 0);
        assert_int_equal(status.st_mode & 0777, modes[i]);
        wsp_listener_close(listener);
    }
    fini(&fixture);
}

static void leave_dead_socket(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 1), 0);
    close(fd);
}

static void test_a_dead_socket_file_is_replaced(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    leave_dead_socket(file_of(&fixture));
    struct wsp_listener *listener = wsp_listener_open(
        fixture.loop, fixture.text, 0, on_accept, &fixture, NULL);
    assert_non_null(listener);
    int peer = dial(fixture.text);
    assert_true(peer >= 0);
    close(peer);
    wsp_listener_close(listener);
    fini(&fixture);
}

static void test_a_live_socket_file_is_an_error(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, NULL);
    struct wsp_diag diag;
    assert_null(wsp_listener_open(fixture.loop, fixture.text, 0, on_accept,
                                  &fixture, &diag));
    assert_int_equal(diag.sys_errno, EADDRINUSE);
    int peer = dial(fixture.text);
    assert_true(peer >= 0);
    close(peer);
    fini(&fixture);
}

static void test_a_file_that_is_no_socket_is_kept(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    int fd = open(file_of(&fixture), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "data", 4), 4);
    close(fd);
    struct wsp_diag diag;
    assert_null(wsp_listener_open(fixture.loop, fixture.text, 0, on_accept,
                                  &fixture, &diag));
    assert_int_equal(diag.sys_errno, EADDRINUSE);
    struct stat status;
    assert_int_equal(stat(file_of(&fixture), &status), 0);
    assert_int_equal(status.st_size, 4);
    fini(&fixture);
}

/* Somebody else has taken the path over: their file stays. */
static void test_close_removes_only_its_own_file(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, NULL);
    char kept[80];
    snprintf(kept, sizeof kept, "%s.other", file_of(&fixture));
    leave_dead_socket(kept);
    assert_int_equal(rename(kept, file_of(&fixture)), 0);
    wsp_listener_close(fixture.listener);
    fixture.listener = NULL;
    assert_int_equal(access(file_of(&fixture), F_OK), 0);
    fini(&fixture);
}

static void test_a_missing_folder_is_refused_by_name(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    char text[96];
    snprintf(text, sizeof text, "unix:%s/none/s", fixture.dir);
    struct wsp_diag diag;
    assert_null(
        wsp_listener_open(fixture.loop, text, 0, on_accept, NULL, &diag));
    assert_int_equal(diag.sys_errno, ENOENT);
    fini(&fixture);
}

/* ---- pausing ---- */

static void on_accept_and_pause(void *ud, int fd,
                                const struct wsp_address *peer)
{
    struct fixture *fixture = ud;
    on_accept(fixture, fd, peer);
    wsp_listener_pause(fixture->listener, 30);
}

static void test_hostile_66_a_pause_leaves_peers_in_the_backlog(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, "127.0.0.1:0");
    wsp_listener_close(fixture.listener);
    fixture.listener = wsp_listener_open(fixture.loop, "127.0.0.1:0", 0,
                                         on_accept_and_pause, &fixture, NULL);
    int peers[3];
    for (int i = 0; i < 3; i++) {
        peers[i] = dial(wsp_listener_address(fixture.listener));
    }
    uint64_t start_ms = loop_wait_clock_ms();
    wsp_loop_poll(fixture.loop, -1);
    assert_int_equal(fixture.count, 1);
    LOOP_WAIT(fixture.loop, fixture.count == 3);
    assert_true(loop_wait_clock_ms() - start_ms >= 60);
    for (int i = 0; i < 3; i++) {
        close(peers[i]);
    }
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_0_becomes_the_real_port),
        cmocka_unit_test(test_what_is_accepted_is_ready_for_use),
        cmocka_unit_test(test_ipv6_is_accepted_or_refused_by_name),
        cmocka_unit_test(test_every_address_takes_ipv4_peers),
        cmocka_unit_test(test_a_used_address_is_refused_by_name),
        cmocka_unit_test(test_close_stops_accepting),
        cmocka_unit_test(test_close_in_the_accept_callback_ends_the_batch),
        cmocka_unit_test(test_at_most_64_are_accepted_a_turn),
        cmocka_unit_test(test_a_unix_socket_comes_and_goes_with_its_file),
        cmocka_unit_test(test_a_mode_is_exact_whatever_the_umask),
        cmocka_unit_test(test_a_dead_socket_file_is_replaced),
        cmocka_unit_test(test_a_live_socket_file_is_an_error),
        cmocka_unit_test(test_a_file_that_is_no_socket_is_kept),
        cmocka_unit_test(test_close_removes_only_its_own_file),
        cmocka_unit_test(test_a_missing_folder_is_refused_by_name),
        cmocka_unit_test(test_hostile_66_a_pause_leaves_peers_in_the_backlog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
