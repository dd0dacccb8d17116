/* SPDX-License-Identifier: MIT */
#include "net/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/throttle.h"
#include "net/clock_ms.h"

#define TICK_MS 500

struct wsp_watchdog {
    struct wsp_hold_board *board;
    struct wsp_logger logger;
    pthread_t thread;
    pthread_mutex_t lock; /* of is_stopping */
    pthread_cond_t wake;
    bool is_stopping;

    /* Of the thread alone. */
    uint64_t seen;       /* number of the hold that was seen last */
    uint64_t seen_at_ms; /* the first time */
    unsigned sights;     /* how often, after the first time */
    struct wsp_throttle throttle;
};

/* ---- on its thread ---- */

static uint64_t now_ms(void)
{
    return wsp_clock_ms(CLOCK_MONOTONIC);
}

/* Waits for a tick. Returns false when it is to stop. */
static bool wait_tick(struct wsp_watchdog *dog)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&dog->lock);
    int result = 0;
    while (!dog->is_stopping && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&dog->wake, &dog->lock, &until);
    }
    bool is_stopping = dog->is_stopping;
    pthread_mutex_unlock(&dog->lock);
    return !is_stopping;
}

static void watch(struct wsp_watchdog *dog, bool is_watched)
{
    atomic_store(&dog->board->is_watched, is_watched);
}

/* Copies what is to be said. Returns false when the hold has ended, or there was
 * a line less than a minute ago. */
static bool read_hold(struct wsp_watchdog *dog, struct wsp_hold_note *note)
{
    struct wsp_hold_board *board = dog->board;
    note->count = 0;
    pthread_mutex_lock(&board->lock);
    const struct wsp_hold *hold = atomic_load(&board->current);
    bool is_due = hold && atomic_load(&board->count) == dog->seen &&
                  wsp_throttle_pass(&dog->throttle, now_ms());
    if (is_due) {
        hold->describe(hold, note);
        board->told = dog->seen;
        board->told_at_ms = dog->seen_at_ms;
    }
    pthread_mutex_unlock(&board->lock);
    return is_due;
}

static void tell(struct wsp_watchdog *dog)
{
    struct wsp_hold_note note;
    if (read_hold(dog, &note)) {
        note.fields[note.count++] =
            WSP_LOG_NUM("held_ms", (double)(now_ms() - dog->seen_at_ms));
        wsp_log(&dog->logger, WSP_LOG_WARN,
                "wspulse: a callback holds the loop", note.fields, note.count);
    }
}

static void look(struct wsp_watchdog *dog)
{
    uint64_t count = atomic_load(&dog->board->count);
    if (!atomic_load(&dog->board->current)) {
        dog->seen = 0;
        watch(dog, false);
    } else if (count != dog->seen) {
        dog->seen = count;
        dog->seen_at_ms = now_ms();
        dog->sights = 0;
        watch(dog, false);
    } else if (++dog->sights == 1) {
        watch(dog, true);
    } else if (dog->sights == 2) {
        tell(dog);
    }
}

static void *run(void *ud)
{
    struct wsp_watchdog *dog = ud;
    while (wait_tick(dog)) {
        look(dog);
    }
    return NULL;
}

/* ---- on the loop's thread ---- */

/* Signals are for the threads of the program. */
static int start_thread(struct wsp_watchdog *dog)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&dog->thread, NULL, run, dog);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

/* The clock of the ticks must not jump. */
static int init_wake(pthread_cond_t *wake)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error) {
        return error;
    }
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    error = error ? error : pthread_cond_init(wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

struct wsp_watchdog *wsp_watchdog_new(struct wsp_hold_board *board,
                                      const struct wsp_logger *logger)
{
    struct wsp_watchdog *dog = calloc(1, sizeof *dog);
    if (!dog) {
        return NULL;
    }
    dog->board = board;
    dog->logger = *logger;
    if (pthread_mutex_init(&dog->lock, NULL) != 0) {
        goto undo_dog;
    }
    if (init_wake(&dog->wake) != 0) {
        goto undo_lock;
    }
    if (start_thread(dog) != 0) {
        goto undo_wake;
    }
    return dog;

undo_wake:
    pthread_cond_destroy(&dog->wake);
undo_lock:
    pthread_mutex_destroy(&dog->lock);
undo_dog:
    free(dog);
    return NULL;
}

void wsp_watchdog_free(struct wsp_watchdog *watchdog)
{
    if (!watchdog) {
        return;
    }
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_stopping = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
