/* SPDX-License-Identifier: MIT */
#include "lua/lua_handlers.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/lua_admission.h"
#include "lua/lua_call.h"
#include "lua/lua_connection.h"
#include "lua/lua_error.h"
#include "lua/lua_frame.h"
#include "lua/lua_metrics.h"
#include "lua/lua_mount.h"
#include "lua/lua_request.h"
#include "lua/lua_response.h"
#include "lua/lua_server.h"

/* Stack indices of a body that calls back with a connection. */
#define INDEX_CONNECTION 2

struct handler_call;

/* Pushes the arguments behind the connection; returns how many. */
typedef int (*push_fn)(lua_State *L, const struct handler_call *call);

/* One callback with what it is about; each uses the members it needs. */
struct handler_call {
    struct wsp_lua_call base;
    struct wsp_lua_mount *mount;
    struct wsp_lua_server *described;
    enum wsp_lua_callback callback;
    const char *name; /* in the log; NULL: the callback's */
    struct wsp_connection *connection;
    push_fn push_more;
    struct wsp_error *error;             /* in: of the transport */
    enum wsp_reason reason;              /* in */
    const struct wsp_restore_info *info; /* in */
    size_t number;                       /* in: route or generation */
    struct wsp_admission *admission;     /* out */
    const char *fault;                   /* out: of the admission */
    bool is_true;                        /* out: check_origin's verdict, whether
                                           an on_close function was called */
};

static const char *const callback_names[] = {
#define NAME(name, option) option,
    WSP_LUA_CALLBACK_MAP(NAME)
#undef NAME
};

/* ---- running one callback ---- */

static void push_callback(lua_State *L, const struct handler_call *call)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX,
                call->described->ref_callbacks[call->callback]);
}

/* A body: callback(connection, …). */
static void call_back(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    push_callback(L, call);
    wsp_lua_connection_push(L, call->described,
                            wsp_connection_handle(call->connection));
    int more = call->push_more ? call->push_more(L, call) : 0;
    lua_call(L, 1 + more, 0);
}

/* Runs the call in the state of the description that is mounted. Returns NULL
 * also when there is none any more. */
static struct wsp_error *run(struct wsp_lua_mount *mount,
                             struct handler_call *call)
{
    struct wsp_lua_server *described =
        call->described ? call->described : mount->described;
    if (!described || !described->is_pinned) {
        return NULL;
    }
    call->mount = mount;
    call->described = described;
    call->base.codec = mount->codec;
    return wsp_lua_call_run(described->state, &call->base);
}

/* Logs a failed callback with its traceback; the peer learns nothing of it. */
static void report(const struct handler_call *call,
                   const struct wsp_error *error)
{
    const struct wsp_frame *frame = call->base.frame;
    const char *name = call->name ? call->name : callback_names[call->callback];
    const char *stack = wsp_error_stack(error);
    struct wsp_log_field fields[6] = {
        WSP_LOG_STR("handler", name),
        WSP_LOG_STR("error", wsp_error_message(error)),
        WSP_LOG_STR("stack", stack ? stack : ""),
        WSP_LOG_NUM("generation", call->described->state->generation),
    };
    size_t count = 4;
    if (call->connection) {
        fields[count++] =
            WSP_LOG_SPAN("conn_id", wsp_connection_id(call->connection));
    }
    if (frame) {
        fields[count++] = WSP_LOG_SPAN("event", frame->event);
    }
    wsp_log(&call->mount->logger, WSP_LOG_ERROR, "wspulse: handler raised",
            fields, count);
}

/* Runs the call; what is raised ends here. Returns false when it was. */
static bool run_logged(struct wsp_lua_mount *mount, struct handler_call *call)
{
    struct wsp_error *error = run(mount, call);
    if (!error) {
        return true;
    }
    report(call, error);
    wsp_server_count_failure(mount->server);
    wsp_error_unref(error);
    return false;
}

/* ---- connect and check_origin ---- */

static void call_connect(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    push_callback(L, call);
    wsp_lua_request_push(L, call->described->state);
    lua_call(L, 1, 3);
    call->fault = wsp_lua_admission_read(L, call->mount, call->admission);
}

/* A script returned what is no answer: its author must learn of it, the peer
 * must not. */
static void report_fault(const struct handler_call *call)
{
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("handler", "connect"),
        WSP_LOG_STR("error", call->fault),
        WSP_LOG_NUM("generation", call->described->state->generation),
        WSP_LOG_STR("remote_addr", wsp_request_remote_addr(call->base.request)),
    };
    wsp_log(&call->mount->logger, WSP_LOG_ERROR,
            "wspulse: connect returned a wrong value", fields,
            sizeof fields / sizeof fields[0]);
}

static void on_admit(void *ud, const struct wsp_request *request,
                     struct wsp_admission *admission)
{
    struct handler_call call = {
        .base = {.body = call_connect, .request = request},
        .callback = WSP_LUA_CONNECT,
        .admission = admission,
    };
    if (!run_logged(ud, &call)) {
        wsp_lua_admission_fail(admission, "connect raised");
    } else if (call.fault) {
        report_fault(&call);
    }
}

static void call_check_origin(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    push_callback(L, call);
    wsp_lua_request_push(L, call->described->state);
    lua_call(L, 1, 1);
    call->is_true = lua_toboolean(L, -1);
}

static bool check_origin(void *ud, const struct wsp_request *request)
{
    struct handler_call call = {
        .base = {.body = call_check_origin, .request = request},
        .callback = WSP_LUA_CHECK_ORIGIN,
    };
    return run_logged(ud, &call) && call.is_true;
}

/* ---- a connection's life ---- */

static void on_connect(void *ud, struct wsp_connection *connection)
{
    struct handler_call call = {
        .base = {.body = call_back},
        .callback = WSP_LUA_ON_CONNECT,
        .connection = connection,
    };
    run_logged(ud, &call);
}

static int push_frame(lua_State *L, const struct handler_call *call)
{
    wsp_lua_frame_push(L, call->described->state);
    return 1;
}

/* Keeps what the handler raised, at index 1, for on_disconnect. */
static void keep_panic(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    wsp_lua_connection_push(L, call->described,
                            wsp_connection_handle(call->connection));
    wsp_lua_connection_keep_panic(L, 2, 1);
}

/* Fills what the call of on_message needs, and no more. */
static void begin_message(struct handler_call *call,
                          struct wsp_lua_mount *mount,
                          struct wsp_connection *connection,
                          const struct wsp_frame *frame)
{
    call->base = (struct wsp_lua_call){
        .body = call_back,
        .keep = keep_panic,
        .prefix = "wspulse: onMessage panic: ",
        .frame = frame,
    };
    call->mount = mount;
    call->described = mount->described;
    call->callback = WSP_LUA_ON_MESSAGE;
    call->name = NULL;
    call->connection = connection;
    call->push_more = push_frame;
}

static struct wsp_error *on_message(void *ud, struct wsp_connection *connection,
                                    const struct wsp_frame *frame)
{
    struct wsp_lua_mount *mount = ud;
    struct handler_call call;
    struct wsp_error *error;
    begin_message(&call, mount, connection, frame);
    if (!call.described || !call.described->is_pinned) {
        return NULL;
    }
    if (!wsp_lua_lane_call(call.described, connection, &call.base, &error)) {
        error = run(mount, &call);
    }
    if (error) {
        report(&call, error);
    }
    return error;
}

/* ---- messages of a codec written in Lua ---- */

#define EVENT_LOGGED 128 /* so much of an event is in a log line */

struct script_call {
    struct handler_call handler;
    struct wsp_frame frame;    /* what decode made of the message */
    struct wsp_error *failure; /* out: why it made nothing of it */
    char event[EVENT_LOGGED];  /* a copy: the string may be gone by then */
    struct wsp_frame reported; /* for the log, with the event in it */
};

/* Takes the message apart; pushes id, event and payload. */
static bool decode(lua_State *L, struct script_call *call)
{
    const struct wsp_frame *message = call->handler.base.frame;
    struct wsp_lua_decoded decoded;
    if (!wsp_lua_codec_decode(L, &call->handler.described->codec, message->raw,
                              &decoded)) {
        call->failure =
            wsp_error_new(WSP_ERR_DECODE, lua_tostring(L, -1), NULL);
        return false;
    }
    call->frame = (struct wsp_frame){
        .id = decoded.id,
        .event = decoded.event,
        .has_payload = decoded.has_payload,
        .binary = message->binary,
        .raw = message->raw,
    };
    size_t len =
        decoded.event.len < EVENT_LOGGED ? decoded.event.len : EVENT_LOGGED;
    memcpy(call->event, decoded.event.data, len);
    call->reported.event = (struct wsp_span){call->event, len};
    return true;
}

/* A body: on_message(connection, what decode gave). */
static void call_decoded(lua_State *L, struct wsp_lua_call *base)
{
    struct script_call *call = (struct script_call *)base;
    struct wsp_lua_server *described = call->handler.described;
    struct wsp_connection *connection = call->handler.connection;
    /* The codec may have closed the connection, and then it is over. */
    if (!decode(L, call) || wsp_connection_is_closed(connection)) {
        return;
    }
    wsp_lua_frame_push_decoded(
        L, described->state,
        &(struct wsp_lua_received){&call->frame, described->codec.identity});
    push_callback(L, &call->handler);
    wsp_lua_connection_push(L, described, wsp_connection_handle(connection));
    lua_pushvalue(L, -3);
    lua_call(L, 2, 0);
}

static struct wsp_error *on_script_message(void *ud,
                                           struct wsp_connection *connection,
                                           const struct wsp_frame *message)
{
    struct script_call call = {.failure = NULL};
    begin_message(&call.handler, ud, connection, message);
    call.handler.base.body = call_decoded;
    struct wsp_error *error = run(ud, &call.handler);
    if (!error) {
        return call.failure;
    }
    wsp_error_unref(call.failure); /* a codec that failed, and too late */
    call.handler.base.frame = &call.reported;
    report(&call.handler, error);
    return error;
}

static bool is_scripted(const struct wsp_lua_mount *mount)
{
    return wsp_lua_format_of(mount->codec) == WSP_LUA_FORMAT_SCRIPT;
}

/* ---- losing and getting back a transport ---- */

static int push_error(lua_State *L, const struct handler_call *call)
{
    wsp_lua_connection_push_error(L, INDEX_CONNECTION, call->error);
    return 1;
}

static void on_transport_drop(void *ud, struct wsp_connection *connection,
                              struct wsp_error *error)
{
    struct handler_call call = {
        .base = {.body = call_back},
        .callback = WSP_LUA_ON_TRANSPORT_DROP,
        .connection = connection,
        .push_more = push_error,
        .error = error,
    };
    run_logged(ud, &call);
}

static int push_info(lua_State *L, const struct handler_call *call)
{
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, (lua_Number)call->info->replayed);
    lua_setfield(L, -2, "replayed");
    lua_pushnumber(L, (lua_Number)call->info->lost);
    lua_setfield(L, -2, "lost");
    return 1;
}

static void on_transport_restore(void *ud, struct wsp_connection *connection,
                                 const struct wsp_restore_info *info)
{
    struct handler_call call = {
        .base = {.body = call_back},
        .callback = WSP_LUA_ON_TRANSPORT_RESTORE,
        .connection = connection,
        .push_more = push_info,
        .info = info,
    };
    run_logged(ud, &call);
}

static void on_drain(void *ud, struct wsp_connection *connection)
{
    struct handler_call call = {
        .base = {.body = call_back},
        .callback = WSP_LUA_ON_DRAIN,
        .connection = connection,
    };
    run_logged(ud, &call);
}

/* ---- its end ---- */

static int push_end(lua_State *L, const struct handler_call *call)
{
    wsp_lua_connection_push_error(L, INDEX_CONNECTION, call->error);
    lua_pushstring(L, wsp_reason_text(call->reason));
    return 2;
}

/* A body: lets the handle, if a script holds one, answer from a snapshot. */
static void take_end(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    lua_pushnil(L); /* so that the handle has the index of the other bodies */
    if (wsp_lua_connection_push_known(
            L, call->described, wsp_connection_handle(call->connection))) {
        push_end(L, call);
        wsp_lua_connection_end(L, INDEX_CONNECTION, call->connection);
    }
}

/* A body: calls the next function of conn:on_close. */
static void call_closer(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    lua_pushnil(L);
    call->is_true = false;
    if (!wsp_lua_connection_push_known(
            L, call->described, wsp_connection_handle(call->connection)) ||
        !wsp_lua_connection_next_closer(L, INDEX_CONNECTION)) {
        return;
    }
    call->is_true = true;
    int count = push_end(L, call);
    lua_call(L, count, 0);
}

static void on_disconnect(void *ud, struct wsp_connection *connection,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct wsp_lua_mount *mount = ud;
    struct handler_call call = {
        .base = {.body = call_back},
        .callback = WSP_LUA_ON_DISCONNECT,
        .connection = connection,
        .push_more = push_end,
        .error = error,
        .reason = reason,
    };
    if (mount->described && mount->described->has[WSP_LUA_ON_DISCONNECT]) {
        run_logged(mount, &call);
    }
    call.base.body = take_end;
    run_logged(mount, &call);
    call.base.body = call_closer;
    call.name = "on_close";
    do {
        call.is_true = false;
        run_logged(mount, &call);
    } while (call.is_true);
}

static void forget(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    wsp_lua_connection_forget(L, call->described, call->connection);
}

static void on_forget(void *ud, struct wsp_connection *connection)
{
    struct wsp_lua_mount *mount = ud;
    struct handler_call call = {
        .base = {.body = forget},
        .callback = WSP_LUA_ON_DISCONNECT,
        .connection = connection,
    };
    run_logged(mount, &call);
    if (mount->home && mount->home != mount->described) {
        call.described = mount->home;
        run_logged(mount, &call);
    }
}

/* ---- http and reload ---- */

static void call_route(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->described->ref_routes);
    lua_rawgeti(L, -1, (int)call->number + 1);
    wsp_lua_request_push(L, call->described->state);
    wsp_lua_response_push(L, call->described->state);
    lua_call(L, 2, 0);
}

static void on_http(void *ud, size_t route, const struct wsp_request *request,
                    struct wsp_response *response)
{
    struct wsp_lua_mount *mount = ud;
    struct handler_call call = {
        .base = {.body = call_route, .request = request, .response = response},
        .name = "http",
        .number = route,
    };
    if (!run_logged(mount, &call)) {
        wsp_response_status(response, 500);
        wsp_response_body(response, wsp_span_of("Internal Server Error\n"));
    }
}

static void call_on_reload(lua_State *L, struct wsp_lua_call *base)
{
    struct handler_call *call = (struct handler_call *)base;
    push_callback(L, call);
    lua_pushinteger(L, (lua_Integer)call->number);
    lua_call(L, 1, 0);
}

void wsp_lua_handlers_reloaded(struct wsp_lua_mount *mount, unsigned previous)
{
    struct handler_call call = {
        .base = {.body = call_on_reload},
        .callback = WSP_LUA_ON_RELOAD,
        .number = previous,
    };
    if (mount->described && mount->described->has[WSP_LUA_ON_RELOAD]) {
        run_logged(mount, &call);
    }
}

/* ---- the table ---- */

struct wsp_handlers wsp_lua_handlers_of(struct wsp_lua_mount *mount,
                                        const struct wsp_lua_server *described)
{
    const bool *has = described->has;
    bool has_routes = described->options.route_count > 0;
    struct wsp_error *(*take_message)(void *, struct wsp_connection *,
                                      const struct wsp_frame *) =
        is_scripted(mount) ? on_script_message : on_message;
    return (struct wsp_handlers){
        .ud = mount,
        .connect = on_admit,
        .check_origin = has[WSP_LUA_CHECK_ORIGIN] ? check_origin : NULL,
        .on_connect = has[WSP_LUA_ON_CONNECT] ? on_connect : NULL,
        .on_message = has[WSP_LUA_ON_MESSAGE] ? take_message : NULL,
        /* Always: handles must learn of the end. */
        .on_disconnect = on_disconnect,
        .on_transport_drop =
            has[WSP_LUA_ON_TRANSPORT_DROP] ? on_transport_drop : NULL,
        .on_transport_restore =
            has[WSP_LUA_ON_TRANSPORT_RESTORE] ? on_transport_restore : NULL,
        .on_drain = has[WSP_LUA_ON_DRAIN] ? on_drain : NULL,
        .on_http = has_routes ? on_http : NULL,
        .on_forget = on_forget,
        .metrics = wsp_lua_metrics_hooks(mount, described),
    };
}
