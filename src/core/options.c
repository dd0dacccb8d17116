/* SPDX-License-Identifier: MIT */
#include <wspulse/options.h>

#include <math.h>
#include <string.h>

#include "base/ip.h"
#include "core/options_tls.h"
#include "proto/codec.h"
#include "proto/extension.h"
#include "proto/handshake.h"
#include "proto/uri.h"

void wsp_options_init(struct wsp_options *options)
{
    *options = (struct wsp_options){
        .name = "main",
        .path = "/ws",
        .max_suspended = 10000,
        .max_suspended_bytes = 256.0 * 1024 * 1024,
        .heartbeat_ping = 10,
        .heartbeat_pong = 30,
        .write_wait = 10,
        .max_message_size = 512,
        .send_buffer_size = 256,
        .send_buffer_bytes = 1024.0 * 1024,
        .upgrader_read_size = 1024,
        .upgrader_write_size = 1024,
        .connection_data_bytes = 4096,
        .handshake_timeout = 10,
        .max_fragments = 16384,
        .max_control_rate = 100,
        .codec = "json",
        .close_reasons = true,
        .validate_utf8 = true,
        .compression = {.level = 1,
                        .min_size = 1024,
                        .client_no_context_takeover = true,
                        .server_max_window_bits = WSP_WINDOW_BITS_MAX,
                        .max_memory = 64.0 * 1024 * 1024},
        .origin_policy = WSP_ORIGIN_ANY,
        .logger = {NULL, NULL, WSP_LOG_OFF},
    };
}

static const double huge = 9007199254740992.0; /* 2^53 */

/* A number with the texts for a value too low and too high. Comparisons are
 * written so that NaN fails the first one. */
struct range {
    const char *option; /* in Lua */
    const char *seed;   /* the seed's name of it */
    double value;
    double min;
    bool is_min_open; /* min itself is refused */
    const char *low_text;
    double max;
    const char *high_text;
    const char *whole_text; /* for a count: what is said of a fraction */
};

static enum wsp_err refuse(const struct range *range, const char *text,
                           struct wsp_diag *diag)
{
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: %s: %s (%s = %.14g)", range->seed, text,
                        range->option, range->value);
}

static enum wsp_err check_range(const struct range *range,
                                struct wsp_diag *diag)
{
    bool is_low = range->is_min_open ? !(range->value > range->min)
                                     : !(range->value >= range->min);
    if (is_low) {
        return refuse(range, range->low_text, diag);
    }
    if (!(range->value <= range->max)) {
        return refuse(range, range->high_text, diag);
    }
    if (range->whole_text && floor(range->value) != range->value) {
        return refuse(range, range->whole_text, diag);
    }
    return WSP_OK;
}

/* The seed's checks of WithHeartbeat, in its order (spec §2.2). */
static enum wsp_err check_heartbeat(const struct wsp_options *options,
                                    struct wsp_diag *diag)
{
    double ping = options->heartbeat_ping;
    double pong = options->heartbeat_pong;
    const char *text = NULL;
    if (!(ping > 0) || !(pong > 0) || !(ping < pong)) {
        text = "pingPeriod must be positive and strictly less than pongWait";
    } else if (ping > 300) {
        text = "pingPeriod exceeds maximum (5m)";
    } else if (pong > 600) {
        text = "pongWait exceeds maximum (10m)";
    }
    if (!text) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: WithHeartbeat: %s (heartbeat = { ping = "
                        "%.14g, pong = %.14g })",
                        text, ping, pong);
}

static enum wsp_err check_ranges(const struct range *ranges, size_t count,
                                 struct wsp_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        enum wsp_err err = check_range(&ranges[i], diag);
        if (err) {
            return err;
        }
    }
    return WSP_OK;
}

static enum wsp_err check_numbers(const struct wsp_options *o,
                                  struct wsp_diag *diag)
{
    const char *whole = "n must be a whole number";
    const char *low = "n must be at least 1";
    const struct range ranges[] = {
        {"resume_window", "WithResumeWindow", o->resume_window, 0, false,
         "duration must be non-negative", 1e12,
         "duration must be a finite number", NULL},
        {"write_wait", "WithWriteWait", o->write_wait, 0, true,
         "duration must be positive", 30, "duration exceeds maximum (30s)",
         NULL},
        {"max_message_size", "WithMaxMessageSize", o->max_message_size, 1,
         false, low, 67108864, "n exceeds maximum (64 MiB)", whole},
        {"send_buffer_size", "WithSendBufferSize", o->send_buffer_size, 1,
         false, low, 4096, "n exceeds maximum (4096)", whole},
        {"upgrader_buffer_size.read", "WithUpgraderBufferSize",
         o->upgrader_read_size, 0, true, "readSize must be positive", huge,
         "readSize must be a finite number", "readSize must be a whole number"},
        {"upgrader_buffer_size.write", "WithUpgraderBufferSize",
         o->upgrader_write_size, 0, true, "writeSize must be positive", huge,
         "writeSize must be a finite number",
         "writeSize must be a whole number"},
        {"send_buffer_bytes", "send_buffer_bytes", o->send_buffer_bytes, 1,
         false, low, 1073741824, "n exceeds maximum (1 GiB)", whole},
        {"max_suspended", "max_suspended", o->max_suspended, 0, false,
         "n must be non-negative", 16777216, "n exceeds maximum (16777216)",
         whole},
        {"max_suspended_bytes", "max_suspended_bytes", o->max_suspended_bytes,
         0, false, "n must be non-negative", huge, "n must be a finite number",
         whole},
        {"connection_data_bytes", "connection_data_bytes",
         o->connection_data_bytes, 0, false, "n must be non-negative", 16777216,
         "n exceeds maximum (16 MiB)", whole},
    };
    return check_ranges(ranges, sizeof ranges / sizeof ranges[0], diag);
}

static enum wsp_err check_compression(const struct wsp_options *options,
                                      struct wsp_diag *diag)
{
    const char *whole = "n must be a whole number";
    const struct wsp_compression_options *c = &options->compression;
    const struct range ranges[] = {
        {"compression.level", "compression", c->level, 1, false,
         "n must be at least 1", 9, "n exceeds maximum (9)", whole},
        {"compression.min_size", "compression", c->min_size, 0, false,
         "n must be non-negative", huge, "n must be a finite number", whole},
        {"compression.server_max_window_bits", "compression",
         c->server_max_window_bits, WSP_DEFLATE_BITS_MIN, false,
         "n must be at least 9, the smallest window of zlib",
         WSP_WINDOW_BITS_MAX, "n exceeds maximum (15)", whole},
        {"compression.max_memory", "compression", c->max_memory, 0, false,
         "n must be non-negative", huge, "n must be a finite number", whole},
    };
    return check_ranges(ranges, sizeof ranges / sizeof ranges[0], diag);
}

/* What strangers may do. */
static enum wsp_err check_limits(const struct wsp_options *o,
                                 struct wsp_diag *diag)
{
    const char *whole = "n must be a whole number";
    const char *low = "n must be non-negative";
    const char *high = "n exceeds maximum (16777216)";
    const char *rate = "n exceeds maximum (1000000)";
    const struct range ranges[] = {
        {"handshake_timeout", "handshake_timeout", o->handshake_timeout, 0,
         true, "duration must be positive", 300,
         "duration exceeds maximum (5m)", NULL},
        {"max_connections", "max_connections", o->max_connections, 0, false,
         low, 16777216, high, whole},
        {"max_connections_per_ip", "max_connections_per_ip",
         o->max_connections_per_ip, 0, false, low, 16777216, high, whole},
        {"accept_rate.per_second", "accept_rate", o->accept_per_second, 0,
         false, low, 1000000, rate, NULL},
        {"accept_rate.burst", "accept_rate", o->accept_burst, 0, false, low,
         1000000, rate, whole},
        {"max_fragments", "max_fragments", o->max_fragments, 0, false, low,
         16777216, high, whole},
        {"max_control_rate", "max_control_rate", o->max_control_rate, 0, false,
         low, 1000000, rate, whole},
    };
    return check_ranges(ranges, sizeof ranges / sizeof ranges[0], diag);
}

/* An origin that cannot be read would never let anybody in. */
static enum wsp_err check_origins(const struct wsp_options *options,
                                  struct wsp_diag *diag)
{
    for (size_t i = 0; i < options->origin_count; i++) {
        struct wsp_span origin = wsp_span_of(options->origins[i]);
        if (!wsp_uri_origin_equal(origin, origin)) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: WithCheckOrigin: an origin is a "
                                "scheme and a host, such as "
                                "\"https://a.example\", and maybe a port "
                                "(check_origin[%zu] = \"%.64s\")",
                                i + 1, options->origins[i]);
        }
    }
    return WSP_OK;
}

static enum wsp_err check_proxies(const struct wsp_options *options,
                                  struct wsp_diag *diag)
{
    for (size_t i = 0; i < options->trusted_proxy_count; i++) {
        const char *text = options->trusted_proxies[i];
        struct wsp_ip_range range;
        if (strcmp(text, "unix") != 0 &&
            !wsp_ip_range_parse(&range, wsp_span_of(text))) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: trusted_proxies: must be an IP "
                                "address, a range such as \"10.0.0.0/8\", or "
                                "\"unix\" (trusted_proxies[%zu] = \"%.64s\")",
                                i + 1, text);
        }
    }
    for (size_t i = 0; i < options->listen_count; i++) {
        const struct wsp_listen *place = &options->listen[i];
        if (place->proxy_protocol && options->trusted_proxy_count == 0) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: proxy_protocol: needs "
                                "trusted_proxies, from nobody else is it "
                                "believed (listen = \"%.64s\")",
                                place->address);
        }
    }
    return WSP_OK;
}

static enum wsp_err check_codec(const struct wsp_options *options,
                                struct wsp_diag *diag)
{
    if (!options->codec) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: WithCodec: codec must not be nil "
                            "(codec = nil)");
    }
    if (!wsp_codec_find(options->codec)) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: WithCodec: unknown codec "
                            "(codec = \"%.64s\")",
                            options->codec);
    }
    return WSP_OK;
}

/* Without a window there is no session to resume. */
static enum wsp_err check_takeover(const struct wsp_options *options,
                                   struct wsp_diag *diag)
{
    if (options->takeover != WSP_TAKEOVER_RESUME ||
        options->resume_window > 0) {
        return WSP_OK;
    }
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                        "wspulse: takeover: \"resume\" needs resume_window "
                        "greater than 0 (resume_window = %.14g)",
                        options->resume_window);
}

/* The rules of the options takeover and resume_confirm. */
static enum wsp_err check_resume(const struct wsp_options *options,
                                 struct wsp_diag *diag)
{
    if (!options->resume_confirm) {
        return check_takeover(options, diag);
    }
    if (!(options->resume_window > 0)) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: resume_confirm: needs resume_window "
                            "greater than 0 (resume_window = %.14g)",
                            options->resume_window);
    }
    if (options->takeover == WSP_TAKEOVER_DUPLICATE) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: resume_confirm: a client redials before "
                            "its old transport is known to be dead, which must "
                            "not end its session (takeover = \"duplicate\")");
    }
    return WSP_OK;
}

static enum wsp_err check_texts(const struct wsp_options *options,
                                struct wsp_diag *diag)
{
    if (!options->path || options->path[0] != '/') {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: path: must start with \"/\" "
                            "(path = \"%.64s\")",
                            options->path ? options->path : "");
    }
    if (options->admin_listen && !options->admin_listen[0]) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: admin: must name an address "
                            "(admin.listen = \"\")");
    }
    if (!options->name || !options->name[0]) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: name: must not be empty (name = \"\")");
    }
    return WSP_OK;
}

static enum wsp_err check_routes(const struct wsp_options *options,
                                 struct wsp_diag *diag)
{
    for (size_t i = 0; i < options->route_count; i++) {
        const struct wsp_route *route = &options->routes[i];
        if (!route->method || !route->method[0] || !route->path ||
            route->path[0] != '/') {
            return wsp_diag_set(
                diag, WSP_ERR_INVALID_OPTION,
                "wspulse: http: a route is a method and a path, such as "
                "\"GET /hello\" (http = \"%.64s %.64s\")",
                route->method ? route->method : "",
                route->path ? route->path : "");
        }
    }
    for (size_t i = 0; i < options->static_count; i++) {
        const struct wsp_static_dir *dir = &options->static_dirs[i];
        if (!dir->prefix || dir->prefix[0] != '/' || !dir->dir ||
            !dir->dir[0]) {
            return wsp_diag_set(
                diag, WSP_ERR_INVALID_OPTION,
                "wspulse: static: a URL prefix starts with \"/\" and names a "
                "folder (static[\"%.64s\"] = \"%.64s\")",
                dir->prefix ? dir->prefix : "", dir->dir ? dir->dir : "");
        }
    }
    return WSP_OK;
}

static bool has_before(const char *const *names, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(names[i], names[index]) == 0) {
            return true;
        }
    }
    return false;
}

static enum wsp_err check_subprotocols(const struct wsp_options *options,
                                       struct wsp_diag *diag)
{
    const char *const *names = options->subprotocols;
    if (options->subprotocol_count > WSP_SUBPROTOCOLS_MAX) {
        return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                            "wspulse: subprotocols: at most 32 names "
                            "(subprotocols = %zu names)",
                            options->subprotocol_count);
    }
    for (size_t i = 0; i < options->subprotocol_count; i++) {
        const char *text = NULL;
        if (!wsp_subprotocol_is_valid(names[i])) {
            text = "a name is an RFC 9110 token of at most 128 bytes";
        } else if (has_before(names, i)) {
            text = "names must differ";
        }
        if (text) {
            return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION,
                                "wspulse: subprotocols: %s (subprotocols[%zu] "
                                "= \"%.64s\")",
                                text, i + 1, names[i]);
        }
    }
    return WSP_OK;
}

enum wsp_err wsp_options_check(const struct wsp_options *options,
                               struct wsp_diag *diag)
{
    static enum wsp_err (*const checks[])(const struct wsp_options *,
                                          struct wsp_diag *) = {
        check_texts,     check_numbers, check_limits,
        check_heartbeat, check_codec,   check_compression,
        check_resume,    check_routes,  check_subprotocols,
        check_origins,   check_proxies, wsp_options_check_tls,
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        enum wsp_err err = checks[i](options, diag);
        if (err) {
            return err;
        }
    }
    return WSP_OK;
}
