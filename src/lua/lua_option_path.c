/* SPDX-License-Identifier: MIT */
/* Options that name files and folders. */
#include <lauxlib.h>
#include <string.h>

#include "lua/lua_app.h"
#include "lua/lua_option.h"

/* Gives the file whose code calls new_server, "" when it is none. */
static const char *calling_file(lua_State *L, lua_Debug *caller)
{
    for (int level = 1; lua_getstack(L, level, caller); level++) {
        lua_getinfo(L, "S", caller);
        if (caller->source[0] == '@') {
            return caller->source + 1;
        }
    }
    return "";
}

/* Pushes the folder that relative ones start at, "" for the working folder. */
static const char *push_base(lua_State *L, const struct wsp_lua_option *option)
{
    const struct wsp_lua_app *app = option->server->state->app;
    lua_Debug caller;
    const char *file = app ? wsp_lua_app_path(app) : calling_file(L, &caller);
    const char *slash = strrchr(file, '/');
    lua_pushlstring(L, file, slash ? (size_t)(slash - file) + 1 : 0);
    return lua_tostring(L, -1);
}

const char *wsp_lua_option_path(lua_State *L,
                                const struct wsp_lua_option *option)
{
    const char *path = wsp_lua_option_string(L, option);
    if (path[0] == '/') {
        return path;
    }
    size_t len;
    lua_pushfstring(L, "%s%s", push_base(L, option), path);
    const char *joined = lua_tolstring(L, -1, &len);
    path = wsp_lua_option_keep_text(L, option, joined, len);
    lua_pop(L, 2);
    return path;
}
