/* SPDX-License-Identifier: MIT */
/* The Lua files of wspulse as the command carries them; cmake/embed_lua.cmake
 * writes the other side.
 * Owner: the program, for its whole life. Thread: any. */
#ifndef WSP_CLI_LUA_FILES_H
#define WSP_CLI_LUA_FILES_H

#include <stddef.h>

struct wsp_lua_file {
    const char *name; /* what `require` is given, "wspulse.router" */
    const char *data; /* the source; not NUL-terminated */
    size_t len;       /* bytes */
};

/* Sorted by path; an entry whose name is NULL stands behind the last one. */
extern const struct wsp_lua_file wsp_lua_files[];
extern const size_t wsp_lua_file_count;

#endif
