/* SPDX-License-Identifier: MIT */
#include "lua/lua_program.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* How long a turn of run() waits at most: an interrupt of the luajit command
 * (Ctrl-C) only sets a hook, which nobody calls while C waits. */
#define INTERRUPT_MS 200

/* ---- start ---- */

static struct wsp_lua_program *make_program(struct wsp_diag *diag)
{
    struct wsp_lua_program *program = calloc(1, sizeof *program);
    if (!program) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "wspulse: out of memory");
        return NULL;
    }
    TAILQ_INIT(&program->mounts);
    program->loop = wsp_loop_new(diag);
    if (!program->loop) {
        free(program);
        return NULL;
    }
    /* The servers' own loggers tell it afterwards; who runs a program with no
     * memory for a thread can do without. */
    const struct wsp_logger silent = {.level = WSP_LOG_OFF};
    wsp_loop_watch(program->loop, &silent);
    return program;
}

/* Makes and opens the server; the description is pinned. */
static enum wsp_err open_server(struct wsp_lua_server *server,
                                struct wsp_diag *diag)
{
    struct wsp_lua_program *program = server->state->program;
    const struct wsp_lua_mount_config config = {
        .loop = program->loop,
        .generations = program->has_generations ? &program->generations : NULL,
        .logger = {.level = WSP_LOG_OFF},
    };
    struct wsp_lua_mount *mount = wsp_lua_mount_new(&config, server, diag);
    if (!mount) {
        return diag->code;
    }
    enum wsp_err result = wsp_server_start(mount->server, diag);
    if (result != WSP_OK) {
        wsp_lua_mount_free(mount);
        return result;
    }
    mount->home = server;
    TAILQ_INSERT_TAIL(&program->mounts, mount, link);
    return WSP_OK;
}

enum wsp_err wsp_lua_program_start(lua_State *L, struct wsp_lua_server *server,
                                   struct wsp_diag *diag)
{
    struct wsp_lua_state *state = server->state;
    const struct wsp_server *live = wsp_lua_server_live(server);
    if (live) {
        return wsp_server_is_closed(live) ? WSP_ERR_SERVER_CLOSED : WSP_OK;
    }
    if (!state->program) {
        state->program = make_program(diag);
    }
    if (!state->program) {
        return diag->code;
    }
    wsp_lua_server_pin(L, 1, server);
    enum wsp_err result = open_server(server, diag);
    if (result != WSP_OK) {
        wsp_lua_server_unpin(L, server);
    }
    return result;
}

/* ---- turns ---- */

static void free_mount(struct wsp_lua_program *program,
                       struct wsp_lua_mount *mount)
{
    TAILQ_REMOVE(&program->mounts, mount, link);
    wsp_lua_mount_free(mount);
}

/* Lets go of closed servers: the description is the program's again, and the
 * server is freed once that one is gone. */
static void reap(lua_State *L, struct wsp_lua_program *program)
{
    struct wsp_lua_mount *next;
    for (struct wsp_lua_mount *mount = TAILQ_FIRST(&program->mounts); mount;
         mount = next) {
        next = TAILQ_NEXT(mount, link);
        if (!wsp_server_is_closed(mount->server)) {
            continue;
        }
        if (mount->home) {
            wsp_lua_server_unpin(L, mount->home);
        } else {
            free_mount(program, mount);
        }
    }
}

/* Gives a debug hook that was set from a signal the Lua code it waits for. */
static void run_hook(lua_State *L)
{
    if (lua_gethookmask(L) == 0) {
        return;
    }
    if (luaL_loadstring(L, "") != 0) {
        lua_error(L);
    }
    lua_call(L, 0, 0);
}

void wsp_lua_program_turn(lua_State *L, struct wsp_lua_state *state,
                          int64_t timeout_ms)
{
    wsp_loop_poll(state->program->loop, timeout_ms);
    reap(L, state->program);
    run_hook(L);
}

void wsp_lua_program_drive(lua_State *L, const struct wsp_lua_server *server)
{
    while (!wsp_server_is_closed(server->mount->server)) {
        wsp_lua_program_turn(L, server->state, INTERRUPT_MS);
    }
}

/* ---- reload ---- */

/* Gives a copy of what `require` searches in this program. */
static char *copy_package_field(lua_State *L, const char *name)
{
    lua_getglobal(L, "package");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, name);
    }
    const char *text = lua_tostring(L, -1);
    return strdup(text ? text : "");
}

static void drop_generations(struct wsp_lua_program *program)
{
    if (program->has_generations) {
        wsp_lua_generations_fini(&program->generations);
    }
    program->has_generations = false;
    free(program->package_path);
    free(program->package_cpath);
    program->package_path = NULL;
    program->package_cpath = NULL;
}

static bool begin_generations(struct wsp_lua_program *program)
{
    const struct wsp_lua_app_config config = {
        .logger = {.level = WSP_LOG_OFF},
        .package_path = program->package_path,
        .package_cpath = program->package_cpath,
    };
    if (!program->package_path || !program->package_cpath ||
        wsp_lua_generations_init(&program->generations, &program->mounts,
                                 &config) != WSP_OK) {
        return false;
    }
    program->has_generations = true;
    struct wsp_lua_app *self = wsp_lua_app_new_program();
    wsp_lua_generations_adopt(&program->generations, self);
    return self && wsp_lua_generations_begin(&program->generations,
                                             program->loop) == WSP_OK;
}

struct wsp_lua_generations *wsp_lua_program_generations(
    lua_State *L, struct wsp_lua_program *program)
{
    if (program->has_generations) {
        return &program->generations;
    }
    program->package_path = copy_package_field(L, "path");
    program->package_cpath = copy_package_field(L, "cpath");
    if (!begin_generations(program)) {
        drop_generations(program);
        return NULL;
    }
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, &program->mounts, link) {
        mount->config.generations = &program->generations;
    }
    return &program->generations;
}

/* ---- the end ---- */

void wsp_lua_program_close(struct wsp_lua_state *state)
{
    struct wsp_lua_program *program = state->program;
    /* os.exit(code, true) inside a callback: the process ends here, and what
     * the loop is in the middle of must stay. */
    if (!program || state->depth > 0) {
        return;
    }
    state->program = NULL;
    if (program->has_generations) {
        wsp_lua_generations_end(&program->generations);
    }
    struct wsp_lua_mount *mount;
    while ((mount = TAILQ_FIRST(&program->mounts)) != NULL) {
        free_mount(program, mount);
    }
    drop_generations(program);
    wsp_loop_free(program->loop);
    free(program);
}
