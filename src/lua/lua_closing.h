/* SPDX-License-Identifier: MIT */
/* A function given to server:close that waits for the server's barrier.
 * Owner: the server, which calls back exactly once; listed in its state, which
 * may end before. Thread: the loop's. */
#ifndef WSP_LUA_LUA_CLOSING_H
#define WSP_LUA_LUA_CLOSING_H

#include <lua.h>

#include "lua/lua_state.h"

struct wsp_lua_closing {
    LIST_ENTRY(wsp_lua_closing) link; /* of the state */
    struct wsp_lua_state *state;      /* NULL once it has ended */
    int ref;                          /* registry reference of the function */
};

/* Keeps the function at `index`. Raises without memory. */
struct wsp_lua_closing *wsp_lua_closing_new(lua_State *L, int index,
                                            struct wsp_lua_state *state);

/* The barrier is reached: calls the function and frees; a wsp_loop_fn. */
void wsp_lua_closing_done(void *ud);

/* The state ends: what waits is freed later without a call. */
void wsp_lua_closing_forget_all(struct wsp_lua_state *state);

#endif
