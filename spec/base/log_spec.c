/* SPDX-License-Identifier: MIT */
#include <wspulse/log.h>

#include <fcntl.h>
#include <math.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_BYTES 8192

/* A sink that writes into a pipe. */
struct fixture {
    struct wsp_log_sink sink;
    struct wsp_logger logger;
    int reading;
    char got[LINE_BYTES * 2]; /* what was written last */
    size_t got_len;
};

static void init(struct fixture *fixture, enum wsp_log_format format)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    *fixture = (struct fixture){.reading = ends[0]};
    fixture->sink = (struct wsp_log_sink){.fd = ends[1], .format = format};
    fixture->logger = wsp_log_sink_logger(&fixture->sink, WSP_LOG_DEBUG);
}

static void fini(struct fixture *fixture)
{
    close(fixture->reading);
    close(fixture->sink.fd);
}

static const char *take(struct fixture *fixture)
{
    ssize_t len = read(fixture->reading, fixture->got, sizeof fixture->got - 1);
    fixture->got_len = len > 0 ? (size_t)len : 0;
    fixture->got[fixture->got_len] = '\0';
    return fixture->got;
}

static const char *log_field(struct fixture *fixture,
                             struct wsp_log_field field)
{
    wsp_log(&fixture->logger, WSP_LOG_INFO, "m", &field, 1);
    return take(fixture);
}

/* The time differs: the line behind it is compared. */
#define TEXT_HEAD_LEN 13 /* "15:04:05.123 " */

static const char *text_of(struct fixture *fixture, struct wsp_log_field field)
{
    return log_field(fixture, field) + TEXT_HEAD_LEN;
}

static const char *json_of(struct fixture *fixture, struct wsp_log_field field)
{
    const char *rest = strstr(log_field(fixture, field), "\"msg\":");
    assert_non_null(rest);
    return rest;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int result = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    if (result != 0) {
        fail_msg("%s does not match %s", text, pattern);
    }
}

/* ---- levels ---- */

static void test_lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_TEXT);
    fixture.logger.level = WSP_LOG_WARN;
    wsp_log(&fixture.logger, WSP_LOG_INFO, "m", NULL, 0);
    assert_string_equal(take(&fixture), "");
    wsp_log(&fixture.logger, WSP_LOG_WARN, "m", NULL, 0);
    assert_string_equal(take(&fixture) + TEXT_HEAD_LEN, "WARN  m\n");
    assert_false(wsp_log_enabled(&fixture.logger, WSP_LOG_INFO));
    assert_true(wsp_log_enabled(&fixture.logger, WSP_LOG_ERROR));
    fini(&fixture);
}

static void test_off_is_silent(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_TEXT);
    fixture.logger.level = WSP_LOG_OFF;
    wsp_log(&fixture.logger, WSP_LOG_ERROR, "m", NULL, 0);
    wsp_log(&fixture.logger, WSP_LOG_OFF, "m", NULL, 0);
    struct wsp_logger zeroed = {.level = WSP_LOG_OFF};
    wsp_log(&zeroed, WSP_LOG_ERROR, "m", NULL, 0);
    struct wsp_logger nowhere = {.level = WSP_LOG_DEBUG};
    wsp_log(&nowhere, WSP_LOG_ERROR, "m", NULL, 0);
    assert_string_equal(take(&fixture), "");
    fini(&fixture);
}

static void test_level_names_are_read(void **state)
{
    (void)state;
    const char *names[] = {"debug", "info", "warn", "error", "off"};
    for (size_t i = 0; i < 5; i++) {
        enum wsp_log_level level = WSP_LOG_DEBUG;
        assert_true(wsp_log_level_parse(names[i], &level));
        assert_int_equal(level, i);
    }
    enum wsp_log_level level = WSP_LOG_WARN;
    assert_false(wsp_log_level_parse("Info", &level));
    assert_false(wsp_log_level_parse("", &level));
    assert_false(wsp_log_level_parse("information", &level));
    assert_int_equal(level, WSP_LOG_WARN);
}

/* ---- text ---- */

static void test_a_text_line_has_time_level_message_and_fields(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_TEXT);
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("conn_id", "c-1"),
        WSP_LOG_NUM("left_ms", 1500),
    };
    wsp_log(&fixture.logger, WSP_LOG_DEBUG, "suspended now", fields, 2);
    assert_matches(take(&fixture),
                   "^[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3} DEBUG "
                   "suspended now conn_id=c-1 left_ms=1500\n$");
    fini(&fixture);
}

static void test_text_values_are_quoted_where_needed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_TEXT);
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", "a b")),
                        "INFO  m k=\"a b\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", "a=b")),
                        "INFO  m k=\"a=b\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", "")), "INFO  m k=\"\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", NULL)),
                        "INFO  m k=\"\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", "a\"b")),
                        "INFO  m k=\"a\\\"b\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k", "é,世界")),
                        "INFO  m k=é,世界\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("a b", "c")),
                        "INFO  m \"a b\"=c\n");
    fini(&f);
}

static void test_hostile_81_no_text_can_forge_a_line(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_TEXT);
    assert_string_equal(
        text_of(&f, WSP_LOG_STR("k", "a\r\n15:04:05 ERROR x\x1b[2J")),
        "INFO  m k=\"a\\r\\n15:04:05 ERROR x\\x1b[2J\"\n");
    assert_string_equal(text_of(&f, WSP_LOG_STR("k\n", "\xe2\x80\xae\xff")),
                        "INFO  m \"k\\n\"=\"\\u202e\\xff\"\n");
    wsp_log(&f.logger, WSP_LOG_INFO, "a\nb\x1b[2J", NULL, 0);
    assert_string_equal(take(&f) + TEXT_HEAD_LEN, "INFO  a\\nb\\x1b[2J\n");
    fini(&f);
}

static void test_colours_come_only_when_asked_for(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_TEXT);
    assert_null(strchr(text_of(&f, WSP_LOG_STR("k", "v")), '\x1b'));
    f.sink.color = true;
    const struct wsp_log_field field = WSP_LOG_STR("k", "v");
    wsp_log(&f.logger, WSP_LOG_ERROR, "m", &field, 1);
    assert_matches(take(&f), "^\x1b\\[2m[0-9:.]+\x1b\\[0m \x1b\\[31mERROR"
                             "\x1b\\[0m m \x1b\\[2mk=\x1b\\[0mv\n$");
    fini(&f);
}

/* ---- JSON ---- */

static void test_a_json_line_is_one_object(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_JSON);
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("conn_id", "c\n\"1\""),
        WSP_LOG_NUM("left_ms", 1500),
    };
    wsp_log(&fixture.logger, WSP_LOG_WARN, "suspended \"now\"", fields, 2);
    assert_matches(
        take(&fixture),
        "^\\{\"time\":\"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
        "[0-6][0-9]\\.[0-9]{3}Z\",\"level\":\"warn\",");
    assert_non_null(strstr(
        fixture.got, "\"msg\":\"suspended \\\"now\\\"\","
                     "\"conn_id\":\"c\\n\\\"1\\\"\",\"left_ms\":1500}\n"));
    fini(&fixture);
}

static void test_hostile_81_json_values_are_escaped(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_JSON);
    const char bytes[] = "\0\x1f\xff\xe2\x80\xae";
    struct wsp_span span = {bytes, sizeof bytes - 1};
    assert_string_equal(
        json_of(&f, WSP_LOG_SPAN("k\"", span)),
        "\"msg\":\"m\",\"k\\\"\":\"\\u0000\\u001f\\ufffd\\u202e\"}\n");
    fini(&f);
}

static void test_json_fields_do_not_replace_ours(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_JSON);
    assert_string_equal(json_of(&f, WSP_LOG_STR("level", "x")),
                        "\"msg\":\"m\",\"fields.level\":\"x\"}\n");
    assert_string_equal(json_of(&f, WSP_LOG_STR("time", "x")),
                        "\"msg\":\"m\",\"fields.time\":\"x\"}\n");
    assert_string_equal(json_of(&f, WSP_LOG_NUM("msg", 1)),
                        "\"msg\":\"m\",\"fields.msg\":1}\n");
    fini(&f);
}

static void test_no_message_is_an_empty_one(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_JSON);
    wsp_log(&f.logger, WSP_LOG_INFO, NULL, NULL, 0);
    assert_non_null(strstr(take(&f), "\"msg\":\"\"}\n"));
    f.sink.format = WSP_LOG_TEXT;
    wsp_log(&f.logger, WSP_LOG_INFO, NULL, NULL, 0);
    assert_string_equal(take(&f) + TEXT_HEAD_LEN, "INFO  \n");
    fini(&f);
}

/* ---- numbers ---- */

static void expect_number(struct fixture *f, double number, const char *text)
{
    char line[96];
    f->sink.format = WSP_LOG_JSON;
    snprintf(line, sizeof line, "\"msg\":\"m\",\"n\":%s}\n", text);
    assert_string_equal(json_of(f, WSP_LOG_NUM("n", number)), line);
}

static void test_numbers_are_written_as_json_has_them(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, WSP_LOG_JSON);
    expect_number(&f, 0, "0");
    expect_number(&f, -7, "-7");
    expect_number(&f, 9007199254740992.0, "9007199254740992");
    expect_number(&f, 0.1, "0.1");
    expect_number(&f, 1.0 / 3, "0.33333333333333331");
    expect_number(&f, 1e300, "1e+300");
    expect_number(&f, NAN, "null");
    expect_number(&f, -INFINITY, "null");
    f.sink.format = WSP_LOG_TEXT;
    assert_string_equal(text_of(&f, WSP_LOG_NUM("n", 0.5)), "INFO  m n=0.5\n");
    assert_string_equal(text_of(&f, WSP_LOG_NUM("n", INFINITY)),
                        "INFO  m n=inf\n");
    fini(&f);
}

/* ---- bounds ---- */

static char big[LINE_BYTES * 2];

static void fill_big(char letter)
{
    memset(big, letter, sizeof big - 1);
    big[sizeof big - 1] = '\0';
}

static void test_a_long_value_is_cut_and_later_fields_stay(void **state)
{
    (void)state;
    const enum wsp_log_format formats[] = {WSP_LOG_TEXT, WSP_LOG_JSON};
    const char *ends[] = {"… reason=late n=7\n",
                          "…\",\"reason\":\"late\",\"n\":7}\n"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        init(&fixture, formats[i]);
        fill_big('x');
        const struct wsp_log_field fields[] = {
            WSP_LOG_STR("stack", big),
            WSP_LOG_STR("reason", "late"),
            WSP_LOG_NUM("n", 7),
        };
        wsp_log(&fixture.logger, WSP_LOG_INFO, "m", fields, 3);
        take(&fixture);
        assert_in_range(fixture.got_len, LINE_BYTES - 512, LINE_BYTES);
        size_t end_len = strlen(ends[i]);
        assert_string_equal(fixture.got + fixture.got_len - end_len, ends[i]);
        fini(&fixture);
    }
}

static void test_a_long_message_leaves_room_for_the_fields(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_JSON);
    fill_big('\n');
    const struct wsp_log_field field = WSP_LOG_NUM("n", 7);
    wsp_log(&fixture.logger, WSP_LOG_INFO, big, &field, 1);
    take(&fixture);
    assert_true(fixture.got_len <= LINE_BYTES);
    const char *end = "\\n…\",\"n\":7}\n";
    assert_string_equal(fixture.got + fixture.got_len - strlen(end), end);
    fini(&fixture);
}

/* Keys and values of every length around the bound: the line stays whole. */
static void test_no_number_of_fields_breaks_a_line(void **state)
{
    (void)state;
    struct wsp_log_field fields[300];
    for (size_t len = 1; len < 80; len++) {
        fill_big('"');
        for (size_t i = 0; i < 300; i++) {
            const struct wsp_span value = {big, len};
            fields[i] = WSP_LOG_SPAN("key", value);
        }
        struct fixture fixture;
        init(&fixture, WSP_LOG_JSON);
        wsp_log(&fixture.logger, WSP_LOG_INFO, "m", fields, 300);
        take(&fixture);
        assert_in_range(fixture.got_len, 200, LINE_BYTES);
        assert_string_equal(fixture.got + fixture.got_len - 3, "\"}\n");
        fini(&fixture);
    }
}

/* ---- faults ---- */

static void test_hostile_65_a_closed_pipe_is_survived(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_TEXT);
    close(fixture.reading);
    wsp_log(&fixture.logger, WSP_LOG_INFO, "m", NULL, 0);
    sigset_t pending;
    sigset_t blocked;
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    assert_false(sigismember(&pending, SIGPIPE));
    assert_false(sigismember(&blocked, SIGPIPE));
    close(fixture.sink.fd);
}

static void test_hostile_65_a_full_pipe_is_survived(void **state)
{
    (void)state;
    struct fixture fixture;
    init(&fixture, WSP_LOG_TEXT);
    fill_big('x');
    for (int i = 0; i < 100; i++) {
        wsp_log(&fixture.logger, WSP_LOG_INFO, big, NULL, 0);
    }
    assert_true(strlen(take(&fixture)) > 0);
    fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_below_the_level_are_left_out),
        cmocka_unit_test(test_off_is_silent),
        cmocka_unit_test(test_level_names_are_read),
        cmocka_unit_test(test_a_text_line_has_time_level_message_and_fields),
        cmocka_unit_test(test_text_values_are_quoted_where_needed),
        cmocka_unit_test(test_hostile_81_no_text_can_forge_a_line),
        cmocka_unit_test(test_colours_come_only_when_asked_for),
        cmocka_unit_test(test_a_json_line_is_one_object),
        cmocka_unit_test(test_hostile_81_json_values_are_escaped),
        cmocka_unit_test(test_json_fields_do_not_replace_ours),
        cmocka_unit_test(test_no_message_is_an_empty_one),
        cmocka_unit_test(test_numbers_are_written_as_json_has_them),
        cmocka_unit_test(test_a_long_value_is_cut_and_later_fields_stay),
        cmocka_unit_test(test_a_long_message_leaves_room_for_the_fields),
        cmocka_unit_test(test_no_number_of_fields_breaks_a_line),
        cmocka_unit_test(test_hostile_65_a_closed_pipe_is_survived),
        cmocka_unit_test(test_hostile_65_a_full_pipe_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
