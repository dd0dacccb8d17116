/* SPDX-License-Identifier: MIT */
#include "lua/lua_event.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_state.h"

/* ---- the array ---- */

void wsp_lua_events_push_array(lua_State *L,
                               const struct wsp_lua_events *events)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, events->ref);
}

/* The one place where an event may be: names differ most at their ends. */
static unsigned place_of(struct wsp_span event)
{
    unsigned first = (unsigned char)event.data[0];
    unsigned last = (unsigned char)event.data[event.len - 1];
    return ((unsigned)event.len + first * 3 + last * 7) % WSP_LUA_EVENTS;
}

static bool fits(struct wsp_span event)
{
    return event.len > 0 && event.len <= WSP_LUA_EVENT_BYTES;
}

int wsp_lua_events_find(const struct wsp_lua_events *events,
                        struct wsp_span event)
{
    if (!fits(event)) {
        return 0;
    }
    unsigned place = place_of(event);
    bool is_here =
        events->places[place].len == event.len &&
        memcmp(events->places[place].text, event.data, event.len) == 0;
    return is_here ? (int)place + 1 : 0;
}

/* Puts the string on top of the stack in the place of whatever was there. */
static void remember(lua_State *L, int index, struct wsp_lua_events *events,
                     struct wsp_span event)
{
    unsigned place = place_of(event);
    lua_pushvalue(L, -1);
    lua_rawseti(L, index, (int)place + 1);
    events->places[place].len = (uint8_t)event.len;
    memcpy(events->places[place].text, event.data, event.len);
}

void wsp_lua_events_push(lua_State *L, int index, struct wsp_lua_events *events,
                         struct wsp_span event)
{
    int found = wsp_lua_events_find(events, event);
    if (found) {
        lua_rawgeti(L, index, found);
        return;
    }
    lua_pushlstring(L, event.len > 0 ? event.data : "", event.len);
    if (fits(event)) {
        remember(L, index, events, event);
    }
}

/* ---- who takes events ---- */

static int takes_event(lua_State *L)
{
    const struct wsp_lua_state *state = wsp_lua_state_upvalue(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, state->events.ref_takers);
    lua_insert(L, 1);
    lua_pushboolean(L, 1);
    lua_rawset(L, 1);
    return 0;
}

bool wsp_lua_events_is_taker(lua_State *L, int index,
                             const struct wsp_lua_events *events)
{
    lua_pushvalue(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, events->ref_takers);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    bool is_taker = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is_taker;
}

/* ---- opening ---- */

static const luaL_Reg functions[] = {
    {"takes_event", takes_event},
    {NULL, NULL},
};

/* Pushes a table whose keys do not keep what they are. */
static void push_weak_set(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

void wsp_lua_events_open(lua_State *L)
{
    struct wsp_lua_events *events = &wsp_lua_state_get(L)->events;
    luaL_checkstack(L, 4, "no room to open");
    lua_createtable(L, WSP_LUA_EVENTS, 0);
    events->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    push_weak_set(L);
    events->ref_takers = luaL_ref(L, LUA_REGISTRYINDEX);
    wsp_lua_type_functions(L, functions);
}
