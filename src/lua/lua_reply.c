/* SPDX-License-Identifier: MIT */
#include "lua/lua_reply.h"

#include <stdint.h>

#include "lua/lua_error.h"
#include "lua/lua_ffi.h"
#include "lua/lua_frame.h"
#include "lua/lua_state.h"

#define ANOTHER_WAY (-1)

/* Called by machine code, with what a script gave: before they are known to be
 * what is on its way, `handle` and `frame` are numbers and no more. Returns an
 * enum wsp_err, or ANOTHER_WAY when nothing was tried. */
static int try_send(void *companion, void *handle, void *frame)
{
    const struct wsp_lua_state *state = companion;
    const struct wsp_lua_frame *current = wsp_lua_frame_current(state, frame);
    if (!current || !handle || handle != state->reply.handle ||
        !wsp_lua_frame_goes_to(current, current->format)) {
        return ANOTHER_WAY;
    }
    return (int)wsp_connection_send(state->reply.connection, current->frame,
                                    NULL);
}

/* What conn:send returns for an enum wsp_err. */
static int fail(lua_State *L)
{
    return wsp_lua_error_result(L, (enum wsp_err)lua_tointeger(L, 1), NULL);
}

/* The last call is a tail call, so that the C function finds the arguments where
 * the script called. */
static const char source[] =
    "local try, companion, send, fail, type = ...\n"
    "return function(conn, frame)\n"
    "  if type(frame) == 'userdata' and type(conn) == 'userdata' then\n"
    "    local result = try(companion, conn, frame)\n"
    "    if result == 0 then return true end\n"
    "    if result > 0 then return fail(result) end\n"
    "  end\n"
    "  return send(conn, frame)\n"
    "end\n";

void wsp_lua_reply_open(lua_State *L)
{
    struct wsp_lua_state *state = wsp_lua_state_get(L);
    lua_getfield(L, -1, "send");
    lua_pushcfunction(L, fail);
    lua_getglobal(L, "type");
    if (wsp_lua_ffi_make(L, state, source, "int (*)(void *, void *, void *)",
                         (uintptr_t)try_send, 3)) {
        wsp_lua_ffi_offer(L, state, "send");
    }
}
