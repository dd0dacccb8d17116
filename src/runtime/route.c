/* SPDX-License-Identifier: MIT */
/* Plain HTTP beside the socket: the application's routes, then static folders,
 * then 404. */
#include <string.h>

#include "runtime/admin.h"
#include "runtime/exchange.h"
#include "runtime/server.h"
#include "runtime/static_file.h"
#include "runtime/transport.h"

/* A HEAD request is answered by the GET route, without the body. */
static bool is_method(struct wsp_span method, const char *name)
{
    return wsp_span_equal(method, wsp_span_of(name)) ||
           (strcmp(name, "GET") == 0 &&
            wsp_span_equal(method, wsp_span_of("HEAD")));
}

static void call_route(struct wsp_server *server, size_t route,
                       const struct wsp_request *request,
                       struct wsp_response *response)
{
    if (!server->handlers.on_http) {
        wsp_response_plain(response, 500, NULL);
        return;
    }
    bool is_down =
        wsp_callback_begin(&server->callback, "http", NULL, NULL, request);
    server->hub.is_settling = true;
    server->handlers.on_http(server->handlers.ud, route, request, response);
    server->hub.is_settling = false;
    wsp_callback_end(&server->callback, is_down);
}

/* Adds the methods of the routes of this path. Returns how many there are. */
static size_t list_methods(const struct wsp_options *options,
                           struct wsp_span path, struct wsp_buf *allow)
{
    size_t count = 0;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct wsp_route *route = &options->routes[i];
        if (!wsp_span_equal(path, wsp_span_of(route->path))) {
            continue;
        }
        const char *also = strcmp(route->method, "GET") == 0 ? ", HEAD" : "";
        wsp_buf_printf(allow, "%s%s%s", count ? ", " : "", route->method, also);
        count++;
    }
    return count;
}

static void answer_not_allowed(struct wsp_response *response,
                               struct wsp_buf *allow)
{
    wsp_response_plain(response, 405, NULL);
    wsp_response_header(response, wsp_span_of("Allow"),
                        (struct wsp_span){allow->data, allow->len});
}

/* Runs the route of method and path. Returns false when the path has none. */
static bool run_route(struct wsp_server *server,
                      const struct wsp_request *request,
                      struct wsp_response *response)
{
    const struct wsp_options *options = &server->settings->options;
    struct wsp_span method = wsp_request_method(request);
    struct wsp_span path = wsp_request_path(request);
    for (size_t i = 0; i < options->route_count; i++) {
        const struct wsp_route *route = &options->routes[i];
        if (wsp_span_equal(path, wsp_span_of(route->path)) &&
            is_method(method, route->method)) {
            call_route(server, i, request, response);
            return true;
        }
    }
    struct wsp_buf allow;
    wsp_buf_init(&allow);
    bool is_known = list_methods(options, path, &allow) > 0;
    if (is_known) {
        answer_not_allowed(response, &allow);
    }
    wsp_buf_fini(&allow);
    return is_known;
}

/* A folder's page lies under the path with a slash behind it. */
static void redirect_to_folder(const struct wsp_request *request,
                               struct wsp_response *response)
{
    struct wsp_span path = wsp_request_path(request);
    struct wsp_buf location;
    wsp_buf_init(&location);
    wsp_buf_printf(&location, "%.*s/", (int)path.len, path.data);
    wsp_response_plain(response, 301, NULL);
    wsp_response_header(response, wsp_span_of("Location"),
                        (struct wsp_span){location.data, location.len});
    wsp_buf_fini(&location);
}

static void serve_file(const struct wsp_static_dir *dir,
                       const struct wsp_request *request,
                       struct wsp_response *response)
{
    struct wsp_static_file file;
    int status = wsp_static_file_open(
        &file, dir->dir, dir->prefix, wsp_request_path(request),
        wsp_request_header(request, wsp_span_of("If-None-Match")),
        &response->body);
    if (status == 301) {
        redirect_to_folder(request, response);
        return;
    }
    if (status != 200 && status != 304) {
        wsp_response_plain(response, status, NULL);
        return;
    }
    response->status = status;
    wsp_response_add(response, "ETag", file.etag);
    wsp_response_add(response, "Last-Modified", file.last_modified);
    wsp_response_add(response, "Cache-Control", "no-cache");
    wsp_response_add(response, "X-Content-Type-Options", "nosniff");
    if (status == 200) {
        wsp_response_add(response, "Content-Type", file.content_type);
    }
}

/* The folder with the longest prefix that covers the path, or NULL. */
static const struct wsp_static_dir *find_dir(const struct wsp_options *options,
                                             struct wsp_span path)
{
    const struct wsp_static_dir *best = NULL;
    for (size_t i = 0; i < options->static_count; i++) {
        const struct wsp_static_dir *dir = &options->static_dirs[i];
        if (wsp_static_file_covers(dir->prefix, path) &&
            (!best || strlen(dir->prefix) > strlen(best->prefix))) {
            best = dir;
        }
    }
    return best;
}

static void run_static(struct wsp_server *server,
                       const struct wsp_request *request,
                       struct wsp_response *response)
{
    const struct wsp_static_dir *dir =
        find_dir(&server->settings->options, wsp_request_path(request));
    if (!dir) {
        wsp_response_plain(response, 404, NULL);
        return;
    }
    if (!is_method(wsp_request_method(request), "GET")) {
        wsp_response_plain(response, 405, NULL);
        wsp_response_add(response, "Allow", "GET, HEAD");
        return;
    }
    serve_file(dir, request, response);
}

static void log_request(struct wsp_server *server,
                        const struct wsp_request *request, int status)
{
    if (!wsp_log_enabled(&server->settings->options.logger, WSP_LOG_DEBUG)) {
        return;
    }
    struct wsp_log_field fields[] = {
        WSP_LOG_SPAN("method", wsp_request_method(request)),
        WSP_LOG_SPAN("path", wsp_request_path(request)),
        WSP_LOG_NUM("status", status),
        WSP_LOG_STR("remote_addr", wsp_request_remote_addr(request)),
    };
    wsp_server_log(server, WSP_LOG_DEBUG, "wspulse: http request", fields, 4);
}

void wsp_route_run(struct wsp_exchange *exchange,
                   const struct wsp_request *request,
                   struct wsp_response *response)
{
    struct wsp_server *server = exchange->transport->server;
    if (exchange->transport->is_admin) {
        wsp_admin_run(server, request, response);
    } else if (server->is_closing) {
        wsp_response_plain(response, 503, "server closed");
    } else if (!run_route(server, request, response)) {
        run_static(server, request, response);
    }
    log_request(server, request, response->status);
}
