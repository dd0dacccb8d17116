/* SPDX-License-Identifier: MIT */
#include "cli/bench_load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/bench_process.h"
#include "cli/bench_progress.h"
#include "cli/bench_stage.h"

#define SECOND_NS 1000000000ULL
#define TURN_MS 50
#define TURN_NS (TURN_MS * SECOND_NS / 1000)
#define LEAVE_NS (2 * SECOND_NS) /* how long a polite goodbye may take */
#define EVENTS_MAX 512
#define BUFFER_BYTES (256 * 1024)
#define OPENING_MAX 128 /* handshakes at a time; more overflow a backlog */
#define SPARE_DESCRIPTORS 16

/* ---- peers ---- */

static void watch(struct wsp_bench_load *load, struct wsp_bench_peer *peer,
                  int operation)
{
    bool is_writing = wsp_bench_peer_is_writing(peer);
    if (operation == EPOLL_CTL_MOD && is_writing == peer->is_watched_out) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN};
    event.events |= is_writing ? EPOLLOUT : 0;
    event.data.u32 = (uint32_t)(peer - load->peers);
    peer->is_watched_out = is_writing;
    if (epoll_ctl(load->epoll, operation, peer->fd, &event) != 0) {
        struct wsp_diag diag;
        wsp_diag_set_errno(&diag, WSP_ERR_IO, errno, "epoll_ctl");
        wsp_bench_load_fail(load, &diag);
    }
}

void wsp_bench_load_connect(struct wsp_bench_load *load,
                            struct wsp_bench_peer *peer)
{
    struct wsp_diag diag;
    peer->began_ns = wsp_bench_clock_ns();
    load->opening_count++;
    if (wsp_bench_peer_connect(peer, load->target, &diag) != WSP_OK) {
        wsp_bench_load_fail(load, &diag);
        return;
    }
    watch(load, peer, EPOLL_CTL_ADD);
}

/* A peer has come through the upgrade. */
static void note_open(struct wsp_bench_load *load, struct wsp_bench_peer *peer)
{
    load->opening_count--;
    load->open_count++;
    load->result->connected++;
    wsp_bench_histogram_add(&load->result->connecting,
                            load->now_ns - peer->began_ns, 1);
    if (load->play->on_open) {
        load->play->on_open(load, peer);
    }
}

/* A peer's socket has ended, in order or with `diag`. */
static void note_end(struct wsp_bench_load *load, struct wsp_bench_peer *peer,
                     const struct wsp_diag *diag)
{
    bool is_asked = peer->phase == WSP_BENCH_CLOSING;
    bool was_opening = peer->phase < WSP_BENCH_OPEN;
    load->open_count -= !was_opening;
    load->opening_count -= was_opening;
    wsp_bench_peer_reset(peer);
    if (load->stage == WSP_BENCH_LEAVING) {
        return;
    }
    if (!is_asked) {
        wsp_bench_load_fail(load, diag);
    } else if (load->play->on_closed) {
        load->play->on_closed(load, peer);
    }
}

static void take_reading(struct wsp_bench_load *load,
                         struct wsp_bench_peer *peer,
                         const struct wsp_bench_reading *reading)
{
    if (reading->messages == 0 && reading->bytes == 0) {
        return;
    }
    load->active_ns = load->now_ns;
    load->result->bytes += reading->bytes;
    if (load->play->on_messages && wsp_bench_load_is_on(load)) {
        load->play->on_messages(load, peer, reading->messages);
    }
}

static void handle_event(struct wsp_bench_load *load,
                         const struct epoll_event *event)
{
    struct wsp_bench_peer *peer = &load->peers[event->data.u32];
    struct wsp_bench_reading reading;
    struct wsp_diag diag;
    enum wsp_err result = WSP_OK;
    load->now_ns = wsp_bench_clock_ns();
    bool was_open = peer->phase >= WSP_BENCH_OPEN;
    if (peer->phase == WSP_BENCH_UNUSED) {
        return; /* it ended earlier in this batch of events */
    }
    if (event->events & (EPOLLOUT | EPOLLERR) &&
        wsp_bench_peer_is_writing(peer)) {
        result = wsp_bench_peer_writable(peer, load->target, &diag);
    }
    if (result == WSP_OK && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR) &&
        peer->phase != WSP_BENCH_CONNECTING) {
        result = wsp_bench_peer_readable(peer, load->buffer, BUFFER_BYTES,
                                         &reading, &diag);
        if (!was_open && peer->phase == WSP_BENCH_OPEN) {
            load->active_ns = load->now_ns;
            note_open(load, peer);
        }
        if (peer->phase >= WSP_BENCH_OPEN && result == WSP_OK) {
            take_reading(load, peer, &reading);
        }
    }
    if (result != WSP_OK) {
        note_end(load, peer, &diag);
    } else if (peer->phase != WSP_BENCH_UNUSED) {
        watch(load, peer, EPOLL_CTL_MOD);
    }
}

/* ---- what the modes use ---- */

void wsp_bench_load_send(struct wsp_bench_load *load,
                         struct wsp_bench_peer *peer, uint64_t count,
                         uint64_t stamp_ns)
{
    struct wsp_diag diag;
    uint32_t depth = load->settings->depth;
    for (uint64_t i = 0; i < count; i++) {
        peer->stamps[(peer->sent + i) % depth] = stamp_ns;
    }
    peer->sent += count;
    load->sent += count;
    if (wsp_bench_peer_send(peer, load->block.data,
                            (size_t)count * load->block.frame_len,
                            &diag) != WSP_OK) {
        wsp_bench_load_fail(load, &diag);
        return;
    }
    watch(load, peer, EPOLL_CTL_MOD);
}

/* ---- turns ---- */

static void open_more(struct wsp_bench_load *load)
{
    while (load->stage == WSP_BENCH_OPENING && load->begun < load->peer_count &&
           load->opening_count < OPENING_MAX) {
        wsp_bench_load_connect(load, &load->peers[load->begun++]);
    }
    if (load->stage == WSP_BENCH_OPENING &&
        load->open_count == load->peer_count) {
        wsp_bench_stage_warm(load);
    }
}

static void check_silence(struct wsp_bench_load *load)
{
    bool is_waiting = load->stage == WSP_BENCH_OPENING ||
                      (wsp_bench_load_is_on(load) && !load->play->is_silent &&
                       load->sent > load->answered);
    if (!is_waiting || wsp_bench_stage_seconds(load, load->active_ns) <
                           load->settings->timeout_s) {
        return;
    }
    struct wsp_diag diag;
    if (load->stage == WSP_BENCH_OPENING) {
        wsp_diag_set(&diag, WSP_ERR_IO,
                     "no connection opened for %g s; %u of %u are open",
                     load->settings->timeout_s, load->open_count,
                     load->peer_count);
    } else if (load->settings->mode == WSP_BENCH_FANOUT) {
        wsp_diag_set(&diag, WSP_ERR_IO,
                     "nothing came for %g s, %llu deliveries are missing: does "
                     "the server broadcast to all connections of one room, "
                     "and is --depth within its send buffer?",
                     load->settings->timeout_s,
                     (unsigned long long)load->outstanding);
    } else {
        wsp_diag_set(&diag, WSP_ERR_IO,
                     "nothing came for %g s: does the server answer every "
                     "message with one message?",
                     load->settings->timeout_s);
    }
    wsp_bench_load_fail(load, &diag);
}

/* Ctrl-C ends early, and what was measured until then is reported. The signals
 * are blocked, so no handler is needed. */
static void check_signals(struct wsp_bench_load *load, const sigset_t *signals)
{
    const struct timespec at_once = {0, 0};
    if (sigtimedwait(signals, NULL, &at_once) > 0) {
        load->result->is_interrupted = true;
        wsp_bench_stage_leave(load);
    }
}

static bool is_over(const struct wsp_bench_load *load)
{
    return load->stage == WSP_BENCH_LEAVING &&
           (load->open_count == 0 || load->now_ns - load->stage_ns > LEAVE_NS);
}

/* Waits for events, or until the mode has something to do. That one is waited
 * for in nanoseconds: a millisecond too late would show as latency. */
static int wait_for_events(const struct wsp_bench_load *load,
                           struct epoll_event *events)
{
    uint64_t next_ns = load->play->next_ns ? load->play->next_ns(load) : 0;
    if (next_ns == 0) {
        return epoll_wait(load->epoll, events, EVENTS_MAX, TURN_MS);
    }
    uint64_t left_ns = next_ns > load->now_ns ? next_ns - load->now_ns : 0;
    uint64_t wait_ns = left_ns < TURN_NS ? left_ns : TURN_NS;
    struct pollfd item = {.fd = load->epoll, .events = POLLIN};
    struct timespec wait = {0, (long)wait_ns};
    ppoll(&item, 1, &wait, NULL);
    return epoll_wait(load->epoll, events, EVENTS_MAX, 0);
}

static void run_turn(struct wsp_bench_load *load)
{
    struct epoll_event events[EVENTS_MAX];
    open_more(load);
    if (load->play->on_turn && wsp_bench_load_is_on(load)) {
        load->play->on_turn(load);
    }
    int count = wait_for_events(load, events);
    for (int i = 0; i < count; i++) {
        handle_event(load, &events[i]);
    }
    load->now_ns = wsp_bench_clock_ns();
    wsp_bench_stage_check(load);
}

static void run_turns(struct wsp_bench_load *load, const sigset_t *signals)
{
    uint64_t checked_ns = 0;
    while (!is_over(load)) {
        run_turn(load);
        if (load->now_ns - checked_ns >= TURN_NS) {
            checked_ns = load->now_ns;
            check_signals(load, signals);
            check_silence(load);
            wsp_bench_progress_show(load);
        }
    }
}

/* ---- life ---- */

static enum wsp_err raise_descriptor_limit(uint32_t count,
                                           struct wsp_diag *diag)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)count + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return WSP_OK;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= wanted) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_IO,
                        "%u connections need %llu file descriptors, the limit "
                        "is %llu (ulimit -Hn)",
                        count, (unsigned long long)wanted,
                        (unsigned long long)limit.rlim_max);
}

static bool allocate(struct wsp_bench_load *load)
{
    uint32_t depth = load->settings->depth;
    load->peers = calloc(load->peer_count, sizeof *load->peers);
    load->stamps = calloc((size_t)load->peer_count * depth, sizeof(uint64_t));
    load->buffer = malloc(BUFFER_BYTES);
    if (!load->peers || !load->stamps || !load->buffer ||
        !wsp_bench_block_init(&load->block, load->settings)) {
        return false;
    }
    for (uint32_t i = 0; i < load->peer_count; i++) {
        wsp_bench_peer_init(&load->peers[i]);
        load->peers[i].stamps = load->stamps + (size_t)i * depth;
    }
    return true;
}

static enum wsp_err prepare(struct wsp_bench_load *load, struct wsp_diag *diag)
{
    struct wsp_bench_result *result = load->result;
    int pid = load->settings->pid;
    double seconds;
    enum wsp_err err = raise_descriptor_limit(load->peer_count, diag);
    if (err == WSP_OK && pid) {
        err = wsp_bench_process_cpu(pid, &seconds, diag);
    }
    if (err == WSP_OK && pid) {
        err = wsp_bench_process_rss(pid, &result->rss_before, diag);
        result->has_server = err == WSP_OK;
    }
    if (err == WSP_OK && !allocate(load)) {
        err = wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    if (err == WSP_OK && (load->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) {
        err = wsp_diag_set_errno(diag, WSP_ERR_IO, errno, "epoll_create1");
    }
    return err;
}

static void clean_up(struct wsp_bench_load *load)
{
    for (uint32_t i = 0; load->peers && i < load->peer_count; i++) {
        wsp_bench_peer_reset(&load->peers[i]);
    }
    if (load->epoll >= 0) {
        close(load->epoll);
    }
    wsp_bench_block_fini(&load->block);
    free(load->peers);
    free(load->stamps);
    free(load->buffer);
}

static const struct wsp_bench_play *play_of(enum wsp_bench_mode mode)
{
    switch (mode) {
    case WSP_BENCH_FANOUT:
        return &wsp_bench_fanout;
    case WSP_BENCH_CONNECT:
        return &wsp_bench_connect;
    case WSP_BENCH_IDLE:
        return &wsp_bench_idle;
    case WSP_BENCH_ECHO:
        break;
    }
    return &wsp_bench_echo;
}

/* Opens, measures and leaves, with the signals that end a program held back. */
static void run_held(struct wsp_bench_load *load)
{
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    load->now_ns = wsp_bench_clock_ns();
    wsp_bench_stage_enter(load, WSP_BENCH_OPENING);
    if (!load->play->opens_all) {
        load->begun = load->peer_count;
        wsp_bench_stage_warm(load);
    }
    run_turns(load, &signals);
    wsp_bench_progress_clear(load);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void wsp_bench_load_run(const struct wsp_bench_settings *settings,
                        const struct wsp_bench_target *target,
                        struct wsp_bench_result *result)
{
    struct wsp_bench_load load = {
        .settings = settings,
        .target = target,
        .play = play_of(settings->mode),
        .result = result,
        .epoll = -1,
        .shows_progress = isatty(STDERR_FILENO),
    };
    load.peer_count = settings->connections + load.play->extra;
    memset(result, 0, sizeof *result);
    if (prepare(&load, &result->failure) == WSP_OK) {
        run_held(&load);
    }
    clean_up(&load);
}
