/* SPDX-License-Identifier: MIT */
#include "cli/script.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "cli/lua_files.h"

/* Of the main thread's stack, as far as the hard limit goes. */
#define STACK_BYTES (64U * 1024 * 1024)

/* The host knows nothing of the generated table, so it gets its own view. */
static struct wsp_lua_source *make_sources(void)
{
    struct wsp_lua_source *sources =
        calloc(wsp_lua_file_count + 1, sizeof(*sources));
    for (size_t i = 0; sources && i < wsp_lua_file_count; i++) {
        const struct wsp_lua_file *file = &wsp_lua_files[i];
        sources[i] = (struct wsp_lua_source){file->name, file->data, file->len};
    }
    return sources;
}

/* An address of a flag is that and nothing more. */
static struct wsp_listen *make_places(const char *const *listen, size_t count)
{
    struct wsp_listen *places = calloc(count + 1, sizeof(*places));
    for (size_t i = 0; places && i < count; i++) {
        places[i].address = listen[i];
    }
    return places;
}

/* The kernel lets the stack of the main thread grow up to the soft limit, which
 * is asked each time. C modules of others can nest deep; what is never reached
 * takes no memory. */
static void raise_stack_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK_BYTES) {
        return;
    }
    limit.rlim_cur =
        limit.rlim_max < STACK_BYTES ? limit.rlim_max : STACK_BYTES;
    setrlimit(RLIMIT_STACK, &limit);
}

enum wsp_err wsp_script_init(struct wsp_script *script,
                             const struct wsp_script_config *config,
                             struct wsp_diag *diag)
{
    *script = (struct wsp_script){0};
    raise_stack_limit();
    script->loop = wsp_loop_new(diag);
    if (!script->loop) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    script->sources = make_sources();
    script->places = make_places(config->listen, config->listen_count);
    const struct wsp_lua_host_config host_config = {
        .sources = script->sources,
        .source_count = wsp_lua_file_count,
        .logger = config->logger,
        .listen = script->places,
        .listen_count = config->listen_count,
        .is_unsafe = config->is_unsafe,
    };
    if (script->sources && script->places) {
        script->host = wsp_lua_host_new(script->loop, &host_config);
    }
    if (!script->host) {
        wsp_script_fini(script);
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    return WSP_OK;
}

void wsp_script_fini(struct wsp_script *script)
{
    if (script->host) {
        wsp_lua_host_free(script->host);
    }
    free(script->places);
    free(script->sources);
    wsp_loop_free(script->loop);
    *script = (struct wsp_script){0};
}
