/* SPDX-License-Identifier: MIT */
#include "lua/lua_host.h"

#include <stdlib.h>

#include "lua/lua_describe.h"
#include "lua/lua_generations.h"
#include "lua/lua_mount.h"

struct wsp_lua_host {
    struct wsp_loop *loop;
    struct wsp_lua_host_config config;
    struct wsp_lua_generations generations;
    struct wsp_lua_mount_list mounts; /* in the order of the script */
};

/* ---- load and start ---- */

struct wsp_lua_host *wsp_lua_host_new(struct wsp_loop *loop,
                                      const struct wsp_lua_host_config *config)
{
    const struct wsp_lua_app_config app_config = {
        .sources = config->sources,
        .source_count = config->source_count,
        .logger = config->logger,
        .is_unsafe = config->is_unsafe,
    };
    struct wsp_lua_host *host = malloc(sizeof *host);
    if (!host) {
        return NULL;
    }
    host->loop = loop;
    host->config = *config;
    TAILQ_INIT(&host->mounts);
    if (wsp_lua_generations_init(&host->generations, &host->mounts,
                                 &app_config) != WSP_OK) {
        free(host);
        return NULL;
    }
    return host;
}

enum wsp_err wsp_lua_host_load(struct wsp_lua_host *host, const char *path,
                               struct wsp_diag *diag)
{
    return wsp_lua_generations_load(&host->generations, path, diag);
}

static void free_mounts(struct wsp_lua_host *host)
{
    struct wsp_lua_mount *mount;
    while ((mount = TAILQ_FIRST(&host->mounts)) != NULL) {
        TAILQ_REMOVE(&host->mounts, mount, link);
        wsp_lua_mount_free(mount);
    }
}

static enum wsp_err start_server(struct wsp_lua_host *host, size_t index,
                                 struct wsp_diag *diag)
{
    struct wsp_lua_mount_config config = {
        .loop = host->loop,
        .generations = &host->generations,
        .logger = host->config.logger,
        .listen = host->config.listen,
        /* Two servers cannot listen at one place: the first one gets it. */
        .listen_count = index == 0 ? host->config.listen_count : 0,
    };
    struct wsp_lua_mount *mount = wsp_lua_mount_new(
        &config, wsp_lua_app_server(host->generations.app, index), diag);
    if (!mount) {
        return diag->code;
    }
    TAILQ_INSERT_TAIL(&host->mounts, mount, link);
    return wsp_server_start(mount->server, diag);
}

enum wsp_err wsp_lua_host_start(struct wsp_lua_host *host,
                                struct wsp_diag *diag)
{
    enum wsp_err result =
        wsp_lua_generations_begin(&host->generations, host->loop);
    if (result != WSP_OK) {
        return wsp_diag_set(diag, result, "wspulse: out of memory");
    }
    size_t count = wsp_lua_app_server_count(host->generations.app);
    for (size_t i = 0; i < count && result == WSP_OK; i++) {
        result = start_server(host, i, diag);
    }
    if (result != WSP_OK) {
        free_mounts(host);
    }
    return result;
}

struct wsp_server *wsp_lua_host_server(struct wsp_lua_host *host, size_t index)
{
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, &host->mounts, link) {
        if (index-- == 0) {
            return mount->server;
        }
    }
    return NULL;
}

/* ---- while it runs ---- */

void wsp_lua_host_describe(struct wsp_lua_host *host, int fd)
{
    if (host->generations.app) {
        wsp_lua_describe(host->generations.app, fd);
    }
}

enum wsp_err wsp_lua_host_reload(struct wsp_lua_host *host, const char *path,
                                 wsp_reload_fn done, void *ud)
{
    return wsp_lua_generations_reload(&host->generations, path, done, ud);
}

unsigned wsp_lua_host_generation(const struct wsp_lua_host *host)
{
    const struct wsp_reloader *reloader = host->generations.reloader;
    return reloader ? wsp_reloader_generation(reloader) : 1;
}

const char *wsp_lua_host_file(struct wsp_lua_host *host, size_t index)
{
    return wsp_lua_generations_file(&host->generations, index);
}

/* ---- close ---- */

/* The barrier of several servers. Heap; freed with the last answer. */
struct barrier {
    size_t
        waiting; /* servers that are not closed yet, and one for the caller */
    wsp_loop_fn done; /* NULL: there is nobody to tell any more */
    void *ud;
};

static void pass_barrier(void *ud)
{
    struct barrier *barrier = ud;
    if (--barrier->waiting > 0) {
        return;
    }
    if (barrier->done) {
        barrier->done(barrier->ud);
    }
    free(barrier);
}

enum wsp_err wsp_lua_host_wait(struct wsp_lua_host *host, wsp_loop_fn done,
                               void *ud)
{
    struct barrier *barrier = malloc(sizeof *barrier);
    if (!barrier) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    *barrier = (struct barrier){1, done, ud};
    enum wsp_err result = WSP_OK;
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, &host->mounts, link) {
        barrier->waiting++;
        result = wsp_server_wait(mount->server, pass_barrier, barrier);
        if (result != WSP_OK) {
            barrier->done = NULL;
            barrier->waiting--;
            break;
        }
    }
    pass_barrier(barrier);
    return result;
}

void wsp_lua_host_close(struct wsp_lua_host *host)
{
    struct wsp_lua_mount *mount;
    TAILQ_FOREACH(mount, &host->mounts, link) {
        wsp_server_close(mount->server, NULL, NULL);
    }
}

void wsp_lua_host_free(struct wsp_lua_host *host)
{
    wsp_lua_generations_end(&host->generations);
    free_mounts(host);
    wsp_lua_generations_fini(&host->generations);
    free(host);
}
