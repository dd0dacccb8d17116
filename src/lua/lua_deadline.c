/* SPDX-License-Identifier: MIT */
#include "lua/lua_deadline.h"

#include <lauxlib.h>
#include <stdio.h>
#include <time.h>

#include "lua/lua_call.h"
#include "lua/lua_memory.h"
#include "lua/lua_state.h"

/* Instructions between two looks at the clock. */
#define STEP 200

/* Of the 65,500 slots a Lua stack may have. One call takes at most 250 of them,
 * so a recursion cannot climb from here to the end between two looks. */
#define DEEP_SLOTS 40000

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool is_over(const struct wsp_lua_deadline *deadline)
{
    if (deadline->cancel &&
        atomic_load_explicit(deadline->cancel, memory_order_relaxed)) {
        return true;
    }
    return deadline->limit_ns > 0 && now_ns() >= deadline->due_ns;
}

/* ---- the hook ---- */

static void on_event(lua_State *L, lua_Debug *at);

static bool has_limit(const struct wsp_lua_deadline *deadline)
{
    return deadline->limit_ns > 0 || deadline->cancel;
}

static void set_hook(lua_State *L, const struct wsp_lua_deadline *deadline,
                     int step)
{
    int mask = (deadline->on_line ? LUA_MASKLINE : 0) |
               (has_limit(deadline) ? LUA_MASKCOUNT : 0);
    if (mask || lua_gethook(L) == on_event) {
        lua_sethook(L, mask ? on_event : NULL, mask, step);
    }
}

static void watch_depth(lua_State *L, struct wsp_lua_deadline *deadline,
                        const lua_Debug *at)
{
    bool is_deep = at->i_ci > DEEP_SLOTS;
    if (is_deep != deadline->is_deep) {
        deadline->is_deep = is_deep;
        set_hook(L, deadline, is_deep ? 1 : STEP);
    }
}

/* Says where the code was when its time was up. */
static void note_place(lua_State *L, struct wsp_lua_state *state, lua_Debug *at)
{
    char text[LUA_IDSIZE + 120];
    struct wsp_lua_deadline *deadline = &state->deadline;
    if (lua_getinfo(L, "Sl", at) && at->currentline > 0) {
        snprintf(text, sizeof text, "%s:%d: %s", at->short_src, at->currentline,
                 deadline->what);
    } else {
        snprintf(text, sizeof text, "%s", deadline->what);
    }
    deadline->error = wsp_lua_call_trace(state, L, text);
}

static void on_count(lua_State *L, lua_Debug *at)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    struct wsp_lua_deadline *deadline = &state->deadline;
    if (deadline->due_ns == 0) {
        return;
    }
    if (!deadline->is_passed) {
        if (!is_over(deadline)) {
            watch_depth(L, deadline, at);
            return;
        }
        deadline->is_passed = true;
        set_hook(L, deadline, 1);
        note_place(L, state, at);
    }
    wsp_lua_memory_deny(L, state->memory);
}

static void on_event(lua_State *L, lua_Debug *at)
{
    if (at->event == LUA_HOOKCOUNT) {
        on_count(L, at);
    } else {
        wsp_lua_state_get(L)->deadline.on_line(L, at);
    }
}

/* ---- calls ---- */

void wsp_lua_deadline_open(lua_State *L, struct wsp_lua_state *state)
{
    struct wsp_lua_deadline *deadline = &state->deadline;
    luaL_unref(L, LUA_REGISTRYINDEX, deadline->ref_what);
    deadline->ref_what = LUA_NOREF;
    if (has_limit(deadline)) {
        lua_pushstring(L, deadline->what);
        deadline->ref_what = luaL_ref(L, LUA_REGISTRYINDEX);
        wsp_lua_memory_open(L, state->memory);
    }
    set_hook(L, deadline, STEP);
}

void wsp_lua_deadline_start(struct wsp_lua_state *state)
{
    struct wsp_lua_deadline *deadline = &state->deadline;
    deadline->due_ns = now_ns() + deadline->limit_ns;
}

struct wsp_error *wsp_lua_deadline_stop(lua_State *L,
                                        struct wsp_lua_state *state)
{
    struct wsp_lua_deadline *deadline = &state->deadline;
    if (deadline->due_ns == 0) {
        return NULL;
    }
    bool is_late = deadline->is_passed || is_over(deadline);
    struct wsp_error *error = deadline->error;
    deadline->due_ns = 0;
    deadline->error = NULL;
    if (deadline->is_passed || deadline->is_deep) {
        deadline->is_passed = deadline->is_deep = false;
        set_hook(L, deadline, STEP);
    }
    if (is_late && !error) {
        error = wsp_error_new(WSP_ERR_PANIC, deadline->what, "(no traceback)");
    }
    return error ? error : is_late ? wsp_error_ref(state->fallback) : NULL;
}
