/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <wspulse/loop.h>

#include "net/loop.h"
#include "net/watchdog.h"

#define DEADLINE_S 30

/* What the thread has logged. */
struct record {
    pthread_mutex_t lock;
    unsigned count;
    char line[400]; /* the last one */
};

static void write_line(void *ud, enum wsp_log_level level, const char *message,
                       const struct wsp_log_field *fields, size_t count)
{
    struct record *record = ud;
    pthread_mutex_lock(&record->lock);
    size_t used = (size_t)snprintf(record->line, sizeof record->line, "%d %s",
                                   (int)level, message);
    for (size_t i = 0; i < count; i++) {
        used +=
            (size_t)snprintf(record->line + used, sizeof record->line - used,
                             " %s=%.*s", fields[i].key, (int)fields[i].text.len,
                             fields[i].text.data ? fields[i].text.data : "");
    }
    record->count++;
    pthread_mutex_unlock(&record->lock);
}

static unsigned lines_of(struct record *record)
{
    pthread_mutex_lock(&record->lock);
    unsigned count = record->count;
    pthread_mutex_unlock(&record->lock);
    return count;
}

static struct record make_record(void)
{
    struct record record = {.count = 0};
    pthread_mutex_init(&record.lock, NULL);
    return record;
}

static struct wsp_logger logger_of(struct record *record)
{
    return (struct wsp_logger){write_line, record, WSP_LOG_DEBUG};
}

/* A hold that knows a text. */
struct named {
    struct wsp_hold hold;
    const char *name;
};

static void describe(const struct wsp_hold *hold, struct wsp_hold_note *note)
{
    const struct named *named = (const struct named *)hold;
    wsp_hold_note_add(note, "name", wsp_span_of(named->name));
    wsp_hold_note_add(note, "empty", wsp_span_of(""));
}

static struct named hold_of(const char *name)
{
    return (struct named){.hold = {.describe = describe}, .name = name};
}

/* Calls `work` until the record has a line. */
static void work_until_told(struct record *record, void (*work)(void *),
                            void *ud)
{
    struct timespec begun;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        work(ud);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true(now.tv_sec - begun.tv_sec < DEADLINE_S);
    } while (lines_of(record) == 0);
}

static void be_idle(void *ud)
{
    (void)ud;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void hold_shortly(void *ud)
{
    struct named named = hold_of("short");
    wsp_hold_enter(ud, &named.hold);
    be_idle(NULL);
    assert_int_equal(wsp_hold_leave(ud), 0);
}

/* ---- specs ---- */

static void names_what_holds_the_loop(void **state)
{
    (void)state;
    struct record record = make_record();
    struct wsp_logger logger = logger_of(&record);
    struct wsp_loop *loop = wsp_loop_new(NULL);
    assert_int_equal(wsp_loop_watch(loop, &logger), WSP_OK);
    assert_int_equal(wsp_loop_watch(loop, &logger), WSP_OK);
    struct wsp_hold_board *board = wsp_loop_board(loop);
    struct named long_one = hold_of("long");

    assert_false(wsp_hold_is_down(board));
    wsp_hold_enter(board, &long_one.hold);
    assert_true(wsp_hold_is_down(board));
    work_until_told(&record, be_idle, NULL);
    assert_string_equal(
        record.line, "2 wspulse: a callback holds the loop name=long held_ms=");
    assert_true(wsp_hold_leave(board) >= 1000);

    /* The next one was not told of. */
    struct named next = hold_of("next");
    wsp_hold_enter(board, &next.hold);
    assert_int_equal(wsp_hold_leave(board), 0);
    assert_int_equal(lines_of(&record), 1);
    wsp_loop_free(loop);
}

/* As long as one takes that is told of, none of those that are short is. */
static void says_nothing_of_short_ones(void **state)
{
    (void)state;
    struct record busy_record = make_record();
    struct record held_record = make_record();
    struct wsp_logger busy_logger = logger_of(&busy_record);
    struct wsp_logger held_logger = logger_of(&held_record);
    struct wsp_loop *busy = wsp_loop_new(NULL);
    struct wsp_loop *held = wsp_loop_new(NULL);
    assert_int_equal(wsp_loop_watch(busy, &busy_logger), WSP_OK);
    assert_int_equal(wsp_loop_watch(held, &held_logger), WSP_OK);

    struct named named = hold_of("long");
    wsp_hold_enter(wsp_loop_board(held), &named.hold);
    work_until_told(&held_record, hold_shortly, wsp_loop_board(busy));
    wsp_hold_leave(wsp_loop_board(held));
    assert_int_equal(lines_of(&busy_record), 0);
    wsp_loop_free(busy);
    wsp_loop_free(held);
}

static void cuts_long_texts_and_has_an_end(void **state)
{
    (void)state;
    struct wsp_hold_note note = {.count = 0};
    char text[1000];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 20; i++) {
        wsp_hold_note_add(&note, "key", (struct wsp_span){text, sizeof text});
    }
    assert_int_equal(note.count, WSP_HOLD_FIELDS);
    assert_int_equal(note.fields[0].text.len, WSP_HOLD_TEXT);
}

static void ends_with_its_loop(void **state)
{
    (void)state;
    const struct wsp_logger silent = {.level = WSP_LOG_OFF};
    for (int i = 0; i < 100; i++) {
        struct wsp_loop *loop = wsp_loop_new(NULL);
        assert_int_equal(wsp_loop_watch(loop, &silent), WSP_OK);
        wsp_loop_free(loop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_holds_the_loop),
        cmocka_unit_test(says_nothing_of_short_ones),
        cmocka_unit_test(cuts_long_texts_and_has_an_end),
        cmocka_unit_test(ends_with_its_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
