/* SPDX-License-Identifier: MIT */
#include "lua_binding/script.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua/lua_error.h"
#include "lua/lua_event.h"
#include "lua/lua_frame.h"
#include "lua/lua_json.h"
#include "lua/lua_log.h"
#include "lua/lua_raw.h"
#include "lua/lua_request.h"
#include "lua/lua_response.h"

/* ---- what scripts call ---- */

static void set_span(lua_State *L, const char *name, struct wsp_span span)
{
    if (span.data) {
        lua_pushlstring(L, span.data, span.len);
        lua_setfield(L, -2, name);
    }
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, name);
}

static int send_frame(lua_State *L)
{
    struct wsp_frame frame;
    struct wsp_diag diag = {.code = WSP_OK};
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    enum wsp_err err = wsp_lua_frame_to(L, 1, state, &frame, &diag);
    if (err != WSP_OK) {
        return wsp_lua_error_nil_diag(L, &diag);
    }
    lua_newtable(L);
    set_span(L, "id", frame.id);
    set_span(L, "event", frame.event);
    set_span(L, "raw", frame.raw);
    if (frame.has_payload) {
        set_span(L, "payload", frame.payload);
    }
    set_flag(L, "binary", frame.binary);
    set_flag(L, "checked", frame.is_checked);
    return 1;
}

static int open_all(lua_State *L)
{
    luaL_openlibs(L);
    wsp_lua_state_get(L);
    lua_newtable(L);
    wsp_lua_error_open(L);
    wsp_lua_raw_open(L);
    wsp_lua_json_open(L);
    wsp_lua_events_open(L);
    wsp_lua_frame_open(L);
    wsp_lua_request_open(L);
    wsp_lua_response_open(L);
    wsp_lua_log_open(L);
    lua_setglobal(L, "core");
    lua_register(L, "send", send_frame);
    return 0;
}

/* ---- the state ---- */

/* An allocator that can run dry on purpose. */
static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
    struct script *script = ud;
    (void)old_size;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (script->allocations_left == 0) {
        return NULL;
    }
    if (script->allocations_left > 0) {
        script->allocations_left--;
    }
    return realloc(block, size);
}

int script_open(void **state)
{
    struct script *script = calloc(1, sizeof *script);
    assert_non_null(script);
    script->allocations_left = -1;
    script->L = lua_newstate(allocate, script);
    assert_non_null(script->L);
    lua_pushcfunction(script->L, open_all);
    if (lua_pcall(script->L, 0, 0, 0) != 0) {
        fail_msg("%s", lua_tostring(script->L, -1));
    }
    script->state = wsp_lua_state_get(script->L);
    *state = script;
    return 0;
}

int script_close(void **state)
{
    struct script *script = *state;
    lua_close(script->L);
    free(script);
    return 0;
}

static bool run(struct script *script, const char *code)
{
    lua_State *L = script->L;
    lua_settop(L, 0);
    return luaL_loadbuffer(L, code, strlen(code), "=spec") == 0 &&
           lua_pcall(L, 0, 0, 0) == 0;
}

void script_run(struct script *script, const char *code)
{
    if (!run(script, code)) {
        fail_msg("%s", lua_tostring(script->L, -1));
    }
}

void script_raises(struct script *script, const char *code, const char *text)
{
    if (run(script, code)) {
        fail_msg("nothing was raised by %s", code);
    }
    const char *raised = lua_tostring(script->L, -1);
    if (!raised || !strstr(raised, text)) {
        fail_msg("raised: %s, expected: %s", raised ? raised : "(none)", text);
    }
}

int script_starve(struct script *script, lua_CFunction function)
{
    lua_State *L = script->L;
    for (int failures = 0;; failures++) {
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0);
        lua_pushcfunction(L, function);
        script->allocations_left = failures;
        int status = lua_pcall(L, 0, 0, 0);
        script->allocations_left = -1;
        if (status == 0) {
            return failures;
        }
        assert_non_null(strstr(lua_tostring(L, -1), "not enough memory"));
    }
}

/* ---- calls ---- */

static int push_frame(lua_State *L)
{
    wsp_lua_frame_push(L, wsp_lua_state_get(L));
    lua_setglobal(L, "frame");
    return 0;
}

void script_begin_call(struct script *script)
{
    script->state->call_seq = ++script->calls;
    script->state->frame = &script->frame;
    lua_settop(script->L, 0);
    lua_pushcfunction(script->L, push_frame);
    assert_int_equal(lua_pcall(script->L, 0, 0, 0), 0);
}

void script_end_call(struct script *script)
{
    script->state->call_seq = 0;
    script->state->frame = NULL;
}

void script_receive(struct script *script, const char *payload)
{
    static const char head[] = "{\"event\":\"e\",\"payload\":";
    lua_State *L = script->L;
    lua_settop(L, 0);
    lua_pushfstring(L, "%s%s}", head, payload);
    lua_pushvalue(L, -1);
    lua_setglobal(L, "message"); /* keeps it, and shows it to the script */
    struct wsp_span raw;
    raw.data = lua_tolstring(L, -1, &raw.len);
    script->frame = (struct wsp_frame){
        .event = {raw.data + 10, 1},
        .payload = {raw.data + sizeof head - 1, strlen(payload)},
        .has_payload = true,
        .raw = raw,
    };
    script_begin_call(script);
}
