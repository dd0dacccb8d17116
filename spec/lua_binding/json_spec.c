/* SPDX-License-Identifier: MIT */
#include "lua/lua_json.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lua_binding/script.h"

/* Functions that the snippets share. */
static const char prelude[] =
    "encode, decode = core.encode, core.decode\n"
    "function is(value, text)\n"
    "  local got = assert(encode(value))\n"
    "  if got ~= text then error('got ' .. got .. ', not ' .. text, 2) end\n"
    "end\n"
    "function refused(value, text)\n"
    "  local got, err = encode(value)\n"
    "  assert(got == nil, got)\n"
    "  assert(err.code == 'ENCODE' and err.cause == core.errors.ENCODE)\n"
    "  if tostring(err) ~= 'wspulse: encode failed: ' .. text then\n"
    "    error('got ' .. tostring(err), 2)\n"
    "  end\n"
    "end\n"
    "function nested(n)\n"
    "  local t = {}\n"
    "  for _ = 2, n do t = { t } end\n"
    "  return t\n"
    "end";

static int open_with_prelude(void **state)
{
    script_open(state);
    script_run(*state, prelude);
    return 0;
}

/* ---- encode ---- */

static void scalars(void **state)
{
    script_run(*state, "is(true, 'true') is(false, 'false')\n"
                       "is(nil, 'null') is(core.null, 'null')\n"
                       "is('', '\"\"') is('a/b', '\"a/b\"')");
}

static void strings_escape_only_what_they_must(void **state)
{
    script_run(*state,
               "is('say \"hi\"', [[\"say \\\"hi\\\"\"]])\n"
               "is('a\\\\b', [[\"a\\\\b\"]])\n"
               "is('\\b\\f\\n\\r\\t', [[\"\\b\\f\\n\\r\\t\"]])\n"
               "is('\\0\\1\\31\\127', '\"\\\\u0000\\\\u0001\\\\u001f\\127\"')\n"
               "is('\\195\\164\\226\\130\\172\\240\\159\\152\\128',\n"
               "   '\"\\195\\164\\226\\130\\172\\240\\159\\152\\128\"')");
}

static void an_escape_is_found_at_every_offset(void **state)
{
    script_run(*state,
               "for len = 0, 40 do\n"
               "  for _, c in ipairs { '\"', '\\\\', '\\n', '\\31', ' ' } do\n"
               "    local s = ('x'):rep(len) .. c .. ('y'):rep(40 - len)\n"
               "    assert(decode(encode(s)) == s)\n"
               "    s = ('\\195\\164'):rep(len) .. c\n"
               "    assert(decode(encode(s)) == s)\n"
               "  end\n"
               "end");
}

static void invalid_utf8_is_refused(void **state)
{
    script_run(*state,
               "for _, bad in ipairs { '\\255', 'abcdefgh\\192\\128',\n"
               "  '\\237\\160\\128', '\\244\\144\\128\\128', 'x\\195' } do\n"
               "  refused(bad, 'value: the string is not valid UTF-8')\n"
               "  refused({ a = bad },\n"
               "    'value.a: the string is not valid UTF-8')\n"
               "  refused({ [bad] = 1 }, 'value[\"' ..\n"
               "    bad:gsub('[^ -~]', '?') ..\n"
               "    '\"]: the string is not valid UTF-8')\n"
               "end");
}

static void numbers_are_exact_and_short(void **state)
{
    script_run(
        *state,
        "is(0, '0') is(-1, '-1') is(42, '42') is(1e15, '1' .. "
        "('0'):rep(15))\n"
        "is(2^53, '9007199254740992') is(2^53 - 1, '9007199254740991')\n"
        "is(-2^53, '-9007199254740992')\n"
        "is(2^52 + 1, '4503599627370497')\n"
        "is(0.1, '0.1') is(0.05, '0.05') is(-1.5, '-1.5')\n"
        "is(1234.000001, '1234.000001') is(19.99, '19.99')\n"
        "is(0.1 + 0.2, '0.30000000000000004')\n"
        "is(1/3, '0.3333333333333333') is(1e-7, '0.0000001') is(1.5e-20, "
        "'1.5e-20')\n"
        "is(1e300, '1e+300') is(5e-324, '4.94065645841247e-324')\n"
        "is(-0.0, '-0') is(123456789012345680, '1.2345678901234568e+17')");
}

static void nan_and_infinities_are_refused(void **state)
{
    script_run(*state,
               "local why = ': cannot encode NaN or an infinity'\n"
               "refused(0/0, 'value' .. why) refused(1/0, 'value' .. why)\n"
               "refused({ x = { -1/0 } }, 'value.x[1]' .. why)");
}

/* Random bit patterns read back as the same double. */
static void any_double_reads_back_the_same(void **state)
{
    struct script *script = *state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits =
            (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i % 2) {
            number = (double)(int64_t)(bits % 2000000000) / 1e4;
        }
        if (number != number || number - number != 0) {
            continue;
        }
        lua_settop(script->L, 0);
        lua_getglobal(script->L, "encode");
        lua_pushnumber(script->L, number);
        assert_int_equal(lua_pcall(script->L, 1, 1, 0), 0);
        const char *text = lua_tostring(script->L, -1);
        assert_true(wsp_json_is_valid(wsp_span_of(text)));
        assert_true(strtod(text, NULL) == number);
    }
}

/* Neither direction depends on the program's locale. The machine may have none
 * that writes a comma; then C stands for it. */
static void a_locale_changes_nothing(void **state)
{
    const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C", "pl_PL.UTF-8",
                           "C"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_NUMERIC, names[i])) {
            script_run(*state, "is(1/3, '0.3333333333333333')\n"
                               "is(2.5, '2.5') assert(decode '2.5' == 2.5)\n"
                               "assert(#decode '[1,5]' == 2)");
        }
    }
}

/* lua-cjson would abort; such a locale is rare, the machine may have none. */
static void a_wide_decimal_point_is_an_error(void **state)
{
    bool is_wide = setlocale(LC_NUMERIC, "ps_AF.UTF-8") != NULL;
    script_run(*state, "is(1/3, '0.3333333333333333')");
    if (is_wide) {
        script_raises(*state, "decode '[2.5]'",
                      "lua-cjson cannot read numbers in this locale");
    }
    assert_non_null(setlocale(LC_NUMERIC, "C"));
    script_run(*state, "assert(decode '[2.5]'[1] == 2.5)");
}

static void tables(void **state)
{
    script_run(*state, "is({}, '{}') is({ 1, 2, 3 }, '[1,2,3]')\n"
                       "is({ a = 1 }, '{\"a\":1}') is({ ['a\"b'] = {} }, "
                       "[[{\"a\\\"b\":{}}]])\n"
                       "is({ { { x = { 1, { y = true } } } } }, "
                       "'[[{\"x\":[1,{\"y\":true}]}]]')\n"
                       "is({ core.null, core.null }, '[null,null]')");
}

static void arrays_in_any_internal_order(void **state)
{
    script_run(*state, "local t = {}\n"
                       "for i = 20, 1, -1 do t[i] = i end\n"
                       "is(t, '[' .. table.concat(t, ',') .. ']')\n"
                       "t = { [3] = 'c', [2] = 'b', [1] = 'a' }\n"
                       "is(t, '[\"a\",\"b\",\"c\"]')\n"
                       "t = { 1, 2 } t[4] = 4 t[3] = { {} }\n"
                       "is(t, '[1,2,[{}],4]')\n"
                       "for i = 5, 5000 do t[i] = i end t[3] = 3\n"
                       "is(t, '[' .. table.concat(t, ',') .. ']')");
}

static void sparse_and_mixed_tables_are_refused(void **state)
{
    script_run(*state,
               "local keys = ': the keys are neither 1..n nor all strings'\n"
               "local holes = ': the array has holes'\n"
               "refused({ 1, nil, 3 }, 'value' .. holes)\n"
               "refused({ [2] = 1 }, 'value' .. holes)\n"
               "refused({ [1e9] = 1 }, 'value' .. holes)\n"
               "refused({ a = 1, 2 }, 'value' .. keys)\n"
               "refused({ items = { 1, 2, n = 2 } }, 'value.items' .. keys)\n"
               "refused({ [0] = 1, 2 }, 'value' .. keys)\n"
               "refused({ [1.5] = 1 }, 'value' .. keys)\n"
               "refused({ [true] = 1 }, 'value' .. keys)\n"
               "refused({ { x = { [-1] = 0 } } }, 'value[1].x' .. keys)\n"
               "refused(core.array { a = 1 }, 'value' .. keys)");
}

static void the_path_names_the_offending_value(void **state)
{
    script_run(
        *state,
        "refused({ items = { 1, 2, print } },\n"
        "  'value.items[3]: cannot encode a function')\n"
        "refused({ ['a b'] = coroutine.create(print) },\n"
        "  'value[\"a b\"]: cannot encode a thread')\n"
        "refused({ { io.stdout } },\n"
        "  'value[1][1]: cannot encode a userdata')\n"
        "refused(require('ffi').new('int64_t', 1),\n"
        "  'value: cannot encode a cdata')\n"
        "local long = { [('k'):rep(400)] = print }\n"
        "local _, err = encode(long)\n"
        "assert(tostring(err):find('kkk...: cannot encode a function', 1, "
        "true))");
}

static void cycles_are_refused_at_once(void **state)
{
    script_run(*state,
               "local t = { name = 'x' } t.again = { t }\n"
               "refused(t, 'value.again[1]: the table contains itself')\n"
               "local shared = { 1 }\n"
               "is({ shared, shared }, '[[1],[1]]')");
}

static void nesting_is_bounded(void **state)
{
    script_run(*state,
               "assert(decode(assert(encode(nested(512)))))\n"
               "local got, err = encode(nested(513))\n"
               "assert(got == nil)\n"
               "assert(tostring(err):find('...: nested deeper than 512', 1, "
               "true))");
}

static void output_is_bounded(void **state)
{
    script_run(
        *state,
        "local t = ('x'):rep(1e6)\n"
        "for _ = 1, 5 do t = { t, t, t, t } end\n"
        "local got, err = encode(t)\n"
        "assert(got == nil)\n"
        "assert(tostring(err):find('the text exceeds 64 MiB', 1, true))\n"
        "assert(#assert(encode { t[1][1][1] }) > 16e6)");
    lua_gc(((struct script *)*state)->L, LUA_GCCOLLECT, 0);
}

/* ---- markers ---- */

static void empty_arrays(void **state)
{
    struct script *script = *state;
    script_run(script,
               "is(core.empty_array, '[]') is(core.array(), '[]')\n"
               "is(core.array {}, '[]') is({ a = core.empty_array }, "
               "'{\"a\":[]}')\n"
               "local t = {} assert(core.array(t) == t) t[1] = 5\n"
               "is(core.array(t), '[5]')\n"
               "for _ in ipairs(core.empty_array) do error 'not empty' end");
    script_raises(script, "core.empty_array[1] = 1",
                  "empty_array is read-only");
    script_raises(script, "core.array(setmetatable({}, {}))",
                  "has a metatable already");
    script_raises(script, "core.array(5)", "table expected");
}

static void metamethods_are_not_asked(void **state)
{
    script_run(*state, "local t = setmetatable({ a = 1 }, {\n"
                       "  __index = error, __pairs = error, __len = error })\n"
                       "is(t, '{\"a\":1}')");
}

static void raw_is_embedded_as_it_is(void **state)
{
    script_run(*state,
               "local r = core.raw ' [1.0, 12345678901234567890] '\n"
               "is({ a = r }, '{\"a\": [1.0, 12345678901234567890] }')\n"
               "is({ r, r }, '[' .. tostring(r) .. ',' .. tostring(r) .. ']')\n"
               "is(core.raw 'null', 'null')");
}

static void bad_raw_is_an_encode_error_where_it_stands(void **state)
{
    struct script *script = *state;
    script_run(
        script,
        "for _, bad in ipairs { '', ' ', '{', '[1,]', 'nul', '1 2' } do\n"
        "  refused({ a = core.raw(bad) },\n"
        "    'value.a: wspulse.raw was given text that is not valid JSON')\n"
        "end\n"
        "refused(core.raw '\"\\255\"',\n"
        "  'value: the string is not valid UTF-8')");
    script_raises(script, "core.raw(5)", "string expected");
    script_raises(script, "core.raw()", "string expected");
}

/* ---- decode ---- */

static void decode_gives_values(void **state)
{
    script_run(*state,
               "assert(decode 'true' == true and decode 'false' == false)\n"
               "assert(decode 'null' == core.null)\n"
               "assert(core.null == require('cjson').null)\n"
               "assert(decode '\"x\"' == 'x' and decode ' \"x\" ' == 'x')\n"
               "assert(decode '\"\\\\u00e4\\\\n\"' == '\\195\\164\\n')\n"
               "assert(decode '-1.5e3' == -1500)\n"
               "assert(decode '9007199254740993' == 2^53)\n"
               "local t = decode '{\"a\":[1,null,{\"b\":\"\"}],\"c\":[]}'\n"
               "assert(t.a[1] == 1 and t.a[2] == core.null)\n"
               "assert(t.a[3].b == '' and next(t.c) == nil)");
}

static void decode_refuses_what_is_not_json(void **state)
{
    struct script *script = *state;
    script_run(script,
               "for _, bad in ipairs { '', 'nan', '0x10', '[1,]', '\"', '{',\n"
               "  '{\"a\":}', \"'a'\", 'tru', '1 2', '01', '\"\\n\"' } do\n"
               "  local got, err = decode(bad)\n"
               "  assert(got == nil and err.code == 'DECODE', bad)\n"
               "end");
    script_raises(script, "decode {}", "string expected");
}

/* Spec D16: valid JSON, but lua-cjson refuses it. */
static void lone_surrogates_become_replacement_characters(void **state)
{
    script_run(*state,
               "local r = '\\239\\191\\189'\n"
               "assert(decode [[\"\\ud800\"]] == r)\n"
               "assert(decode [[\"a\\udc00b\"]] == 'a' .. r .. 'b')\n"
               "assert(decode [[\"\\ud83d\\ude00\\ud83d\"]] ==\n"
               "  '\\240\\159\\152\\128' .. r)\n"
               "assert(decode [[\"\\ud800\\ud800\\udc00\"]] ==\n"
               "  r .. '\\240\\144\\128\\128')\n"
               "assert(decode [[\"\\\\ud800\\uD8Ff\"]] == '\\\\ud800' .. r)\n"
               "local t = decode [[{\"\\udfff\":\"\\\\\\udfff\"}]]\n"
               "assert(t[r] == '\\\\' .. r)");
}

static void deep_values_decode(void **state)
{
    script_run(*state, "local t = decode(('['):rep(512) .. (']'):rep(512))\n"
                       "local depth = 0\n"
                       "while t do depth, t = depth + 1, t[1] end\n"
                       "assert(depth == 512)\n"
                       "assert(not decode(('['):rep(513) .. (']'):rep(513)))");
}

static void a_script_cannot_break_decode(void **state)
{
    script_run(*state, "local old, module = require, package.loaded.cjson\n"
                       "require, package.loaded.cjson = error, nil\n"
                       "assert(decode '[7]'[1] == 7)\n"
                       "module.decode_max_depth(1)\n"
                       "assert(decode '[[[7]]]'[1][1][1] == 7)\n"
                       "module.decode_max_depth(1000)\n"
                       "require, package.loaded.cjson = old, module");
}

static void the_program_keeps_its_cjson(void **state)
{
    script_run(*state, "local cjson = require 'cjson'\n"
                       "assert(cjson.decode_max_depth() == 1000)");
}

/* Random trees come back as they went. */
static void random_trees_round_trip(void **state)
{
    struct script *script = *state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    lua_pushnumber(script->L, (double)seed);
    lua_setglobal(script->L, "seed");
    script_run(
        script,
        "math.randomseed(seed)\n"
        "local random = math.random\n"
        "local function text()\n"
        "  local t = {}\n"
        "  for i = 1, random(0, 30) do t[i] = string.char(random(0, 127)) end\n"
        "  return table.concat(t)\n"
        "end\n"
        "local function tree(depth)\n"
        "  local kind = random(depth > 5 and 4 or 6)\n"
        "  if kind == 1 then return text() end\n"
        "  if kind == 2 then return random() * 10 ^ random(-20, 20) end\n"
        "  if kind == 3 then return random(-1e9, 1e9) end\n"
        "  if kind == 4 then return random(2) == 1 end\n"
        "  local t = {}\n"
        "  for i = 1, random(8) do\n"
        "    t[kind == 5 and i or text()] = tree(depth + 1)\n"
        "  end\n"
        "  return t\n"
        "end\n"
        "local function same(a, b)\n"
        "  if type(a) ~= 'table' then return a == b end\n"
        "  for k, v in pairs(a) do if not same(v, b[k]) then return end end\n"
        "  for k in pairs(b) do if a[k] == nil then return end end\n"
        "  return true\n"
        "end\n"
        "for _ = 1, 500 do\n"
        "  local t = tree(0)\n"
        "  assert(same(t, decode(assert(encode(t)))))\n"
        "end");
}

/* ---- memory ---- */

static int work(lua_State *L)
{
    lua_getglobal(L, "work");
    lua_call(L, 0, 0);
    return 0;
}

/* Without lua-cjson, which loses its own buffer when memory ends. */
static void running_out_of_memory_raises(void **state)
{
    struct script *script = *state;
    script_run(script, "t = { ('x'):rep(5000), { a = 1 / 3 } }\n"
                       "function work()\n"
                       "  local r = core.raw(assert(encode(t)))\n"
                       "  assert(encode { r, r, r })\n"
                       "  decode(encode('x'))\n"
                       "  encode { print }\n"
                       "  encode(core.array())\n"
                       "end\n"
                       "work()");
    assert_in_range(script_starve(script, work), 5, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(strings_escape_only_what_they_must),
        cmocka_unit_test(an_escape_is_found_at_every_offset),
        cmocka_unit_test(invalid_utf8_is_refused),
        cmocka_unit_test(numbers_are_exact_and_short),
        cmocka_unit_test(nan_and_infinities_are_refused),
        cmocka_unit_test(any_double_reads_back_the_same),
        cmocka_unit_test(a_locale_changes_nothing),
        cmocka_unit_test(a_wide_decimal_point_is_an_error),
        cmocka_unit_test(tables),
        cmocka_unit_test(arrays_in_any_internal_order),
        cmocka_unit_test(sparse_and_mixed_tables_are_refused),
        cmocka_unit_test(the_path_names_the_offending_value),
        cmocka_unit_test(cycles_are_refused_at_once),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(empty_arrays),
        cmocka_unit_test(metamethods_are_not_asked),
        cmocka_unit_test(raw_is_embedded_as_it_is),
        cmocka_unit_test(bad_raw_is_an_encode_error_where_it_stands),
        cmocka_unit_test(decode_gives_values),
        cmocka_unit_test(decode_refuses_what_is_not_json),
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
        cmocka_unit_test(deep_values_decode),
        cmocka_unit_test(a_script_cannot_break_decode),
        cmocka_unit_test(the_program_keeps_its_cjson),
        cmocka_unit_test(random_trees_round_trip),
        cmocka_unit_test(running_out_of_memory_raises),
    };
    return cmocka_run_group_tests_name("lua json", tests, open_with_prelude,
                                       script_close);
}
