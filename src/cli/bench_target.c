/* SPDX-License-Identifier: MIT */
#include "cli/bench_target.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 256
#define PORT_MAX 8

/* The pieces of a URL. */
struct url {
    const char *authority; /* host and port as they stand; into the text */
    size_t authority_len;
    char host[HOST_MAX]; /* without the brackets of an IPv6 address */
    char port[PORT_MAX];
    const char *path;  /* into the text */
    size_t path_len;   /* 0: "/" */
    const char *query; /* without its question mark */
    size_t query_len;
};

static enum wsp_err refuse(struct wsp_diag *diag, const char *text,
                           const char *why)
{
    return wsp_diag_set(diag, WSP_ERR_INVALID_OPTION, "%.200s: %s", text, why);
}

/* ---- the URL ---- */

/* Splits "host:port", "[ipv6]:port" or either without a port. */
static bool split_authority(struct url *url)
{
    const char *host = url->authority;
    const char *end = host + url->authority_len;
    const char *host_end = memchr(host, ':', url->authority_len);
    if (url->authority_len && host[0] == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end) {
            return false;
        }
    }
    host_end = host_end ? host_end : end;
    const char *rest =
        host_end < end && *host_end == ']' ? host_end + 1 : host_end;
    const char *port = rest < end ? rest + 1 : "80";
    size_t port_len = rest < end ? (size_t)(end - port) : 2;
    size_t host_len = (size_t)(host_end - host);
    if (host_len == 0 || host_len >= HOST_MAX || port_len == 0 ||
        port_len >= PORT_MAX || (rest < end && *rest != ':')) {
        return false;
    }
    snprintf(url->host, HOST_MAX, "%.*s", (int)host_len, host);
    snprintf(url->port, PORT_MAX, "%.*s", (int)port_len, port);
    return strspn(url->port, "0123456789") == port_len;
}

/* Nothing in a URL may end the request line early. */
static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if (!isgraph((unsigned char)*text)) {
            return false;
        }
    }
    return true;
}

static enum wsp_err read_url(struct url *url, const char *text,
                             struct wsp_diag *diag)
{
    static const char scheme[] = "ws://";
    if (strncmp(text, "wss://", 6) == 0) {
        return refuse(diag, text,
                      "TLS is not measured; aim at the ws:// address behind "
                      "what ends TLS");
    }
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0) {
        return refuse(diag, text, "a URL begins with ws://");
    }
    if (!is_printable(text)) {
        return refuse(diag, text, "a URL has no blanks and is ASCII");
    }
    url->authority = text + sizeof(scheme) - 1;
    url->authority_len = strcspn(url->authority, "/?#");
    url->path = url->authority + url->authority_len;
    url->path_len = strcspn(url->path, "?#");
    url->query = url->path + url->path_len;
    url->query += *url->query == '?';
    url->query_len = strcspn(url->query, "#");
    if (!split_authority(url)) {
        return refuse(diag, text, "expected ws://HOST:PORT/PATH");
    }
    return WSP_OK;
}

static enum wsp_err resolve(struct wsp_bench_target *target,
                            const struct url *url, struct wsp_diag *diag)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(url->host, url->port, &hints, &found);
    if (code != 0) {
        return wsp_diag_set(diag, WSP_ERR_IO, "%s: %s", url->host,
                            code == EAI_SYSTEM ? strerror(errno)
                                               : gai_strerror(code));
    }
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return WSP_OK;
}

/* ---- the request ---- */

/* Writes a query value: what RFC 3986 §2.3 does not list is escaped. */
static void write_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_plain = isalnum(c) || strchr("-._~", c);
        fprintf(out, is_plain ? "%c" : "%%%02X", c);
    }
}

static void write_resource(FILE *out, const struct url *url, const char *room)
{
    fprintf(out, "%.*s", (int)url->path_len, url->path);
    if (url->path_len == 0) {
        fputc('/', out);
    }
    if (url->query_len) {
        fprintf(out, "?%.*s", (int)url->query_len, url->query);
    }
    if (room) {
        fprintf(out, "%croom=", url->query_len ? '&' : '?');
        write_escaped(out, room);
    }
}

static void write_request(FILE *out, const struct url *url,
                          const struct wsp_bench_settings *settings)
{
    fputs("GET ", out);
    write_resource(out, url, settings->room);
    fprintf(out,
            " HTTP/1.1\r\n"
            "Host: %.*s\r\n"
            "Connection: Upgrade\r\n"
            "Upgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            (int)url->authority_len, url->authority);
    for (size_t i = 0; i < settings->headers.count; i++) {
        fprintf(out, "%s\r\n", settings->headers.items[i]);
    }
    fputs("\r\n", out);
}

static enum wsp_err build_request(struct wsp_bench_target *target,
                                  const struct url *url,
                                  const struct wsp_bench_settings *settings,
                                  struct wsp_diag *diag)
{
    FILE *out = open_memstream(&target->request, &target->request_len);
    if (!out) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    write_request(out, url, settings);
    bool is_written = !ferror(out);
    if (fclose(out) != 0 || !is_written) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    return WSP_OK;
}

enum wsp_err wsp_bench_target_init(struct wsp_bench_target *target,
                                   const struct wsp_bench_settings *settings,
                                   struct wsp_diag *diag)
{
    *target = (struct wsp_bench_target){.request = NULL};
    struct url url = {0};
    enum wsp_err result = read_url(&url, settings->url, diag);
    if (result == WSP_OK) {
        result = resolve(target, &url, diag);
    }
    if (result == WSP_OK) {
        result = build_request(target, &url, settings, diag);
    }
    return result;
}

void wsp_bench_target_fini(struct wsp_bench_target *target)
{
    free(target->request);
    target->request = NULL;
}
