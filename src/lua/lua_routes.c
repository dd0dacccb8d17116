/* SPDX-License-Identifier: MIT */
#include "lua/lua_routes.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

static size_t count_entries(lua_State *L, const struct wsp_lua_option *option)
{
    size_t count = 0;
    if (!lua_istable(L, -1)) {
        wsp_lua_option_fail(L, option, "must be a table");
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        count++;
        lua_pop(L, 1);
    }
    return count;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Gives the keys of the table on top of the stack, sorted. */
static const char **sorted_keys(lua_State *L,
                                const struct wsp_lua_option *option,
                                size_t count)
{
    const char **keys =
        wsp_lua_option_keep_memory(L, option, (count + 1) * sizeof *keys);
    size_t i = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        keys[i++] = wsp_lua_option_string(L, option);
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    return keys;
}

/* Raises `wspulse: http: <what> (http["GET x"] = function)` for the value on
 * top of the stack. */
static void fail_entry(lua_State *L, const struct wsp_lua_option *option,
                       const char *key, const char *what)
{
    struct wsp_lua_option entry = *option;
    entry.seed = option->key;
    entry.key = lua_pushfstring(L, "%s[\"%s\"]", option->key, key);
    lua_insert(L, -2);
    wsp_lua_option_fail(L, &entry, what);
}

/* ---- http ---- */

/* Tells whether `key` is a method in capitals, one space and a path. */
static bool is_route(const char *key)
{
    size_t method_len = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *path = key + method_len + 1;
    return method_len > 0 && key[method_len] == ' ' && path[0] == '/' &&
           strcspn(path, " ?#") == strlen(path);
}

static struct wsp_route read_route(lua_State *L,
                                   const struct wsp_lua_option *option,
                                   const char *key)
{
    if (!is_route(key)) {
        fail_entry(L, option, key,
                   "a route is a method and a path, such as \"GET /hello\"");
    }
    if (!wsp_lua_option_is_callable(L)) {
        fail_entry(L, option, key, "must be a function");
    }
    size_t method_len = strcspn(key, " ");
    return (struct wsp_route){
        .method = wsp_lua_option_keep_text(L, option, key, method_len),
        .path = key + method_len + 1,
    };
}

void wsp_lua_routes_read_http(lua_State *L, const struct wsp_lua_option *option)
{
    size_t count = count_entries(L, option);
    const char **keys = sorted_keys(L, option, count);
    struct wsp_route *routes =
        wsp_lua_option_keep_memory(L, option, (count + 1) * sizeof *routes);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, -1, keys[i]);
        routes[i] = read_route(L, option, keys[i]);
        lua_rawgeti(L, option->environment, WSP_LUA_SLOT_ROUTES);
        lua_insert(L, -2);
        lua_rawseti(L, -2, (int)i + 1);
        lua_pop(L, 1);
    }
    option->server->options.routes = routes;
    option->server->options.route_count = count;
}

/* ---- static ---- */

void wsp_lua_routes_read_static(lua_State *L,
                                const struct wsp_lua_option *option)
{
    size_t count = count_entries(L, option);
    const char **keys = sorted_keys(L, option, count);
    struct wsp_static_dir *dirs =
        wsp_lua_option_keep_memory(L, option, (count + 1) * sizeof *dirs);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, -1, keys[i]);
        if (keys[i][0] != '/') {
            fail_entry(L, option, keys[i], "a URL prefix starts with \"/\"");
        }
        if (lua_type(L, -1) != LUA_TSTRING || lua_objlen(L, -1) == 0) {
            fail_entry(L, option, keys[i], "must name a folder");
        }
        dirs[i] =
            (struct wsp_static_dir){keys[i], wsp_lua_option_path(L, option)};
        lua_pop(L, 1);
    }
    option->server->options.static_dirs = dirs;
    option->server->options.static_count = count;
}
