/* SPDX-License-Identifier: MIT */
/* Hostile 60: memory ends at every allocation of Lua and of the binding: while a
 * script is loaded, while handlers run, while a reload builds. A load or reload
 * is refused with a reason; a handler fails and is logged, or a connection ends;
 * the server goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/script.h"
#include "lua_memory.h"
#include "stride.h"
#include "support/heap.h"
#include "support/virtual_clock.h"
#include "visitor.h"

#define SCRIPT "spec/faults/day.lua"
#define TEXT 0x81
#define VISITORS 2
#define TRIES_MAX 100000

struct stage {
    struct wsp_script script; /* the loop and the host */
    bool has_script;
    struct visitor visitors[VISITORS];
    char folder[40];
    char address[64];
    long lines;   /* of log, warnings and errors */
    long answers; /* of reloads */
};

/* ---- the stage ---- */

static void on_log(void *ud, enum wsp_log_level level, const char *message,
                   const struct wsp_log_field *fields, size_t count)
{
    struct stage *stage = ud;
    (void)level;
    (void)message;
    (void)fields;
    (void)count;
    stage->lines++;
}

static void open_stage(struct stage *stage)
{
    *stage = (struct stage){.visitors = {{.fd = -1}, {.fd = -1}}};
    strcpy(stage->folder, "/tmp/wspulse-faults-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->address, sizeof stage->address, "unix:%s/s", stage->folder);
}

static void close_stage(struct stage *stage)
{
    for (int i = 0; i < VISITORS; i++) {
        visitor_leave(&stage->visitors[i]);
    }
    if (stage->has_script) {
        wsp_script_fini(&stage->script);
    }
    assert_int_equal(rmdir(stage->folder), 0);
}

/* Loads and starts. Returns false with a reason. */
static bool start(struct stage *stage, struct wsp_diag *diag)
{
    const char *const listen[] = {stage->address};
    const struct wsp_script_config config = {
        .logger = {on_log, stage, WSP_LOG_WARN},
        .listen = listen,
        .listen_count = 1,
    };
    stage->has_script =
        wsp_script_init(&stage->script, &config, diag) == WSP_OK;
    return stage->has_script &&
           wsp_lua_host_load(stage->script.host, SCRIPT, diag) == WSP_OK &&
           wsp_lua_host_start(stage->script.host, diag) == WSP_OK;
}

static void settle(struct stage *stage)
{
    visitor_settle(stage->visitors, VISITORS, stage->script.loop);
}

/* ---- what the visitors do ---- */

static struct visitor *come(struct stage *stage, int index, const char *query)
{
    struct visitor *visitor = &stage->visitors[index];
    assert_true(visitor_connect(visitor, stage->address));
    visitor_upgrade(visitor, query);
    settle(stage);
    return visitor;
}

static void say(struct stage *stage, int index, const char *text)
{
    visitor_send(&stage->visitors[index], TEXT, text, strlen(text));
    settle(stage);
}

/* Every way into the application. */
static void visit(struct stage *stage)
{
    come(stage, 0, "id=a&room=r");
    come(stage, 1, "id=b&room=r");
    say(stage, 0, "{\"event\":\"say\",\"payload\":\"\\u00e9\"}");
    say(stage, 0, "{\"event\":\"room.look\"}");
    say(stage, 1, "{\"event\":\"back\",\"payload\":{\"a\":[1,2,{}]}}");
    say(stage, 1, "{\"event\":\"unknown\"}");
    say(stage, 0, "{\"event\":\"fail\"}");
    visitor_leave(&stage->visitors[0]);
    settle(stage);
    come(stage, 0, "id=a&room=r");
    visitor_send(&stage->visitors[1], 0x88, "\x03\xe8", 2);
    settle(stage);
    assert_true(visitor_connect(&stage->visitors[1], stage->address));
    visitor_say(
        &stage->visitors[1],
        "POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    settle(stage);
    visitor_leave(&stage->visitors[1]);
    visitor_leave(&stage->visitors[0]);
    settle(stage);
    virtual_clock_pass(31000); /* the window of the one that left */
    settle(stage);
}

static void check_service(struct stage *stage)
{
    struct visitor *visitor = come(stage, 0, "id=new&room=r");
    say(stage, 0, "{\"event\":\"hear\"}");
    assert_true(visitor_has(visitor, "{\"event\":\"hear\"}"));
    visitor_leave(visitor);
    settle(stage);
    virtual_clock_pass(31000);
    settle(stage);
}

static void stop(struct stage *stage)
{
    wsp_lua_host_close(stage->script.host);
    settle(stage);
}

/* ---- the sweeps ---- */

/* Loads with one allocation refused. Returns how many were. */
static long load(long number)
{
    static struct stage stage;
    struct wsp_diag diag = {.message = ""};
    open_stage(&stage);
    heap_refuse(number, 1);
    bool is_started = start(&stage, &diag);
    long refused = heap_refused();
    heap_refuse(0, 0);
    if (is_started) {
        check_service(&stage);
        stop(&stage);
    } else {
        assert_true(refused > 0);
        assert_true(diag.message[0] != '\0');
    }
    close_stage(&stage);
    return refused;
}

static void load_starving(long least)
{
    long number = 1;
    while (number < TRIES_MAX && load(number) > 0) {
        number = stride_from(number);
    }
    print_message("a load takes up to %ld allocations\n", number);
    assert_in_range(number, least, TRIES_MAX - 1);
}

static void visit_starving(long least)
{
    static struct stage stage;
    struct wsp_diag diag = {.message = ""};
    open_stage(&stage);
    assert_true(start(&stage, &diag));
    long number = 1;
    long refused;
    do {
        heap_refuse(number, 1);
        visit(&stage);
        refused = heap_refused();
        heap_refuse(0, 0);
        check_service(&stage);
        number = stride_from(number);
    } while (refused > 0 && number < TRIES_MAX);
    print_message("a visit takes %ld allocations, %ld lines of log\n", number,
                  stage.lines);
    assert_in_range(number, least, TRIES_MAX - 1);
    stop(&stage);
    close_stage(&stage);
}

static void on_reload(void *ud, enum wsp_err result, unsigned generation,
                      const struct wsp_diag *diag)
{
    (void)generation;
    assert_true(result == WSP_OK || diag->message[0] != '\0');
    ((struct stage *)ud)->answers++;
}

static void reload(struct stage *stage)
{
    long asked = stage->answers;
    if (wsp_lua_host_reload(stage->script.host, NULL, on_reload, stage) ==
        WSP_OK) {
        asked++;
    }
    for (int turn = 0; turn < 1000 && stage->answers < asked; turn++) {
        wsp_loop_poll(stage->script.loop, 10);
    }
    assert_int_equal(stage->answers, asked);
}

static void reload_starving(long least)
{
    static struct stage stage;
    struct wsp_diag diag = {.message = ""};
    open_stage(&stage);
    assert_true(start(&stage, &diag));
    long number = 1;
    long refused;
    do {
        heap_refuse(number, 1);
        reload(&stage);
        refused = heap_refused();
        heap_refuse(0, 0);
        check_service(&stage);
        number = stride_from(number);
    } while (refused > 0 && number < TRIES_MAX);
    print_message("a reload takes up to %ld allocations\n", number);
    assert_in_range(number, least, TRIES_MAX - 1);
    stop(&stage);
    close_stage(&stage);
}

static void test_hostile_60_memory_ends_while_a_script_loads(void **state)
{
    (void)state;
    load_starving(1000);
}

static void test_hostile_60_memory_ends_while_handlers_run(void **state)
{
    (void)state;
    visit_starving(100);
}

static void test_hostile_60_memory_ends_while_a_reload_builds(void **state)
{
    (void)state;
    reload_starving(1000);
}

/* Lua gets its memory as it does when it is shipped. */
static void test_hostile_60_the_system_has_no_memory_for_lua(void **state)
{
    (void)state;
    lua_memory_choose(true);
    load_starving(100);
    visit_starving(20);
    reload_starving(100);
    lua_memory_choose(false);
}

/* What is allocated once and kept is not a loss. */
static int warm_up(void **state)
{
    (void)state;
    load(0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_60_memory_ends_while_a_script_loads),
        cmocka_unit_test(test_hostile_60_memory_ends_while_handlers_run),
        cmocka_unit_test(test_hostile_60_memory_ends_while_a_reload_builds),
        cmocka_unit_test(test_hostile_60_the_system_has_no_memory_for_lua),
    };
    return cmocka_run_group_tests_name("faults.lua", tests, warm_up, NULL);
}
