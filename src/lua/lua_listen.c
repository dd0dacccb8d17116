/* SPDX-License-Identifier: MIT */
#include "lua/lua_listen.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_tls.h"

/* Makes `field` the member `name` of `option` and pushes its value on top of
 * the member's full name; the table is on top of the stack. */
static void push_member(lua_State *L, const struct wsp_lua_option *option,
                        const char *name, struct wsp_lua_option *field)
{
    *field = *option;
    field->seed = option->seed ? option->seed : option->key;
    field->key = lua_pushfstring(L, "%s.%s", option->key, name);
    lua_getfield(L, -2, name);
}

/* `tls = true` and `tls = false` are another way to write a scheme. */
static const char *add_scheme(lua_State *L, const struct wsp_lua_option *option,
                              const char *address, const char *scheme)
{
    size_t len;
    if (strstr(address, "://")) {
        luaL_error(L,
                   "wspulse: listen: with tls = true or false the address has "
                   "no wss:// or ws:// (%s.address = \"%s\")",
                   option->key, address);
    }
    lua_pushfstring(L, "%s%s", scheme, address);
    const char *joined = lua_tolstring(L, -1, &len);
    address = wsp_lua_option_keep_text(L, option, joined, len);
    lua_pop(L, 1);
    return address;
}

static void read_tls(lua_State *L, const struct wsp_lua_option *option,
                     struct wsp_listen *place)
{
    struct wsp_lua_option field;
    push_member(L, option, "tls", &field);
    field.seed = NULL;
    if (lua_isboolean(L, -1)) {
        place->address = add_scheme(L, option, place->address,
                                    lua_toboolean(L, -1) ? "wss://" : "ws://");
    } else if (!lua_isnil(L, -1)) {
        place->tls = wsp_lua_tls_read(L, &field);
    }
    lua_pop(L, 2);
}

/* Reads the table on top of the stack as one place. */
static void read_place(lua_State *L, const struct wsp_lua_option *option,
                       struct wsp_listen *place)
{
    static const char *const names[] = {"address", "tls", "proxy_protocol",
                                        NULL};
    struct wsp_lua_option field;
    wsp_lua_option_check_table(
        L, option, "must be an address or a table { address = }", names);
    push_member(L, option, "proxy_protocol", &field);
    place->proxy_protocol =
        !lua_isnil(L, -1) && wsp_lua_option_boolean(L, &field);
    lua_pop(L, 2);
    push_member(L, option, "address", &field);
    place->address = wsp_lua_option_string(L, &field);
    lua_pop(L, 2);
    read_tls(L, option, place);
}

/* Reads the value on top of the stack: an address or a place. */
static void read_entry(lua_State *L, const struct wsp_lua_option *option,
                       struct wsp_listen *place)
{
    *place = (struct wsp_listen){0};
    if (lua_istable(L, -1)) {
        read_place(L, option, place);
    } else {
        place->address = wsp_lua_option_string(L, option);
    }
}

/* Any table with names for keys is meant as a place, so that a misspelt name is
 * told. */
static bool is_place(lua_State *L)
{
    lua_getfield(L, -1, "address");
    bool is_found = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (is_found || lua_objlen(L, -1) > 0) {
        return is_found;
    }
    lua_pushnil(L);
    bool is_empty = lua_next(L, -2) == 0;
    lua_pop(L, is_empty ? 0 : 2);
    return !is_empty;
}

static void read_array(lua_State *L, const struct wsp_lua_option *option,
                       struct wsp_listen *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wsp_lua_option entry = *option;
        entry.seed = option->key;
        entry.key = lua_pushfstring(L, "%s[%d]", option->key, (int)(i + 1));
        lua_rawgeti(L, -2, (int)(i + 1));
        read_entry(L, &entry, &places[i]);
        lua_pop(L, 2);
    }
}

void wsp_lua_listen_read(lua_State *L, const struct wsp_lua_option *option)
{
    struct wsp_options *options = &option->server->options;
    bool is_array = lua_istable(L, -1) && !is_place(L);
    size_t count = is_array ? lua_objlen(L, -1) : 1;
    if (count == 0) {
        wsp_lua_option_fail(L, option, "must not be empty");
    }
    struct wsp_listen *places =
        wsp_lua_option_keep_memory(L, option, count * sizeof *places);
    if (is_array) {
        read_array(L, option, places, count);
    } else {
        read_entry(L, option, &places[0]);
    }
    options->listen = places;
    options->listen_count = count;
}
