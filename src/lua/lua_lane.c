/* SPDX-License-Identifier: MIT */
#include "lua/lua_lane.h"

#include <lauxlib.h>
#include <stdint.h>

#include "lua/lua_call.h"
#include "lua/lua_connection.h"
#include "lua/lua_ffi.h"
#include "lua/lua_frame.h"
#include "lua/lua_mount.h"
#include "lua/lua_server.h"

/* Stack slots of the thread, above those of lua_call.h. */
enum {
    SLOT_HANDLER = WSP_LUA_CALL_SLOTS + 1,
    SLOT_HANDLES,
    SLOT_FRAMES,      /* array of frames */
    SLOT_MAKE_FRAMES, /* function */
    SLOT_PUMP,        /* function, or nil without ffi */
    SLOT_FREE
};

#define FRAMES_FEW (WSP_LUA_LANE_FRAMES / 2)
#define GARBAGE_KB 1024 /* that may always lie around */

/* ---- frames ---- */

/* Fills the array of frames; upvalues: the metatable, the array. */
static int make_frames(lua_State *L)
{
    struct wsp_lua_server *server = lua_touserdata(L, 1);
    struct wsp_lua_lane *lane = &server->lane;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    while (lane->ready < WSP_LUA_LANE_FRAMES) {
        struct wsp_lua_frame *frame = wsp_lua_frame_new(L, 1);
        lua_rawseti(L, 2, (int)lane->ready + 1);
        lane->frames[lane->ready++] = frame;
    }
    return 0;
}

/* Has the collector begin again when there is twice what it has left, or a
 * megabyte more: in a small state, used frames would have it look at all that
 * lives every few thousand messages. What is there now may be more than what it
 * has left, so this errs to the early side. */
static void tune_collector(const struct wsp_lua_server *server)
{
    struct wsp_lua_state *state = server->state;
    lua_State *thread = server->lane.thread;
    if (!state->app || state->gc_pause < 0) {
        return; /* a program or a script has its own ways */
    }
    int pause = 100 + 100 * GARBAGE_KB / (lua_gc(thread, LUA_GCCOUNT, 0) + 1);
    pause = pause < WSP_LUA_GC_PAUSE ? WSP_LUA_GC_PAUSE : pause;
    int was = lua_gc(thread, LUA_GCSETPAUSE, pause);
    if (was != state->gc_pause) {
        lua_gc(thread, LUA_GCSETPAUSE, was);
        pause = -1;
    }
    state->gc_pause = pause;
}

/* Fills up the frames that are ready; false without memory for one. */
static bool fill_up(struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    tune_collector(server);
    lua_pushvalue(lane->thread, SLOT_MAKE_FRAMES);
    lua_pushlightuserdata(lane->thread, server);
    lua_pcall(lane->thread, 1, 0, 0);
    lua_settop(lane->thread, SLOT_FREE - 1);
    return lane->ready > 0;
}

/* Takes the newest of the frames that are ready for the message. Returns its
 * index in the array. */
static int take_frame(struct wsp_lua_server *server,
                      const struct wsp_frame *message)
{
    struct wsp_lua_state *state = server->state;
    struct wsp_lua_lane *lane = &server->lane;
    int index = (int)lane->ready--;
    struct wsp_lua_frame *frame = lane->frames[index - 1];
    frame->frame = message;
    frame->format = wsp_lua_format_of(server->mount->codec);
    frame->seq = state->call_count + 1;
    state->lane_frame = frame;
    return index;
}

/* Frames that were on their way are like any other from now on, and the
 * collector may have them: the array would keep what they have got to hold,
 * until it is filled up again. */
static void let_go(struct wsp_lua_lane *lane, unsigned first)
{
    for (unsigned i = lane->ready; i < first; i++) {
        if (lane->frames[i]->has_slots) {
            lua_pushboolean(lane->thread, 0);
            lua_rawseti(lane->thread, SLOT_FRAMES, (int)i + 1);
        }
    }
}

/* ---- messages that arrived together ---- */

/* Called by machine code when a handler has returned. Gives the index of the
 * next frame in the array; 0 ends the call. */
static int next_message(void *companion)
{
    struct wsp_lua_state *state = companion;
    struct wsp_lua_server *server = state->lane_server;
    if (!server || state->depth != 1 || server->lane.ready == 0 ||
        !wsp_connection_next(state->reply.connection)) {
        return 0;
    }
    int index = take_frame(server, state->call->frame);
    state->codec = server->lane.codec; /* who raises leaves it changed */
    state->call_seq = ++state->call_count;
    return index;
}

/* What asks for the next message is a function of its own: it is compiled also
 * where the handler is not, nor the loop around it. LuaJIT does not compile a
 * tail call through ffi. */
static const char pump_source[] =
    "local next, companion, handler, frames = ...\n"
    "local function advance()\n"
    "  local index = next(companion)\n"
    "  return index\n"
    "end\n"
    "return function(conn, index)\n"
    "  repeat\n"
    "    handler(conn, frames[index])\n"
    "    index = advance()\n"
    "  until index == 0\n"
    "end\n";

/* ---- life ---- */

/* Pushes handler, handles and the empty array of frames. */
static void push_values(lua_State *L, const struct wsp_lua_server *server)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                server->ref_callbacks[WSP_LUA_ON_MESSAGE]);
    lua_rawgeti(L, LUA_REGISTRYINDEX, server->ref_handles);
    lua_createtable(L, WSP_LUA_LANE_FRAMES, 0);
}

/* Pushes the functions; the values are at `first` and behind. */
static void push_functions(lua_State *L, const struct wsp_lua_server *server,
                           int first)
{
    wsp_lua_frame_push_metatable(L, server->state);
    lua_pushvalue(L, first + 2);
    lua_pushcclosure(L, make_frames, 2);
    lua_pushvalue(L, first);
    lua_pushvalue(L, first + 2);
    if (!wsp_lua_ffi_make(L, server->state, pump_source, "int (*)(void *)",
                          (uintptr_t)next_message, 2)) {
        lua_pushnil(L);
    }
}

/* Tells whether what a handler calls through ffi stays clear of Lua: what core
 * calls at once is a logger, and hooks when there are many. */
static bool is_quiet(const struct wsp_lua_server *server)
{
    return server->hooks == 0 && !server->has[WSP_LUA_LOGGER];
}

void wsp_lua_lane_open(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    luaL_checkstack(L, 16, "no room for a lane");
    wsp_lua_state_push(L);
    lua_State *thread = wsp_lua_call_new_thread(L, lua_gettop(L));
    lane->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    *lane = (struct wsp_lua_lane){
        .thread = thread,
        .ref = lane->ref,
        .is_quiet = is_quiet(server),
    };
    int first = lua_gettop(L) + 1;
    push_values(L, server);
    push_functions(L, server, first);
    lua_xmove(L, thread, SLOT_FREE - SLOT_HANDLER);
}

void wsp_lua_lane_close(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    if (lane->thread) {
        lane->thread = NULL;
        server->state->reply.handle = NULL;
        server->state->lane_server = NULL;
        luaL_unref(L, LUA_REGISTRYINDEX, lane->ref);
    }
}

/* ---- calls ---- */

/* Pushes the handle of the connection and returns it; NULL, and nothing is
 * pushed, when there is none. */
static const void *push_handle(lua_State *thread, wsp_id id)
{
    lua_rawgeti(thread, SLOT_HANDLES, (int)WSP_ID_SLOT(id) + 1);
    const void *handle = wsp_lua_connection_of(thread, id);
    if (!handle) {
        lua_pop(thread, 1);
    }
    return handle;
}

/* Tells whether more messages may be handled in the same call. */
static bool may_pump(const struct wsp_lua_server *server,
                     const struct wsp_connection *connection)
{
    const struct wsp_lua_state *state = server->state;
    return server->lane.is_quiet && state->ffi.is_compiling &&
           !state->is_bounded && wsp_connection_has_next(connection);
}

/* Pushes what is called, with its arguments. Returns false, and has pushed
 * nothing, when the connection has no handle. */
static bool push_call(struct wsp_lua_server *server,
                      const struct wsp_connection *connection,
                      const struct wsp_frame *message)
{
    struct wsp_lua_lane *lane = &server->lane;
    struct wsp_lua_state *state = server->state;
    bool is_pumped = may_pump(server, connection);
    lua_pushvalue(lane->thread, is_pumped ? SLOT_PUMP : SLOT_HANDLER);
    const void *handle =
        push_handle(lane->thread, wsp_connection_handle(connection));
    if (!handle) {
        lua_pop(lane->thread, 1);
        return false;
    }
    state->reply.handle = lane->is_quiet ? handle : NULL;
    int index = take_frame(server, message);
    if (is_pumped) {
        lua_pushinteger(lane->thread, index);
    } else {
        lua_rawgeti(lane->thread, SLOT_FRAMES, index);
    }
    return true;
}

bool wsp_lua_lane_call(struct wsp_lua_server *server,
                       struct wsp_connection *connection,
                       struct wsp_lua_call *call, struct wsp_error **error)
{
    struct wsp_lua_state *state = server->state;
    struct wsp_lua_lane *lane = &server->lane;
    if (state->is_ended || state->depth > 0 ||
        (lane->ready < FRAMES_FEW && !fill_up(server))) {
        return false;
    }
    unsigned first = lane->ready;
    if (!push_call(server, connection, call->frame)) {
        return false;
    }
    lane->codec = state->codec;
    state->reply.connection = connection;
    state->lane_server = server;
    *error = wsp_lua_call_prepared(state, lane->thread, 2, call);
    state->lane_server = NULL;
    state->lane_frame = NULL;
    let_go(lane, first);
    return true;
}
