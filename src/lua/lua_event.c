/* SPDX-License-Identifier: MIT */
#include "lua/lua_event.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_state.h"

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
    events->changes++;
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

void wsp_lua_events_open(lua_State *L)
{
    struct wsp_lua_events *events = &wsp_lua_state_get(L)->events;
    lua_createtable(L, WSP_LUA_EVENTS, 0);
    events->ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
