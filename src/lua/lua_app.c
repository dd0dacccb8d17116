/* SPDX-License-Identifier: MIT */
#include "lua/lua_app.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/lua_call.h"
#include "lua/lua_loader.h"
#include "lua/lua_server.h"
#include "lua/lua_slab.h"
#include "lua/lua_state.h"

struct wsp_lua_app {
    lua_State *L;                /* NULL for a Lua program */
    struct wsp_lua_state *state; /* in it */
    char *path;
    struct wsp_lua_server **servers; /* in the state, pinned */
    size_t server_count;
    struct wsp_lua_files files;
    struct wsp_lua_slab slab; /* memory of the state */
};

/* The arguments of `load`, and where the script is. */
struct loading {
    struct wsp_lua_app *app;
    const struct wsp_lua_app_config *config;
    unsigned generation;
    char file[LUA_IDSIZE]; /* of the line that ran last */
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

/* Leaves what the script returned, or the message of its failure, on the stack.
 * A hook that the script itself has set stays. */
static bool run_chunk(lua_State *L, struct loading *loading, int handler)
{
    set_loading(L, loading);
    lua_sethook(L, note_line, LUA_MASKLINE, 0);
    int status = lua_pcall(L, 0, 1, handler);
    if (lua_gethook(L) == note_line) {
        lua_sethook(L, NULL, 0, 0);
    }
    set_loading(L, NULL);
    return status == 0;
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

static int load(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    struct wsp_lua_app *app = loading->app;
    lua_settop(L, 0);
    luaL_openlibs(L);
    wsp_lua_loader_open(L, loading->config, &app->files, app->path);
    app->state = wsp_lua_state_get(L);
    app->state->app = app;
    app->state->generation = loading->generation;
    app->state->logger = loading->config->logger;
    run_script(L, loading);
    take_servers(L, app);
    lua_gc(L, LUA_GCCOLLECT, 0);
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

static lua_State *open_state(struct wsp_lua_app *app)
{
    (void)app;
    return lua_newstate(allocate, NULL);
}
#else
static lua_State *open_state(struct wsp_lua_app *app)
{
    return lua_newstate(wsp_lua_slab_allocate, &app->slab);
}
#endif

struct wsp_lua_app *wsp_lua_app_new(const struct wsp_lua_app_config *config,
                                    const char *path, unsigned generation,
                                    struct wsp_lua_files *files,
                                    struct wsp_diag *diag)
{
    struct wsp_lua_app *app = wsp_lua_app_new_program();
    if (app) {
        app->path = strdup(path);
        app->L = open_state(app);
    }
    if (!app || !app->path || !app->L) {
        wsp_lua_app_free(app);
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "wspulse: out of memory");
        return NULL;
    }
    struct loading loading = {app, config, generation, "", 0};
    if (lua_cpcall(app->L, load, &loading) == 0) {
        return app;
    }
    const char *message = lua_tostring(app->L, -1);
    set_reason(diag, message ? message : "the script failed");
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

void wsp_lua_app_free(struct wsp_lua_app *app)
{
    if (!app) {
        return;
    }
    if (app->L) {
        lua_close(app->L);
    }
    wsp_lua_slab_fini(&app->slab);
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

struct wsp_lua_state *wsp_lua_app_state(const struct wsp_lua_app *app)
{
    return app->state;
}
