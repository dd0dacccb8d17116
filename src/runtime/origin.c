/* SPDX-License-Identifier: MIT */
#include "runtime/origin.h"

#include "proto/uri.h"
#include "runtime/request.h"
#include "runtime/server.h"

static bool is_listed(const struct wsp_options *options, struct wsp_span origin)
{
    for (size_t i = 0; i < options->origin_count; i++) {
        if (wsp_uri_origin_equal(origin, wsp_span_of(options->origins[i]))) {
            return true;
        }
    }
    return false;
}

static bool ask_function(struct wsp_server *server,
                         const struct wsp_request *request)
{
    if (!server->handlers.check_origin) {
        return false;
    }
    bool is_down = wsp_callback_begin(&server->callback, "check_origin", NULL,
                                      NULL, request);
    server->hub.is_settling = true;
    bool is_allowed =
        server->handlers.check_origin(server->handlers.ud, request);
    server->hub.is_settling = false;
    wsp_callback_end(&server->callback, is_down);
    return is_allowed;
}

bool wsp_origin_is_allowed(struct wsp_server *server,
                           const struct wsp_request *request)
{
    const struct wsp_options *options = &server->settings->options;
    if (options->origin_policy == WSP_ORIGIN_ANY) {
        return true;
    }
    if (options->origin_policy == WSP_ORIGIN_FUNCTION) {
        return ask_function(server, request);
    }
    struct wsp_span name = wsp_span_of("Origin");
    size_t count = wsp_http_head_count(request->head, request->bytes, name);
    if (count == 0) {
        return true;
    }
    struct wsp_span origin = wsp_request_header(request, name);
    if (count > 1) {
        return false;
    }
    if (options->origin_policy == WSP_ORIGIN_LIST) {
        return is_listed(options, origin);
    }
    struct wsp_span host = wsp_request_header(request, wsp_span_of("Host"));
    return wsp_uri_origin_is_same(origin, host, request->is_secure);
}
