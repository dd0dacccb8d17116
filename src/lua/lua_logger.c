/* SPDX-License-Identifier: MIT */
#include "lua/lua_logger.h"

#include "lua/lua_call.h"
#include "lua/lua_mount.h"
#include "lua/lua_server.h"

struct line_call {
    struct wsp_lua_call base;
    const struct wsp_lua_server *described;
    enum wsp_log_level level;
    const char *message;
    const struct wsp_log_field *fields;
    size_t count;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void push_field(lua_State *L, const struct wsp_log_field *field)
{
    if (field->text.data) {
        lua_pushlstring(L, field->text.data, field->text.len);
    } else {
        lua_pushnumber(L, field->number);
    }
    lua_setfield(L, -2, field->key);
}

static void call_logger(lua_State *L, struct wsp_lua_call *base)
{
    const struct line_call *line = (const struct line_call *)base;
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                line->described->ref_callbacks[WSP_LUA_LOGGER]);
    lua_pushstring(L, level_names[line->level]);
    lua_pushstring(L, line->message);
    lua_createtable(L, 0, (int)line->count);
    for (size_t i = 0; i < line->count; i++) {
        push_field(L, &line->fields[i]);
    }
    lua_call(L, 3, 0);
}

/* Tells the mount's own logger that the script's failed. */
static void report(const struct wsp_lua_mount *mount,
                   const struct wsp_error *error)
{
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("handler", "logger"),
        WSP_LOG_STR("error", wsp_error_message(error)),
        WSP_LOG_STR("stack", wsp_error_stack(error)),
    };
    wsp_log(&mount->config.logger, WSP_LOG_ERROR, "wspulse: handler raised",
            fields, sizeof fields / sizeof fields[0]);
}

/* Tells whether the script's logger can take a line now. */
static bool can_take(const struct wsp_lua_mount *mount,
                     enum wsp_log_level level)
{
    const struct wsp_lua_server *described = mount->described;
    return described && described->is_pinned &&
           described->has[WSP_LUA_LOGGER] && !mount->is_logging &&
           level <= WSP_LOG_ERROR;
}

static void write_line(void *ud, enum wsp_log_level level, const char *message,
                       const struct wsp_log_field *fields, size_t count)
{
    struct wsp_lua_mount *mount = ud;
    struct line_call line = {
        {.body = call_logger}, mount->described, level, message, fields, count};
    if (!can_take(mount, level)) {
        wsp_log(&mount->config.logger, level, message, fields, count);
        return;
    }
    mount->is_logging = true;
    struct wsp_error *error =
        wsp_lua_call_run(line.described->state, &line.base);
    mount->is_logging = false;
    if (error) {
        wsp_log(&mount->config.logger, level, message, fields, count);
        report(mount, error);
        wsp_error_unref(error);
    }
}

struct wsp_logger wsp_lua_logger_of(struct wsp_lua_mount *mount,
                                    const struct wsp_lua_server *described)
{
    if (!described->has[WSP_LUA_LOGGER]) {
        return mount->config.logger;
    }
    return (struct wsp_logger){write_line, mount, WSP_LOG_DEBUG};
}
