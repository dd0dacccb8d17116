/* SPDX-License-Identifier: MIT */
#include "lua/lua_metrics.h"

#include <lauxlib.h>
#include <time.h>

#include "lua/lua_call.h"
#include "lua/lua_mount.h"
#include "lua/lua_option.h"
#include "lua/lua_server.h"

#define QUIET_SECONDS 60 /* between two lines about hooks that raise */

static const char *const names[] = {
#define NAME(NAME, name) #name,
    WSP_LUA_HOOK_MAP(NAME)
#undef NAME
        NULL,
};

const char *wsp_lua_metrics_name(enum wsp_lua_hook hook)
{
    return names[hook];
}

/* ---- the option ---- */

void wsp_lua_metrics_read(lua_State *L, const struct wsp_lua_option *option)
{
    struct wsp_lua_server *server = option->server;
    wsp_lua_option_check_table(L, option,
                               lua_toboolean(L, -1)
                                   ? "collector must be a table of hooks"
                                   : "collector must not be nil",
                               names);
    lua_newtable(L);
    lua_insert(L, -2);
    for (int i = 0; names[i]; i++) {
        if (wsp_lua_option_push_function(L, option, names[i])) {
            server->hooks |= 1U << i;
        }
        lua_rawseti(L, -3, i + 1);
    }
    lua_insert(L, -2);
    lua_rawseti(L, option->environment, WSP_LUA_SLOT_HOOKS);
}

/* ---- calls ---- */

#define NUMBERS_MAX 2

/* What one event is told about. */
struct event {
    struct wsp_span room;
    bool has_id;
    struct wsp_span id;
    int number_count;
    double numbers[NUMBERS_MAX];
    const char *word; /* behind the numbers, or NULL */
};

struct hook_call {
    struct wsp_lua_call base;
    const struct wsp_lua_server *described;
    enum wsp_lua_hook hook;
    const struct event *event;
};

static void push_span(lua_State *L, struct wsp_span span)
{
    lua_pushlstring(L, span.len > 0 ? span.data : "", span.len);
}

/* A body: hook(room[, id][, number…][, word]). */
static void call_hook(lua_State *L, struct wsp_lua_call *base)
{
    const struct hook_call *call = (const struct hook_call *)base;
    const struct event *event = call->event;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->described->ref_hooks);
    lua_rawgeti(L, -1, (int)call->hook + 1);
    int function = lua_gettop(L);
    push_span(L, event->room);
    if (event->has_id) {
        push_span(L, event->id);
    }
    for (int i = 0; i < event->number_count; i++) {
        lua_pushnumber(L, event->numbers[i]);
    }
    if (event->word) {
        lua_pushstring(L, event->word);
    }
    lua_call(L, lua_gettop(L) - function, 0);
}

static bool is_line_due(struct wsp_lua_mount *mount)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (mount->hook_failures > 1 &&
        now.tv_sec - mount->hook_line_at < QUIET_SECONDS) {
        return false;
    }
    mount->hook_line_at = now.tv_sec;
    return true;
}

static void report(struct wsp_lua_mount *mount, const struct hook_call *call,
                   const struct wsp_error *error)
{
    char handler[40];
    const char *stack = wsp_error_stack(error);
    wsp_server_count_failure(mount->server);
    mount->hook_failures++;
    if (!is_line_due(mount)) {
        return;
    }
    snprintf(handler, sizeof handler, "metrics.%s", names[call->hook]);
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("handler", handler),
        WSP_LOG_STR("error", wsp_error_message(error)),
        WSP_LOG_STR("stack", stack ? stack : ""),
        WSP_LOG_NUM("generation", call->described->state->generation),
        WSP_LOG_NUM("failures", mount->hook_failures),
    };
    wsp_log(&mount->logger, WSP_LOG_ERROR, "wspulse: handler raised", fields,
            sizeof fields / sizeof fields[0]);
}

static void tell(struct wsp_lua_mount *mount, enum wsp_lua_hook hook,
                 const struct event *event)
{
    struct hook_call call = {
        .base = {.body = call_hook},
        .described = mount->described,
        .hook = hook,
        .event = event,
    };
    if (!call.described || !call.described->is_pinned ||
        !(call.described->hooks & (1U << hook))) {
        return;
    }
    struct wsp_error *error =
        wsp_lua_call_run(call.described->state, &call.base);
    if (error) {
        report(mount, &call, error);
        wsp_error_unref(error);
    }
}

/* ---- the eleven ---- */

static struct event of_peer(struct wsp_span room, struct wsp_span id)
{
    return (struct event){.room = room, .has_id = true, .id = id};
}

static void connection_opened(void *ud, struct wsp_span room,
                              struct wsp_span id)
{
    struct event event = of_peer(room, id);
    tell(ud, WSP_LUA_HOOK_CONNECTION_OPENED, &event);
}

static void connection_closed(void *ud, struct wsp_span room,
                              struct wsp_span id, double seconds,
                              enum wsp_reason reason)
{
    struct event event = of_peer(room, id);
    event.number_count = 1;
    event.numbers[0] = seconds;
    event.word = wsp_reason_text(reason);
    tell(ud, WSP_LUA_HOOK_CONNECTION_CLOSED, &event);
}

static void resume_attempt(void *ud, struct wsp_span room, struct wsp_span id)
{
    struct event event = of_peer(room, id);
    tell(ud, WSP_LUA_HOOK_RESUME_ATTEMPT, &event);
}

static void room_created(void *ud, struct wsp_span room)
{
    struct event event = {.room = room};
    tell(ud, WSP_LUA_HOOK_ROOM_CREATED, &event);
}

static void room_destroyed(void *ud, struct wsp_span room)
{
    struct event event = {.room = room};
    tell(ud, WSP_LUA_HOOK_ROOM_DESTROYED, &event);
}

static void message_received(void *ud, struct wsp_span room, size_t bytes)
{
    struct event event = {
        .room = room, .number_count = 1, .numbers = {(double)bytes}};
    tell(ud, WSP_LUA_HOOK_MESSAGE_RECEIVED, &event);
}

static void message_broadcast(void *ud, struct wsp_span room, size_t bytes,
                              uint32_t fan_out)
{
    struct event event = {
        .room = room, .number_count = 2, .numbers = {(double)bytes, fan_out}};
    tell(ud, WSP_LUA_HOOK_MESSAGE_BROADCAST, &event);
}

static void message_sent(void *ud, struct wsp_span room, struct wsp_span id,
                         size_t bytes)
{
    struct event event = of_peer(room, id);
    event.number_count = 1;
    event.numbers[0] = (double)bytes;
    tell(ud, WSP_LUA_HOOK_MESSAGE_SENT, &event);
}

static void send_buffer_utilization(void *ud, struct wsp_span room,
                                    struct wsp_span id, uint32_t used,
                                    uint32_t capacity)
{
    struct event event = of_peer(room, id);
    event.number_count = 2;
    event.numbers[0] = used;
    event.numbers[1] = capacity;
    tell(ud, WSP_LUA_HOOK_SEND_BUFFER_UTILIZATION, &event);
}

static void frame_dropped(void *ud, struct wsp_span room, struct wsp_span id)
{
    struct event event = of_peer(room, id);
    tell(ud, WSP_LUA_HOOK_FRAME_DROPPED, &event);
}

static void pong_timeout(void *ud, struct wsp_span room, struct wsp_span id)
{
    struct event event = of_peer(room, id);
    tell(ud, WSP_LUA_HOOK_PONG_TIMEOUT, &event);
}

struct wsp_metrics_hooks wsp_lua_metrics_hooks(
    struct wsp_lua_mount *mount, const struct wsp_lua_server *described)
{
    struct wsp_metrics_hooks hooks = {.ud = mount};
#define SET(NAME, name)                                                        \
    hooks.name = described->hooks & (1U << WSP_LUA_HOOK_##NAME) ? (name) : NULL;
    WSP_LUA_HOOK_MAP(SET)
#undef SET
    return hooks;
}
