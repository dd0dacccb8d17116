/* SPDX-License-Identifier: MIT */
/* A frame on its way from a script to a server: read, and encoded if the codec
 * is written in Lua, before anything is queued.
 * Owner: the C function that runs, on its stack. Thread: the state's. */
#ifndef WSP_LUA_LUA_OUTGOING_H
#define WSP_LUA_LUA_OUTGOING_H

#include <lua.h>

#include "lua/lua_server.h"

struct wsp_lua_outgoing {
    const struct wsp_frame *frame; /* to be sent: `made`, or as it came */
    struct wsp_frame made; /* its spans point to what is on the Lua stack */
    struct wsp_diag diag;  /* why there is none, or why it was not sent */
    int value; /* stack index of what the codec raised or returned for an
                  error; 0: nothing */
    bool is_as_it_came; /* nothing of the script's was called for it */
};

/* Reads the frame at `index` for the codec of a mounted server. Returns WSP_OK,
 * or WSP_ERR_ENCODE with `diag` filled. Raises as wsp_lua_frame_to does. Unless
 * the frame is as it came, a codec written in Lua may have done anything to
 * servers and connections: look them up again. */
enum wsp_err wsp_lua_outgoing_read(lua_State *L, int index,
                                   struct wsp_lua_server *server,
                                   struct wsp_lua_outgoing *out);

/* Ends the Lua function that sent it: pushes true, or nil and the error, and
 * returns how many. */
int wsp_lua_outgoing_result(lua_State *L, enum wsp_err result,
                            const struct wsp_lua_outgoing *out);

#endif
