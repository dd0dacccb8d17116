/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "book.h"
#include "core/metrics_text.h"

/* The page of a hub as a text that the caller frees. */
static char *page_of(const struct wsp_hub *hub, const char *server)
{
    struct wsp_buf out;
    const struct wsp_metrics_now now = {
        .server = server,
        .generation = 7,
        .connections = wsp_hub_session_count(hub),
        .rooms = HASH_COUNT(hub->rooms.table),
        .suspended = hub->suspended_count,
        .compression_held = 4711,
    };
    wsp_buf_init(&out);
    assert_true(wsp_metrics_write(&hub->metrics, &now, &out));
    assert_true(wsp_buf_add(&out, "", 1));
    return out.data;
}

/* Each kind of refusal is somewhere else on the page. */
static void note_refusals(struct wsp_metrics *metrics)
{
    for (unsigned i = 0; i < WSP_REFUSAL_COUNT; i++) {
        metrics->refusals[i] = 100 + i;
    }
}

/* Expects `text` on the page, from the beginning of a line on. */
static void expect(const char *page, const char *text)
{
    char lines[1024];
    snprintf(lines, sizeof lines, "\n%s\n", text);
    if (!strstr(page, lines)) {
        fail_msg("not on the page: %s", text);
    }
}

static void refusals_are_on_the_page_by_their_reason(void **state)
{
    (void)state;
    struct book *book = book_open(2);
    note_refusals(&book->fake.hub.metrics);
    char *page = page_of(&book->fake.hub, "main");
    static const char *const reasons[] = {
        "no_descriptors",    "max_connections_per_ip",
        "proxy_protocol",    "tls",
        "handshake_timeout", "closing",
        "max_connections",   "connect",
        "handshake",         "check_origin",
    };
    for (unsigned i = 0; i < WSP_REFUSAL_COUNT; i++) {
        char line[128];
        snprintf(line, sizeof line,
                 "wspulse_connections_refused_total{reason=\"%s\"} %u",
                 reasons[i], 100 + i);
        expect(page, line);
    }
    free(page);
    book_close(book);
}

static void hostile_66_how_late_the_loop_is(void **state)
{
    (void)state;
    struct book *book = book_open(2);
    wsp_metrics_lag(&book->fake.hub.metrics, 0);
    wsp_metrics_lag(&book->fake.hub.metrics, 10);
    wsp_metrics_lag(&book->fake.hub.metrics, 90);
    wsp_metrics_lag(&book->fake.hub.metrics, 6000);
    char *page = page_of(&book->fake.hub, "main");
    expect(page, "wspulse_loop_lag_seconds_bucket{le=\"0.01\"} 2");
    expect(page, "wspulse_loop_lag_seconds_bucket{le=\"0.05\"} 2");
    expect(page, "wspulse_loop_lag_seconds_bucket{le=\"0.1\"} 3");
    expect(page, "wspulse_loop_lag_seconds_bucket{le=\"5\"} 3");
    expect(page, "wspulse_loop_lag_seconds_bucket{le=\"+Inf\"} 4");
    expect(page, "wspulse_loop_lag_seconds_sum 6.1");
    free(page);
    book_close(book);
}

static void every_event_is_on_the_page(void **state)
{
    (void)state;
    struct fake_link link;
    struct book *book = book_open(2);
    book_live(book); /* 30 s, ended by a kick */
    fake_join(&book->fake, &link, "b", "bob");
    char *page = page_of(&book->fake.hub, "main");
    expect(page, "wspulse_connections_opened_total 2");
    expect(page, "wspulse_connections_closed_total{reason=\"kick\"} 1");
    expect(page, "wspulse_connections_closed_total{reason=\"normal\"} 0");
    expect(page, "wspulse_connections_active 1");
    expect(page, "wspulse_resume_attempts_total 1");
    expect(page, "wspulse_messages_compressed_total 0");
    expect(page, "wspulse_compression_saved_bytes_total 0");
    expect(page, "wspulse_compression_held_bytes 4711");
    expect(page, "wspulse_rooms_active 1");
    expect(page, "wspulse_rooms_created_total 2");
    expect(page, "wspulse_rooms_destroyed_total 1");
    expect(page, "wspulse_messages_received_total 1");
    expect(page, "wspulse_messages_received_bytes_total 5");
    expect(page, "wspulse_messages_broadcast_total 3");
    expect(page, "wspulse_messages_sent_total 2");
    expect(page, "wspulse_frames_dropped_total 1");
    expect(page, "wspulse_pong_timeouts_total 1");
    expect(page, "wspulse_sessions_suspended 0");
    expect(page, "wspulse_server_generation 7");
    expect(page, "wspulse_server_info{name=\"main\",version=\"" WSPULSE_VERSION
                 "\"} 1");
    free(page);
    book_close(book);
}

static void buckets_hold_all_that_is_not_above_them(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    struct wsp_metrics *metrics = &fake.hub.metrics;
    const uint64_t seconds[] = {0, 1, 2, 15, 86400, 86401};
    for (size_t i = 0; i < 6; i++) {
        wsp_metrics_connection_closed(metrics, wsp_span_of("a"),
                                      wsp_span_of("x"), seconds[i] * 1000,
                                      WSP_REASON_DUPLICATE);
    }
    wsp_metrics_connection_closed(metrics, wsp_span_of("a"), wsp_span_of("x"),
                                  1001, WSP_REASON_DUPLICATE);
    char *page = page_of(&fake.hub, "main");
    expect(page,
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"1\"} 2\n"
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"5\"} 4\n"
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"15\"} 5");
    expect(page,
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"43200\"} 5\n"
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"86400\"} 6\n"
           "wspulse_connection_duration_seconds_bucket{reason=\"duplicate\","
           "le=\"+Inf\"} 7\n"
           "wspulse_connection_duration_seconds_sum{reason=\"duplicate\"} "
           "172820.001\n"
           "wspulse_connection_duration_seconds_count{reason=\"duplicate\"} 7");
    expect(page,
           "wspulse_connection_duration_seconds_bucket{reason=\"normal\","
           "le=\"+Inf\"} 0\n"
           "wspulse_connection_duration_seconds_sum{reason=\"normal\"} 0\n"
           "wspulse_connection_duration_seconds_count{reason=\"normal\"} 0");
    free(page);
    fake_fini(&fake);
}

static void histograms_have_the_bounds_of_the_seed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    struct wsp_metrics *metrics = &fake.hub.metrics;
    struct wsp_span a = wsp_span_of("a");
    wsp_metrics_message_broadcast(metrics, a, 1, 0);
    wsp_metrics_message_broadcast(metrics, a, 1, 1000);
    wsp_metrics_message_broadcast(metrics, a, 1, 1001);
    wsp_metrics_message_sent(metrics, a, a, 1, 0, 256);
    wsp_metrics_message_sent(metrics, a, a, 1, 1, 3);
    wsp_metrics_message_sent(metrics, a, a, 1, 4, 4);
    wsp_metrics_message_sent(metrics, a, a, 1, 4, 0); /* no capacity: 0 */
    char *page = page_of(&fake.hub, "main");
    expect(page, "wspulse_broadcast_fanout_bucket{le=\"1\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"2\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"5\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"10\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"25\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"50\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"100\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"500\"} 1\n"
                 "wspulse_broadcast_fanout_bucket{le=\"1000\"} 2\n"
                 "wspulse_broadcast_fanout_bucket{le=\"+Inf\"} 3\n"
                 "wspulse_broadcast_fanout_sum 2001\n"
                 "wspulse_broadcast_fanout_count 3");
    expect(page, "wspulse_send_buffer_utilization_bucket{le=\"0.1\"} 2\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.25\"} 2\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.5\"} 3\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.75\"} 3\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.9\"} 3\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.95\"} 3\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"0.99\"} 3\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"1\"} 4\n"
                 "wspulse_send_buffer_utilization_bucket{le=\"+Inf\"} 4\n"
                 "wspulse_send_buffer_utilization_sum 1.333333\n"
                 "wspulse_send_buffer_utilization_count 4");
    free(page);
    fake_fini(&fake);
}

static void a_name_cannot_break_the_page(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    char *page = page_of(&fake.hub, "a\"b\\c\nd\xff\xc3\xa9");
    expect(page, "wspulse_server_info{name=\"a\\\"b\\\\c\\nd\xef\xbf\xbd"
                 "\xc3\xa9\",version=\"" WSPULSE_VERSION "\"} 1");
    free(page);
    fake_fini(&fake);
}

static void hostile_80_a_page_does_not_grow_with_the_rooms(void **state)
{
    (void)state;
    enum { ROOMS = 100000 };
    struct fake fake;
    fake_init(&fake, 4);
    struct fake_link *links = malloc(sizeof *links);
    assert_non_null(links);
    char *before = page_of(&fake.hub, "main");
    fake_link_init(links);
    for (unsigned i = 0; i < ROOMS; i++) {
        char room[32];
        snprintf(room, sizeof room, "room-%u", i);
        assert_non_null(wsp_hub_register(&fake.hub, &links->link,
                                         wsp_span_of(room), wsp_span_of(room),
                                         NULL));
        wsp_hub_settle(&fake.hub);
        fake.log[0] = '\0';
    }
    char *after = page_of(&fake.hub, "main");
    expect(after, "wspulse_rooms_active 100000");
    expect(after, "wspulse_connections_active 100000");
    assert_null(strstr(after, "room-"));
    /* four numbers went from one digit to six */
    assert_int_equal(strlen(after), strlen(before) + 4 * 5);
    assert_in_range(strlen(after), 1, 16 * 1024);
    free(before);
    free(after);
    fake_fini(&fake);
    free(links);
}

/* ---- the table of the page of documentation ---- */

#define TABLE_MAX 16384

static void append(char *table, const char *format, ...)
{
    size_t len = strlen(table);
    va_list args;
    va_start(args, format);
    int added = vsnprintf(table + len, TABLE_MAX - len, format, args);
    va_end(args);
    assert_true(added >= 0 && (size_t)added < TABLE_MAX - len);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t len = fread(text, 1, 65535, file);
    (void)fclose(file);
    assert_in_range(len, 1, 65534);
    return text;
}

/* Takes the text up to the next bar, without blanks around it. */
static char *next_cell(char **row)
{
    char *cell = *row;
    char *bar = strchr(cell, '|');
    assert_non_null(bar);
    *row = bar + 1;
    while (bar > cell && bar[-1] == ' ') {
        bar--;
    }
    *bar = '\0';
    return cell + strspn(cell, " ");
}

static void strip(char *text, char unwanted)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        if (*from != unwanted) {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* "name type labels: meaning" for each row of the documentation. */
static char *documented_table(void)
{
    char *table = calloc(1, TABLE_MAX);
    char *text = read_file("docs/metrics.md");
    assert_non_null(table);
    char *row = strstr(text, "\n| metric | type | labels | meaning |");
    assert_non_null(row);
    row = strchr(strchr(row + 1, '\n') + 1, '\n') + 1; /* behind the rule */
    while (*row == '|') {
        char *next = strchr(row, '\n') + 1;
        row++;
        char *name = next_cell(&row);
        char *type = next_cell(&row);
        char *labels = next_cell(&row);
        char *meaning = next_cell(&row);
        strip(name, '`');
        strip(labels, '`');
        strip(labels, ' ');
        append(table, "wspulse_%s %s %s: %s\n", name, type, labels, meaning);
        row = next;
    }
    free(text);
    return table;
}

/* The names of the labels of a sample, "le" left out: "name,version". */
static void list_labels(const char *sample, char out[128])
{
    out[0] = '\0';
    const char *at = strchr(sample, '{');
    const char *end = strchr(sample, '\n');
    while (at && at < end && *at != '}') {
        const char *equals = strchr(++at, '=');
        if (strncmp(at, "le=", 3) != 0) {
            size_t len = strlen(out);
            snprintf(out + len, 128 - len, "%s%.*s", len ? "," : "",
                     (int)(equals - at), at);
        }
        at = strchr(equals + 2, '"') + 1;
    }
}

/* The same of a page. */
static char *exposed_table(const char *page)
{
    char *table = calloc(1, TABLE_MAX);
    assert_non_null(table);
    const char *at = page;
    while ((at = strstr(at, "# HELP "))) {
        char name[128];
        char help[256];
        char type[16];
        char labels[128];
        int used = 0;
        assert_int_equal(sscanf(at,
                                "# HELP %127s %255[^\n]\n"
                                "# TYPE %*s %15s\n%n",
                                name, help, type, &used),
                         3);
        at += used;
        assert_memory_equal(at, name, strlen(name)); /* its samples follow */
        list_labels(at, labels);
        append(table, "%s %s %s: %s\n", name, type, labels, help);
    }
    return table;
}

static void documentation_and_page_have_the_same_table(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, 4);
    char *page = page_of(&fake.hub, "main");
    char *exposed = exposed_table(page);
    char *documented = documented_table();
    assert_non_null(strstr(exposed, "wspulse_server_info gauge name,version:"));
    assert_string_equal(documented, exposed);
    free(documented);
    free(exposed);
    free(page);
    fake_fini(&fake);
}

/* A row of the documentation's table of histograms. */
static void expect_bounds(const char *text, const char *name,
                          const double *bounds, size_t count)
{
    char row[256];
    snprintf(row, sizeof row, "\n| `%s` |", name);
    const char *at = strstr(text, row);
    while (at && strstr(at + 1, row)) {
        at = strstr(at + 1, row); /* the last table */
    }
    assert_non_null(at);
    at += strlen(row);
    for (size_t i = 0; i < count; i++) {
        char *end;
        double bound = strtod(at, &end);
        assert_ptr_not_equal(end, at);
        assert_true(bound >= bounds[i] && bound <= bounds[i]);
        at = end;
    }
    assert_memory_equal(at, " |\n", 3);
}

static void documentation_has_the_bounds(void **state)
{
    (void)state;
    char *text = read_file("docs/metrics.md");
    char *hooks = strstr(text, "## Hooks");
    assert_non_null(hooks);
    *hooks = '\0';
    expect_bounds(text, "connection_duration_seconds", wsp_duration_bounds,
                  WSP_DURATION_BUCKETS);
    expect_bounds(text, "broadcast_fanout", wsp_fanout_bounds,
                  WSP_FANOUT_BUCKETS);
    expect_bounds(text, "send_buffer_utilization", wsp_utilization_bounds,
                  WSP_UTILIZATION_BUCKETS);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_on_the_page),
        cmocka_unit_test(refusals_are_on_the_page_by_their_reason),
        cmocka_unit_test(hostile_66_how_late_the_loop_is),
        cmocka_unit_test(buckets_hold_all_that_is_not_above_them),
        cmocka_unit_test(histograms_have_the_bounds_of_the_seed),
        cmocka_unit_test(a_name_cannot_break_the_page),
        cmocka_unit_test(hostile_80_a_page_does_not_grow_with_the_rooms),
        cmocka_unit_test(documentation_and_page_have_the_same_table),
        cmocka_unit_test(documentation_has_the_bounds),
    };
    return cmocka_run_group_tests_name("core.metrics_text", tests, NULL, NULL);
}
