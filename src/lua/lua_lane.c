/* SPDX-License-Identifier: MIT */
#include "lua/lua_lane.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_call.h"
#include "lua/lua_connection.h"
#include "lua/lua_frame.h"
#include "lua/lua_mount.h"
#include "lua/lua_server.h"

/* Stack slots of the thread, above those of lua_call.h: few enough for the stack
 * that a thread is born with. */
enum {
    SLOT_HANDLER = WSP_LUA_CALL_SLOTS + 1,
    SLOT_HANDLES,
    SLOT_EVENTS,      /* array of lua_event.h */
    SLOT_INDEX,       /* __index of frames on their way */
    SLOT_MAKE_FRAMES, /* function */
    SLOT_FRAMES,      /* and the next ones */
    SLOT_FREE = SLOT_FRAMES + WSP_LUA_LANE_FRAMES
};

#define GARBAGE_KB 1024 /* that may always lie around */

/* ---- frames ---- */

/* Returns frames for their slots. LUA_MINSTACK is room enough for them. */
static int make_frames(lua_State *L)
{
    struct wsp_lua_server *server = lua_touserdata(L, 1);
    struct wsp_lua_lane *lane = &server->lane;
    lua_pushvalue(L, lua_upvalueindex(1));
    for (int i = 0; i < WSP_LUA_LANE_FRAMES; i++) {
        lane->frames[i] = wsp_lua_frame_new(L, 2);
    }
    lane->ready = WSP_LUA_LANE_FRAMES;
    return WSP_LUA_LANE_FRAMES;
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

/* Makes sure that a frame is ready; false without memory. */
static bool has_frame(struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    if (lane->ready > 0) {
        return true;
    }
    tune_collector(server);
    lua_settop(lane->thread, SLOT_FRAMES - 1);
    lua_pushvalue(lane->thread, SLOT_MAKE_FRAMES);
    lua_pushlightuserdata(lane->thread, server);
    int status = lua_pcall(lane->thread, 1, WSP_LUA_LANE_FRAMES, 0);
    lua_settop(lane->thread, SLOT_FREE - 1);
    return status == 0;
}

/* Takes the newest of the frames that are ready for the message, and pushes
 * it. */
static struct wsp_lua_frame *push_frame(struct wsp_lua_server *server,
                                        const struct wsp_frame *message)
{
    struct wsp_lua_lane *lane = &server->lane;
    struct wsp_lua_frame *frame = lane->frames[--lane->ready];
    frame->frame = message;
    frame->seq = server->state->call_count + 1;
    frame->format = wsp_lua_format_of(server->mount->codec);
    lua_pushvalue(lane->thread, SLOT_FRAMES + (int)lane->ready);
    return frame;
}

/* Has __index know the event of the next frame, or no event. */
static void tell_event(struct wsp_lua_server *server, struct wsp_span event)
{
    struct wsp_lua_lane *lane = &server->lane;
    const struct wsp_lua_events *events = &server->state->events;
    int found = wsp_lua_events_find(events, event);
    if (found == lane->event && events->changes == lane->event_changes) {
        return;
    }
    lane->event = found;
    lane->event_changes = events->changes;
    if (found) {
        lua_rawgeti(lane->thread, SLOT_EVENTS, found);
    } else {
        lua_pushboolean(lane->thread, 0);
    }
    lua_setupvalue(lane->thread, SLOT_INDEX, 1);
}

/* A frame that was on its way is like any other from now on. The collector may
 * have it; its slot would keep what it has got to hold, until it is filled
 * again. */
static void let_go(struct wsp_lua_server *server,
                   const struct wsp_lua_frame *frame)
{
    lua_State *thread = server->lane.thread;
    int slot = SLOT_FRAMES + (int)server->lane.ready;
    if (frame->format != WSP_LUA_FORMAT_RAW) {
        wsp_lua_frame_push_metatable(thread, server->state);
        lua_setmetatable(thread, slot);
    }
    if (frame->has_slots) {
        lua_pushnil(thread);
        lua_replace(thread, slot);
    }
}

/* ---- life ---- */

/* Pushes a function (frame, key) that gives the event, its first upvalue, or
 * else what the function on top of the stack gives, which it replaces.
 *
 * The event must be assigned to in the source: LuaJIT compiles the value of an
 * upvalue that no code assigns to as a constant, and would not notice that C has
 * changed it. */
static void push_index(lua_State *L)
{
    static const char source[] =
        "local event, index = nil, ...\n"
        "event = false\n"
        "return function(frame, key)\n"
        "  if event and key == 'event' then return event end\n"
        "  return index(frame, key)\n"
        "end\n";
    if (luaL_loadbuffer(L, source, sizeof source - 1, "=frame") != 0) {
        lua_error(L);
    }
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

/* Pushes that function, and a copy of the metatable of frames that has it. */
static void push_metatable(lua_State *L, const struct wsp_lua_state *state)
{
    wsp_lua_frame_push_metatable(L, state);
    lua_getfield(L, -1, "__index");
    push_index(L);
    lua_insert(L, -2);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, -3)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_remove(L, -2);
}

static void fill_slots(lua_State *L, const struct wsp_lua_server *server,
                       bool has_events)
{
    lua_State *thread = server->lane.thread;
    const struct wsp_lua_state *state = server->state;
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                server->ref_callbacks[WSP_LUA_ON_MESSAGE]);
    lua_rawgeti(L, LUA_REGISTRYINDEX, server->ref_handles);
    wsp_lua_events_push_array(L, &state->events);
    push_metatable(L, state);
    if (!has_events) {
        lua_pop(L, 1);
        wsp_lua_frame_push_metatable(L, state);
    }
    lua_pushcclosure(L, make_frames, 1);
    lua_xmove(L, thread, SLOT_FRAMES - SLOT_HANDLER);
    lua_settop(thread, SLOT_FREE - 1);
}

void wsp_lua_lane_open(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    luaL_checkstack(L, 12, "no room for a lane");
    wsp_lua_state_push(L);
    lua_State *thread = wsp_lua_call_new_thread(L, lua_gettop(L));
    lane->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    *lane = (struct wsp_lua_lane){
        .thread = thread,
        .ref = lane->ref,
        .may_reply = server->hooks == 0 && !server->has[WSP_LUA_LOGGER],
    };
    fill_slots(L, server,
               wsp_lua_format_of(server->options.codec) != WSP_LUA_FORMAT_RAW);
}

void wsp_lua_lane_close(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    if (lane->thread) {
        lane->thread = NULL;
        server->state->reply.handle = NULL;
        luaL_unref(L, LUA_REGISTRYINDEX, lane->ref);
    }
}

/* ---- calls ---- */

bool wsp_lua_lane_call(struct wsp_lua_server *server,
                       struct wsp_connection *connection,
                       struct wsp_lua_call *call, struct wsp_error **error)
{
    wsp_id id = wsp_connection_handle(connection);
    struct wsp_lua_state *state = server->state;
    lua_State *thread = server->lane.thread;
    if (state->is_ended || state->depth > 0 || !has_frame(server)) {
        return false;
    }
    lua_pushvalue(thread, SLOT_HANDLER);
    lua_rawgeti(thread, SLOT_HANDLES, (int)WSP_ID_SLOT(id) + 1);
    const void *handle = wsp_lua_connection_of(thread, id);
    if (!handle) {
        lua_settop(thread, SLOT_FREE - 1);
        return false;
    }
    struct wsp_lua_frame *frame = push_frame(server, call->frame);
    if (frame->format != WSP_LUA_FORMAT_RAW) {
        tell_event(server, call->frame->event);
    }
    state->lane_frame = frame;
    state->reply.handle = server->lane.may_reply ? handle : NULL;
    state->reply.connection = connection;
    *error = wsp_lua_call_prepared(state, thread, 2, call);
    state->lane_frame = NULL;
    let_go(server, frame);
    return true;
}
