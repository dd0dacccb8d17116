/* SPDX-License-Identifier: MIT */
#include "lua/lua_mount.h"

#include <stdlib.h>

#include "lua/lua_handlers.h"
#include "lua/lua_logger.h"
#include "lua/lua_server.h"

/* What the server is told: the script's options with the owner's overrides. */
static struct wsp_options options_of(struct wsp_lua_mount *mount,
                                     const struct wsp_lua_server *described)
{
    struct wsp_options options = described->options;
    if (mount->config.listen_count > 0) {
        options.listen = mount->config.listen;
        options.listen_count = mount->config.listen_count;
    }
    options.logger = wsp_lua_logger_of(mount, described);
    return options;
}

/* Says of an option that this version checks and does not use yet. */
static void warn_unused(const struct wsp_lua_mount *mount, bool is_set,
                        const char *option)
{
    const struct wsp_log_field field = WSP_LOG_STR("option", option);
    if (is_set) {
        wsp_log(&mount->logger, WSP_LOG_WARN,
                "wspulse: option has no effect in this version", &field, 1);
    }
}

static void warn_all_unused(const struct wsp_lua_mount *mount,
                            const struct wsp_lua_server *described)
{
    warn_unused(mount, described->has_codec_table, "codec");
    warn_unused(mount, described->has_metrics, "metrics");
}

/* wspulse.log of a script goes where its server's lines go. */
static void route_log(struct wsp_lua_mount *mount,
                      const struct wsp_lua_server *described)
{
    if (described->has[WSP_LUA_LOGGER]) {
        described->state->logger = mount->logger;
    }
}

/* The mount lets go of a description, whose state may go on without it. */
static void detach(struct wsp_lua_mount *mount, struct wsp_lua_server *server)
{
    if (!server) {
        return;
    }
    if (server->has[WSP_LUA_LOGGER]) {
        server->state->logger = mount->config.logger;
    }
    server->mount = NULL;
}

struct wsp_lua_mount *wsp_lua_mount_new(
    const struct wsp_lua_mount_config *config, struct wsp_lua_server *described,
    struct wsp_diag *diag)
{
    struct wsp_lua_mount *mount = calloc(1, sizeof *mount);
    if (!mount) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "wspulse: out of memory");
        return NULL;
    }
    mount->config = *config;
    mount->described = described;
    struct wsp_options options = options_of(mount, described);
    struct wsp_handlers handlers = wsp_lua_handlers_of(mount, described);
    mount->logger = options.logger;
    if (wsp_server_new(config->loop, &options, &handlers, &mount->server,
                       diag) != WSP_OK) {
        free(mount);
        return NULL;
    }
    described->mount = mount;
    route_log(mount, described);
    warn_all_unused(mount, described);
    return mount;
}

enum wsp_err wsp_lua_mount_swap(struct wsp_lua_mount *mount,
                                struct wsp_lua_server *next,
                                unsigned generation, struct wsp_diag *diag)
{
    struct wsp_lua_server *previous = mount->described;
    struct wsp_logger previous_logger = mount->logger;
    struct wsp_options options = options_of(mount, next);
    struct wsp_handlers handlers = wsp_lua_handlers_of(mount, next);
    /* The swap itself logs already, so the new one is in place before. */
    mount->described = next;
    mount->logger = options.logger;
    next->mount = mount;
    enum wsp_err result =
        wsp_server_swap(mount->server, &options, &handlers, generation, diag);
    if (result != WSP_OK) {
        mount->described = previous;
        mount->logger = previous_logger;
        next->mount = NULL;
        return result;
    }
    route_log(mount, next);
    warn_all_unused(mount, next);
    if (previous != mount->home && previous != next) {
        detach(mount, previous);
    }
    return WSP_OK;
}

void wsp_lua_mount_free(struct wsp_lua_mount *mount)
{
    wsp_server_free(mount->server);
    detach(mount, mount->described);
    detach(mount, mount->home);
    free(mount);
}
