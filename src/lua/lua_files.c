/* SPDX-License-Identifier: MIT */
#include "lua/lua_files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool has_path(const struct wsp_lua_files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_room(struct wsp_lua_files *files)
{
    if (files->count < files->capacity) {
        return true;
    }
    size_t capacity = files->capacity ? files->capacity * 2 : 8;
    char **paths = realloc(files->paths, capacity * sizeof *paths);
    if (!paths) {
        return false;
    }
    files->paths = paths;
    files->capacity = capacity;
    return true;
}

void wsp_lua_files_add(struct wsp_lua_files *files, const char *path)
{
    if (has_path(files, path) || !has_room(files)) {
        return;
    }
    char *copy = strdup(path);
    if (copy) {
        files->paths[files->count++] = copy;
    }
}

void wsp_lua_files_fini(struct wsp_lua_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->paths[i]);
    }
    free(files->paths);
    *files = (struct wsp_lua_files){NULL, 0, 0};
}

void wsp_lua_files_take(struct wsp_lua_files *files, struct wsp_lua_files *from)
{
    wsp_lua_files_fini(files);
    *files = *from;
    *from = (struct wsp_lua_files){NULL, 0, 0};
}
