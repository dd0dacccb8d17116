/* SPDX-License-Identifier: MIT */
#include "runtime/response.h"

#include <string.h>
#include <strings.h>
#include <time.h>

void wsp_response_init(struct wsp_response *response)
{
    memset(response, 0, sizeof *response);
    response->status = 200;
}

void wsp_response_fini(struct wsp_response *response)
{
    wsp_buf_fini(&response->headers);
    wsp_buf_fini(&response->body);
}

const char *wsp_response_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "Unknown";
}

/* ---- what a handler sets ---- */

enum wsp_err wsp_response_status(struct wsp_response *response, int status)
{
    if (status < 200 || status > 599) {
        return WSP_ERR_INVALID_OPTION;
    }
    response->status = status;
    return WSP_OK;
}

/* A token of RFC 9110 §5.6.2. */
static bool is_token(struct wsp_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                       (c >= 'a' && c <= 'z');
        if (!is_word && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return name.len > 0;
}

/* No control characters: a value must not begin another header. */
static bool is_clean(struct wsp_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_named(struct wsp_span name, const char *other)
{
    return name.len == strlen(other) &&
           strncasecmp(name.data, other, name.len) == 0;
}

/* Headers that frame the message are the server's. */
static bool is_reserved(struct wsp_span name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding",
                                        "Connection", "Date"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_named(name, names[i])) {
            return true;
        }
    }
    return false;
}

enum wsp_err wsp_response_header(struct wsp_response *response,
                                 struct wsp_span name, struct wsp_span value)
{
    if (!is_token(name) || !is_clean(value) || is_reserved(name)) {
        return WSP_ERR_INVALID_OPTION;
    }
    if (!wsp_buf_printf(&response->headers, "%.*s: %.*s\r\n", (int)name.len,
                        name.data, (int)value.len,
                        value.data ? value.data : "")) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    if (is_named(name, "Content-Type")) {
        response->has_content_type = true;
    }
    return WSP_OK;
}

enum wsp_err wsp_response_body(struct wsp_response *response,
                               struct wsp_span body)
{
    response->body.len = 0;
    return wsp_buf_add(&response->body, body.data, body.len)
               ? WSP_OK
               : WSP_ERR_OUT_OF_MEMORY;
}

/* ---- what the server sets ---- */

bool wsp_response_add(struct wsp_response *response, const char *name,
                      const char *value)
{
    return wsp_response_header(response, wsp_span_of(name),
                               wsp_span_of(value)) == WSP_OK;
}

void wsp_response_plain(struct wsp_response *response, int status,
                        const char *text)
{
    response->headers.len = 0;
    response->body.len = 0;
    response->has_content_type = false;
    response->status = status;
    wsp_buf_printf(&response->body, "%s\n",
                   text ? text : wsp_response_phrase(status));
    wsp_response_add(response, "Content-Type", "text/plain; charset=utf-8");
    wsp_response_add(response, "X-Content-Type-Options", "nosniff");
}

static void format_date(char out[40])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

/* RFC 9110 §8.6: these statuses have no body. */
static bool has_body(int status)
{
    return status != 204 && status != 304;
}

bool wsp_response_write(const struct wsp_response *response, bool is_head,
                        bool is_keep_alive, struct wsp_buf *out)
{
    char date[40];
    format_date(date);
    if (!wsp_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", response->status,
                        wsp_response_phrase(response->status), date) ||
        !wsp_buf_add(out, response->headers.data, response->headers.len)) {
        return false;
    }
    bool is_bodied = has_body(response->status);
    if (is_bodied && response->body.len && !response->has_content_type &&
        !wsp_buf_printf(out, "Content-Type: text/plain; charset=utf-8\r\n")) {
        return false;
    }
    if (is_bodied &&
        !wsp_buf_printf(out, "Content-Length: %zu\r\n", response->body.len)) {
        return false;
    }
    if (!wsp_buf_printf(out, "%s\r\n",
                        is_keep_alive ? "" : "Connection: close\r\n")) {
        return false;
    }
    return !is_bodied || is_head ||
           wsp_buf_add(out, response->body.data, response->body.len);
}
