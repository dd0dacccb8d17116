/* SPDX-License-Identifier: MIT */
#include "lua/lua_describe.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lua/lua_app.h"
#include "lua/lua_call.h"
#include "lua/lua_metrics.h"
#include "lua/lua_server.h"

/* ---- options ---- */

struct member {
    const char *option;
    size_t offset; /* in struct wsp_options */
};

#define MEMBER(name) offsetof(struct wsp_options, name)

static const struct member numbers[] = {
    {"resume_window", MEMBER(resume_window)},
    {"max_suspended", MEMBER(max_suspended)},
    {"max_suspended_bytes", MEMBER(max_suspended_bytes)},
    {"heartbeat.ping", MEMBER(heartbeat_ping)},
    {"heartbeat.pong", MEMBER(heartbeat_pong)},
    {"write_wait", MEMBER(write_wait)},
    {"max_message_size", MEMBER(max_message_size)},
    {"send_buffer_size", MEMBER(send_buffer_size)},
    {"send_buffer_bytes", MEMBER(send_buffer_bytes)},
    {"upgrader_buffer_size.read", MEMBER(upgrader_read_size)},
    {"upgrader_buffer_size.write", MEMBER(upgrader_write_size)},
    {"connection_data_bytes", MEMBER(connection_data_bytes)},
    {"handshake_timeout", MEMBER(handshake_timeout)},
    {"max_connections", MEMBER(max_connections)},
    {"max_connections_per_ip", MEMBER(max_connections_per_ip)},
    {"accept_rate.per_second", MEMBER(accept_per_second)},
    {"accept_rate.burst", MEMBER(accept_burst)},
    {"max_fragments", MEMBER(max_fragments)},
    {"max_control_rate", MEMBER(max_control_rate)},
};

static const struct member booleans[] = {
    {"resume_confirm", MEMBER(resume_confirm)},
    {"close_reasons", MEMBER(close_reasons)},
    {"validate_utf8", MEMBER(validate_utf8)},
};

static double number_of(const struct wsp_options *options, size_t offset)
{
    return *(const double *)((const char *)options + offset);
}

static bool boolean_of(const struct wsp_options *options, size_t offset)
{
    return *(const bool *)((const char *)options + offset);
}

static void write_options(const struct wsp_options *options, int fd)
{
    struct wsp_options defaults;
    wsp_options_init(&defaults);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double value = number_of(options, numbers[i].offset);
        double usual = number_of(&defaults, numbers[i].offset);
        if (value > usual || value < usual) {
            dprintf(fd, "  %s = %.14g\n", numbers[i].option, value);
        }
    }
    for (size_t i = 0; i < sizeof booleans / sizeof booleans[0]; i++) {
        bool value = boolean_of(options, booleans[i].offset);
        if (value != boolean_of(&defaults, booleans[i].offset)) {
            dprintf(fd, "  %s = %s\n", booleans[i].option,
                    value ? "true" : "false");
        }
    }
    if (options->takeover == WSP_TAKEOVER_RESUME) {
        dprintf(fd, "  takeover = \"resume\"\n");
    }
}

static void write_codec(const struct wsp_lua_server *server, int fd)
{
    const char *name = server->options.codec;
    if (server->codec.is_set) {
        dprintf(fd, "  codec = Lua functions, %s messages\n",
                server->codec.is_binary ? "binary" : "text");
    } else if (strcmp(name, "json") != 0) {
        dprintf(fd, "  codec = \"%s\"\n", name);
    }
}

static void write_bounds(const struct wsp_lua_server *server, int fd)
{
    if (server->timeout > 0) {
        dprintf(fd, "  handler_timeout = %.14g\n", server->timeout);
    }
    if (server->memory > 0) {
        dprintf(fd, "  lua_memory_limit = %.14g\n", server->memory);
    }
}

static void write_origin(const struct wsp_options *options, int fd)
{
    switch (options->origin_policy) {
    case WSP_ORIGIN_ANY:
        dprintf(fd, "  check_origin = \"any\" (SECURITY: pages of every "
                    "origin may connect)\n");
        break;
    case WSP_ORIGIN_SAME:
        dprintf(fd, "  check_origin = \"same\"\n");
        break;
    case WSP_ORIGIN_LIST:
        for (size_t i = 0; i < options->origin_count; i++) {
            dprintf(fd, "  check_origin: %s\n", options->origins[i]);
        }
        break;
    case WSP_ORIGIN_FUNCTION:
        dprintf(fd, "  check_origin = function\n");
        break;
    }
}

/* ---- addresses, routes and callbacks ---- */

/* `indent`: deeper behind the address that has a TLS of its own. */
static void write_tls(const struct wsp_tls_options *tls, const char *indent,
                      int fd)
{
    static const char *const words[] = {
        [WSP_TLS_VERIFY_DEFAULT] = "required",
        [WSP_TLS_VERIFY_NONE] = "none",
        [WSP_TLS_VERIFY_ANY] = "any",
        [WSP_TLS_VERIFY_OPTIONAL] = "optional",
        [WSP_TLS_VERIFY_REQUIRED] = "required",
    };
    for (size_t i = 0; i < tls->pair_count; i++) {
        const struct wsp_tls_pair *pair = &tls->pairs[i];
        dprintf(fd, "%stls cert %s key %s%s\n", indent, pair->cert,
                pair->key ? pair->key : pair->cert,
                wsp_tls_key_is_exposed(pair)
                    ? " (SECURITY: every user of this machine may read it)"
                    : "");
    }
    if (tls->ca || tls->verify == WSP_TLS_VERIFY_ANY) {
        dprintf(fd, "%stls verify \"%s\" ca %s\n", indent, words[tls->verify],
                tls->ca ? tls->ca : "none");
    }
    if (tls->min_version == WSP_TLS_1_3) {
        dprintf(fd, "%stls min_version \"1.3\"\n", indent);
    }
}

static void write_places(const struct wsp_options *options, int fd)
{
    for (size_t i = 0; i < wsp_options_address_count(options); i++) {
        const struct wsp_tls_options *tls = wsp_options_address_tls(options, i);
        bool is_proxied =
            options->listen_count > 0 && options->listen[i].proxy_protocol;
        dprintf(fd, "  listen %s%s%s\n", tls ? "wss://" : "",
                wsp_options_address(options, i),
                is_proxied ? " (PROXY protocol)" : "");
        if (tls && tls != options->tls) {
            write_tls(tls, "    ", fd);
        }
    }
    if (options->tls) {
        write_tls(options->tls, "  ", fd);
    }
    for (size_t i = 0; i < options->trusted_proxy_count; i++) {
        dprintf(fd, "  trusted proxy %s\n", options->trusted_proxies[i]);
    }
    dprintf(fd, "  socket %s\n", options->path);
    if (options->admin_listen) {
        dprintf(fd, "  admin %s\n", options->admin_listen);
    }
    for (size_t i = 0; i < options->route_count; i++) {
        dprintf(fd, "  http %s %s\n", options->routes[i].method,
                options->routes[i].path);
    }
    for (size_t i = 0; i < options->static_count; i++) {
        dprintf(fd, "  static %s from %s\n", options->static_dirs[i].prefix,
                options->static_dirs[i].dir);
    }
}

static void write_callbacks(const struct wsp_lua_server *server, int fd)
{
    static const char *const names[] = {
#define NAME(name, option) option,
        WSP_LUA_CALLBACK_MAP(NAME)
#undef NAME
    };
    dprintf(fd, "  callbacks");
    for (size_t i = 0; i < WSP_LUA_CALLBACK_COUNT; i++) {
        if (server->has[i]) {
            dprintf(fd, " %s", names[i]);
        }
    }
    dprintf(fd, "\n");
}

static void write_hooks(const struct wsp_lua_server *server, int fd)
{
    if (server->hooks == 0) {
        return;
    }
    dprintf(fd, "  metrics");
    for (int i = 0; i < WSP_LUA_HOOK_COUNT; i++) {
        if (server->hooks & (1U << i)) {
            dprintf(fd, " %s", wsp_lua_metrics_name((enum wsp_lua_hook)i));
        }
    }
    dprintf(fd, "\n");
}

/* ---- router events ---- */

struct events_call {
    struct wsp_lua_call base;
    const struct wsp_lua_server *server;
    int fd;
};

static bool is_router(lua_State *L)
{
    if (!lua_istable(L, -1) || !luaL_getmetafield(L, -1, "__name")) {
        return false;
    }
    const char *name = lua_tostring(L, -1);
    bool is_found = name && strcmp(name, "wspulse.router") == 0;
    lua_pop(L, 1);
    return is_found;
}

/* Writes the events of the router on top of the stack; the fields are those of
 * lua/wspulse/group.lua. */
static void write_router(lua_State *L, int fd)
{
    lua_getfield(L, -1, "_routes");
    lua_getfield(L, -1, "list");
    size_t count = lua_objlen(L, -1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        lua_getfield(L, -1, "event");
        dprintf(fd, "  event %s\n", lua_tostring(L, -1));
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
}

/* A router is found where on_message holds one as an upvalue: router:handler()
 * does, and so does a function that calls router:dispatch. */
static void write_events(lua_State *L, struct wsp_lua_call *base)
{
    const struct events_call *call = (const struct events_call *)base;
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                call->server->ref_callbacks[WSP_LUA_ON_MESSAGE]);
    if (!lua_isfunction(L, -1)) {
        return;
    }
    for (int i = 1; lua_getupvalue(L, 1, i); i++) {
        if (is_router(L)) {
            write_router(L, call->fd);
        }
        lua_pop(L, 1);
    }
}

/* ---- the whole ---- */

static void write_server(const struct wsp_lua_server *server, int fd)
{
    struct events_call call = {{.body = write_events}, server, fd};
    dprintf(fd, "server %s\n", server->options.name);
    write_places(&server->options, fd);
    write_origin(&server->options, fd);
    write_options(&server->options, fd);
    write_codec(server, fd);
    write_bounds(server, fd);
    write_callbacks(server, fd);
    write_hooks(server, fd);
    wsp_error_unref(wsp_lua_call_run(server->state, &call.base));
}

void wsp_lua_describe(const struct wsp_lua_app *app, int fd)
{
    const struct wsp_lua_server *server;
    for (size_t i = 0; (server = wsp_lua_app_server(app, i)) != NULL; i++) {
        write_server(server, fd);
    }
}
