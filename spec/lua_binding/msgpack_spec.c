/* SPDX-License-Identifier: MIT */
#include "lua/lua_msgpack.h"

#include <time.h>

#include "lua_binding/msgpack_script.h"

/* ---- encode ---- */

static void scalars(void **state)
{
    script_run(*state, "is(nil, 'c0') is(core.null, 'c0')\n"
                       "is(true, 'c3') is(false, 'c2')\n"
                       "is('', 'a0') is('abc', 'a3616263')");
}

/* On both sides of every change of width. */
static void integers_are_exact_and_short(void **state)
{
    script_run(*state,
               "is(0, '00') is(127, '7f') is(128, 'cc80') is(255, 'ccff')\n"
               "is(256, 'cd0100') is(65535, 'cdffff')\n"
               "is(65536, 'ce00010000') is(2^32 - 1, 'ceffffffff')\n"
               "is(2^32, 'cf0000000100000000')\n"
               "is(2^53, 'cf0020000000000000')\n"
               "is(-1, 'ff') is(-32, 'e0') is(-33, 'd0df')\n"
               "is(-128, 'd080') is(-129, 'd1ff7f') is(-32768, 'd18000')\n"
               "is(-32769, 'd2ffff7fff') is(-2^31, 'd280000000')\n"
               "is(-2^31 - 1, 'd3ffffffff7fffffff')\n"
               "is(-2^32, 'd3ffffffff00000000')\n"
               "is(-2^32 - 1, 'd3fffffffeffffffff')\n"
               "is(-6442450943, 'd3fffffffe80000001')\n"
               "is(-2^53, 'd3ffe0000000000000')");
}

static void numbers_read_back_the_same(void **state)
{
    struct script *script = *state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    lua_pushinteger(script->L, (lua_Integer)seed);
    lua_setglobal(script->L, "seed");
    script_run(script,
               "math.randomseed(seed)\n"
               "local function back(n)\n"
               "  local got = decode(encode(n))\n"
               "  if got ~= n or 1 / got ~= 1 / n then\n"
               "    error(('%.17g is %.17g'):format(n, got))\n"
               "  end\n"
               "end\n"
               "for k = 0, 53 do\n"
               "  for d = -2, 2 do back(2^k + d) back(-2^k + d) end\n"
               "end\n"
               "for _ = 1, 20000 do\n"
               "  local n = math.random() * 2 ^ math.random(-1074, 1023)\n"
               "  back(n) back(-n)\n"
               "  n = math.floor(math.random() * 2 ^ math.random(0, 53))\n"
               "  back(n) back(-n)\n"
               "end");
}

static void floats(void **state)
{
    script_run(*state, "is(0.5, 'ca3f000000') is(-0.5, 'cabf000000')\n"
                       "is(0.1, 'cb3fb999999999999a')\n"
                       "is(1e300, 'cb7e37e43c8800759c')\n"
                       "assert(1 / decode(encode(-0.0)) == -1/0)\n"
                       "assert(decode(encode(1/0)) == 1/0)\n"
                       "assert(decode(encode(-1/0)) == -1/0)\n"
                       "local nan = decode(encode(0/0)) assert(nan ~= nan)\n"
                       "assert(decode(encode(2^53 + 2)) == 2^53 + 2)\n"
                       "assert(decode(encode(2^63)) == 2^63)\n"
                       "assert(decode(encode(-2^63)) == -2^63)\n"
                       "assert(decode(encode(5e-324)) == 5e-324)");
}

static void strings(void **state)
{
    script_run(*state, "local function head(len, text)\n"
                       "  local s = ('x'):rep(len)\n"
                       "  local got = encode(s)\n"
                       "  assert(got == bytes(text) .. s, hex(got:sub(1, 6)))\n"
                       "  assert(decode(got) == s)\n"
                       "end\n"
                       "head(31, 'bf') head(32, 'd920') head(255, 'd9ff')\n"
                       "head(256, 'da0100') head(65535, 'daffff')\n"
                       "head(65536, 'db00010000')\n"
                       "is('\\195\\164\\0', 'a3c3a400')");
}

static void bytes_that_are_no_utf8_are_bin(void **state)
{
    script_run(*state, "is('\\255', 'c401ff') is('x\\195', 'c40278c3')\n"
                       "is('\\237\\160\\128', 'c403eda080')\n"
                       "is({ ['\\255'] = 1 }, '81c401ff01')\n"
                       "for _, len in ipairs { 1, 255, 256, 65535, 65536 } do\n"
                       "  local s = ('\\255'):rep(len)\n"
                       "  assert(decode(encode(s)) == s)\n"
                       "end\n"
                       "assert(encode(('\\255'):rep(256)):sub(1, 3) == "
                       "bytes 'c50100')\n"
                       "assert(encode(('\\255'):rep(65536)):sub(1, 5) == "
                       "bytes 'c600010000')");
}

static void tables(void **state)
{
    script_run(*state, "is({ 1, 2, 3 }, '93010203') is({ a = 1 }, '81a16101')\n"
                       "is({ { {} }, { a = {} } }, '92918081a16180')\n"
                       "is({ 1, core.null, false }, '9301c0c2')\n"
                       "local t = {}\n"
                       "for i = 1, 16 do t[i] = 0 end\n"
                       "is(t, 'dc0010' .. ('00'):rep(16))\n"
                       "for i = 1, 65536 do t[i] = 1 end\n"
                       "assert(hex(encode(t):sub(1, 6)) == 'dd0001000001')\n"
                       "t = {}\n"
                       "for i = 1, 16 do t['k' .. i] = i end\n"
                       "local got = encode(t)\n"
                       "assert(hex(got:sub(1, 3)) == 'de0010')\n"
                       "assert(same(decode(got), t))");
}

static void arrays_in_any_internal_order(void **state)
{
    script_run(*state, "local t = {}\n"
                       "for i = 40, 1, -1 do t[i] = i end\n"
                       "local got = decode(encode(t))\n"
                       "for i = 1, 40 do assert(got[i] == i) end\n"
                       "is({ [2] = 2, [1] = 1 }, '920102')");
}

static void empty_arrays(void **state)
{
    script_run(*state,
               "is({}, '80') is(core.empty_array, '90')\n"
               "is(core.array(), '90') is(core.array { 7 }, '9107')\n"
               "is({ a = core.empty_array }, '81a16190')\n"
               "refused(core.array { a = 1 }, 'value: the keys are ' ..\n"
               "  'neither 1..n nor all strings')");
}

static void sparse_and_mixed_tables_are_refused(void **state)
{
    script_run(*state,
               "local keys = ': the keys are neither 1..n nor all strings'\n"
               "refused({ 1, 2, nil, 4 }, 'value: the array has holes')\n"
               "refused({ [2] = 1 }, 'value: the array has holes')\n"
               "refused({ 1, a = 2 }, 'value' .. keys)\n"
               "refused({ [0] = 1 }, 'value' .. keys)\n"
               "refused({ [1.5] = 1 }, 'value' .. keys)\n"
               "refused({ [true] = 1 }, 'value' .. keys)\n"
               "refused({ x = { { [0] = 1 } } }, 'value.x[1]' .. keys)");
}

static void hostile_47_the_path_names_the_offending_value(void **state)
{
    script_run(
        *state,
        "refused(print, 'value: cannot encode a function')\n"
        "refused({ items = { 1, 2, print } },\n"
        "  'value.items[3]: cannot encode a function')\n"
        "refused({ ['a key'] = { io.stdout } },\n"
        "  'value[\"a key\"][1]: cannot encode a userdata')\n"
        "refused({ coroutine.create(print) },\n"
        "  'value[1]: cannot encode a thread')\n"
        "refused({ core.raw '\\193' }, 'value[1]: wspulse.raw was given ' ..\n"
        "  'bytes that are not valid msgpack')\n"
        "local ring = {} ring.again = { ring }\n"
        "refused(ring, 'value.again[1]: the table contains itself')");
}

static void nesting_is_bounded(void **state)
{
    script_run(*state,
               "is(nested(512), ('91'):rep(511) .. '80')\n"
               "local got, err = encode(nested(513))\n"
               "assert(got == nil)\n"
               "assert(tostring(err):find('nested deeper than 512', 1, true))\n"
               "local deep = decode(encode(nested(512)))\n"
               "for _ = 1, 511 do deep = deep[1] end\n"
               "assert(next(deep) == nil)");
}

static void output_is_bounded(void **state)
{
    script_run(*state, "local mib = ('x'):rep(1024 * 1024)\n"
                       "local t = {}\n"
                       "for i = 1, 63 do t[i] = mib end\n"
                       "assert(encode(t))\n"
                       "t[64] = mib\n"
                       "refused(t, 'value[64]: the text exceeds 64 MiB')");
}

static void metamethods_are_not_asked(void **state)
{
    script_run(*state,
               "local asked = function() error 'asked' end\n"
               "local t = setmetatable({ 1 }, { __index = asked,\n"
               "  __len = asked, __pairs = asked, __tostring = asked })\n"
               "is(t, '9101')");
}

/* ---- raw ---- */

static void raw_is_embedded_as_it_is(void **state)
{
    script_run(*state,
               "local wide = bytes 'd3 0000000000000001'\n"
               "is(core.raw(wide), 'd30000000000000001')\n"
               "is({ a = core.raw(wide) }, '81a161d30000000000000001')\n"
               "assert(tostring(core.raw(wide)) == wide)\n"
               "local r = core.raw(encode { 1, { b = 2 } })\n"
               "is({ r, r }, '92920181a16202920181a16202')");
}

/* One byte can be valid in both formats, and mean something else. */
static void raw_is_checked_for_each_format(void **state)
{
    script_run(*state,
               "local one = core.raw '1'\n"
               "is(one, '31') assert(core.encode(one) == '1')\n"
               "local json = core.raw '{\"a\":1}'\n"
               "refused(json, 'value: wspulse.raw was given bytes that are '\n"
               "  .. 'not valid msgpack')\n"
               "assert(core.encode(json) == '{\"a\":1}')\n"
               "local map = core.raw(bytes '81a16101')\n"
               "is(map, '81a16101')\n"
               "local got, err = core.encode(map)\n"
               "assert(not got and tostring(err):find('valid JSON', 1, true))\n"
               "for _, bad in ipairs { '', 'c1', '91', '0101', 'a5' } do\n"
               "  local out, why = encode(core.raw(bytes(bad)))\n"
               "  assert(not out and why.code == 'ENCODE', bad)\n"
               "end");
}

/* ---- decode ---- */

static void every_type_decodes(void **state)
{
    script_run(
        *state,
        "local function gives(text, value)\n"
        "  assert(same(decode(bytes(text)), value), text)\n"
        "end\n"
        "gives('c0', core.null) gives('c2', false) gives('c3', true)\n"
        "gives('7f', 127) gives('e0', -32) gives('ccff', 255)\n"
        "gives('cdffff', 65535) gives('ceffffffff', 2^32 - 1)\n"
        "gives('cf0020000000000000', 2^53)\n"
        "gives('cfffffffffffffffff', 2^64)\n"
        "gives('d0ff', -1) gives('d07f', 127) gives('d1ff7f', -129)\n"
        "gives('d280000000', -2^31) gives('d3fffffffe80000001', -6442450943)\n"
        "gives('d38000000000000000', -2^63)\n"
        "gives('ca3f000000', 0.5) gives('cb3fb999999999999a', 0.1)\n"
        "gives('ca7fc00000', 0/0) gives('cb7ff0000000000000', 1/0)\n"
        "gives('a0', '') gives('d90161', 'a') gives('da000161', 'a')\n"
        "gives('db0000000161', 'a') gives('c402ff00', '\\255\\0')\n"
        "gives('c50001ff', '\\255') gives('c600000001ff', '\\255')\n"
        "gives('92c090', { core.null, {} }) gives('dc000107', { 7 })\n"
        "gives('dd0000000107', { 7 }) gives('80', {})\n"
        "gives('82a16101a16290', { a = 1, b = {} })\n"
        "gives('de000107c3', { [7] = true })\n"
        "gives('df00000001a16107', { a = 7 })");
}

static void empty_arrays_stay_arrays(void **state)
{
    script_run(*state, "is(decode(bytes '90'), '90')\n"
                       "is(decode(bytes '80'), '80')\n"
                       "is(decode(bytes '9290 80'), '929080')\n"
                       "local t = decode(bytes '90') t[1] = 5\n"
                       "is(t, '9105')");
}

static void any_key_is_survived(void **state)
{
    script_run(*state,
               "local t = decode(bytes '85 c001 c202 cb3fe0000000000000 03 "
               "c401ff 04 ca7fc00000 05')\n"
               "assert(t[core.null] == 1 and t[false] == 2 and t[0.5] == 3)\n"
               "assert(t['\\255'] == 4)\n"
               "local count = 0\n"
               "for _ in pairs(t) do count = count + 1 end\n"
               "assert(count == 4)\n"
               "t = decode(bytes '82 9101 02 81a16101 03')\n"
               "for k, v in pairs(t) do\n"
               "  assert(k[1] == 1 and v == 2 or k.a == 1 and v == 3)\n"
               "end\n"
               "assert(decode(bytes '83a16101a16102a16103').a == 3)\n"
               "t = decode(bytes '81a75f5f696e64657807')\n"
               "assert(rawget(t, '__index') == 7 and not getmetatable(t))");
}

static void an_extension_goes_on_as_it_came(void **state)
{
    script_run(
        *state,
        "for _, text in ipairs { 'd4ff00', 'd6ff65000000',\n"
        "  'd8630102030405060708090a0b0c0d0e0f10', 'c70005',\n"
        "  'c70305010203', 'c8000105aa', 'c90000000105aa' } do\n"
        "  local value = decode(bytes(text))\n"
        "  assert(tostring(value) == bytes(text))\n"
        "  is(value, text) is({ value }, '91' .. text)\n"
        "end\n"
        "local got, err = core.encode(decode(bytes 'd4ff00'))\n"
        "assert(not got and tostring(err) == 'wspulse: encode failed: '\n"
        "  .. 'value: the payload came by another codec')");
}

static void hostile_48_malformed_bytes_raise(void **state)
{
    struct script *script = *state;
    static const char *const texts[] = {
        "",           "c1",           "91",         "81a161",
        "ddffffffff", "dfffffffff",   "df80000000", "dbffffffff",
        "c6ffffff",   "c9ffffffff05", "cb3ff0",     "9201c1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        lua_pushstring(script->L, texts[i]);
        lua_setglobal(script->L, "text");
        script_raises(script, "decode(bytes(text))", "malformed msgpack");
    }
    script_raises(script, "decode(bytes('91'):rep(600) .. '\\1')",
                  "malformed msgpack");
}

/* Half a million equal keys make one pair, in memory for one. */
static void hostile_48_memory_follows_what_is_there(void **state)
{
    script_run(*state,
               "local map = bytes 'df0007a120' .. ('\\161a\\1'):rep(500000)\n"
               "collectgarbage() collectgarbage 'stop'\n"
               "local before = collectgarbage 'count'\n"
               "local t = decode(map)\n"
               "local grown = collectgarbage 'count' - before\n"
               "collectgarbage 'restart'\n"
               "assert(t.a == 1 and next(t, 'a') == nil)\n"
               "assert(grown < 64, grown)");
}

static void random_trees_round_trip(void **state)
{
    struct script *script = *state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    lua_pushinteger(script->L, (lua_Integer)seed);
    lua_setglobal(script->L, "seed");
    script_run(
        script,
        "math.randomseed(seed)\n"
        "local random = math.random\n"
        "local function text()\n"
        "  local bytes = {}\n"
        "  for i = 1, random(0, 40) do\n"
        "    bytes[i] = string.char(random(0, 255))\n"
        "  end\n"
        "  return table.concat(bytes)\n"
        "end\n"
        "local function tree(depth)\n"
        "  local kind = random(depth < 5 and 6 or 4)\n"
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

static void running_out_of_memory_raises(void **state)
{
    struct script *script = *state;
    script_run(script, "t = { ('x'):rep(5000), { a = 1 / 3 }, core.array() }\n"
                       "function work()\n"
                       "  local r = core.raw(assert(encode(t)))\n"
                       "  local back = decode(assert(encode { r, r }))\n"
                       "  assert(#back == 2 and #back[1] == 3)\n"
                       "  decode '\\214\\1abcd'\n"
                       "  encode { print }\n"
                       "  encode '\\255'\n"
                       "end\n"
                       "work()");
    assert_in_range(script_starve(script, work), 5, 1000);
}

int main(void)
{
#define SPEC(name) cmocka_unit_test_setup(name, msgpack_script_reset)
    const struct CMUnitTest tests[] = {
        SPEC(scalars),
        SPEC(integers_are_exact_and_short),
        SPEC(numbers_read_back_the_same),
        SPEC(floats),
        SPEC(strings),
        SPEC(bytes_that_are_no_utf8_are_bin),
        SPEC(tables),
        SPEC(arrays_in_any_internal_order),
        SPEC(empty_arrays),
        SPEC(sparse_and_mixed_tables_are_refused),
        SPEC(hostile_47_the_path_names_the_offending_value),
        SPEC(nesting_is_bounded),
        SPEC(output_is_bounded),
        SPEC(metamethods_are_not_asked),
        SPEC(raw_is_embedded_as_it_is),
        SPEC(raw_is_checked_for_each_format),
        SPEC(every_type_decodes),
        SPEC(empty_arrays_stay_arrays),
        SPEC(any_key_is_survived),
        SPEC(an_extension_goes_on_as_it_came),
        SPEC(hostile_48_malformed_bytes_raise),
        SPEC(hostile_48_memory_follows_what_is_there),
        SPEC(random_trees_round_trip),
        SPEC(running_out_of_memory_raises),
    };
#undef SPEC
    return cmocka_run_group_tests_name("lua msgpack", tests,
                                       msgpack_script_open, script_close);
}
