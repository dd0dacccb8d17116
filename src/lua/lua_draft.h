/* SPDX-License-Identifier: MIT */
/* An outgoing frame as a script writes it: a table {id=, event=, payload=,
 * binary=}.
 * Owner: the C function that runs. Thread: the state's. */
#ifndef WSP_LUA_LUA_DRAFT_H
#define WSP_LUA_LUA_DRAFT_H

#include <lua.h>

#include "lua/lua_state.h"

/* What the table says; spans point into strings on the stack. */
struct wsp_lua_draft {
    struct wsp_span id;    /* data NULL: not named */
    struct wsp_span event; /* data NULL: not named */
    int payload;           /* stack index, 0: not named */
    int binary;            /* 0, 1, or -1: not named */
};

/* Reads the table at `index` (absolute) as it is, without metamethods; leaves
 * its values on the stack, four at most. Raises, naming the member, when one is
 * unknown or of the wrong type. */
struct wsp_lua_draft wsp_lua_draft_read(lua_State *L,
                                        const struct wsp_lua_state *state,
                                        int index);

/* Makes a frame for state->codec of it, and encodes the payload; leaves at most
 * one value on the stack, which owns it. Returns WSP_OK, or WSP_ERR_ENCODE with
 * the path of the offending value in `diag`. Raises when the codec raw is given
 * what it cannot carry. */
enum wsp_err wsp_lua_draft_build(lua_State *L, struct wsp_lua_state *state,
                                 const struct wsp_lua_draft *draft,
                                 struct wsp_frame *out, struct wsp_diag *diag);

#endif
