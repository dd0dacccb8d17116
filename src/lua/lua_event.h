/* SPDX-License-Identifier: MIT */
/* The events that a state has seen lately, as Lua strings: an application has a
 * handful of them, and to compare bytes takes less than to intern a string.
 * Owner: struct wsp_lua_state. Thread: the state's. */
#ifndef WSP_LUA_LUA_EVENT_H
#define WSP_LUA_LUA_EVENT_H

#include <lua.h>
#include <stdint.h>

#include <wspulse/span.h>

#define WSP_LUA_EVENTS 32      /* a power of two */
#define WSP_LUA_EVENT_BYTES 31 /* longer ones are not remembered */

struct wsp_lua_events {
    int ref;          /* registry reference: array of the strings, by place */
    unsigned changes; /* strings put into the array so far */
    struct {
        uint8_t len; /* 0: nothing is remembered here */
        char text[WSP_LUA_EVENT_BYTES];
    } places[WSP_LUA_EVENTS];
};

/* Makes the array; call once. Raises without memory. */
void wsp_lua_events_open(lua_State *L);

/* Pushes the array. */
void wsp_lua_events_push_array(lua_State *L,
                               const struct wsp_lua_events *events);

/* Gives the index of the event in the array, or 0 when it is not remembered. */
int wsp_lua_events_find(const struct wsp_lua_events *events,
                        struct wsp_span event);

/* Pushes the event as a string and remembers it; the array is at `index`. Raises
 * without memory. */
void wsp_lua_events_push(lua_State *L, int index, struct wsp_lua_events *events,
                         struct wsp_span event);

#endif
