/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "net/clock_ms.h"
#include "net/poller.h"
#include "net/stream.h"
#include "net/watchdog.h"

#define CROWD_ROUNDS 4 /* turns in a row for streams alone */

TAILQ_HEAD(tail_list, wsp_loop_tail);

struct wsp_loop {
    struct event_base *base;
    struct wsp_mailbox mailbox;
    struct event mail;  /* the mailbox has something */
    struct event limit; /* ends the wait of wsp_loop_poll */
    struct tail_list tails;
    struct wsp_loop_tail *next_tail; /* while tails run: the one after */
    const void *current;             /* see wsp_loop_set_current */
    struct wsp_poller poller;        /* of the streams */
    struct event streams;            /* one of them is ready */
    unsigned rounds;        /* turns in a row that went to the streams alone */
    bool is_crowded;        /* many of them were ready the last time */
    struct wsp_again again; /* who begins the next turn */
    atomic_bool is_stopped; /* wsp_loop_run is to return */
    bool is_hurried;        /* the next turn does not wait */
    bool is_in_turn;
    bool has_now; /* now_ms is of this turn */
    uint64_t now_ms;
    uint8_t *read_buffer; /* heap */
    uint8_t *cork_buffer; /* heap */
    struct wsp_hold_board board;
    struct wsp_watchdog *watchdog; /* NULL: none */
};

static uint64_t read_clock_ms(void)
{
    return wsp_clock_ms(CLOCK_MONOTONIC);
}

/* A few milliseconds behind, and cheaper. */
static uint64_t read_coarse_ms(void)
{
    return wsp_clock_ms(CLOCK_MONOTONIC_COARSE);
}

/* ---- making a loop ---- */

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_loop *loop = arg;
    wsp_mailbox_run(&loop->mailbox);
}

/* Asks which streams are ready and serves them. Returns false when none was. */
static bool serve_streams(struct wsp_loop *loop)
{
    wsp_again_asked(&loop->again);
    int count = wsp_poller_run(&loop->poller);
    loop->is_crowded = count > 1;
    return count > 0;
}

/* libevent knows that some stream is ready, not which. */
static void on_streams(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wsp_loop *loop = arg;
    if (!wsp_again_try(&loop->again, WSP_AGAIN_SOMEBODY, read_coarse_ms)) {
        serve_streams(loop);
    }
}

/* The wait is over; nothing else is to be done. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* One thread uses the base, so it needs no lock; the environment has no say in
 * how it waits; without epoll there is no base, rather than one that is slow;
 * timers of libevent's coarse clock are enough (net/timer.c). */
static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return NULL;
    }
    struct event_base *base = NULL;
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV;
    if (event_config_set_flag(config, flags) == 0 &&
        event_config_require_features(config, EV_FEATURE_O1) == 0) {
        base = event_base_new_with_config(config);
    }
    event_config_free(config);
    return base;
}

static bool watch_streams(struct wsp_loop *loop)
{
    event_assign(&loop->streams, loop->base, loop->poller.fd,
                 EV_READ | EV_PERSIST, on_streams, loop);
    return event_add(&loop->streams, NULL) == 0;
}

static bool watch_mailbox(struct wsp_loop *loop)
{
    event_assign(&loop->limit, loop->base, -1, 0, on_limit, loop);
    event_assign(&loop->mail, loop->base, loop->mailbox.fd,
                 EV_READ | EV_PERSIST, on_mail, loop);
    return event_add(&loop->mail, NULL) == 0;
}

static struct wsp_loop *make_loop(void)
{
    struct wsp_loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    if (pthread_mutex_init(&loop->board.lock, NULL) != 0) {
        free(loop);
        return NULL;
    }
    TAILQ_INIT(&loop->tails);
    loop->read_buffer = malloc(WSP_LOOP_READ_GAP + WSP_LOOP_READ_BYTES);
    loop->cork_buffer = malloc(WSP_LOOP_CORK_BYTES);
    loop->base = make_base();
    return loop;
}

static void free_loop(struct wsp_loop *loop)
{
    if (loop->base) {
        event_base_free(loop->base);
    }
    pthread_mutex_destroy(&loop->board.lock);
    free(loop->read_buffer);
    free(loop->cork_buffer);
    free(loop);
}

struct wsp_loop *wsp_loop_new(struct wsp_diag *diag)
{
    struct wsp_loop *loop = make_loop();
    if (!loop || !loop->read_buffer || !loop->cork_buffer) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "event loop: out of memory");
        goto undo_loop;
    }
    if (!loop->base) {
        wsp_diag_set(diag, WSP_ERR_IO, "event loop: no descriptors or memory");
        goto undo_loop;
    }
    if (wsp_mailbox_init(&loop->mailbox, diag) != WSP_OK) {
        goto undo_loop;
    }
    if (wsp_poller_init(&loop->poller, wsp_stream_ready, diag) != WSP_OK) {
        goto undo_mailbox;
    }
    if (!watch_mailbox(loop) || !watch_streams(loop)) {
        wsp_diag_set(diag, WSP_ERR_IO, "event loop: cannot watch its own");
        goto undo_poller;
    }
    return loop;

undo_poller:
    wsp_poller_fini(&loop->poller);
undo_mailbox:
    wsp_mailbox_fini(&loop->mailbox);
undo_loop:
    if (loop) {
        free_loop(loop);
    }
    return NULL;
}

enum wsp_err wsp_loop_watch(struct wsp_loop *loop,
                            const struct wsp_logger *logger)
{
    if (!loop->watchdog) {
        loop->watchdog = wsp_watchdog_new(&loop->board, logger);
    }
    return loop->watchdog ? WSP_OK : WSP_ERR_OUT_OF_MEMORY;
}

void wsp_loop_free(struct wsp_loop *loop)
{
    wsp_watchdog_free(loop->watchdog);
    while (wsp_mailbox_run(&loop->mailbox)) {
    }
    event_del(&loop->mail);
    event_del(&loop->limit);
    event_del(&loop->streams);
    wsp_poller_fini(&loop->poller);
    wsp_mailbox_fini(&loop->mailbox);
    free_loop(loop);
}

/* ---- turns ---- */

static void run_tails(struct wsp_loop *loop)
{
    struct wsp_loop_tail *tail = TAILQ_FIRST(&loop->tails);
    while (tail) {
        loop->next_tail = TAILQ_NEXT(tail, link);
        tail->fn(tail->ud);
        tail = loop->next_tail;
    }
    loop->next_tail = NULL;
}

/* While many streams are ready most turns are theirs: everything else waits for
 * a few turns at most, and libevent is not asked for nothing. */
static bool serve_crowd(struct wsp_loop *loop)
{
    if (!loop->is_crowded || loop->rounds == CROWD_ROUNDS) {
        loop->rounds = 0;
        return false;
    }
    loop->rounds++;
    return serve_streams(loop);
}

/* Waits and runs the callbacks. Returns false when the kernel refuses to
 * wait. */
static bool serve(struct wsp_loop *loop, bool may_wait)
{
    if (!may_wait || loop->is_hurried) {
        return event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0;
    }
    return serve_crowd(loop) ||
           wsp_again_try(&loop->again, WSP_AGAIN_AT_ONCE, read_coarse_ms) ||
           event_base_loop(loop->base, EVLOOP_ONCE) >= 0;
}

/* Returns false when the kernel refuses to wait. */
static bool turn(struct wsp_loop *loop, bool may_wait)
{
    loop->is_in_turn = true;
    loop->has_now = false;
    bool is_ok = serve(loop, may_wait);
    /* Who hurried during the callbacks is served by the tails that follow. */
    loop->is_hurried = false;
    run_tails(loop);
    loop->is_in_turn = false;
    return is_ok;
}

void wsp_loop_run(struct wsp_loop *loop)
{
    if (loop->is_in_turn) {
        return;
    }
    bool is_ok = true;
    while (is_ok && !atomic_exchange(&loop->is_stopped, false)) {
        is_ok = turn(loop, true);
    }
}

void wsp_loop_poll(struct wsp_loop *loop, int64_t timeout_ms)
{
    if (loop->is_in_turn) {
        return;
    }
    if (timeout_ms <= 0) {
        turn(loop, timeout_ms < 0);
        return;
    }
    struct timeval limit = {.tv_sec = (time_t)(timeout_ms / 1000),
                            .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    bool has_limit = event_add(&loop->limit, &limit) == 0;
    turn(loop, has_limit);
    event_del(&loop->limit);
}

void wsp_loop_stop(struct wsp_loop *loop)
{
    wsp_mailbox_raise(&loop->mailbox, &loop->is_stopped);
}

/* Between the end of the wait and the first callback of a turn there is no
 * place of ours, so the first one who asks reads the clock. */
uint64_t wsp_loop_now_ms(struct wsp_loop *loop)
{
    if (!loop->is_in_turn) {
        return read_clock_ms();
    }
    if (!loop->has_now) {
        loop->now_ms = read_clock_ms();
        loop->has_now = true;
    }
    return loop->now_ms;
}

/* ---- what others hang on a loop ---- */

enum wsp_err wsp_loop_post(struct wsp_loop *loop, wsp_loop_fn fn, void *ud)
{
    return wsp_mailbox_post(&loop->mailbox, fn, ud);
}

void wsp_loop_send(struct wsp_loop *loop, struct wsp_message *message)
{
    wsp_mailbox_push(&loop->mailbox, message);
}

bool wsp_loop_cancel(struct wsp_loop *loop, struct wsp_message *message)
{
    return wsp_mailbox_cancel(&loop->mailbox, message);
}

void wsp_loop_tail_add(struct wsp_loop *loop, struct wsp_loop_tail *tail)
{
    TAILQ_INSERT_TAIL(&loop->tails, tail, link);
}

void wsp_loop_tail_remove(struct wsp_loop *loop, struct wsp_loop_tail *tail)
{
    if (loop->next_tail == tail) {
        loop->next_tail = TAILQ_NEXT(tail, link);
    }
    TAILQ_REMOVE(&loop->tails, tail, link);
}

void wsp_loop_hurry(struct wsp_loop *loop)
{
    loop->is_hurried = true;
}

void wsp_loop_set_current(struct wsp_loop *loop, const void *object)
{
    loop->current = object;
}

bool wsp_loop_is_current(const struct wsp_loop *loop, const void *object)
{
    return loop->current == object;
}

void wsp_loop_drop_current(struct wsp_loop *loop, const void *object)
{
    wsp_poller_forget(&loop->poller, object);
    wsp_again_forget(&loop->again, object);
    if (loop->current == object) {
        loop->current = NULL;
    }
}

void wsp_loop_note_served(struct wsp_loop *loop, wsp_again_fn fn, void *stream,
                          size_t bytes)
{
    wsp_again_note(&loop->again, fn, stream, bytes);
}

bool wsp_loop_watch_socket(struct wsp_loop *loop, int fd, uint32_t before,
                           uint32_t events, void *stream)
{
    return wsp_poller_watch(&loop->poller, fd, before, events, stream);
}

struct event_base *wsp_loop_base(struct wsp_loop *loop)
{
    return loop->base;
}

struct wsp_hold_board *wsp_loop_board(struct wsp_loop *loop)
{
    return &loop->board;
}

uint8_t *wsp_loop_read_buffer(struct wsp_loop *loop)
{
    return loop->read_buffer;
}

uint8_t *wsp_loop_cork_buffer(struct wsp_loop *loop)
{
    return loop->cork_buffer;
}
