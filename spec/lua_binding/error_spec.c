/* SPDX-License-Identifier: MIT */
#include "lua/lua_error.h"

#include "lua_binding/script.h"

/* Sets the global `err` to what `push` pushes. */
static void set_err(struct script *script, const struct wsp_error *error)
{
    wsp_lua_error_push_error(script->L, error);
    lua_setglobal(script->L, "err");
}

static void set_diag(struct script *script, enum wsp_err code,
                     const char *message)
{
    struct wsp_diag diag = {.code = code};
    strcpy(diag.message, message);
    wsp_lua_error_push_diag(script->L, &diag);
    lua_setglobal(script->L, "err");
}

static void every_code_is_a_constant(void **state)
{
    struct script *script = *state;
#define CHECK(name, value, text)                                               \
    script_run(script, "local e = core.errors." #name "\n"                     \
                       "assert(e.code == '" #name "')\n"                       \
                       "assert(e.message == '" text "')\n"                     \
                       "assert(tostring(e) == '" text "')\n"                   \
                       "assert(e.cause == nil and e.stack == nil)");
    WSP_ERR_MAP(CHECK)
#undef CHECK
}

static void the_texts_of_the_seed_are_exact(void **state)
{
    script_run(
        *state,
        "local e, t = core.errors, tostring\n"
        "assert(t(e.CONNECTION_NOT_FOUND) == 'wspulse: connection not found')\n"
        "assert(t(e.DUPLICATE_CONNECTION_ID) ==\n"
        "  'wspulse: kicked: duplicate connection ID')\n"
        "assert(t(e.SERVER_CLOSED) == 'wspulse: server is closed')\n"
        "assert(t(e.CONNECTION_CLOSED) == 'wspulse: connection is closed')\n"
        "assert(t(e.SEND_BUFFER_FULL) ==\n"
        "  'wspulse: send buffer full, frame dropped')");
}

static void concatenation_gives_the_message(void **state)
{
    struct script *script = *state;
    script_run(script,
               "local e = core.errors.SERVER_CLOSED\n"
               "assert('left: ' .. e == 'left: wspulse: server is closed')\n"
               "assert(e .. '!' == 'wspulse: server is closed!')\n"
               "assert(e .. 5 == 'wspulse: server is closed5')\n"
               "assert(e .. e == tostring(e) .. tostring(e))");
    script_raises(script, "return core.errors.IO .. {}",
                  "attempt to concatenate a table value");
    script_raises(script, "return nil .. core.errors.IO",
                  "attempt to concatenate a nil value");
}

static void an_object_survives_what_a_script_does_to_it(void **state)
{
    script_run(*state, "local mt = getmetatable(core.errors.IO)\n"
                       "local e = setmetatable({ message = {} }, mt)\n"
                       "assert(tostring(e) == 'wspulse: error')\n"
                       "assert(not pcall(mt.__tostring, 5))\n"
                       "assert(not pcall(mt.__concat))");
}

static void no_error_is_nil(void **state)
{
    struct script *script = *state;
    set_err(script, NULL);
    script_run(script, "assert(err == nil)");
    wsp_lua_error_push(script->L, WSP_OK);
    assert_true(lua_isnil(script->L, -1));
}

static void a_plain_error_is_the_constant(void **state)
{
    struct script *script = *state;
    struct wsp_error *error = wsp_error_new(WSP_ERR_PONG_TIMEOUT, NULL, NULL);
    set_err(script, error);
    wsp_error_unref(error);
    script_run(script, "assert(rawequal(err, core.errors.PONG_TIMEOUT))");
    set_diag(script, WSP_ERR_LISTEN, "");
    script_run(script, "assert(rawequal(err, core.errors.LISTEN))");
    set_diag(script, WSP_ERR_LISTEN, "wspulse: listen failed");
    script_run(script, "assert(rawequal(err, core.errors.LISTEN))");
}

static void details_make_an_object_with_a_cause(void **state)
{
    struct script *script = *state;
    set_diag(script, WSP_ERR_LISTEN, "listen 0.0.0.0:80: permission denied");
    script_run(
        script,
        "assert(err ~= core.errors.LISTEN and err.code == 'LISTEN')\n"
        "assert(err.cause == core.errors.LISTEN)\n"
        "assert(tostring(err) == 'listen 0.0.0.0:80: permission denied')");
    struct wsp_error *error = wsp_error_new_close(4000, "bye", 3);
    set_err(script, error);
    wsp_error_unref(error);
    script_run(script, "assert(err.cause == core.errors.PEER_CLOSED)\n"
                       "assert(err.close_code == 4000)\n"
                       "assert(err.message:find('4000', 1, true))");
}

static void a_panic_carries_value_and_stack(void **state)
{
    struct script *script = *state;
    struct wsp_error *error = wsp_error_new(
        WSP_ERR_PANIC, "wspulse: onMessage panic: boom", "app.lua:7: in main");
    lua_newtable(script->L);
    lua_pushvalue(script->L, -1);
    lua_setglobal(script->L, "value");
    wsp_lua_error_push_panic(script->L, error, -1);
    lua_setglobal(script->L, "err");
    script_run(script, "assert(err.code == 'PANIC' and err.value == value)\n"
                       "assert(err.stack == 'app.lua:7: in main')\n"
                       "assert(err.cause == core.errors.PANIC)\n"
                       "assert(err .. '' == 'wspulse: onMessage panic: boom')");
    wsp_lua_error_push_panic(script->L, error, 0);
    lua_setglobal(script->L, "err");
    script_run(script, "assert(err.value == nil and err.stack ~= nil)");
    wsp_error_unref(error);
}

static void a_result_is_true_or_nil_and_the_error(void **state)
{
    struct script *script = *state;
    lua_State *L = script->L;
    struct wsp_diag diag = {.code = WSP_OK};
    assert_int_equal(wsp_lua_error_result(L, WSP_OK, &diag), 1);
    assert_true(lua_toboolean(L, -1));
    assert_int_equal(wsp_lua_error_result(L, WSP_ERR_SERVER_CLOSED, &diag), 2);
    assert_true(lua_isnil(L, -2));
    lua_setglobal(L, "err");
    script_run(script, "assert(err == core.errors.SERVER_CLOSED)");
    wsp_diag_set(&diag, WSP_ERR_ENCODE, "why");
    wsp_lua_error_result(L, WSP_ERR_ENCODE, &diag);
    lua_setglobal(L, "err");
    script_run(script, "assert(tostring(err) == 'why')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_a_constant),
        cmocka_unit_test(the_texts_of_the_seed_are_exact),
        cmocka_unit_test(concatenation_gives_the_message),
        cmocka_unit_test(an_object_survives_what_a_script_does_to_it),
        cmocka_unit_test(no_error_is_nil),
        cmocka_unit_test(a_plain_error_is_the_constant),
        cmocka_unit_test(details_make_an_object_with_a_cause),
        cmocka_unit_test(a_panic_carries_value_and_stack),
        cmocka_unit_test(a_result_is_true_or_nil_and_the_error),
    };
    return cmocka_run_group_tests_name("lua error", tests, script_open,
                                       script_close);
}
