/* SPDX-License-Identifier: MIT */
/* What a script's `connect` returned, as the server wants it: `room, id` or
 * `nil, err[, status]`.
 *
 * A room id and a connection id are strings of at most 1024 bytes, valid UTF-8
 * without control characters; "" and nil ask for a random id. Anything else is
 * a mistake of the script: 500, and the log says why.
 * Thread: the loop's. */
#ifndef WSP_LUA_LUA_ADMISSION_H
#define WSP_LUA_LUA_ADMISSION_H

#include <lua.h>

#include "lua/lua_mount.h"

/* Reads the three results at stack indices 1 to 3. What they say is copied into
 * the mount, to which `out` points. Returns NULL, or what is wrong with them,
 * and then `out` refuses with 500. */
const char *wsp_lua_admission_read(lua_State *L, struct wsp_lua_mount *mount,
                                   struct wsp_admission *out);

/* Refuses with 500. */
void wsp_lua_admission_fail(struct wsp_admission *out, const char *reason);

#endif
