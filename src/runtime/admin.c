/* SPDX-License-Identifier: MIT */
#include "runtime/admin.h"

#include <stdlib.h>

#include "core/metrics_text.h"
#include "proto/inflate.h"
#include "runtime/response.h"
#include "runtime/server.h"

/* ---- listening ---- */

static void on_accept(void *ud, int fd, const struct wsp_address *peer)
{
    struct wsp_caller caller = wsp_caller_of_peer(peer);
    wsp_transport_accept_admin(ud, fd, &caller);
}

static bool is_local(const char *text)
{
    struct wsp_address address;
    return wsp_address_parse(&address, text, NULL) == WSP_OK &&
           wsp_address_is_local(&address);
}

static void log_opened(struct wsp_server *server)
{
    const char *text = wsp_server_admin_address(server);
    struct wsp_log_field field = WSP_LOG_STR("address", text);
    wsp_server_log(server, WSP_LOG_INFO, "wspulse: admin endpoints opened",
                   &field, 1);
    if (!is_local(text)) {
        wsp_server_log(server, WSP_LOG_WARN,
                       "SECURITY: the admin address can be reached from other "
                       "machines and asks nobody who they are; listen on "
                       "127.0.0.1 or a unix socket",
                       &field, 1);
    }
}

enum wsp_err wsp_admin_open(struct wsp_server *server, struct wsp_diag *diag)
{
    const char *text = server->settings->options.admin_listen;
    if (!text) {
        return WSP_OK;
    }
    server->admin_listener =
        wsp_listener_open(server->loop, text, 0, on_accept, server, diag);
    if (!server->admin_listener) {
        return WSP_ERR_LISTEN;
    }
    log_opened(server);
    return WSP_OK;
}

void wsp_admin_close(struct wsp_server *server)
{
    wsp_listener_close(server->admin_listener);
    server->admin_listener = NULL;
}

const char *wsp_server_admin_address(const struct wsp_server *server)
{
    return server->admin_listener ? wsp_listener_address(server->admin_listener)
                                  : NULL;
}

/* ---- endpoints ---- */

static bool write_metrics(const struct wsp_server *server, struct wsp_buf *out)
{
    const struct wsp_hub *hub = &server->hub;
    const struct wsp_metrics_now now = {
        .server = server->settings->options.name,
        .generation = hub->config.generation,
        .connections = wsp_hub_session_count(hub),
        .rooms = HASH_COUNT(hub->rooms.table),
        .suspended = hub->suspended_count,
        .compression_held =
            wsp_reader_pool_inflaters(server->readers)->held_bytes,
    };
    return wsp_metrics_write(&hub->metrics, &now, out);
}

static void answer_metrics(const struct wsp_server *server,
                           struct wsp_response *response)
{
    if (!write_metrics(server, &response->body)) {
        wsp_response_plain(response, 500, NULL);
        return;
    }
    wsp_response_add(response, "Content-Type",
                     "text/plain; version=0.0.4; charset=utf-8");
}

/* The process serves: that it answers is the answer. */
static void answer_health(const struct wsp_server *server,
                          struct wsp_response *response)
{
    (void)server;
    wsp_response_plain(response, 200, "ok");
}

static void answer_ready(const struct wsp_server *server,
                         struct wsp_response *response)
{
    bool is_ready = wsp_server_is_ready(server);
    wsp_response_plain(response, is_ready ? 200 : 503,
                       is_ready ? "ready" : "closing");
}

static const struct {
    const char *path;
    void (*answer)(const struct wsp_server *server,
                   struct wsp_response *response);
} endpoints[] = {
    {"/metrics", answer_metrics},
    {"/healthz", answer_health},
    {"/readyz", answer_ready},
};

static bool is_read(struct wsp_span method)
{
    return wsp_span_equal(method, wsp_span_of("GET")) ||
           wsp_span_equal(method, wsp_span_of("HEAD"));
}

void wsp_admin_run(struct wsp_server *server, const struct wsp_request *request,
                   struct wsp_response *response)
{
    struct wsp_span path = wsp_request_path(request);
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (!wsp_span_equal(path, wsp_span_of(endpoints[i].path))) {
            continue;
        }
        if (is_read(wsp_request_method(request))) {
            endpoints[i].answer(server, response);
            wsp_response_add(response, "Cache-Control", "no-store");
        } else {
            wsp_response_plain(response, 405, NULL);
            wsp_response_add(response, "Allow", "GET, HEAD");
        }
        return;
    }
    wsp_response_plain(response, 404, NULL);
}

/* ---- the page as a text ---- */

char *wsp_server_metrics_text(const struct wsp_server *server, size_t *len)
{
    struct wsp_buf out;
    wsp_buf_init(&out);
    if (!write_metrics(server, &out) || !wsp_buf_add(&out, "", 1)) {
        wsp_buf_fini(&out);
        return NULL;
    }
    if (len) {
        *len = out.len - 1;
    }
    return out.data;
}

void wsp_server_metrics_text_free(char *text)
{
    free(text);
}
