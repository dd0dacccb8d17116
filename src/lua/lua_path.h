/* SPDX-License-Identifier: MIT */
/* Says where in a value something is: `payload.items[3]["a key"]`, cut after its
 * beginning when it gets long.
 * Owner: the C function that runs. Thread: the state's. */
#ifndef WSP_LUA_LUA_PATH_H
#define WSP_LUA_LUA_PATH_H

#include <stddef.h>

#include <wspulse/span.h>

struct wsp_lua_path {
    char text[256]; /* NUL-terminated once wsp_lua_path_end has been called */
    size_t len;     /* bytes in use */
};

/* Adds `.key`, or `["any key"]` with what is not printable ASCII as `?`. */
void wsp_lua_path_key(struct wsp_lua_path *path, struct wsp_span key);

/* Adds `[index]`. */
void wsp_lua_path_index(struct wsp_lua_path *path, int index);

/* Ends the text; a path that did not fit ends in three dots. */
void wsp_lua_path_end(struct wsp_lua_path *path);

#endif
