/* SPDX-License-Identifier: MIT */
#include "lua/lua_call.h"

#include <lauxlib.h>

/* Stack slots of each thread. */
#define SLOT_TRAMPOLINE 1
#define SLOT_ON_RAISE WSP_LUA_CALL_SLOTS

/* ---- the text of what was raised ---- */

static int call_tostring(lua_State *L)
{
    if (!luaL_callmeta(L, 1, "__tostring")) {
        lua_pushnil(L);
    }
    return 1;
}

/* Asks the value's __tostring; pushes a string and returns true, or pushes
 * nothing. */
static bool push_own_text(lua_State *L, int index)
{
    lua_pushcfunction(L, call_tostring);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) == 0 && lua_type(L, -1) == LUA_TSTRING) {
        return true;
    }
    lua_pop(L, 1);
    return false;
}

void wsp_lua_call_describe(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        break;
    case LUA_TNUMBER:
        lua_pushvalue(L, index);
        lua_tostring(L, -1);
        break;
    case LUA_TNIL:
        lua_pushliteral(L, "nil");
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        if (!push_own_text(L, index)) {
            lua_pushfstring(L, "(error object is a %s value)",
                            luaL_typename(L, index));
        }
    }
}

/* ---- what the threads keep ---- */

static int trampoline(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, lua_upvalueindex(1));
    state->call->body(L, state->call);
    return 0;
}

/* The message handler: runs where the error was raised, while the stack is
 * still there. Gives the raised value on. */
static int on_raise(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, lua_upvalueindex(1));
    struct wsp_lua_call *call = state->call;
    lua_settop(L, 1);
    luaL_traceback(L, L, NULL, 1);
    lua_pushstring(L, call->prefix ? call->prefix : "");
    wsp_lua_call_describe(L, 1);
    lua_concat(L, 2);
    /* __tostring of the value may have run Lua code that failed as well. */
    wsp_error_unref(call->error);
    call->error =
        wsp_error_new(WSP_ERR_PANIC, lua_tostring(L, 3), lua_tostring(L, 2));
    lua_settop(L, 1);
    return 1;
}

static void push_closure(lua_State *L, int state_index, lua_State *thread,
                         lua_CFunction function)
{
    lua_pushvalue(L, state_index);
    lua_pushcclosure(L, function, 1);
    lua_xmove(L, thread, 1);
}

lua_State *wsp_lua_call_new_thread(lua_State *L, int state_index)
{
    lua_State *thread = lua_newthread(L);
    push_closure(L, state_index, thread, trampoline);
    push_closure(L, state_index, thread, on_raise);
    return thread;
}

void wsp_lua_call_open(lua_State *L, struct wsp_lua_state *state)
{
    int state_index = lua_gettop(L);
    for (int i = 0; i < WSP_LUA_DEPTH_MAX; i++) {
        state->threads[i] = wsp_lua_call_new_thread(L, state_index);
        luaL_ref(L, LUA_REGISTRYINDEX);
    }
    state->fallback =
        wsp_error_new(WSP_ERR_PANIC,
                      "wspulse: onMessage panic: not enough memory, or an "
                      "error in error handling",
                      "(no traceback)");
    if (!state->fallback) {
        luaL_error(L, "wspulse: out of memory");
    }
}

void wsp_lua_call_close(struct wsp_lua_state *state)
{
    wsp_error_unref(state->fallback);
    state->fallback = NULL;
}

/* ---- running ---- */

/* What a nested call must put back. */
struct outer {
    uint64_t seq;
    struct wsp_lua_call *call;
    const struct wsp_frame *frame;
    const struct wsp_request *request;
    struct wsp_response *response;
    const char *codec;
};

static struct outer enter(struct wsp_lua_state *state,
                          struct wsp_lua_call *call)
{
    struct outer outer = {state->call_seq, state->call,     state->frame,
                          state->request,  state->response, state->codec};
    state->call_seq = ++state->call_count;
    state->call = call;
    state->frame = call->frame;
    state->request = call->request;
    state->response = call->response;
    state->codec = call->codec ? call->codec : outer.codec;
    state->depth++;
    return outer;
}

static void leave(struct wsp_lua_state *state, const struct outer *outer)
{
    state->depth--;
    state->call_seq = outer->seq;
    state->call = outer->call;
    state->frame = outer->frame;
    state->request = outer->request;
    state->response = outer->response;
    state->codec = outer->codec;
}

/* Gives the raised value, which is on top of the thread's stack, to `keep`. A
 * failure there loses the value, nothing else. */
static void run_keep(lua_State *thread, struct wsp_lua_call *call)
{
    call->body = call->keep;
    lua_pushvalue(thread, SLOT_TRAMPOLINE);
    lua_insert(thread, -2);
    if (lua_pcall(thread, 1, 0, 0) != 0) {
        lua_pop(thread, 1);
    }
}

/* Takes what was raised off the thread's stack. */
static struct wsp_error *take_error(struct wsp_lua_state *state,
                                    lua_State *thread,
                                    struct wsp_lua_call *call)
{
    /* Without memory the handler was not called or failed itself. */
    struct wsp_error *error =
        call->error ? call->error : wsp_error_ref(state->fallback);
    if (call->keep) {
        run_keep(thread, call);
    } else {
        lua_pop(thread, 1);
    }
    return error;
}

struct wsp_error *wsp_lua_call_prepared(struct wsp_lua_state *state,
                                        lua_State *thread, int argument_count,
                                        struct wsp_lua_call *call)
{
    const char *codec = state->codec; /* who raises leaves it changed */
    struct wsp_error *error = NULL;
    call->error = NULL;
    state->call_seq = ++state->call_count;
    state->call = call;
    state->depth = 1;
    if (lua_pcall(thread, argument_count, 0, SLOT_ON_RAISE) != 0) {
        error = take_error(state, thread, call);
    }
    state->depth = 0;
    state->call = NULL;
    state->call_seq = 0;
    state->codec = codec;
    return error;
}

struct wsp_error *wsp_lua_call_run(struct wsp_lua_state *state,
                                   struct wsp_lua_call *call)
{
    call->error = NULL;
    if (state->is_ended) {
        return NULL;
    }
    if (state->depth == WSP_LUA_DEPTH_MAX) {
        return wsp_error_ref(state->fallback);
    }
    lua_State *thread = state->threads[state->depth];
    struct outer outer = enter(state, call);
    lua_pushvalue(thread, SLOT_TRAMPOLINE);
    struct wsp_error *error = NULL;
    if (lua_pcall(thread, 0, 0, SLOT_ON_RAISE) != 0) {
        error = take_error(state, thread, call);
    }
    leave(state, &outer);
    return error;
}
