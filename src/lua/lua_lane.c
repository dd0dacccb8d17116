/* SPDX-License-Identifier: MIT */
#include "lua/lua_lane.h"

#include <lauxlib.h>

#include "lua/lua_call.h"
#include "lua/lua_connection.h"
#include "lua/lua_frame.h"
#include "lua/lua_mount.h"
#include "lua/lua_server.h"

/* Stack slots of the thread, above those of lua_call.h. */
enum {
    SLOT_HANDLER = WSP_LUA_CALL_SLOTS + 1,
    SLOT_HANDLES,
    SLOT_EVENTS,      /* array */
    SLOT_MAKE_FRAMES, /* function */
    SLOT_FRAMES,      /* and the next ones */
    SLOT_FREE = SLOT_FRAMES + WSP_LUA_LANE_FRAMES
};

/* Slots for a handler and its arguments. */
#define CALL_SLOTS 8

/* ---- frames ---- */

/* Returns frames for their slots. LUA_MINSTACK is room enough for them. */
static int make_frames(lua_State *L)
{
    struct wsp_lua_server *server = lua_touserdata(L, 1);
    struct wsp_lua_lane *lane = &server->lane;
    wsp_lua_frame_push_metatable(L, server->state);
    for (int i = 0; i < WSP_LUA_LANE_FRAMES; i++) {
        lane->frames[i] = wsp_lua_frame_new(L, 2);
    }
    lane->ready = WSP_LUA_LANE_FRAMES;
    return WSP_LUA_LANE_FRAMES;
}

/* Makes sure that a frame is ready; false without memory. */
static bool has_frame(struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    if (lane->ready > 0) {
        return true;
    }
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

/* Pushes the event, if the handler takes it and it is at hand. Returns how many
 * values that were. */
static int push_event(const struct wsp_lua_server *server,
                      struct wsp_span event)
{
    int found = 0;
    if (server->lane.takes_event) {
        found = wsp_lua_events_find(&server->state->events, event);
    }
    if (found) {
        lua_rawgeti(server->lane.thread, SLOT_EVENTS, found);
    }
    return found != 0;
}

/* The collector may have a used frame; its slot would keep what the frame has
 * got to hold, until it is filled again. */
static void let_go(struct wsp_lua_lane *lane, const struct wsp_lua_frame *frame)
{
    if (frame->has_slots) {
        lua_pushnil(lane->thread);
        lua_replace(lane->thread, SLOT_FRAMES + (int)lane->ready);
    }
}

/* ---- life ---- */

/* Moves the reference on top of the stack to a slot of the thread. */
static void put(lua_State *L, int ref, lua_State *thread)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_xmove(L, thread, 1);
}

void wsp_lua_lane_open(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    wsp_lua_state_push(L);
    lua_State *thread = wsp_lua_call_new_thread(L, lua_gettop(L));
    lane->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    if (!lua_checkstack(thread, SLOT_FREE + CALL_SLOTS)) {
        luaL_error(L, "wspulse: out of memory");
    }
    put(L, server->ref_callbacks[WSP_LUA_ON_MESSAGE], thread);
    put(L, server->ref_handles, thread);
    put(L, server->state->events.ref, thread);
    lane->takes_event =
        wsp_lua_events_is_taker(thread, SLOT_HANDLER, &server->state->events);
    lua_pushcfunction(L, make_frames);
    lua_xmove(L, thread, 1);
    lua_settop(thread, SLOT_FREE - 1);
    lane->ready = 0;
    lane->thread = thread;
}

void wsp_lua_lane_close(lua_State *L, struct wsp_lua_server *server)
{
    struct wsp_lua_lane *lane = &server->lane;
    if (lane->thread) {
        lane->thread = NULL;
        luaL_unref(L, LUA_REGISTRYINDEX, lane->ref);
    }
}

/* ---- calls ---- */

bool wsp_lua_lane_call(struct wsp_lua_server *server, wsp_id connection,
                       struct wsp_lua_call *call, struct wsp_error **error)
{
    struct wsp_lua_state *state = server->state;
    lua_State *thread = server->lane.thread;
    if (state->is_ended || state->depth > 0 || !has_frame(server)) {
        return false;
    }
    lua_pushvalue(thread, SLOT_HANDLER);
    lua_rawgeti(thread, SLOT_HANDLES, (int)WSP_ID_SLOT(connection) + 1);
    if (!wsp_lua_connection_is(thread, connection)) {
        lua_settop(thread, SLOT_FREE - 1);
        return false;
    }
    struct wsp_lua_frame *frame = push_frame(server, call->frame);
    int count = 2 + push_event(server, call->frame->event);
    state->lane_frame = frame;
    *error = wsp_lua_call_prepared(state, thread, count, call);
    state->lane_frame = NULL;
    let_go(&server->lane, frame);
    return true;
}
