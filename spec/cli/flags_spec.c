/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/flags.h"

/* What a command line left behind. */
struct result {
    enum wsp_flags_result code;
    char error[WSP_FLAGS_ERROR_MAX];
    bool is_watching;
    const char *control;
    struct wsp_flag_list listen;
    struct wsp_flag_list arguments;
};

static void parse(struct result *result, char **argv)
{
    *result = (struct result){.is_watching = false};
    const struct wsp_flag table[] = {
        {"watch", WSP_FLAG_ON, {.is_on = &result->is_watching}},
        {"no-watch", WSP_FLAG_OFF, {.is_on = &result->is_watching}},
        {"control", WSP_FLAG_TEXT, {.text = &result->control}},
        {"listen", WSP_FLAG_LIST, {.list = &result->listen}},
    };
    const struct wsp_flags flags = {table, 4, &result->arguments, 2};
    result->code = wsp_flags_parse(&flags, argv, result->error);
}

static void fini(struct result *result)
{
    wsp_flag_list_fini(&result->listen);
    wsp_flag_list_fini(&result->arguments);
}

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

static void reads_values_behind_blank_or_equals_sign(void **state)
{
    (void)state;
    struct result result;
    parse(&result, ARGV("--control", "a=b", "--listen=x=y", "--listen", "z"));
    assert_int_equal(WSP_FLAGS_OK, result.code);
    assert_string_equal("a=b", result.control);
    assert_int_equal(2, result.listen.count);
    assert_string_equal("x=y", result.listen.items[0]);
    assert_string_equal("z", result.listen.items[1]);
    fini(&result);
}

static void keeps_the_last_of_contradicting_flags(void **state)
{
    (void)state;
    struct result result;
    parse(&result, ARGV("--no-watch", "--watch", "--control=a", "--control=b"));
    assert_true(result.is_watching);
    assert_string_equal("b", result.control);
    fini(&result);
    parse(&result, ARGV("--watch", "--no-watch"));
    assert_false(result.is_watching);
    fini(&result);
}

static void takes_arguments_between_flags(void **state)
{
    (void)state;
    struct result result;
    parse(&result, ARGV("app.lua", "--watch", "-"));
    assert_int_equal(WSP_FLAGS_OK, result.code);
    assert_int_equal(2, result.arguments.count);
    assert_string_equal("app.lua", result.arguments.items[0]);
    assert_string_equal("-", result.arguments.items[1]);
    fini(&result);
}

static void ends_flags_at_two_dashes(void **state)
{
    (void)state;
    struct result result;
    parse(&result, ARGV("--", "--watch", "--"));
    assert_int_equal(WSP_FLAGS_OK, result.code);
    assert_false(result.is_watching);
    assert_int_equal(2, result.arguments.count);
    assert_string_equal("--", result.arguments.items[1]);
    fini(&result);
}

static void stops_at_a_call_for_help(void **state)
{
    (void)state;
    struct result result;
    parse(&result, ARGV("app.lua", "--help", "--nonsense"));
    assert_int_equal(WSP_FLAGS_HELP, result.code);
    fini(&result);
    parse(&result, ARGV("-h"));
    assert_int_equal(WSP_FLAGS_HELP, result.code);
    fini(&result);
}

static void refuses(char **argv, const char *text)
{
    struct result result;
    parse(&result, argv);
    assert_int_equal(WSP_FLAGS_ERROR, result.code);
    assert_string_equal(text, result.error);
    fini(&result);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    refuses(ARGV("--wacht"), "unknown flag --wacht; did you mean --watch?");
    refuses(ARGV("--workers=2"), "unknown flag --workers");
    refuses(ARGV("--wat"), "unknown flag --wat");
    refuses(ARGV("-w"), "unknown flag -w; flags begin with two dashes");
    refuses(ARGV("--watch=1"), "--watch takes no value");
    refuses(ARGV("--listen"), "--listen needs a value");
    refuses(ARGV("--listen", "--watch"), "--listen needs a value");
    refuses(ARGV("--control="), "--control needs a value");
    refuses(ARGV("a", "b", "c"), "unexpected argument \"c\"");
}

static void bounds_what_it_says(void **state)
{
    (void)state;
    char word[2000] = "--";
    memset(word + 2, 'x', sizeof(word) - 3);
    word[sizeof(word) - 1] = '\0';
    struct result result;
    parse(&result, ARGV(word));
    assert_int_equal(WSP_FLAGS_ERROR, result.code);
    assert_true(strlen(result.error) < 100);
    fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_behind_blank_or_equals_sign),
        cmocka_unit_test(keeps_the_last_of_contradicting_flags),
        cmocka_unit_test(takes_arguments_between_flags),
        cmocka_unit_test(ends_flags_at_two_dashes),
        cmocka_unit_test(stops_at_a_call_for_help),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(bounds_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
