/* SPDX-License-Identifier: MIT */
/* A callback that does not return is named while it holds the loop, by another
 * thread, and afterwards by its server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crew.h"

/* The lines of a logger; those of the watchdog come on its thread. */
struct record {
    atomic_uint count;
    char line[512]; /* the last one of interest */
};

static struct record watched; /* what the watchdog said */
static struct record told;    /* what the server said */

static void write_line(void *ud, enum wsp_log_level level, const char *message,
                       const struct wsp_log_field *fields, size_t count)
{
    struct record *record = ud;
    size_t used = (size_t)snprintf(record->line, sizeof record->line, "%d %s",
                                   (int)level, message);
    for (size_t i = 0; i < count; i++) {
        bool is_text = fields[i].text.data != NULL;
        used += (size_t)snprintf(
            record->line + used, sizeof record->line - used, " %s=%.*s%s",
            fields[i].key, (int)fields[i].text.len,
            is_text ? fields[i].text.data : "",
            is_text || fields[i].number >= 1000 ? "" : "?");
    }
    atomic_fetch_add(&record->count, 1);
}

static void write_told(void *ud, enum wsp_log_level level, const char *message,
                       const struct wsp_log_field *fields, size_t count)
{
    if (strstr(message, "held the loop")) {
        write_line(ud, level, message, fields, count);
    }
}

static void with_logger(struct wsp_options *options)
{
    options->name = "chat";
    options->logger = (struct wsp_logger){write_told, &told, WSP_LOG_DEBUG};
}

/* Holds the loop from the first connection on, until that was noticed. */
static void hold(struct host *host, const char *event,
                 struct wsp_connection *connection)
{
    const struct wsp_logger logger = {write_line, &watched, WSP_LOG_DEBUG};
    const struct timespec pause = {0, 1000000};
    (void)connection;
    if (strcmp(event, "connect") == 0) {
        assert_int_equal(wsp_loop_watch(host->loop, &logger), WSP_OK);
        for (int i = 0; i < 30000 && atomic_load(&watched.count) == 0; i++) {
            nanosleep(&pause, NULL);
        }
    }
}

static void hostile_68_a_callback_that_holds_the_loop_is_named(void **state)
{
    (void)state;
    static struct peer peer;
    struct host host;
    char data[64];
    host_init(&host);
    host.hook = hold;
    host_run(&host, with_logger);
    crew_dial(&peer, &host, 7);
    peer_send(&peer, 1, "hello", 5);
    assert_true(peer_read_frame(&peer, data, sizeof data, NULL) > 0);
    peer_close(&peer);
    host_stop(&host);

    assert_int_equal(atomic_load(&watched.count), 1);
    assert_string_equal(watched.line,
                        "2 wspulse: a callback holds the loop "
                        "handler=on_connect conn_id=7 server=chat "
                        "generation=? held_ms=");
    assert_int_equal(atomic_load(&told.count), 1);
    assert_string_equal(told.line,
                        "2 wspulse: a callback held the loop "
                        "handler=on_connect conn_id=7 server=chat held_ms= "
                        "generation=?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_68_a_callback_that_holds_the_loop_is_named),
    };
    return cmocka_run_group_tests_name("runtime.watch", tests, NULL, NULL);
}
