/* SPDX-License-Identifier: MIT */
#include "lua/lua_log.h"

#include <math.h>
#include <stdio.h>

#include "lua_binding/script.h"

/* What the logger got, as one line. */
struct journal {
    char text[4096];
    size_t len;
};

static void note(struct journal *journal, const char *text, size_t len)
{
    size_t room = sizeof journal->text - 1 - journal->len;
    len = len < room ? len : room;
    memcpy(journal->text + journal->len, text, len);
    journal->len += len;
    journal->text[journal->len] = '\0';
}

static void on_line(void *ud, enum wsp_log_level level, const char *message,
                    const struct wsp_log_field *fields, size_t count)
{
    struct journal *journal = ud;
    char text[64];
    snprintf(text, sizeof text, "%d ", (int)level);
    journal->len = 0;
    note(journal, text, strlen(text));
    note(journal, message, strlen(message));
    for (size_t i = 0; i < count; i++) {
        note(journal, " ", 1);
        note(journal, fields[i].key, strlen(fields[i].key));
        if (fields[i].text.data) {
            note(journal, ":", 1);
            note(journal, fields[i].text.data, fields[i].text.len);
        } else {
            assert_true(isfinite(fields[i].number));
            snprintf(text, sizeof text, "=%.14g", fields[i].number);
            note(journal, text, strlen(text));
        }
    }
}

static void listen(struct script *script, struct journal *journal)
{
    journal->len = 0;
    journal->text[0] = '\0';
    script->state->app = NULL;
    script->state->logger = (struct wsp_logger){on_line, journal, WSP_LOG_INFO};
}

static void a_line_has_level_message_and_fields(void **state)
{
    struct script *script = *state;
    struct journal journal;
    listen(script, &journal);
    script_run(script,
               "core.log('warn', 'left', {\n"
               "  reason = 'kick', count = 3, ok = true, empty = '' })");
    assert_string_equal(journal.text,
                        "2 left count=3 empty: ok:true reason:kick");
    script_run(script, "core.log('info', 'bare')");
    assert_string_equal(journal.text, "1 bare");
}

static void a_level_below_the_loggers_is_silent(void **state)
{
    struct script *script = *state;
    struct journal journal;
    listen(script, &journal);
    script_run(script, "core.log('debug', 'quiet', { a = 1 })");
    assert_string_equal(journal.text, "");
    script_run(script, "core.log('error', 'loud')");
    assert_string_equal(journal.text, "3 loud");
}

static void any_value_can_be_a_field(void **state)
{
    struct script *script = *state;
    struct journal journal;
    listen(script, &journal);
    script_run(script, "core.log('info', 'x', {\n"
                       "  err = core.errors.SERVER_CLOSED, [7] = 'seven',\n"
                       "  nan = 0/0, inf = -1/0 })");
    assert_string_equal(journal.text,
                        "1 x 7:seven err:wspulse: server is closed inf:-inf "
                        "nan:nan");
    script_run(script, "core.log('info', 'x', { t = {}, [print] = print,\n"
                       "  bad = setmetatable({}, {\n"
                       "    __tostring = function() return {} end }) })");
    assert_non_null(strstr(journal.text, "t:table: 0x"));
    assert_non_null(strstr(journal.text, "bad:table: 0x"));
}

static void a_generation_is_named(void **state)
{
    struct script *script = *state;
    struct journal journal;
    listen(script, &journal);
    script->state->app = (struct wsp_lua_app *)&journal; /* never looked at */
    script->state->generation = 7;
    script_run(script, "core.log('info', 'x', { z = 1 })");
    assert_string_equal(journal.text, "1 x z=1 generation=7");
    script->state->app = NULL;
}

static void fields_are_bounded(void **state)
{
    struct script *script = *state;
    struct journal journal;
    listen(script, &journal);
    script_run(script, "fields = {}\n"
                       "for i = 1, 32 do fields['k' .. i] = i end\n"
                       "core.log('info', 'x', fields)");
    assert_non_null(strstr(journal.text, "k32=32"));
    script_raises(script, "fields.more = 1 core.log('info', 'x', fields)",
                  "wspulse.log: more than 32 fields");
}

static void wrong_arguments_raise(void **state)
{
    struct script *script = *state;
    script_raises(script, "core.log('loud', 'x')", "unknown level \"loud\"");
    script_raises(script, "core.log('off', 'x')", "unknown level \"off\"");
    script_raises(script, "core.log('info')", "string expected");
    script_raises(script, "core.log('info', 'x', 'y')", "table expected");
}

static void ids_are_uuids_and_differ(void **state)
{
    script_run(*state, "local a, b = core.new_id(), core.new_id()\n"
                       "assert(a ~= b and #a == 36)\n"
                       "assert(a:match '^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_level_message_and_fields),
        cmocka_unit_test(a_level_below_the_loggers_is_silent),
        cmocka_unit_test(any_value_can_be_a_field),
        cmocka_unit_test(a_generation_is_named),
        cmocka_unit_test(fields_are_bounded),
        cmocka_unit_test(wrong_arguments_raise),
        cmocka_unit_test(ids_are_uuids_and_differ),
    };
    return cmocka_run_group_tests_name("lua log", tests, script_open,
                                       script_close);
}
