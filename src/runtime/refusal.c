/* SPDX-License-Identifier: MIT */
#include "runtime/refusal.h"

#include <string.h>

#include "runtime/server.h"

/* So much of an origin that was refused is logged. */
#define ORIGIN_SHOWN 128

/* What is logged of each; NULL: nothing, it is an everyday matter. */
static const char *const texts[WSP_REFUSAL_COUNT] = {
    [WSP_REFUSAL_NO_DESCRIPTORS] =
        "wspulse: cannot accept, raise the limit of open files",
    [WSP_REFUSAL_MAX_CONNECTIONS_PER_IP] =
        "wspulse: too many sockets from one address, refusing more "
        "(max_connections_per_ip)",
    [WSP_REFUSAL_PROXY_PROTOCOL] =
        "wspulse: no PROXY header of a trusted proxy, closing "
        "(proxy_protocol, trusted_proxies)",
    [WSP_REFUSAL_TLS] =
        "wspulse: TLS failed: none, or none that is accepted here, closing "
        "(tls)",
    [WSP_REFUSAL_HANDSHAKE_TIMEOUT] =
        "wspulse: no whole request in time, closing (handshake_timeout)",
    [WSP_REFUSAL_MAX_CONNECTIONS] =
        "wspulse: too many connections, refusing more (max_connections)",
    [WSP_REFUSAL_CHECK_ORIGIN] =
        "wspulse: a page of another origin was refused (check_origin)",
};

/* Counts, and tells whether a line may be logged. */
static bool count(struct wsp_server *server, enum wsp_refusal why,
                  unsigned times)
{
    struct wsp_throttle *throttle = &server->refusals.throttles[why];
    server->hub.metrics.refusals[why] += times;
    return texts[why] &&
           wsp_throttle_pass(throttle, wsp_hub_now_ms(&server->hub));
}

static double counted(const struct wsp_server *server, enum wsp_refusal why)
{
    return (double)server->hub.metrics.refusals[why];
}

void wsp_refusal_note(struct wsp_server *server, enum wsp_refusal why,
                      const char *remote_addr)
{
    if (!count(server, why, 1)) {
        return;
    }
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("remote_addr", remote_addr),
        WSP_LOG_NUM("refused", counted(server, why)),
    };
    wsp_server_log(server, WSP_LOG_WARN, texts[why], fields, 2);
}

void wsp_refusal_note_origin(struct wsp_server *server, const char *remote_addr,
                             struct wsp_span origin)
{
    enum wsp_refusal why = WSP_REFUSAL_CHECK_ORIGIN;
    if (!count(server, why, 1)) {
        return;
    }
    if (origin.len > ORIGIN_SHOWN) {
        origin.len = ORIGIN_SHOWN;
    }
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("remote_addr", remote_addr),
        WSP_LOG_SPAN("origin", origin),
        WSP_LOG_NUM("refused", counted(server, why)),
    };
    wsp_server_log(server, WSP_LOG_WARN, texts[why], fields, 3);
}

void wsp_refusal_note_tls(struct wsp_server *server, const char *remote_addr,
                          const char *reason)
{
    enum wsp_refusal why = WSP_REFUSAL_TLS;
    if (!count(server, why, 1)) {
        return;
    }
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("remote_addr", remote_addr),
        WSP_LOG_STR("reason", reason),
        WSP_LOG_NUM("refused", counted(server, why)),
    };
    wsp_server_log(server, WSP_LOG_WARN, texts[why], fields, 3);
}

void wsp_refusal_shed(struct wsp_server *server, int error, unsigned times)
{
    enum wsp_refusal why = WSP_REFUSAL_NO_DESCRIPTORS;
    if (!count(server, why, times)) {
        return;
    }
    const struct wsp_log_field fields[] = {
        WSP_LOG_STR("reason", strerror(error)),
        WSP_LOG_NUM("refused", counted(server, why)),
    };
    wsp_server_log(server, WSP_LOG_WARN, texts[why], fields, 2);
}
