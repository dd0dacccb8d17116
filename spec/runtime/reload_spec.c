/* SPDX-License-Identifier: MIT */
#include <wspulse/reload.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/loop.h"
#include "support/loop_wait.h"

struct generation {
    unsigned number;
    char path[16];
};

struct answer {
    int count;
    enum wsp_err result;
    unsigned generation;
    char message[64];
};

/* An owner of generations that only notes what it is asked to do. */
struct fixture {
    struct wsp_loop *loop;
    struct wsp_reloader *reloader;
    struct generation *serving;
    pthread_t loop_thread;
    sem_t may_build; /* each build takes one, when gated */
    atomic_bool is_gated;
    atomic_int builds; /* begun */
    atomic_int disposed;
    atomic_int alive; /* generations; the serving one included */
    atomic_int most_alive;
    atomic_bool is_on_loop; /* the helper's work was done on the loop */
    bool is_off_loop;       /* the loop's work was not */
    bool is_in_callback;    /* a callback of the loop is on the stack */
    bool is_install_in_callback;
    bool refuses_install;
    int installs;
    unsigned previous; /* of the last `installed` */
    unsigned current;
    char installed_path[16];
    struct answer answers[4];
};

static struct generation *make_generation(struct fixture *fixture,
                                          unsigned number, const char *path)
{
    struct generation *generation = malloc(sizeof *generation);
    generation->number = number;
    snprintf(generation->path, sizeof generation->path, "%s", path);
    int alive = atomic_fetch_add(&fixture->alive, 1) + 1;
    if (alive > atomic_load(&fixture->most_alive)) {
        atomic_store(&fixture->most_alive, alive);
    }
    return generation;
}

/* ---- operations ---- */

static bool is_on_loop(const struct fixture *fixture)
{
    return pthread_equal(pthread_self(), fixture->loop_thread);
}

static void *build(void *ud, const char *path, unsigned generation,
                   struct wsp_diag *diag)
{
    struct fixture *fixture = ud;
    atomic_fetch_add(&fixture->builds, 1);
    if (is_on_loop(fixture)) {
        atomic_store(&fixture->is_on_loop, true);
    }
    if (atomic_load(&fixture->is_gated)) {
        sem_wait(&fixture->may_build);
    }
    if (strcmp(path, "bad.lua") == 0) {
        wsp_diag_set(diag, WSP_ERR_SCRIPT, "bad.lua:3: oops");
        return NULL;
    }
    if (strcmp(path, "mute.lua") == 0) {
        return NULL;
    }
    return make_generation(fixture, generation, path);
}

static void *install(void *ud, void *next, struct wsp_diag *diag)
{
    struct fixture *fixture = ud;
    fixture->is_off_loop = fixture->is_off_loop || !is_on_loop(fixture);
    fixture->is_install_in_callback |= fixture->is_in_callback;
    if (fixture->refuses_install) {
        wsp_diag_set(diag, WSP_ERR_INVALID_OPTION, "server \"a\" is gone");
        return NULL;
    }
    struct generation *old = fixture->serving;
    fixture->serving = next;
    fixture->installs++;
    snprintf(fixture->installed_path, sizeof fixture->installed_path, "%s",
             fixture->serving->path);
    return old;
}

static void installed(void *ud, unsigned previous, unsigned generation)
{
    struct fixture *fixture = ud;
    fixture->is_off_loop = fixture->is_off_loop || !is_on_loop(fixture);
    fixture->previous = previous;
    fixture->current = generation;
    assert_int_equal(fixture->serving->number, generation);
}

static void dispose(void *ud, void *old)
{
    struct fixture *fixture = ud;
    assert_ptr_not_equal(old, fixture->serving);
    free(old);
    atomic_fetch_add(&fixture->disposed, 1);
    atomic_fetch_sub(&fixture->alive, 1);
}

static const struct wsp_reload_ops ops = {
    .build = build,
    .install = install,
    .installed = installed,
    .dispose = dispose,
};

static void on_answer(void *ud, enum wsp_err result, unsigned generation,
                      const struct wsp_diag *diag)
{
    struct answer *answer = ud;
    answer->count++;
    answer->result = result;
    answer->generation = generation;
    snprintf(answer->message, sizeof answer->message, "%.60s", diag->message);
}

static void init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->loop = wsp_loop_new(NULL);
    assert_non_null(fixture->loop);
    fixture->loop_thread = pthread_self();
    sem_init(&fixture->may_build, 0, 0);
    fixture->serving = make_generation(fixture, 1, "first.lua");
    fixture->reloader = wsp_reloader_new(fixture->loop, &ops, fixture);
    assert_non_null(fixture->reloader);
}

static void fini(struct fixture *fixture)
{
    wsp_reloader_free(fixture->reloader);
    assert_int_equal(atomic_load(&fixture->alive), 1);
    assert_false(fixture->is_off_loop);
    assert_false(atomic_load(&fixture->is_on_loop));
    free(fixture->serving);
    sem_destroy(&fixture->may_build);
    wsp_loop_free(fixture->loop);
}

static void ask(struct fixture *fixture, const char *path, int answer)
{
    assert_int_equal(wsp_reloader_request(fixture->reloader, path, on_answer,
                                          &fixture->answers[answer]),
                     WSP_OK);
}

static void wait_for_builds(struct fixture *fixture, int count)
{
    LOOP_WAIT(fixture->loop, atomic_load(&fixture->builds) == count);
}

static void expect_refusal(const struct answer *answer, enum wsp_err result,
                           const char *message)
{
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->result, result);
    assert_string_equal(answer->message, message);
}

/* ---- one reload ---- */

static void test_a_reload_switches_and_answers(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_int_equal(wsp_reloader_generation(f.reloader), 1);
    ask(&f, "app.lua", 0);
    assert_int_equal(f.answers[0].count, 0);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    assert_int_equal(f.answers[0].result, WSP_OK);
    assert_int_equal(f.answers[0].generation, 2);
    assert_int_equal(wsp_reloader_generation(f.reloader), 2);
    assert_int_equal(f.serving->number, 2);
    assert_string_equal(f.installed_path, "app.lua");
    assert_int_equal(f.previous, 1);
    assert_int_equal(f.current, 2);
    LOOP_WAIT(f.loop, atomic_load(&f.disposed) == 1);
    fini(&f);
}

static void test_nobody_has_to_wait_for_the_answer(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_int_equal(wsp_reloader_request(f.reloader, "app.lua", NULL, NULL),
                     WSP_OK);
    LOOP_WAIT(f.loop, wsp_reloader_generation(f.reloader) == 2);
    fini(&f);
}

/* hostile 67 */
static void test_hostile_67_a_refused_script_leaves_the_old_one(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    ask(&f, "bad.lua", 0);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    expect_refusal(&f.answers[0], WSP_ERR_SCRIPT, "bad.lua:3: oops");
    assert_int_equal(f.answers[0].generation, 1);
    assert_int_equal(f.serving->number, 1);
    assert_int_equal(f.installs, 0);
    ask(&f, "good.lua", 1);
    LOOP_WAIT(f.loop, f.answers[1].count == 1);
    assert_int_equal(f.answers[1].generation, 2);
    fini(&f);
}

static void test_a_failure_without_a_reason_has_one(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    ask(&f, "mute.lua", 0);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    expect_refusal(&f.answers[0], WSP_ERR_RELOAD_REFUSED,
                   "wspulse: reload refused");
    fini(&f);
}

static void test_a_refused_install_disposes_of_the_new_one(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    f.refuses_install = true;
    ask(&f, "app.lua", 0);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    expect_refusal(&f.answers[0], WSP_ERR_INVALID_OPTION,
                   "server \"a\" is gone");
    assert_int_equal(f.answers[0].generation, 1);
    LOOP_WAIT(f.loop, atomic_load(&f.disposed) == 1);
    assert_int_equal(f.serving->number, 1);
    f.refuses_install = false;
    ask(&f, "app.lua", 1);
    LOOP_WAIT(f.loop, f.answers[1].count == 1);
    assert_int_equal(f.answers[1].result, WSP_OK);
    assert_int_equal(f.answers[1].generation, 2);
    fini(&f);
}

struct spanning {
    struct fixture *fixture;
    struct wsp_loop_tail tail;
    int left;
};

/* A callback that keeps the loop busy, marked as on the stack. */
static void stay_busy(void *ud)
{
    struct spanning *spanning = ud;
    spanning->fixture->is_in_callback = true;
    if (spanning->left-- > 0) {
        wsp_loop_post(spanning->fixture->loop, stay_busy, spanning);
    }
}

static void leave_callbacks(void *ud)
{
    struct spanning *spanning = ud;
    spanning->fixture->is_in_callback = false;
}

/* The tail of a "server" was there first: the swap comes behind it. */
static void test_the_swap_happens_between_two_turns(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    struct spanning spanning = {.fixture = &f, .left = 1000000};
    spanning.tail.fn = leave_callbacks;
    spanning.tail.ud = &spanning;
    wsp_loop_tail_add(f.loop, &spanning.tail);
    wsp_loop_post(f.loop, stay_busy, &spanning);
    ask(&f, "app.lua", 0);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    assert_false(f.is_install_in_callback);
    wsp_loop_tail_remove(f.loop, &spanning.tail);
    spanning.left = 0;
    wsp_loop_poll(f.loop, 0);
    fini(&f);
}

/* ---- several requests ---- */

static void test_requests_meanwhile_become_one(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    atomic_store(&f.is_gated, true);
    ask(&f, "one.lua", 0);
    wait_for_builds(&f, 1);
    ask(&f, "two.lua", 1);
    ask(&f, "three.lua", 2);
    wsp_reloader_request(f.reloader, "four.lua", NULL, NULL);
    sem_post(&f.may_build);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    assert_int_equal(f.answers[1].count, 0);
    wait_for_builds(&f, 2);
    sem_post(&f.may_build);
    LOOP_WAIT(f.loop, f.answers[2].count == 1);
    assert_int_equal(f.answers[0].generation, 2);
    assert_int_equal(f.answers[1].generation, 3);
    assert_int_equal(f.answers[2].generation, 3);
    assert_int_equal(f.answers[1].count, 1);
    assert_string_equal(f.installed_path, "four.lua");
    assert_int_equal(atomic_load(&f.builds), 2);
    fini(&f);
}

static void test_what_waits_behind_a_refused_one_is_served(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    atomic_store(&f.is_gated, true);
    ask(&f, "bad.lua", 0);
    wait_for_builds(&f, 1);
    ask(&f, "good.lua", 1);
    sem_post(&f.may_build);
    sem_post(&f.may_build);
    LOOP_WAIT(f.loop, f.answers[1].count == 1);
    assert_int_equal(f.answers[0].result, WSP_ERR_SCRIPT);
    assert_int_equal(f.answers[1].result, WSP_OK);
    assert_int_equal(f.answers[1].generation, 2);
    fini(&f);
}

/* hostile 79: a storm of SIGHUP */
static void test_hostile_79_a_storm_of_requests_is_few_reloads(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    atomic_store(&f.is_gated, true);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(
            wsp_reloader_request(f.reloader, "app.lua", NULL, NULL), WSP_OK);
    }
    ask(&f, "app.lua", 0);
    sem_post(&f.may_build);
    sem_post(&f.may_build);
    LOOP_WAIT(f.loop, f.answers[0].count == 1);
    assert_int_equal(f.answers[0].generation, 3);
    assert_int_equal(atomic_load(&f.builds), 2);
    fini(&f);
}

static void ask_again(void *ud, enum wsp_err result, unsigned generation,
                      const struct wsp_diag *diag)
{
    struct fixture *fixture = ud;
    on_answer(&fixture->answers[1], result, generation, diag);
    ask(fixture, "again.lua", 2);
}

static void test_an_answer_may_ask_for_the_next_reload(void **state)
{
    (void)state;
    const char *firsts[] = {"good.lua", "bad.lua"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        init(&f);
        assert_int_equal(
            wsp_reloader_request(f.reloader, firsts[i], ask_again, &f), WSP_OK);
        LOOP_WAIT(f.loop, f.answers[2].count == 1);
        assert_int_equal(f.answers[1].count, 1);
        assert_int_equal(f.answers[2].result, WSP_OK);
        assert_string_equal(f.installed_path, "again.lua");
        fini(&f);
    }
}

static void test_at_most_one_old_generation_is_alive(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    for (unsigned i = 0; i < 200; i++) {
        f.answers[0].count = 0;
        ask(&f, i % 3 == 2 ? "bad.lua" : "good.lua", 0);
        LOOP_WAIT(f.loop, f.answers[0].count == 1);
    }
    assert_int_equal(wsp_reloader_generation(f.reloader), 1 + 134);
    assert_int_equal(atomic_load(&f.most_alive), 2);
    fini(&f);
}

/* ---- closing ---- */

static void test_free_refuses_what_is_under_way_and_what_waits(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    atomic_store(&f.is_gated, true);
    ask(&f, "one.lua", 0);
    wait_for_builds(&f, 1);
    ask(&f, "two.lua", 1);
    sem_post(&f.may_build);
    wsp_reloader_free(f.reloader);
    f.reloader = NULL;
    const char *closes = "wspulse: reload refused: the application closes";
    expect_refusal(&f.answers[0], WSP_ERR_RELOAD_REFUSED, closes);
    expect_refusal(&f.answers[1], WSP_ERR_RELOAD_REFUSED, closes);
    assert_int_equal(f.serving->number, 1);
    assert_int_equal(atomic_load(&f.disposed), 1);
    wsp_loop_poll(f.loop, 0);
    fini(&f);
}

static void free_reloader(void *ud)
{
    struct fixture *fixture = ud;
    wsp_reloader_free(fixture->reloader);
    fixture->reloader = NULL;
}

/* The helper is done and its message is in the mailbox, behind the one that
 * frees the reloader. */
static void test_free_takes_the_helpers_message_back(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    wsp_loop_post(f.loop, free_reloader, &f);
    ask(&f, "app.lua", 0);
    uint64_t end_ms = loop_wait_clock_ms() + LOOP_WAIT_MAX_MS;
    while (atomic_load(&f.alive) < 2) {
        assert_true(loop_wait_clock_ms() < end_ms);
        sched_yield();
    }
    wsp_loop_poll(f.loop, 0);
    assert_null(f.reloader);
    wsp_loop_poll(f.loop, 0);
    assert_int_equal(f.answers[0].count, 1);
    assert_int_equal(f.installs, 0);
    assert_int_equal(atomic_load(&f.alive), 1);
    fini(&f);
}

/* Only the helper ends the wait: when the tail runs, a generation has been built
 * and waits for the swap, which is the next tail. */
static void test_free_disposes_of_what_waits_for_the_swap(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    struct wsp_loop_tail tail = {.fn = free_reloader, .ud = &f};
    wsp_loop_tail_add(f.loop, &tail);
    ask(&f, "app.lua", 0);
    wsp_loop_poll(f.loop, -1);
    assert_null(f.reloader);
    assert_int_equal(f.installs, 0);
    assert_int_equal(f.answers[0].count, 1);
    assert_int_equal(atomic_load(&f.disposed), 1);
    wsp_loop_tail_remove(f.loop, &tail);
    fini(&f);
}

static void test_free_is_fine_after_any_number_of_turns(void **state)
{
    (void)state;
    for (int turns = 0; turns < 60; turns++) {
        struct fixture f;
        init(&f);
        ask(&f, turns % 5 == 4 ? "bad.lua" : "good.lua", 0);
        for (int i = 0; i < turns; i++) {
            wsp_loop_poll(f.loop, 0);
            sched_yield();
        }
        free_reloader(&f);
        assert_int_equal(f.answers[0].count, 1);
        fini(&f);
    }
}

static void ask_while_closing(void *ud, enum wsp_err result,
                              unsigned generation, const struct wsp_diag *diag)
{
    struct fixture *fixture = ud;
    on_answer(&fixture->answers[0], result, generation, diag);
    assert_int_equal(
        wsp_reloader_request(fixture->reloader, "late.lua", NULL, NULL),
        WSP_ERR_SERVER_CLOSED);
}

static void test_a_request_while_closing_is_turned_down(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_int_equal(
        wsp_reloader_request(f.reloader, "app.lua", ask_while_closing, &f),
        WSP_OK);
    free_reloader(&f);
    assert_int_equal(f.answers[0].count, 1);
    fini(&f);
}

static void test_freeing_none_is_fine(void **state)
{
    (void)state;
    wsp_reloader_free(NULL);
    struct fixture f;
    init(&f);
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reload_switches_and_answers),
        cmocka_unit_test(test_nobody_has_to_wait_for_the_answer),
        cmocka_unit_test(test_hostile_67_a_refused_script_leaves_the_old_one),
        cmocka_unit_test(test_a_failure_without_a_reason_has_one),
        cmocka_unit_test(test_a_refused_install_disposes_of_the_new_one),
        cmocka_unit_test(test_the_swap_happens_between_two_turns),
        cmocka_unit_test(test_requests_meanwhile_become_one),
        cmocka_unit_test(test_what_waits_behind_a_refused_one_is_served),
        cmocka_unit_test(test_hostile_79_a_storm_of_requests_is_few_reloads),
        cmocka_unit_test(test_an_answer_may_ask_for_the_next_reload),
        cmocka_unit_test(test_at_most_one_old_generation_is_alive),
        cmocka_unit_test(test_free_refuses_what_is_under_way_and_what_waits),
        cmocka_unit_test(test_free_takes_the_helpers_message_back),
        cmocka_unit_test(test_free_disposes_of_what_waits_for_the_swap),
        cmocka_unit_test(test_free_is_fine_after_any_number_of_turns),
        cmocka_unit_test(test_a_request_while_closing_is_turned_down),
        cmocka_unit_test(test_freeing_none_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
