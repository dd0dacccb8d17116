/* SPDX-License-Identifier: MIT */
#include "lua/lua_mount.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* The name of a description's codec, one that outlives it. */
static const char *codec_of(const struct wsp_lua_server *described)
{
    if (described->codec.is_set) {
        return WSP_LUA_CODEC_SCRIPT;
    }
    switch (wsp_lua_format_of(described->options.codec)) {
    case WSP_LUA_FORMAT_RAW:
        return "raw";
    case WSP_LUA_FORMAT_MSGPACK:
        return "msgpack";
    default:
        return "json";
    }
}

/* To the server a codec written in Lua is the codec raw, so it does not see the
 * one become the other and says nothing. */
static void warn_codec(const struct wsp_lua_mount *mount,
                       const struct wsp_lua_server *next, unsigned generation)
{
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("option", "codec"),
        WSP_LOG_NUM("generation", generation),
    };
    if (next->codec.is_set && strcmp(mount->codec, "raw") == 0) {
        wsp_log(&mount->logger, WSP_LOG_WARN,
                "wspulse: option is not live on a reload, the old value stays "
                "until a restart",
                fields, sizeof fields / sizeof fields[0]);
    }
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
    mount->codec = codec_of(described);
    mount->gives_ids = described->options.resume_confirm;
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
    warn_codec(mount, next, generation);
    if (previous != mount->home && previous != next) {
        detach(mount, previous);
    }
    return WSP_OK;
}

/* ---- ids of frames ---- */

/* Ids of this server begin with it, so that those of two runs differ. */
static void draw_nonce(char nonce[11])
{
    char uuid[37];
    if (wsp_uuid(uuid)) {
        snprintf(nonce, 11, "%.8s%.2s", uuid, uuid + 9);
    } else {
        snprintf(nonce, 11, "%010llu",
                 (unsigned long long)time(NULL) % 10000000000ULL);
    }
}

const char *wsp_lua_mount_frame_id(struct wsp_lua_mount *mount,
                                   char out[WSP_LUA_FRAME_ID_MAX])
{
    if (!mount->frame_nonce[0]) {
        draw_nonce(mount->frame_nonce);
    }
    snprintf(out, WSP_LUA_FRAME_ID_MAX, "%s-%llu", mount->frame_nonce,
             (unsigned long long)++mount->frame_count);
    return out;
}

/* ---- the end ---- */

void wsp_lua_mount_free(struct wsp_lua_mount *mount)
{
    wsp_server_free(mount->server);
    detach(mount, mount->described);
    detach(mount, mount->home);
    free(mount);
}
