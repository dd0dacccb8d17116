/* SPDX-License-Identifier: MIT */
/* The option `metrics`: a table of functions that are told of what a server
 * counts. Only those that are there are known to the server, so what no
 * function is set for costs no call into Lua.
 *
 * One that raises is counted and logged, one line a minute, and the others go
 * on.
 * Thread: the loop's. */
#ifndef WSP_LUA_LUA_METRICS_H
#define WSP_LUA_LUA_METRICS_H

#include <lua.h>

#include <wspulse/metrics.h>

struct wsp_lua_mount;
struct wsp_lua_option;
struct wsp_lua_server;

/* X(NAME, name): the hooks of the seed's MetricsCollector. */
#define WSP_LUA_HOOK_MAP(X)                                                    \
    X(CONNECTION_OPENED, connection_opened)                                    \
    X(CONNECTION_CLOSED, connection_closed)                                    \
    X(RESUME_ATTEMPT, resume_attempt)                                          \
    X(ROOM_CREATED, room_created)                                              \
    X(ROOM_DESTROYED, room_destroyed)                                          \
    X(MESSAGE_RECEIVED, message_received)                                      \
    X(MESSAGE_BROADCAST, message_broadcast)                                    \
    X(MESSAGE_SENT, message_sent)                                              \
    X(SEND_BUFFER_UTILIZATION, send_buffer_utilization)                        \
    X(FRAME_DROPPED, frame_dropped)                                            \
    X(PONG_TIMEOUT, pong_timeout)

enum wsp_lua_hook {
#define WSP_LUA_HOOK_VALUE(NAME, name) WSP_LUA_HOOK_##NAME,
    WSP_LUA_HOOK_MAP(WSP_LUA_HOOK_VALUE)
#undef WSP_LUA_HOOK_VALUE
};

#define WSP_LUA_HOOK_COUNT (WSP_LUA_HOOK_PONG_TIMEOUT + 1)

/* The name of the option `metrics` for a hook. */
const char *wsp_lua_metrics_name(enum wsp_lua_hook hook);

/* Reads the option `metrics`, whose value is on top of the stack. */
void wsp_lua_metrics_read(lua_State *L, const struct wsp_lua_option *option);

/* Gives the hooks of a server at `mount` while `described` is the one that is
 * mounted there. */
struct wsp_metrics_hooks wsp_lua_metrics_hooks(
    struct wsp_lua_mount *mount, const struct wsp_lua_server *described);

#endif
