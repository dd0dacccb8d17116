/* SPDX-License-Identifier: MIT */
#include "lua/lua_app.h"

#include <lauxlib.h>
#include <lualib.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/lua_call.h"
#include "lua/lua_ffi.h"
#include "lua/lua_library.h"
#include "lua/lua_loader.h"
#include "lua/lua_server.h"
#include "lua/lua_slab.h"
#include "lua/lua_stack.h"
#include "lua/lua_state.h"

struct wsp_lua_app {
    lua_State *L;                /* NULL for a Lua program */
    struct wsp_lua_state *state; /* in it */
    char *path;
    struct wsp_lua_server **servers; /* in the state, pinned */
    size_t server_count;
    struct wsp_lua_files files;
    struct wsp_lua_memory memory; /* of the state */
    char late_text[80];           /* said of code that took too long */
    struct wsp_lua_slab slab;     /* what it is made of */
};

/* The arguments of `load`, and where the script is. */
struct loading {
    struct wsp_lua_app *app;
    const struct wsp_lua_app_config *config;
    unsigned generation;
    struct wsp_error *late; /* that it took too long */
    char file[LUA_IDSIZE];  /* of the line that ran last */
    int line;
};

/* Its address is the registry's key of `struct loading` while a script runs. */
static const char loading_key;

/* ---- what goes wrong while a script runs ---- */

/* Tells whether a text begins with "file:12:", the position that Lua puts in
 * front. */
static bool has_position(const char *text)
{
    const char *colon = strchr(text, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    return digits > 0 && colon[1 + digits] == ':';
}

static struct loading *find_loading(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&loading_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct loading *loading = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return loading;
}

static void set_loading(lua_State *L, struct loading *loading)
{
    lua_pushlightuserdata(L, (void *)&loading_key);
    if (loading) {
        lua_pushlightuserdata(L, loading);
    } else {
        lua_pushnil(L);
    }
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* A line hook. `return wspulse.new_server {…}` is a tail call, after which the
 * stack does not know the script any more; this does. */
static void note_line(lua_State *L, lua_Debug *at)
{
    struct loading *loading = find_loading(L);
    if (!loading || !lua_getinfo(L, "S", at)) {
        return;
    }
    if (loading->line == 0) { /* the first line that runs is the script's */
        memcpy(loading->file, at->short_src, sizeof loading->file);
    }
    if (strcmp(loading->file, at->short_src) == 0) {
        loading->line = at->currentline;
    }
}

/* Pushes "app.lua:12: " of the innermost Lua function, or "". */
static void push_position(lua_State *L)
{
    const struct loading *loading = find_loading(L);
    lua_Debug at;
    for (int level = 1; lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sl", &at);
        if (at.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", at.short_src, at.currentline);
            return;
        }
    }
    if (loading && loading->line > 0) {
        lua_pushfstring(L, "%s:%d: ", loading->file, loading->line);
    } else {
        lua_pushliteral(L, "");
    }
}

/* The message handler of the script: makes "app.lua:12: reason" of whatever was
 * raised. */
static int on_raise(lua_State *L)
{
    lua_settop(L, 1);
    wsp_lua_call_describe(L, 1);
    if (!has_position(lua_tostring(L, 2))) {
        push_position(L);
        lua_insert(L, 2);
        lua_concat(L, 2);
    }
    return 1;
}

/* Copies a message of several lines into one. */
static enum wsp_err set_reason(struct wsp_diag *diag, const char *message)
{
    char line[sizeof diag->message];
    size_t len = 0;
    for (; *message && len + 1 < sizeof line; message++) {
        bool is_control = (unsigned char)*message < 0x20;
        if (!is_control) {
            line[len++] = *message;
        } else if (len > 0 && line[len - 1] != ' ') {
            line[len++] = ' ';
        }
    }
    line[len] = '\0';
    return wsp_diag_set(diag, WSP_ERR_SCRIPT, "%s", line);
}

/* ---- what a script returns ---- */

static bool is_taken(const struct wsp_lua_app *app, const char *name)
{
    return wsp_lua_app_find(app, name) != NULL;
}

/* Takes the server on top of the stack and pops it. */
static void take_server(lua_State *L, struct wsp_lua_app *app)
{
    struct wsp_lua_server *server = wsp_lua_server_to(L, -1, app->state);
    if (!server) {
        luaL_error(L,
                   "%s: the script must return a server of wspulse.new_server "
                   "or an array of them (got %s)",
                   app->path, luaL_typename(L, -1));
        return;
    }
    if (is_taken(app, server->options.name)) {
        luaL_error(L,
                   "%s: two servers have the name \"%s\"; give each its own "
                   "(option name)",
                   app->path, server->options.name);
    }
    wsp_lua_server_pin(L, lua_gettop(L), server);
    app->servers[app->server_count++] = server;
    lua_pop(L, 1);
}

static void take_servers(lua_State *L, struct wsp_lua_app *app)
{
    size_t count = lua_istable(L, -1) ? lua_objlen(L, -1) : 1;
    app->servers = calloc(count + 1, sizeof(struct wsp_lua_server *));
    if (!app->servers) {
        luaL_error(L, "wspulse: out of memory");
        return;
    }
    if (!lua_istable(L, -1)) {
        take_server(L, app);
        return;
    }
    if (count == 0) {
        luaL_error(L, "%s: the script returned an empty array of servers",
                   app->path);
    }
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        take_server(L, app);
    }
    lua_pop(L, 1);
}

/* ---- loading ---- */

/* Watches the script while it loads. */
static void begin_load(lua_State *L, const struct loading *loading)
{
    struct wsp_lua_app *app = loading->app;
    const struct wsp_lua_app_config *config = loading->config;
    snprintf(app->late_text, sizeof app->late_text,
             "took longer than %g s to load",
             (double)config->load_limit_ns / 1e9);
    app->state->deadline = (struct wsp_lua_deadline){
        .limit_ns = config->load_limit_ns,
        .what = app->late_text,
        .cancel = config->cancel,
        .on_line = note_line,
        .ref_what = LUA_NOREF,
    };
    wsp_lua_deadline_open(L, app->state);
}

/* Leaves what the script returned, or the message of its failure, on the stack.
 */
static bool run_chunk(lua_State *L, struct loading *loading, int handler)
{
    struct wsp_lua_state *state = loading->app->state;
    set_loading(L, loading);
    begin_load(L, loading);
    wsp_lua_deadline_start(state);
    int status = lua_pcall(L, 0, 1, handler);
    loading->late = wsp_lua_deadline_stop(L, state);
    set_loading(L, NULL);
    return status == 0 && !loading->late;
}

static void run_script(lua_State *L, struct loading *loading)
{
    struct wsp_lua_app *app = loading->app;
    lua_pushcfunction(L, on_raise);
    int handler = lua_gettop(L);
    if (!wsp_lua_loader_file(L, &app->files, app->path) ||
        !run_chunk(L, loading, handler)) {
        lua_error(L);
    }
    lua_remove(L, handler);
}

static void open_companion(lua_State *L, const struct loading *loading)
{
    struct wsp_lua_app *app = loading->app;
    app->state = wsp_lua_state_get(L);
    app->state->app = app;
    app->state->generation = loading->generation;
    app->state->logger = loading->config->logger;
    app->state->is_unsafe = loading->config->is_unsafe;
    app->state->memory = &app->memory;
    if (loading->config->memory_limit > 0) {
        wsp_lua_memory_open(L, &app->memory);
        app->memory.limit = loading->config->memory_limit;
    }
    wsp_lua_stack_measure(app->state);
}

/* ---- what the servers' options allow it later ---- */

/* Servers of a script share its state: the strictest of them counts. */
static double smallest(const struct wsp_lua_app *app, size_t offset)
{
    double result = 0;
    const struct wsp_lua_server *server;
    for (size_t i = 0; (server = wsp_lua_app_server(app, i)) != NULL; i++) {
        double value = *(const double *)((const char *)server + offset);
        result = value > 0 && (result <= 0 || value < result) ? value : result;
    }
    return result;
}

static void bound_memory(lua_State *L, struct wsp_lua_app *app, double limit)
{
    app->memory.limit = 0;
    if (limit <= 0) {
        return;
    }
    wsp_lua_memory_open(L, &app->memory);
    if (app->memory.used > (size_t)limit) {
        luaL_error(L,
                   "%s: lua_memory_limit: the script takes %f bytes already "
                   "(lua_memory_limit = %f)",
                   app->path, (lua_Number)app->memory.used, limit);
    }
    app->memory.limit = (size_t)limit;
}

static void bound_time(lua_State *L, struct wsp_lua_app *app, double limit)
{
    snprintf(app->late_text, sizeof app->late_text,
             "ran longer than %g s (handler_timeout)", limit);
    app->state->deadline = (struct wsp_lua_deadline){
        .limit_ns = (uint64_t)(limit * 1e9),
        .what = app->late_text,
        .ref_what = app->state->deadline.ref_what,
    };
    wsp_lua_deadline_open(L, app->state);
}

static void set_bounds(lua_State *L, struct wsp_lua_app *app)
{
    double memory = smallest(app, offsetof(struct wsp_lua_server, memory));
    double time = smallest(app, offsetof(struct wsp_lua_server, timeout));
    bound_memory(L, app, memory);
    bound_time(L, app, time);
    app->state->is_bounded = memory > 0 || time > 0;
    if (!app->state->is_bounded) {
        wsp_lua_memory_close(L, &app->memory);
        wsp_lua_jit_allow(L);
    }
}

static int load(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    struct wsp_lua_app *app = loading->app;
    lua_settop(L, 0);
    luaL_openlibs(L);
    open_companion(L, loading);
    wsp_lua_library_open(L);
    wsp_lua_jit_open(L);
    wsp_lua_loader_open(L, loading->config, &app->files, app->path);
    run_script(L, loading);
    take_servers(L, app);
    lua_gc(L, LUA_GCCOLLECT, 0);
    set_bounds(L, app);
    return 0;
}

/* ---- the state ---- */

/* LuaJIT would open ffi when it parses a literal such as 1LL, make it known to
 * `require`, and crash later if there was no memory for all of it. */
static int open_ffi(lua_State *L)
{
    lua_pushcfunction(L, luaopen_ffi);
    lua_call(L, 0, 1);
    wsp_lua_ffi_open(L, wsp_lua_state_get(L));
    return 0;
}

#ifdef WSP_LUA_MALLOC_STATE
/* Another allocator hides the state's memory from a sanitizer. */
static void *allocate(void *ud, void *block, size_t old_size, size_t new_size)
{
    (void)ud;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static lua_State *new_state(struct wsp_lua_app *app)
{
    (void)app;
    return lua_newstate(allocate, NULL);
}
#else
static lua_State *new_state(struct wsp_lua_app *app)
{
    return lua_newstate(wsp_lua_slab_allocate, &app->slab);
}
#endif

/* More than a new state and ffi take. */
#define STATE_BYTES (512 * 1024)

/* LuaJIT crashes when it has to free half of a new state, or of ffi, so there
 * must be enough for all of both. */
static bool open_state(struct wsp_lua_app *app)
{
    void *volatile room = malloc(STATE_BYTES); /* else it is optimised away */
    if (!room) {
        return false;
    }
    free(room);
    app->L = new_state(app);
    return app->L && lua_cpcall(app->L, open_ffi, NULL) == 0;
}

/* ---- a generation ---- */

static void take_reason(struct loading *loading, struct wsp_diag *diag)
{
    lua_State *L = loading->app->L;
    const char *message = lua_tostring(L, -1);
    if (loading->late) {
        message = wsp_error_message(loading->late);
    }
    set_reason(diag, message ? message : "the script failed");
    wsp_error_unref(loading->late);
}

struct wsp_lua_app *wsp_lua_app_new(const struct wsp_lua_app_config *config,
                                    const char *path, unsigned generation,
                                    struct wsp_lua_files *files,
                                    struct wsp_diag *diag)
{
    struct wsp_lua_app *app = wsp_lua_app_new_program();
    if (app) {
        app->path = strdup(path);
    }
    if (!app || !app->path || !open_state(app)) {
        wsp_lua_app_free(app);
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "wspulse: out of memory");
        return NULL;
    }
    struct loading loading = {
        .app = app,
        .config = config,
        .generation = generation,
        .late = NULL,
    };
    if (lua_cpcall(app->L, load, &loading) == 0) {
        return app;
    }
    take_reason(&loading, diag);
    wsp_lua_files_take(files, &app->files);
    wsp_lua_app_free(app);
    return NULL;
}

/* ---- life ---- */

struct wsp_lua_app *wsp_lua_app_new_program(void)
{
    return calloc(1, sizeof(struct wsp_lua_app));
}

void wsp_lua_app_retire(struct wsp_lua_app *app)
{
    if (app->state) {
        wsp_lua_state_end(app->state);
    }
}

/* Pages of old and new states lie between each other: glibc gives the end of the
 * heap back by itself, what is free within it only when it is asked to. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void close_state(struct wsp_lua_app *app)
{
    wsp_lua_memory_close(app->L, &app->memory);
    lua_close(app->L);
    wsp_lua_slab_fini(&app->slab);
    give_memory_back();
}

void wsp_lua_app_free(struct wsp_lua_app *app)
{
    if (!app) {
        return;
    }
    if (app->L) {
        close_state(app);
    }
    wsp_lua_files_fini(&app->files);
    free(app->servers);
    free(app->path);
    free(app);
}

/* ---- what it has ---- */

const char *wsp_lua_app_path(const struct wsp_lua_app *app)
{
    return app->path;
}

struct wsp_lua_server *wsp_lua_app_server(const struct wsp_lua_app *app,
                                          size_t index)
{
    return index < app->server_count ? app->servers[index] : NULL;
}

size_t wsp_lua_app_server_count(const struct wsp_lua_app *app)
{
    return app->server_count;
}

struct wsp_lua_server *wsp_lua_app_find(const struct wsp_lua_app *app,
                                        const char *name)
{
    struct wsp_lua_server *server;
    for (size_t i = 0; (server = wsp_lua_app_server(app, i)) != NULL; i++) {
        if (strcmp(server->options.name, name) == 0) {
            return server;
        }
    }
    return NULL;
}

const struct wsp_lua_files *wsp_lua_app_files(const struct wsp_lua_app *app)
{
    return &app->files;
}

size_t wsp_lua_app_memory_limit(const struct wsp_lua_app *app)
{
    return app->memory.limit;
}

struct wsp_lua_state *wsp_lua_app_state(const struct wsp_lua_app *app)
{
    return app->state;
}
