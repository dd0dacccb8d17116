/* SPDX-License-Identifier: MIT */
/* A state that lives at its limit. */
#include "lua/lua_memory.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROUNDS 20000
#define ROUNDS_FREE 300 /* without a limit: LuaJIT compiles meanwhile */

static lua_State *open_state(struct wsp_lua_memory *memory, size_t limit)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    *memory = (struct wsp_lua_memory){.allocate = NULL};
    wsp_lua_memory_open(L, memory);
    memory->limit = limit;
    return L;
}

static void close_state(lua_State *L, struct wsp_lua_memory *memory)
{
    wsp_lua_memory_close(L, memory);
    lua_close(L);
}

/* Calls the function on the stack with ever another limit. Returns how often
 * there was not enough. */
static int starve(lua_State *L, struct wsp_lua_memory *memory)
{
    int failures = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bool is_free = round < ROUNDS_FREE;
        lua_pushvalue(L, 1);
        lua_pushinteger(L, round);
        memory->limit = is_free ? 0 : memory->used + 16 * (size_t)(round % 400);
        int status = lua_pcall(L, 1, 0, 0);
        memory->limit = 0;
        memory->has_refused = false;
        assert_true(status == 0 || status == LUA_ERRMEM);
        failures += status != 0;
        lua_settop(L, 1);
    }
    return failures;
}

static void run(const char *code)
{
    struct wsp_lua_memory memory;
    lua_State *L = open_state(&memory, 0);
    assert_int_equal(luaL_loadstring(L, code), 0);
    lua_call(L, 0, 1);
    int failures = starve(L, &memory);
    assert_in_range(failures, ROUNDS / 100, ROUNDS);
    close_state(L, &memory);
}

/* LuaJIT's collector asks for a block to put a smaller table of strings into.
 * Without one it raises, and from within compiled code that ends the process. */
static void test_hostile_60_the_collector_of_compiled_code_gets_its_block(
    void **state)
{
    (void)state;
    run("return function(n) local s = '' "
        "for i = 1, 5 do s = s .. n .. i end return s end");
    run("return function(n) local t = {} "
        "for i = 1, 50 do t[i] = i .. 'k' .. n end return #t end");
}

/* The block that it gets is no hole in the limit. */
static void test_nothing_else_gets_past_the_limit_for_long(void **state)
{
    (void)state;
    const size_t limit = 4 * 1024 * 1024;
    struct wsp_lua_memory memory;
    lua_State *L = open_state(&memory, limit);
    /* A string with its head and its NUL is a power of two. */
    assert_int_equal(luaL_loadstring(L, "local t = {} for i = 1, 1e6 do "
                                        "t[i] = ('x'):rep(2 ^ 17 - 24 - 1 - i "
                                        "% 2) .. i end"),
                     0);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRMEM);
    assert_true(memory.used <= limit + limit / 4);
    close_state(L, &memory);
}

/* A state that is full to the last byte could not even say so. */
static void test_hostile_60_what_handles_the_error_has_room(void **state)
{
    (void)state;
    const size_t limit = 4 * 1024 * 1024;
    struct wsp_lua_memory memory;
    lua_State *L = open_state(&memory, limit);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    const char *code = "local kept = {}\n"
                       "local function fill() while true do\n"
                       "  kept = { kept, 'x' .. #kept } end end\n"
                       "local ok, err = pcall(fill)\n"
                       "local lines = {}\n"
                       "for i = 1, 100 do lines[i] = err .. i end\n"
                       "assert(not ok and #lines == 100)\n"
                       "for i = 1, 1000 do pcall(fill) end\n";
    assert_int_equal(luaL_loadstring(L, code), 0);
    int status = lua_pcall(L, 0, 0, 0);
    if (status != 0) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    assert_true(memory.has_refused);
    assert_in_range(memory.used, limit, limit + limit / 16);
    close_state(L, &memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_hostile_60_the_collector_of_compiled_code_gets_its_block),
        cmocka_unit_test(test_nothing_else_gets_past_the_limit_for_long),
        cmocka_unit_test(test_hostile_60_what_handles_the_error_has_room),
    };
    return cmocka_run_group_tests_name("lua_binding.memory", tests, NULL, NULL);
}
