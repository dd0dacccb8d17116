/* SPDX-License-Identifier: MIT */
#include "lua/lua_options.h"

#include <lauxlib.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "lua/lua_codec.h"
#include "lua/lua_listen.h"
#include "lua/lua_metrics.h"
#include "lua/lua_option.h"
#include "lua/lua_routes.h"
#include "lua/lua_tls.h"

/* Bounds of handler_timeout in seconds, of lua_memory_limit in bytes. */
#define TIMEOUT_MAX 3600.0
#define MEMORY_MIN (1024.0 * 1024)
#define MEMORY_MAX (1024.0 * 1024 * 1024 * 1024)

#define INDEX_OPTIONS 1
#define INDEX_ENVIRONMENT 3

struct schema;

typedef void (*read_fn)(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema);

/* How one option is read. */
struct schema {
    const char *key;
    const char *seed;
    read_fn read;
    size_t member; /* offset in struct wsp_options, or a callback */
};

static void *member_of(const struct wsp_lua_option *option,
                       const struct schema *schema)
{
    return (char *)&option->server->options + schema->member;
}

/* ---- plain members ---- */

static void read_number(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    *(double *)member_of(option, schema) = wsp_lua_option_number(L, option);
}

static void read_boolean(lua_State *L, const struct wsp_lua_option *option,
                         const struct schema *schema)
{
    *(bool *)member_of(option, schema) = wsp_lua_option_boolean(L, option);
}

static void read_string(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    *(const char **)member_of(option, schema) =
        wsp_lua_option_string(L, option);
}

static void read_listen(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    (void)schema;
    wsp_lua_listen_read(L, option);
}

static void read_proxies(lua_State *L, const struct wsp_lua_option *option,
                         const struct schema *schema)
{
    struct wsp_options *options = &option->server->options;
    (void)schema;
    options->trusted_proxies =
        wsp_lua_option_strings(L, option, &options->trusted_proxy_count);
}

static void read_tls(lua_State *L, const struct wsp_lua_option *option,
                     const struct schema *schema)
{
    (void)schema;
    option->server->options.tls = wsp_lua_tls_read(L, option);
}

static void read_subprotocols(lua_State *L, const struct wsp_lua_option *option,
                              const struct schema *schema)
{
    struct wsp_options *options = &option->server->options;
    (void)schema;
    options->subprotocols =
        wsp_lua_option_strings(L, option, &options->subprotocol_count);
}

/* ---- callbacks ---- */

static void keep_callback(lua_State *L, const struct wsp_lua_option *option,
                          enum wsp_lua_callback callback)
{
    lua_pushvalue(L, -1);
    lua_rawseti(L, option->environment, WSP_LUA_SLOT_CALLBACK + (int)callback);
    option->server->has[callback] = true;
}

static void read_callback(lua_State *L, const struct wsp_lua_option *option,
                          const struct schema *schema)
{
    if (!wsp_lua_option_is_callable(L)) {
        wsp_lua_option_fail(L, option,
                            schema->member == WSP_LUA_CONNECT
                                ? "connect must be a function"
                                : "must be a function");
    }
    keep_callback(L, option, (enum wsp_lua_callback)schema->member);
}

static void read_logger(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    (void)schema;
    if (!wsp_lua_option_is_callable(L)) {
        wsp_lua_option_fail(L, option,
                            lua_toboolean(L, -1) ? "logger must be a function"
                                                 : "logger must not be nil");
    }
    keep_callback(L, option, WSP_LUA_LOGGER);
}

/* ---- one of several words, or more ---- */

static bool is_word(lua_State *L, const char *word)
{
    return lua_type(L, -1) == LUA_TSTRING &&
           strcmp(lua_tostring(L, -1), word) == 0;
}

static void read_takeover(lua_State *L, const struct wsp_lua_option *option,
                          const struct schema *schema)
{
    (void)schema;
    if (!is_word(L, "duplicate") && !is_word(L, "resume")) {
        wsp_lua_option_fail(L, option, "must be \"duplicate\" or \"resume\"");
    }
    option->server->options.takeover =
        is_word(L, "resume") ? WSP_TAKEOVER_RESUME : WSP_TAKEOVER_DUPLICATE;
}

static void read_check_origin(lua_State *L, const struct wsp_lua_option *option,
                              const struct schema *schema)
{
    struct wsp_options *options = &option->server->options;
    (void)schema;
    if (is_word(L, "any")) {
        options->origin_policy = WSP_ORIGIN_ANY;
    } else if (is_word(L, "same")) {
        options->origin_policy = WSP_ORIGIN_SAME;
    } else if (!lua_toboolean(L, -1)) {
        wsp_lua_option_fail(L, option, "fn must not be nil");
    } else if (wsp_lua_option_is_callable(L)) {
        options->origin_policy = WSP_ORIGIN_FUNCTION;
        keep_callback(L, option, WSP_LUA_CHECK_ORIGIN);
    } else if (lua_istable(L, -1)) {
        options->origin_policy = WSP_ORIGIN_LIST;
        options->origins =
            wsp_lua_option_strings(L, option, &options->origin_count);
    } else {
        wsp_lua_option_fail(L, option,
                            "must be \"any\", \"same\", a list of origins or "
                            "a function");
    }
}

/* ---- tables of members ---- */

/* The member `name` of an option that is a table: errors begin with the option
 * and end with the member. Pushes the text that `key` is. */
static struct wsp_lua_option inner_option(lua_State *L,
                                          const struct wsp_lua_option *option,
                                          const char *name)
{
    struct wsp_lua_option member = *option;
    member.seed = option->seed ? option->seed : option->key;
    member.key = lua_pushfstring(L, "%s.%s", option->key, name);
    return member;
}

/* Reads a number out of the table on top of the stack; absent keeps `member`. */
static void read_field(lua_State *L, const struct wsp_lua_option *option,
                       const char *name, double *member)
{
    struct wsp_lua_option field = inner_option(L, option, name);
    lua_getfield(L, -2, name);
    if (!lua_isnil(L, -1)) {
        *member = wsp_lua_option_number(L, &field);
    }
    lua_pop(L, 2);
}

static void read_heartbeat(lua_State *L, const struct wsp_lua_option *option,
                           const struct schema *schema)
{
    static const char *const names[] = {"ping", "pong", NULL};
    struct wsp_options *options = &option->server->options;
    (void)schema;
    wsp_lua_option_check_table(L, option, "must be a table { ping =, pong = }",
                               names);
    read_field(L, option, "ping", &options->heartbeat_ping);
    read_field(L, option, "pong", &options->heartbeat_pong);
}

static void read_accept_rate(lua_State *L, const struct wsp_lua_option *option,
                             const struct schema *schema)
{
    static const char *const names[] = {"per_second", "burst", NULL};
    struct wsp_options *options = &option->server->options;
    (void)schema;
    wsp_lua_option_check_table(
        L, option, "must be a table { per_second =, burst = }", names);
    read_field(L, option, "per_second", &options->accept_per_second);
    read_field(L, option, "burst", &options->accept_burst);
}

static void read_upgrader(lua_State *L, const struct wsp_lua_option *option,
                          const struct schema *schema)
{
    static const char *const names[] = {"read", "write", NULL};
    struct wsp_options *options = &option->server->options;
    (void)schema;
    wsp_lua_option_check_table(L, option, "must be a table { read =, write = }",
                               names);
    read_field(L, option, "read", &options->upgrader_read_size);
    read_field(L, option, "write", &options->upgrader_write_size);
}

/* The same for a boolean. */
static void read_flag(lua_State *L, const struct wsp_lua_option *option,
                      const char *name, bool *member)
{
    struct wsp_lua_option field = inner_option(L, option, name);
    lua_getfield(L, -2, name);
    if (!lua_isnil(L, -1)) {
        *member = wsp_lua_option_boolean(L, &field);
    }
    lua_pop(L, 2);
}

static void read_compression(lua_State *L, const struct wsp_lua_option *option,
                             const struct schema *schema)
{
    static const char *const names[] = {"level",
                                        "min_size",
                                        "client_no_context_takeover",
                                        "server_max_window_bits",
                                        "max_memory",
                                        NULL};
    struct wsp_compression_options *compression =
        &option->server->options.compression;
    (void)schema;
    compression->is_on = lua_toboolean(L, -1) != 0;
    if (lua_isboolean(L, -1)) {
        return;
    }
    wsp_lua_option_check_table(
        L, option, "must be true, false or a table such as { level = 1 }",
        names);
    read_field(L, option, "level", &compression->level);
    read_field(L, option, "min_size", &compression->min_size);
    read_flag(L, option, "client_no_context_takeover",
              &compression->client_no_context_takeover);
    read_field(L, option, "server_max_window_bits",
               &compression->server_max_window_bits);
    read_field(L, option, "max_memory", &compression->max_memory);
}

static void read_admin(lua_State *L, const struct wsp_lua_option *option,
                       const struct schema *schema)
{
    static const char *const names[] = {"listen", NULL};
    struct wsp_lua_option field = *option;
    (void)schema;
    wsp_lua_option_check_table(L, option, "must be a table { listen = }",
                               names);
    lua_getfield(L, -1, "listen");
    field.key = "admin.listen";
    field.seed = option->key;
    option->server->options.admin_listen = wsp_lua_option_string(L, &field);
    lua_pop(L, 1);
}

static void read_metrics(lua_State *L, const struct wsp_lua_option *option,
                         const struct schema *schema)
{
    (void)schema;
    wsp_lua_metrics_read(L, option);
}

static void read_codec(lua_State *L, const struct wsp_lua_option *option,
                       const struct schema *schema)
{
    (void)schema;
    if (lua_istable(L, -1)) {
        wsp_lua_codec_read(L, option);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        option->server->options.codec = wsp_lua_option_string(L, option);
    } else {
        wsp_lua_option_fail(L, option, "codec must not be nil");
    }
}

static void read_http(lua_State *L, const struct wsp_lua_option *option,
                      const struct schema *schema)
{
    (void)schema;
    wsp_lua_routes_read_http(L, option);
}

static void read_static(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    (void)schema;
    wsp_lua_routes_read_static(L, option);
}

/* ---- bounds of the state ---- */

/* The state of a Lua program is the program's own. */
static void check_hosted(lua_State *L, const struct wsp_lua_option *option)
{
    if (!option->server->state->app) {
        wsp_lua_option_fail(L, option,
                            "is for scripts that `wspulse run` or "
                            "server:reload runs in a state of their own");
    }
}

static void read_timeout(lua_State *L, const struct wsp_lua_option *option,
                         const struct schema *schema)
{
    double seconds = wsp_lua_option_number(L, option);
    (void)schema;
    if (!(seconds > 0)) {
        wsp_lua_option_fail(L, option, "duration must be positive");
    } else if (!(seconds <= TIMEOUT_MAX)) {
        wsp_lua_option_fail(L, option, "duration exceeds maximum (1h)");
    }
    check_hosted(L, option);
    option->server->timeout = seconds;
}

static void read_memory(lua_State *L, const struct wsp_lua_option *option,
                        const struct schema *schema)
{
    double bytes = wsp_lua_option_number(L, option);
    (void)schema;
    if (!(bytes >= MEMORY_MIN)) {
        wsp_lua_option_fail(L, option, "n must be at least 1 MiB");
    } else if (!(bytes <= MEMORY_MAX)) {
        wsp_lua_option_fail(L, option, "n exceeds maximum (1 TiB)");
    } else if (floor(bytes) != bytes) {
        wsp_lua_option_fail(L, option, "n must be a whole number");
    }
    check_hosted(L, option);
    option->server->memory = bytes;
}

/* ---- what is not there ---- */

/* What the design has and this version has not: accepting it would promise
 * what nobody keeps. `false` is "off", which is what one gets. */
static void read_later(lua_State *L, const struct wsp_lua_option *option,
                       const struct schema *schema)
{
    (void)schema;
    if (lua_toboolean(L, -1)) {
        luaL_error(L, "wspulse: option %s is not available in this version",
                   option->key);
    }
}

/* ---- the table ---- */

#define MEMBER(name) offsetof(struct wsp_options, name)
static const struct schema schemas[] = {
    {"name", NULL, read_string, MEMBER(name)},
    {"listen", NULL, read_listen, 0},
    {"tls", NULL, read_tls, 0},
    {"path", NULL, read_string, MEMBER(path)},
    {"http", NULL, read_http, 0},
    {"static", NULL, read_static, 0},
    {"resume_window", "WithResumeWindow", read_number, MEMBER(resume_window)},
    {"takeover", NULL, read_takeover, 0},
    {"resume_confirm", NULL, read_boolean, MEMBER(resume_confirm)},
    {"max_suspended", NULL, read_number, MEMBER(max_suspended)},
    {"max_suspended_bytes", NULL, read_number, MEMBER(max_suspended_bytes)},
    {"heartbeat", "WithHeartbeat", read_heartbeat, 0},
    {"write_wait", "WithWriteWait", read_number, MEMBER(write_wait)},
    {"max_message_size", "WithMaxMessageSize", read_number,
     MEMBER(max_message_size)},
    {"send_buffer_size", "WithSendBufferSize", read_number,
     MEMBER(send_buffer_size)},
    {"send_buffer_bytes", NULL, read_number, MEMBER(send_buffer_bytes)},
    {"codec", "WithCodec", read_codec, 0},
    {"check_origin", "WithCheckOrigin", read_check_origin, 0},
    {"subprotocols", NULL, read_subprotocols, 0},
    {"logger", "WithLogger", read_logger, 0},
    {"metrics", "WithMetrics", read_metrics, 0},
    {"admin", NULL, read_admin, 0},
    {"upgrader_buffer_size", "WithUpgraderBufferSize", read_upgrader, 0},
    {"close_reasons", NULL, read_boolean, MEMBER(close_reasons)},
    {"compression", NULL, read_compression, 0},
    {"validate_utf8", NULL, read_boolean, MEMBER(validate_utf8)},
    {"connection_data_bytes", NULL, read_number, MEMBER(connection_data_bytes)},
    {"handshake_timeout", NULL, read_number, MEMBER(handshake_timeout)},
    {"max_connections", NULL, read_number, MEMBER(max_connections)},
    {"max_connections_per_ip", NULL, read_number,
     MEMBER(max_connections_per_ip)},
    {"accept_rate", NULL, read_accept_rate, 0},
    {"max_fragments", NULL, read_number, MEMBER(max_fragments)},
    {"max_control_rate", NULL, read_number, MEMBER(max_control_rate)},
    {"trusted_proxies", NULL, read_proxies, 0},
    {"connect", "NewServer", read_callback, WSP_LUA_CONNECT},
    {"on_connect", "WithOnConnect", read_callback, WSP_LUA_ON_CONNECT},
    {"on_message", "WithOnMessage", read_callback, WSP_LUA_ON_MESSAGE},
    {"on_disconnect", "WithOnDisconnect", read_callback, WSP_LUA_ON_DISCONNECT},
    {"on_transport_drop", "WithOnTransportDrop", read_callback,
     WSP_LUA_ON_TRANSPORT_DROP},
    {"on_transport_restore", "WithOnTransportRestore", read_callback,
     WSP_LUA_ON_TRANSPORT_RESTORE},
    {"on_drain", NULL, read_callback, WSP_LUA_ON_DRAIN},
    {"on_reload", NULL, read_callback, WSP_LUA_ON_RELOAD},
    {"handler_timeout", NULL, read_timeout, 0},
    {"lua_memory_limit", NULL, read_memory, 0},
    {"workers", NULL, read_later, 0},
    {"placement", NULL, read_later, 0},
    {"adapter", NULL, read_later, 0},
    {"presence", NULL, read_later, 0},
    {"limits", NULL, read_later, 0},
    {"drop_policy", NULL, read_later, 0},
    {"coalesce_writes", NULL, read_later, 0},
    {"drain_timeout", NULL, read_later, 0},
};

#define SCHEMA_COUNT (sizeof schemas / sizeof schemas[0])

/* Every key is known, also of values that are false or nil in effect. */
static void check_names(lua_State *L)
{
    const char *names[SCHEMA_COUNT + 1];
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        names[i] = schemas[i].key;
    }
    names[SCHEMA_COUNT] = NULL;
    lua_pushvalue(L, INDEX_OPTIONS);
    wsp_lua_option_check_keys(L, "", names);
    lua_pop(L, 1);
}

static void read_one(lua_State *L, struct wsp_lua_option *option,
                     const struct schema *schema)
{
    option->key = schema->key;
    option->seed = schema->seed;
    lua_pushstring(L, schema->key);
    lua_rawget(L, INDEX_OPTIONS);
    if (!lua_isnil(L, -1)) {
        schema->read(L, option, schema);
    } else if (schema->read == read_callback &&
               schema->member == WSP_LUA_CONNECT) {
        wsp_lua_option_fail(L, option, "connect must not be nil");
    }
    lua_pop(L, 1);
}

void wsp_lua_options_read(lua_State *L, struct wsp_lua_server *server)
{
    luaL_checkstack(L, 20, "no room for options");
    check_names(L);
    wsp_options_init(&server->options);
    lua_rawgeti(L, INDEX_ENVIRONMENT, WSP_LUA_SLOT_KEPT);
    struct wsp_lua_option option = {
        .server = server,
        .environment = INDEX_ENVIRONMENT,
        .kept = lua_gettop(L),
    };
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        read_one(L, &option, &schemas[i]);
    }
    struct wsp_diag diag;
    if (wsp_options_check(&server->options, &diag) != WSP_OK ||
        wsp_options_check_files(&server->options, &diag) != WSP_OK) {
        luaL_error(L, "%s", diag.message);
    }
    lua_pop(L, 1);
}
