/* SPDX-License-Identifier: MIT */
#include "lua/lua_call.h"

#include <lauxlib.h>
#include <stdio.h>

/* Stack slots of each thread, and of the reporter. */
#define SLOT_TRAMPOLINE 1
#define SLOT_ON_RAISE WSP_LUA_CALL_SLOTS
#define SLOT_DESCRIBE 1
#define SLOT_TRACE 2

/* So much of what was raised is told, in bytes. */
#define TOLD_MAX 4000

#define NO_TRACEBACK "(no traceback)"

/* Kept out of the way of messages, which it would cost a larger stack frame. */
#define RARELY __attribute__((noinline, cold))

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

/* ---- where a thread is ---- */

struct trace {
    lua_State *at;
    const char *text;
    struct wsp_error *error; /* out */
};

/* Runs on the reporter as well, with a struct trace. */
static int make_trace(lua_State *L)
{
    struct trace *trace = lua_touserdata(L, 1);
    luaL_traceback(L, trace->at, NULL, 0);
    trace->error =
        wsp_error_new(WSP_ERR_PANIC, trace->text, lua_tostring(L, -1));
    return 0;
}

/* Calls the function on the reporter that waits below `count` values. What it
 * raises is lost. */
static void report(struct wsp_lua_state *state, int count)
{
    state->is_reporting = true;
    if (lua_pcall(state->reporter, count, 0, 0) != 0) {
        lua_pop(state->reporter, 1);
    }
    state->is_reporting = false;
}

struct wsp_error *wsp_lua_call_trace(struct wsp_lua_state *state, lua_State *at,
                                     const char *text)
{
    struct trace trace = {at, text, NULL};
    if (!state->is_reporting) {
        lua_pushvalue(state->reporter, SLOT_TRACE);
        lua_pushlightuserdata(state->reporter, &trace);
        report(state, 1);
    }
    return trace.error ? trace.error
                       : wsp_error_new(WSP_ERR_PANIC, text, NO_TRACEBACK);
}

/* ---- raised values ---- */

/* Where something was raised. */
struct raise {
    struct wsp_lua_call *call;
    lua_State *L;
};

/* Cuts the string on top of the stack: a log is no place for a megabyte. */
static void shorten(lua_State *L)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (len > TOLD_MAX) {
        lua_pushlstring(L, text, TOLD_MAX);
        lua_pushfstring(L, "%s… (%d bytes)", lua_tostring(L, -1), (int)len);
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
}

/* Makes the error of a call. Runs on a thread of its own, with the raised value
 * and a struct raise: where a recursion has no end there is no stack left to
 * describe it on. */
static int describe_raise(lua_State *L)
{
    const struct raise *raise = lua_touserdata(L, 2);
    struct wsp_lua_call *call = raise->call;
    luaL_traceback(L, raise->L, NULL, 1);
    lua_pushstring(L, call->prefix ? call->prefix : "");
    wsp_lua_call_describe(L, 1);
    shorten(L);
    lua_concat(L, 2);
    /* __tostring of the value may have run Lua code that failed as well. */
    wsp_error_unref(call->error);
    call->error =
        wsp_error_new(WSP_ERR_PANIC, lua_tostring(L, -1), lua_tostring(L, 3));
    return 0;
}

/* The message handler: runs where the error was raised, while the stack is
 * still there. Gives the raised value on. */
static int on_raise(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, lua_upvalueindex(1));
    struct raise raise = {state->call, L};
    lua_State *reporter = state->reporter;
    lua_settop(L, 1);
    if (state->is_reporting) {
        return 1; /* a __tostring that is asked meanwhile */
    }
    lua_pushvalue(reporter, SLOT_DESCRIBE);
    lua_pushvalue(L, 1);
    lua_xmove(L, reporter, 1);
    lua_pushlightuserdata(reporter, &raise);
    report(state, 2);
    return 1;
}

/* ---- the threads ---- */

static int trampoline(lua_State *L)
{
    struct wsp_lua_state *state = lua_touserdata(L, lua_upvalueindex(1));
    state->call->body(L, state->call);
    return 0;
}

/* Gives `thread` a closure over the userdata at `state_index`. */
static void give_closure(lua_State *L, int state_index, lua_State *thread,
                         lua_CFunction function)
{
    lua_pushvalue(L, state_index);
    lua_pushcclosure(L, function, 1);
    lua_xmove(L, thread, 1);
}

lua_State *wsp_lua_call_new_thread(lua_State *L, int state_index)
{
    lua_State *thread = lua_newthread(L);
    give_closure(L, state_index, thread, trampoline);
    give_closure(L, state_index, thread, on_raise);
    return thread;
}

void wsp_lua_call_open(lua_State *L, struct wsp_lua_state *state)
{
    int state_index = lua_gettop(L);
    for (int i = 0; i < WSP_LUA_DEPTH_MAX; i++) {
        state->threads[i] = wsp_lua_call_new_thread(L, state_index);
        luaL_ref(L, LUA_REGISTRYINDEX);
    }
    state->reporter = lua_newthread(L);
    luaL_ref(L, LUA_REGISTRYINDEX);
    give_closure(L, state_index, state->reporter, describe_raise);
    give_closure(L, state_index, state->reporter, make_trace);
    state->fallback = wsp_error_new(WSP_ERR_PANIC,
                                    "wspulse: onMessage panic: out of memory, "
                                    "or calls nested too deep",
                                    NO_TRACEBACK);
    if (!state->fallback) {
        luaL_error(L, "wspulse: out of memory");
    }
}

void wsp_lua_call_close(struct wsp_lua_state *state)
{
    wsp_error_unref(state->fallback);
    state->fallback = NULL;
}

/* ---- what failed ---- */

/* Gives an error with the string on top of the thread's stack, which LuaJIT has
 * made without asking on_raise: without memory always, and at a stack overflow
 * in compiled code or, depending on where it hits, in every other one. */
static struct wsp_error *plain_error(lua_State *thread,
                                     const struct wsp_lua_state *state,
                                     const struct wsp_lua_call *call,
                                     int status)
{
    char text[200];
    const char *prefix = call->prefix ? call->prefix : "";
    bool is_string = lua_type(thread, -1) == LUA_TSTRING;
    if (status == LUA_ERRMEM && state->memory && state->memory->limit > 0) {
        snprintf(text, sizeof text,
                 "%snot enough memory (lua_memory_limit = %zu)", prefix,
                 state->memory->limit);
    } else {
        snprintf(text, sizeof text, "%s%s", prefix,
                 is_string ? lua_tostring(thread, -1)
                           : "error in error handling");
    }
    struct wsp_error *error = wsp_error_new(WSP_ERR_PANIC, text, NO_TRACEBACK);
    return error ? error : wsp_error_ref(state->fallback);
}

/* Runs a body with the value on top of the thread's stack, which it takes off. A
 * failure there is lost. */
static void run_after(lua_State *thread, struct wsp_lua_call *call,
                      wsp_lua_call_fn body)
{
    call->body = body;
    lua_pushvalue(thread, SLOT_TRAMPOLINE);
    lua_insert(thread, -2);
    if (lua_pcall(thread, 1, 0, 0) != 0) {
        lua_pop(thread, 1);
    }
}

static void collect(lua_State *L, struct wsp_lua_call *call)
{
    (void)call;
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
}

/* Takes the raised value off the thread's stack. */
static void take_value(lua_State *thread, struct wsp_lua_call *call)
{
    if (call->keep) {
        run_after(thread, call, call->keep);
    } else {
        lua_pop(thread, 1);
    }
}

/* LuaJIT does not collect when a block is refused: the next call is to find the
 * room that there is, whatever this one made of the error. */
static void make_room(lua_State *thread, struct wsp_lua_memory *memory,
                      struct wsp_lua_call *call)
{
    if (memory->has_refused) {
        memory->has_refused = false;
        lua_pushnil(thread);
        run_after(thread, call, collect);
    }
}

/* Gives `late` with the call's prefix in front; `late` is gone. */
static struct wsp_error *put_prefix(struct wsp_error *late, const char *prefix)
{
    char text[400];
    if (!prefix) {
        return late;
    }
    snprintf(text, sizeof text, "%s%s", prefix, wsp_error_message(late));
    struct wsp_error *error =
        wsp_error_new(wsp_error_code(late), text, wsp_error_stack(late));
    if (!error) {
        return late;
    }
    wsp_error_unref(late);
    return error;
}

/* Gives the error of a call that failed with `status`. */
RARELY static struct wsp_error *take_error(lua_State *thread,
                                           const struct wsp_lua_state *state,
                                           struct wsp_lua_call *call,
                                           int status)
{
    struct wsp_error *error =
        call->error ? call->error : plain_error(thread, state, call, status);
    take_value(thread, call);
    return error;
}

/* The same for a call whose time was up: what it raised, if it did, gives way to
 * that. */
static void drop_raised(lua_State *thread, const struct wsp_lua_state *state,
                        struct wsp_lua_call *call, int status)
{
    wsp_error_unref(call->error);
    if (status != 0) {
        lua_pop(thread, 1);
    }
    lua_rawgeti(thread, LUA_REGISTRYINDEX, state->deadline.ref_what);
    take_value(thread, call);
}

/* ---- running ---- */

/* What a nested call must put back. */
struct outer {
    uint64_t seq;
    struct wsp_lua_call *call;
    lua_State *thread;
    const struct wsp_frame *frame;
    const struct wsp_request *request;
    struct wsp_response *response;
    const char *codec;
};

static struct outer enter(struct wsp_lua_state *state,
                          struct wsp_lua_call *call)
{
    struct outer outer = {state->call_seq, state->call,    state->thread,
                          state->frame,    state->request, state->response,
                          state->codec};
    state->call_seq = ++state->call_count;
    state->call = call;
    state->thread = state->threads[state->depth];
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
    state->thread = outer->thread;
    state->frame = outer->frame;
    state->request = outer->request;
    state->response = outer->response;
    state->codec = outer->codec;
}

/* Calls what lies on the thread's stack, an outermost call; nothing is left of
 * it. */
RARELY static struct wsp_error *run_bounded(struct wsp_lua_state *state,
                                            lua_State *thread,
                                            int argument_count,
                                            struct wsp_lua_call *call)
{
    if (state->deadline.limit_ns > 0) {
        wsp_lua_deadline_start(state);
    }
    if (state->memory->limit > 0) {
        wsp_lua_memory_tune(thread, state->memory);
    }
    int status = lua_pcall(thread, argument_count, 0, SLOT_ON_RAISE);
    struct wsp_error *error = wsp_lua_deadline_stop(thread, state);
    if (error) {
        drop_raised(thread, state, call, status);
        error = put_prefix(error, call->prefix);
    } else if (status != 0) {
        error = take_error(thread, state, call, status);
    }
    make_room(thread, state->memory, call);
    return error;
}

struct wsp_error *wsp_lua_call_prepared(struct wsp_lua_state *state,
                                        lua_State *thread, int argument_count,
                                        struct wsp_lua_call *call)
{
    const char *codec = state->codec; /* who raises leaves it changed */
    call->error = NULL;
    state->call_seq = ++state->call_count;
    state->call = call;
    state->thread = thread;
    state->depth = 1;
    struct wsp_error *error = NULL;
    if (state->is_bounded) {
        error = run_bounded(state, thread, argument_count, call);
    } else {
        int status = lua_pcall(thread, argument_count, 0, SLOT_ON_RAISE);
        error = status ? take_error(thread, state, call, status) : NULL;
    }
    state->depth = 0;
    state->thread = NULL;
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
    struct outer outer = enter(state, call);
    lua_State *thread = state->thread;
    lua_pushvalue(thread, SLOT_TRAMPOLINE);
    struct wsp_error *error = NULL;
    if (state->is_bounded && state->depth == 1) {
        error = run_bounded(state, thread, 0, call);
    } else {
        int status = lua_pcall(thread, 0, 0, SLOT_ON_RAISE);
        error = status ? take_error(thread, state, call, status) : NULL;
    }
    leave(state, &outer);
    return error;
}
