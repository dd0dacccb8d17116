/* SPDX-License-Identifier: MIT */
/* A listener when no descriptors are left. Each test runs in a child, whose
 * limit it lowers; the exit status says what went wrong. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_wait.h"

/* Connects to "127.0.0.1:port", or gives -1. */
static int dial(const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void on_accept_in_child(void *ud, int fd, const struct wsp_address *peer)
{
    (void)peer;
    int *accepted = ud;
    *accepted = fd;
}

/* Turns the loop for 40 ms. A socket that stays ready ends every wait at once:
 * thousands of turns; a paused one leaves a handful. */
static int count_turns(struct wsp_loop *loop)
{
    int turns = 0;
    uint64_t end_ms = loop_wait_clock_ms() + 40;
    while (loop_wait_clock_ms() < end_ms) {
        wsp_loop_poll(loop, 10);
        turns++;
    }
    return turns;
}

static bool wait_until_accepted(struct wsp_loop *loop, const int *accepted)
{
    uint64_t end_ms = loop_wait_clock_ms() + LOOP_WAIT_MAX_MS;
    while (*accepted < 0 && loop_wait_clock_ms() < end_ms) {
        wsp_loop_poll(loop, 20);
    }
    return *accepted >= 0;
}

static int run_out_of_descriptors(void)
{
    int accepted = -1;
    struct wsp_loop *loop = wsp_loop_new(NULL);
    struct wsp_listener *listener = wsp_listener_open(
        loop, "127.0.0.1:0", 0, on_accept_in_child, &accepted, NULL);
    int peer = listener ? dial(wsp_listener_address(listener)) : -1;
    if (peer < 0) {
        return 2;
    }
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    wsp_loop_poll(loop, -1);
    if (accepted >= 0) {
        return 3;
    }
    if (count_turns(loop) > 20) {
        return 4;
    }
    setrlimit(RLIMIT_NOFILE, &old);
    if (!wait_until_accepted(loop, &accepted)) {
        return 5;
    }
    close(accepted);
    close(peer);
    wsp_listener_close(listener);
    wsp_loop_free(loop);
    return 0;
}

/* What a listener in want has said. */
struct want {
    int accepted;
    int errors; /* calls with EMFILE */
    unsigned shed;
};

static void on_trouble(void *ud, int error, unsigned count)
{
    struct want *want = ud;
    want->errors += error == EMFILE;
    want->shed += count;
}

/* Leaves no descriptor free. Returns the limit there was. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    int free_fd = dup(0);
    close(free_fd);
    struct rlimit none = {.rlim_cur = (rlim_t)free_fd,
                          .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    return old;
}

static bool has_ended(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static bool wait_until_shed(struct wsp_loop *loop, const struct want *want,
                            unsigned count)
{
    uint64_t end_ms = loop_wait_clock_ms() + LOOP_WAIT_MAX_MS;
    while (want->shed < count && loop_wait_clock_ms() < end_ms) {
        wsp_loop_poll(loop, 20);
    }
    return want->shed == count;
}

static int shed_and_recover(void)
{
    struct want want = {-1, 0, 0};
    struct wsp_loop *loop = wsp_loop_new(NULL);
    struct wsp_listener *listener = wsp_listener_open(
        loop, "127.0.0.1:0", 0, on_accept_in_child, &want, NULL);
    wsp_listener_on_trouble(listener, on_trouble);
    for (unsigned round = 1; round <= 2; round++) {
        int first = dial(wsp_listener_address(listener));
        int second = dial(wsp_listener_address(listener));
        struct rlimit old = use_up_descriptors();
        unsigned before = want.shed;
        wsp_loop_poll(loop, -1);
        if (want.shed != before || has_ended(first) || want.errors == 0) {
            return 2; /* nobody is sent away at once */
        }
        if (!wait_until_shed(loop, &want, before + 2) || !has_ended(first) ||
            !has_ended(second)) {
            return 3;
        }
        setrlimit(RLIMIT_NOFILE, &old);
        int third = dial(wsp_listener_address(listener));
        if (!wait_until_accepted(loop, &want.accepted)) {
            return 4;
        }
        close(want.accepted);
        want.accepted = -1;
        close(first);
        close(second);
        close(third);
    }
    wsp_listener_close(listener);
    wsp_loop_free(loop);
    return 0;
}

static void assert_child_succeeds(int (*run)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_hostile_59_no_descriptors_pauses_and_recovers(void **state)
{
    (void)state;
    assert_child_succeeds(run_out_of_descriptors);
}

static void test_hostile_59_a_lasting_want_sends_peers_away(void **state)
{
    (void)state;
    assert_child_succeeds(shed_and_recover);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_59_no_descriptors_pauses_and_recovers),
        cmocka_unit_test(test_hostile_59_a_lasting_want_sends_peers_away),
    };
    return cmocka_run_group_tests_name("net.listener_want", tests, NULL, NULL);
}
