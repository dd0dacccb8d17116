/* SPDX-License-Identifier: MIT */
/* The files that a generation was made of, each once: what --watch looks at.
 * Owner: the caller. Thread: of whoever owns it. */
#ifndef WSP_LUA_LUA_FILES_H
#define WSP_LUA_LUA_FILES_H

#include <stddef.h>

struct wsp_lua_files {
    char **paths;
    size_t count;
    size_t capacity;
};

/* Adds a path; without memory it is left out. */
void wsp_lua_files_add(struct wsp_lua_files *files, const char *path);

/* Moves everything out of `from`, replacing what `files` had. */
void wsp_lua_files_take(struct wsp_lua_files *files,
                        struct wsp_lua_files *from);

void wsp_lua_files_fini(struct wsp_lua_files *files);

#endif
