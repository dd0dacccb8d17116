/* SPDX-License-Identifier: MIT */
#include "lua/lua_generations.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/lua_handlers.h"
#include "lua/lua_server.h"
#include "lua/lua_stack.h"

/* How long a script may load in a reload: so many seconds, or so many times what
 * the first load took, if that is more. */
#define LOAD_SECONDS 10
#define LOAD_FACTOR 10

/* ---- what the helper thread does ---- */

static void *build(void *ud, const char *path, unsigned generation,
                   struct wsp_diag *diag)
{
    struct wsp_lua_generations *all = ud;
    struct wsp_lua_files files = {NULL, 0, 0};
    pthread_mutex_lock(&all->lock);
    struct wsp_lua_app_config config = all->app_config;
    pthread_mutex_unlock(&all->lock);
    struct wsp_lua_app *app =
        wsp_lua_app_new(&config, path, generation, &files, diag);
    pthread_mutex_lock(&all->lock);
    wsp_lua_files_take(&all->built, &files);
    pthread_mutex_unlock(&all->lock);
    return app;
}

static void dispose(void *ud, void *old)
{
    (void)ud;
    wsp_lua_app_free(old);
}

/* ---- what the loop does ---- */

static bool is_open(const struct wsp_lua_mount *mount)
{
    return !wsp_server_is_closed(mount->server);
}

static enum wsp_err refuse_pair(const struct wsp_lua_app *next,
                                const char *name, const char *why,
                                struct wsp_diag *diag)
{
    return wsp_diag_set(diag, WSP_ERR_RELOAD_REFUSED, "%s: server \"%s\" %s",
                        wsp_lua_app_path(next), name, why);
}

/* Finds the open server of that name. */
static struct wsp_lua_mount *find_mount(const struct wsp_lua_generations *all,
                                        const char *name)
{
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, all->mounts, link) {
        if (is_open(mount) &&
            strcmp(wsp_server_name(mount->server), name) == 0) {
            return mount;
        }
    }
    return NULL;
}

/* The functions of a codec go with their generation, and there would be nothing
 * in their place. */
static bool loses_codec(const struct wsp_lua_mount *mount,
                        const struct wsp_lua_server *next)
{
    return wsp_lua_format_of(mount->codec) == WSP_LUA_FORMAT_SCRIPT &&
           !next->codec.is_set;
}

/* Servers are told apart by name: each open one must be described again, and
 * no other one. */
static enum wsp_err check_pairs(const struct wsp_lua_generations *all,
                                const struct wsp_lua_app *next,
                                struct wsp_diag *diag)
{
    const struct wsp_lua_mount *mount;
    const struct wsp_lua_server *server;
    TAILQ_FOREACH(mount, all->mounts, link) {
        const char *name = wsp_server_name(mount->server);
        server = wsp_lua_app_find(next, name);
        if (is_open(mount) && !server) {
            return refuse_pair(next, name,
                               "is running and no longer described; a reload "
                               "cannot remove a server",
                               diag);
        }
        if (is_open(mount) && loses_codec(mount, server)) {
            return refuse_pair(next, name,
                               "has a codec written in Lua and is described "
                               "without one; a reload cannot change that",
                               diag);
        }
    }
    for (size_t i = 0; (server = wsp_lua_app_server(next, i)) != NULL; i++) {
        if (!find_mount(all, server->options.name)) {
            return refuse_pair(next, server->options.name,
                               "is not running; a reload cannot add a server",
                               diag);
        }
    }
    return WSP_OK;
}

/* Puts back what was mounted in front of `failed`. */
static void swap_back(struct wsp_lua_generations *all,
                      const struct wsp_lua_mount *failed)
{
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, all->mounts, link) {
        if (mount == failed) {
            return;
        }
        if (is_open(mount)) {
            struct wsp_lua_server *before =
                wsp_lua_app_find(all->app, wsp_server_name(mount->server));
            wsp_lua_mount_swap(mount, before ? before : mount->home,
                               wsp_reloader_generation(all->reloader), NULL);
        }
    }
}

static enum wsp_err swap_all(struct wsp_lua_generations *all,
                             const struct wsp_lua_app *next,
                             struct wsp_diag *diag)
{
    unsigned generation = wsp_lua_app_state(next)->generation;
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, all->mounts, link) {
        if (!is_open(mount)) {
            continue;
        }
        struct wsp_lua_server *server =
            wsp_lua_app_find(next, wsp_server_name(mount->server));
        enum wsp_err result =
            wsp_lua_mount_swap(mount, server, generation, diag);
        if (result != WSP_OK) {
            swap_back(all, mount);
            return result;
        }
    }
    return WSP_OK;
}

static void *install(void *ud, void *built, struct wsp_diag *diag)
{
    struct wsp_lua_generations *all = ud;
    struct wsp_lua_app *next = built;
    struct wsp_lua_app *previous = all->app;
    char *path = strdup(wsp_lua_app_path(next));
    if (!path) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "wspulse: out of memory");
        return NULL;
    }
    /* It was built on the helper; from now on it runs here. */
    wsp_lua_stack_measure(wsp_lua_app_state(next));
    if (check_pairs(all, next, diag) != WSP_OK ||
        swap_all(all, next, diag) != WSP_OK) {
        free(path);
        return NULL;
    }
    free(all->path);
    all->path = path;
    all->app = next;
    pthread_mutex_lock(&all->lock);
    all->app_config.memory_limit = wsp_lua_app_memory_limit(next);
    pthread_mutex_unlock(&all->lock);
    wsp_lua_app_retire(previous);
    return previous;
}

static void installed(void *ud, unsigned previous, unsigned generation)
{
    struct wsp_lua_generations *all = ud;
    struct wsp_lua_mount *mount;
    (void)generation;
    TAILQ_FOREACH(mount, all->mounts, link) {
        if (is_open(mount)) {
            wsp_lua_handlers_reloaded(mount, previous);
        }
    }
}

static const struct wsp_reload_ops reload_ops = {
    .build = build,
    .install = install,
    .installed = installed,
    .dispose = dispose,
};

/* ---- requests ---- */

/* One request and who asked. Heap; freed with its answer. */
struct request {
    struct wsp_lua_generations *all;
    wsp_reload_fn done;
    void *ud;
};

/* When nobody waits for the answer, the log has it. */
static void log_answer(const struct wsp_lua_generations *all,
                       enum wsp_err result, unsigned generation,
                       const struct wsp_diag *diag)
{
    const struct wsp_logger *logger = &all->app_config.logger;
    const struct wsp_log_field fields[] = {
        WSP_LOG_NUM("generation", generation),
        WSP_LOG_STR("reason", result != WSP_OK && diag ? diag->message : ""),
    };
    if (result == WSP_OK) {
        wsp_log(logger, WSP_LOG_INFO, "reloaded", fields, 1);
    } else {
        wsp_log(logger, WSP_LOG_ERROR, "reload refused", fields, 2);
    }
}

static void answer(void *ud, enum wsp_err result, unsigned generation,
                   const struct wsp_diag *diag)
{
    struct request *request = ud;
    struct wsp_lua_generations *all = request->all;
    pthread_mutex_lock(&all->lock);
    wsp_lua_files_take(&all->refused, &all->built);
    pthread_mutex_unlock(&all->lock);
    if (request->done) {
        request->done(request->ud, result, generation, diag);
    } else {
        log_answer(all, result, generation, diag);
    }
    free(request);
}

enum wsp_err wsp_lua_generations_reload(struct wsp_lua_generations *all,
                                        const char *path, wsp_reload_fn done,
                                        void *ud)
{
    path = path ? path : all->path;
    if (!all->reloader) {
        return WSP_ERR_SERVER_NOT_STARTED;
    }
    if (!path) {
        return WSP_ERR_RELOAD_REFUSED;
    }
    struct request *request = malloc(sizeof *request);
    if (!request) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    *request = (struct request){all, done, ud};
    enum wsp_err result =
        wsp_reloader_request(all->reloader, path, answer, request);
    if (result != WSP_OK) {
        free(request);
    }
    return result;
}

void wsp_lua_generations_allow_unsafe(struct wsp_lua_generations *all)
{
    pthread_mutex_lock(&all->lock);
    all->app_config.is_unsafe = true;
    pthread_mutex_unlock(&all->lock);
}

const char *wsp_lua_generations_file(const struct wsp_lua_generations *all,
                                     size_t index)
{
    static const struct wsp_lua_files none = {NULL, 0, 0};
    const struct wsp_lua_files *files =
        all->app ? wsp_lua_app_files(all->app) : &none;
    if (index < files->count) {
        return files->paths[index];
    }
    index -= files->count;
    return index < all->refused.count ? all->refused.paths[index] : NULL;
}

/* ---- life ---- */

enum wsp_err wsp_lua_generations_init(struct wsp_lua_generations *all,
                                      struct wsp_lua_mount_list *mounts,
                                      const struct wsp_lua_app_config *config)
{
    *all = (struct wsp_lua_generations){
        .mounts = mounts,
        .app_config = *config,
    };
    return pthread_mutex_init(&all->lock, NULL) == 0 ? WSP_OK
                                                     : WSP_ERR_OUT_OF_MEMORY;
}

/* A script that was given any time at start must be able to load again. */
static void bound_reloads(struct wsp_lua_generations *all,
                          const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double taken = (double)(now.tv_sec - begun->tv_sec) +
                   (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
    if (taken * LOAD_FACTOR > LOAD_SECONDS) {
        all->app_config.load_limit_ns = (uint64_t)(taken * LOAD_FACTOR * 1e9);
    }
}

enum wsp_err wsp_lua_generations_load(struct wsp_lua_generations *all,
                                      const char *path, struct wsp_diag *diag)
{
    all->path = strdup(path);
    if (!all->path) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY,
                            "wspulse: out of memory");
    }
    struct timespec begun;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    all->app = wsp_lua_app_new(&all->app_config, path, 1, &all->refused, diag);
    if (!all->app) {
        return diag->code;
    }
    all->app_config.memory_limit = wsp_lua_app_memory_limit(all->app);
    bound_reloads(all, &begun);
    return WSP_OK;
}

void wsp_lua_generations_adopt(struct wsp_lua_generations *all,
                               struct wsp_lua_app *program)
{
    all->app = program;
}

enum wsp_err wsp_lua_generations_begin(struct wsp_lua_generations *all,
                                       struct wsp_loop *loop)
{
    all->app_config.cancel = &all->is_ending;
    if (all->app_config.load_limit_ns == 0) {
        all->app_config.load_limit_ns = LOAD_SECONDS * UINT64_C(1000000000);
    }
    all->reloader = wsp_reloader_new(loop, &reload_ops, all);
    return all->reloader ? WSP_OK : WSP_ERR_OUT_OF_MEMORY;
}

void wsp_lua_generations_end(struct wsp_lua_generations *all)
{
    if (all->reloader) {
        atomic_store(&all->is_ending, true);
        wsp_reloader_free(all->reloader);
        all->reloader = NULL;
    }
}

void wsp_lua_generations_fini(struct wsp_lua_generations *all)
{
    wsp_lua_app_free(all->app);
    wsp_lua_files_fini(&all->built);
    wsp_lua_files_fini(&all->refused);
    pthread_mutex_destroy(&all->lock);
    free(all->path);
}
