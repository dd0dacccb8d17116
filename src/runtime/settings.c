/* SPDX-License-Identifier: MIT */
#include "runtime/settings.h"

#include <stdlib.h>
#include <string.h>

static size_t count_tls(const struct wsp_tls_options *tls)
{
    return tls ? 4 + 2 * tls->pair_count + tls->alpn_count : 0;
}

/* How many strings and arrays a copy needs at most. */
static size_t count_texts(const struct wsp_options *options)
{
    size_t count = count_tls(options->tls);
    for (size_t i = 0; i < options->listen_count; i++) {
        count += count_tls(options->listen[i].tls);
    }
    return count + 4 + options->listen_count + options->origin_count +
           options->subprotocol_count + options->trusted_proxy_count +
           2 * options->route_count + 2 * options->static_count + 7;
}

/* Keeps a heap block for the life of the settings. */
static void *keep(struct wsp_settings *settings, void *block)
{
    if (block) {
        settings->texts[settings->text_count++] = block;
    }
    return block;
}

static bool copy_text(struct wsp_settings *settings, const char **text)
{
    *text = keep(settings, strdup(*text));
    return *text != NULL;
}

static bool copy_optional(struct wsp_settings *settings, const char **text)
{
    return !*text || copy_text(settings, text);
}

static bool copy_list(struct wsp_settings *settings, const char *const **list,
                      size_t count)
{
    if (count == 0) {
        *list = NULL;
        return true;
    }
    const char **copy = keep(settings, calloc(count, sizeof *copy));
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = (*list)[i];
        if (!copy_text(settings, &copy[i])) {
            return false;
        }
    }
    *list = copy;
    return true;
}

static bool copy_routes(struct wsp_settings *settings)
{
    struct wsp_options *options = &settings->options;
    size_t count = options->route_count;
    struct wsp_route *copy = keep(settings, calloc(count + 1, sizeof *copy));
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = options->routes[i];
        if (!copy_text(settings, &copy[i].method) ||
            !copy_text(settings, &copy[i].path)) {
            return false;
        }
    }
    options->routes = copy;
    return true;
}

static bool copy_static_dirs(struct wsp_settings *settings)
{
    struct wsp_options *options = &settings->options;
    size_t count = options->static_count;
    struct wsp_static_dir *copy =
        keep(settings, calloc(count + 1, sizeof *copy));
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = options->static_dirs[i];
        if (!copy_text(settings, &copy[i].prefix) ||
            !copy_text(settings, &copy[i].dir)) {
            return false;
        }
    }
    options->static_dirs = copy;
    return true;
}

static bool copy_pairs(struct wsp_settings *settings,
                       struct wsp_tls_options *tls)
{
    struct wsp_tls_pair *copy =
        keep(settings, calloc(tls->pair_count + 1, sizeof *copy));
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < tls->pair_count; i++) {
        copy[i] = tls->pairs[i];
        if (!copy_text(settings, &copy[i].cert) ||
            !copy_optional(settings, &copy[i].key)) {
            return false;
        }
    }
    tls->pairs = copy;
    return true;
}

static bool copy_tls(struct wsp_settings *settings,
                     const struct wsp_tls_options **tls)
{
    if (!*tls) {
        return true;
    }
    struct wsp_tls_options *copy = keep(settings, malloc(sizeof *copy));
    if (!copy) {
        return false;
    }
    *copy = **tls;
    *tls = copy;
    return copy_pairs(settings, copy) && copy_optional(settings, &copy->ca) &&
           copy_list(settings, &copy->alpn, copy->alpn_count);
}

static bool copy_places(struct wsp_settings *settings)
{
    struct wsp_options *options = &settings->options;
    size_t count = options->listen_count;
    struct wsp_listen *copy = keep(settings, calloc(count + 1, sizeof *copy));
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = options->listen[i];
        if (!copy_text(settings, &copy[i].address) ||
            !copy_tls(settings, &copy[i].tls)) {
            return false;
        }
    }
    options->listen = copy;
    return true;
}

/* The ranges of `trusted_proxies`, which were checked. */
static bool read_trust(struct wsp_settings *settings)
{
    const struct wsp_options *options = &settings->options;
    size_t count = options->trusted_proxy_count;
    struct wsp_ip_range *ranges =
        keep(settings, calloc(count + 1, sizeof *ranges));
    if (!ranges) {
        return false;
    }
    settings->trust.ranges = ranges;
    for (size_t i = 0; i < count; i++) {
        struct wsp_span text = wsp_span_of(options->trusted_proxies[i]);
        if (wsp_ip_range_parse(&ranges[settings->trust.count], text)) {
            settings->trust.count++;
        } else {
            settings->trusts_unix = true;
        }
    }
    return true;
}

static bool copy_all(struct wsp_settings *settings)
{
    struct wsp_options *options = &settings->options;
    return copy_text(settings, &options->name) &&
           copy_text(settings, &options->path) &&
           copy_text(settings, &options->codec) &&
           copy_optional(settings, &options->admin_listen) &&
           copy_places(settings) && copy_tls(settings, &options->tls) &&
           copy_list(settings, &options->origins, options->origin_count) &&
           copy_list(settings, &options->subprotocols,
                     options->subprotocol_count) &&
           copy_list(settings, &options->trusted_proxies,
                     options->trusted_proxy_count) &&
           copy_routes(settings) && copy_static_dirs(settings) &&
           read_trust(settings);
}

/* A duration in seconds; a positive one is at least a millisecond. */
static uint64_t milliseconds(double seconds)
{
    double ms = seconds * 1000;
    return ms > 0 && ms < 1 ? 1 : (uint64_t)ms;
}

struct wsp_settings *wsp_settings_new(const struct wsp_options *options)
{
    struct wsp_settings *settings = calloc(1, sizeof *settings);
    if (!settings) {
        return NULL;
    }
    settings->options = *options;
    settings->texts = calloc(count_texts(options), sizeof *settings->texts);
    settings->write_wait_ms = milliseconds(options->write_wait);
    settings->handshake_ms = milliseconds(options->handshake_timeout);
    if (!settings->texts || !copy_all(settings)) {
        wsp_settings_free(settings);
        return NULL;
    }
    return settings;
}

void wsp_settings_free(struct wsp_settings *settings)
{
    if (!settings) {
        return;
    }
    for (size_t i = 0; settings->texts && i < settings->text_count; i++) {
        free(settings->texts[i]);
    }
    free(settings->texts);
    free(settings);
}

static bool takeover_resumes(const struct wsp_options *options)
{
    return options->takeover == WSP_TAKEOVER_RESUME ||
           (options->takeover == WSP_TAKEOVER_DEFAULT &&
            options->resume_confirm);
}

struct wsp_hub_config wsp_settings_hub_config(
    const struct wsp_settings *settings, bool has_on_message,
    unsigned generation)
{
    const struct wsp_options *options = &settings->options;
    return (struct wsp_hub_config){
        .codec = wsp_codec_find(options->codec),
        .send_limits = {(uint32_t)options->send_buffer_size,
                        (size_t)options->send_buffer_bytes},
        .connection_data_bytes = (size_t)options->connection_data_bytes,
        .resume_window_ms = milliseconds(options->resume_window),
        .max_suspended = (uint32_t)options->max_suspended,
        .max_suspended_bytes = (size_t)options->max_suspended_bytes,
        .ping_ms = milliseconds(options->heartbeat_ping),
        .pong_ms = milliseconds(options->heartbeat_pong),
        .takeover_resumes = takeover_resumes(options),
        .resume_confirm = options->resume_confirm,
        .has_on_message = has_on_message,
        .is_text_checked = options->validate_utf8,
        .close_reasons = options->close_reasons,
        .logger = options->logger,
        .generation = generation,
    };
}

/* ---- swaps ---- */

static bool place_differs(const struct wsp_listen *a,
                          const struct wsp_listen *b)
{
    return strcmp(a->address, b->address) != 0 ||
           a->proxy_protocol != b->proxy_protocol;
}

static bool places_differ(const struct wsp_options *a,
                          const struct wsp_options *b)
{
    if (a->listen_count != b->listen_count) {
        return true;
    }
    for (size_t i = 0; i < a->listen_count; i++) {
        if (place_differs(&a->listen[i], &b->listen[i])) {
            return true;
        }
    }
    return false;
}

/* Whether an address speaks TLS is settled when it is opened. */
static bool scheme_differs(const struct wsp_options *a,
                           const struct wsp_options *b)
{
    if (places_differ(a, b)) {
        return false;
    }
    for (size_t i = 0; i < wsp_options_address_count(a); i++) {
        if (!wsp_options_address_tls(a, i) != !wsp_options_address_tls(b, i)) {
            return true;
        }
    }
    return false;
}

bool wsp_settings_takes_tls(const struct wsp_settings *old,
                            const struct wsp_options *next)
{
    return !places_differ(&old->options, next) &&
           !scheme_differs(&old->options, next);
}

/* Either may be NULL. */
static bool text_differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static bool number_differs(double a, double b)
{
    return a < b || a > b;
}

const char *wsp_settings_kept(const struct wsp_settings *old,
                              const struct wsp_settings *next, size_t *index)
{
    const struct wsp_options *a = &old->options;
    const struct wsp_options *b = &next->options;
    const struct {
        const char *name;
        bool differs;
    } rows[] = {
        {"listen", places_differ(a, b)},
        {"tls", scheme_differs(a, b)},
        {"admin", text_differs(a->admin_listen, b->admin_listen)},
        {"path", strcmp(a->path, b->path) != 0},
        {"codec", strcmp(a->codec, b->codec) != 0},
        {"resume_window", number_differs(a->resume_window, b->resume_window)},
        {"takeover", a->takeover != b->takeover},
        {"resume_confirm", a->resume_confirm != b->resume_confirm},
        {"max_suspended", number_differs(a->max_suspended, b->max_suspended)},
        {"max_suspended_bytes",
         number_differs(a->max_suspended_bytes, b->max_suspended_bytes)},
        {"heartbeat", number_differs(a->heartbeat_ping, b->heartbeat_ping) ||
                          number_differs(a->heartbeat_pong, b->heartbeat_pong)},
    };
    while (*index < sizeof rows / sizeof rows[0]) {
        size_t row = (*index)++;
        if (rows[row].differs) {
            return rows[row].name;
        }
    }
    return NULL;
}

void wsp_settings_keep(const struct wsp_settings *old,
                       struct wsp_settings *next)
{
    const struct wsp_options *from = &old->options;
    struct wsp_options *to = &next->options;
    to->resume_window = from->resume_window;
    to->takeover = from->takeover;
    to->resume_confirm = from->resume_confirm;
    to->max_suspended = from->max_suspended;
    to->max_suspended_bytes = from->max_suspended_bytes;
    to->heartbeat_ping = from->heartbeat_ping;
    to->heartbeat_pong = from->heartbeat_pong;
}
