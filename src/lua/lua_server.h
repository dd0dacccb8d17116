/* SPDX-License-Identifier: MIT */
/* What new_server returns: the description of a server, its options and its
 * callbacks, and, once it is mounted on a running server, the way to that one.
 *
 * The userdata's environment table keeps what the description points to; its
 * slots are enum wsp_lua_slot. While pinned, the callbacks are in the registry
 * as well, where a call finds them without the table.
 * Owner: the garbage collector, while pinned the state. Thread: the state's. */
#ifndef WSP_LUA_LUA_SERVER_H
#define WSP_LUA_LUA_SERVER_H

#include <lua.h>

#include "lua/lua_codec.h"
#include "lua/lua_lane.h"
#include "lua/lua_state.h"

/* X(name, option): what a script decides. */
#define WSP_LUA_CALLBACK_MAP(X)                                                \
    X(CONNECT, "connect")                                                      \
    X(ON_CONNECT, "on_connect")                                                \
    X(ON_MESSAGE, "on_message")                                                \
    X(ON_DISCONNECT, "on_disconnect")                                          \
    X(ON_TRANSPORT_DROP, "on_transport_drop")                                  \
    X(ON_TRANSPORT_RESTORE, "on_transport_restore")                            \
    X(ON_DRAIN, "on_drain")                                                    \
    X(ON_RELOAD, "on_reload")                                                  \
    X(CHECK_ORIGIN, "check_origin")                                            \
    X(LOGGER, "logger")

enum wsp_lua_callback {
#define WSP_LUA_CALLBACK_VALUE(name, option) WSP_LUA_##name,
    WSP_LUA_CALLBACK_MAP(WSP_LUA_CALLBACK_VALUE)
#undef WSP_LUA_CALLBACK_VALUE
};

#define WSP_LUA_CALLBACK_COUNT (WSP_LUA_LOGGER + 1)

/* Slots of the environment tables of a description and, the first one, of its
 * connections' handles. */
enum wsp_lua_slot {
    WSP_LUA_SLOT_SERVER = 1, /* the description itself */
    WSP_LUA_SLOT_KEPT,       /* array: strings and memory the options use */
    WSP_LUA_SLOT_ROUTES,     /* array: the functions of `http`, by route */
    WSP_LUA_SLOT_HOOKS,      /* array: those of `metrics`, by enum
                                wsp_lua_hook + 1 */
    WSP_LUA_SLOT_ENCODE,     /* function of `codec` */
    WSP_LUA_SLOT_DECODE,     /* function of `codec` */
    WSP_LUA_SLOT_CALLBACK,   /* and the next ones: by enum wsp_lua_callback */
    WSP_LUA_SLOT_COUNT = WSP_LUA_SLOT_CALLBACK + WSP_LUA_CALLBACK_COUNT
};

struct wsp_lua_server {
    struct wsp_lua_object object;
    struct wsp_lua_state *state;
    struct wsp_options options; /* what it points to is kept by SLOT_KEPT */
    struct wsp_lua_codec codec; /* the one written in Lua, if there is one */
    double timeout;             /* handler_timeout, in seconds; 0: none */
    double memory;              /* lua_memory_limit, in bytes; 0: none */
    unsigned hooks;             /* which metrics hooks there are; bits by enum
                                   wsp_lua_hook */
    bool has[WSP_LUA_CALLBACK_COUNT]; /* which callbacks there are */
    struct wsp_lua_mount *mount;      /* NULL before and after it is mounted */

    bool is_pinned; /* the references below are in the registry */
    int ref_self;
    int ref_handles; /* table: connection slot + 1 -> handle */
    int ref_routes;
    int ref_hooks;
    int ref_callbacks[WSP_LUA_CALLBACK_COUNT];
    struct wsp_lua_lane lane; /* of its messages */
};

/* Makes the metatable and gives the table on top of the stack the member
 * `new_server`; call once, after the nouns that a server uses. */
void wsp_lua_server_open(lua_State *L);

/* Gives the description at `index`, or NULL for anything else. */
struct wsp_lua_server *wsp_lua_server_to(lua_State *L, int index,
                                         const struct wsp_lua_state *state);

/* Keeps the description at `index` and its callbacks until it is unpinned.
 * Raises without memory; then it is not pinned. */
void wsp_lua_server_pin(lua_State *L, int index, struct wsp_lua_server *server);
void wsp_lua_server_unpin(lua_State *L, struct wsp_lua_server *server);

/* The running server, also one that is closed; NULL before and after. */
struct wsp_server *wsp_lua_server_live(const struct wsp_lua_server *server);

/* Gives the description that a method was called on, at index 1; raises for
 * anything else. */
struct wsp_lua_server *wsp_lua_server_check(lua_State *L);

#endif
