/* SPDX-License-Identifier: MIT */
/* A frame on its way from a script to a server: read, and encoded if the codec
 * is written in Lua, before anything is queued.
 * Owner: the C function that runs, on its stack. Thread: the state's. */
#ifndef WSP_LUA_LUA_OUTGOING_H
#define WSP_LUA_LUA_OUTGOING_H

#include <lua.h>

#include "lua/lua_frame.h"
#include "lua/lua_mount.h"
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

/* Gives the frame at `index` when it is the very one whose message is on its way,
 * and a mounted server sends it on as it came; NULL for anything else. */
static inline const struct wsp_frame *wsp_lua_outgoing_glance(
    lua_State *L, int index, const struct wsp_lua_server *server)
{
    const struct wsp_lua_frame *lua_frame =
        wsp_lua_frame_current(server->state, lua_touserdata(L, index));
    if (!lua_frame || !server->is_pinned) {
        return NULL;
    }
    return wsp_lua_frame_goes_to(lua_frame,
                                 wsp_lua_format_of(server->mount->codec))
               ? lua_frame->frame
               : NULL;
}

/* Ends the Lua function that sent it: pushes true, or nil and the error, and
 * returns how many. */
int wsp_lua_outgoing_result(lua_State *L, enum wsp_err result,
                            const struct wsp_lua_outgoing *out);

#endif
