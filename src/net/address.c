/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_MAX 256 /* a DNS name and its NUL */
#define PORT_MAX 65535

/* A text taken apart. */
struct parts {
    char host[HOST_MAX]; /* empty: every address */
    char port[6];        /* digits */
    uint16_t number;     /* the same port */
    bool is_bracketed;   /* the host was in brackets: IPv6 only */
};

static enum wsp_err refuse(struct wsp_diag *diag, const char *text,
                           const char *reason)
{
    return wsp_diag_set(diag, WSP_ERR_LISTEN, "listen %s: %s", text, reason);
}

/* ---- unix sockets ---- */

static enum wsp_err parse_unix(struct wsp_address *address, const char *text,
                               const char *path, struct wsp_diag *diag)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    size_t len = strlen(path);
    if (len == 0) {
        return refuse(diag, text, "the socket has no path");
    }
    if (len >= sizeof un->sun_path) {
        return refuse(diag, text, "the socket path is longer than 107 bytes");
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    address->len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return WSP_OK;
}

/* ---- TCP ---- */

/* Returns why `text` is no port, or NULL. */
static const char *copy_port(struct parts *parts, const char *text)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || text[len] || len >= sizeof parts->port) {
        return "the port is not a number from 0 to 65535";
    }
    unsigned long number = strtoul(text, NULL, 10);
    if (number > PORT_MAX) {
        return "the port is not a number from 0 to 65535";
    }
    memcpy(parts->port, text, len + 1);
    parts->number = (uint16_t)number;
    return NULL;
}

/* Returns why `text` cannot be taken apart, or NULL. */
static const char *split(struct parts *parts, const char *text)
{
    const char *host = text;
    const char *colon = strrchr(text, ':');
    if (!colon) {
        return "the port is missing (host:port, :port or unix:path)";
    }
    size_t len = (size_t)(colon - host);
    parts->is_bracketed = text[0] == '[';
    if (parts->is_bracketed) {
        if (len < 3 || host[len - 1] != ']') {
            return "an IPv6 address is written [address]:port";
        }
        host++;
        len -= 2;
    } else if (memchr(host, ':', len)) {
        return "an IPv6 address is written [address]:port";
    }
    if (len >= sizeof parts->host) {
        return "the host name is too long";
    }
    memcpy(parts->host, host, len);
    parts->host[len] = '\0';
    return copy_port(parts, colon + 1);
}

static void copy_found(struct wsp_address *address,
                       const struct addrinfo *found)
{
    const struct addrinfo *best = found;
    const struct addrinfo *each = found->ai_next;
    for (; each && best->ai_family != AF_INET; each = each->ai_next) {
        best = each->ai_family == AF_INET ? each : best;
    }
    memcpy(&address->storage, best->ai_addr, best->ai_addrlen);
    address->len = best->ai_addrlen;
}

static enum wsp_err resolve(struct wsp_address *address,
                            const struct parts *parts, const char *text,
                            struct wsp_diag *diag)
{
    struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
        .ai_family = parts->is_bracketed ? AF_INET6 : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    if (parts->is_bracketed) {
        hints.ai_flags |= AI_NUMERICHOST;
    }
    struct addrinfo *found = NULL;
    int error = getaddrinfo(parts->host, parts->port, &hints, &found);
    if (error == EAI_SYSTEM) {
        return refuse(diag, text, strerror(errno));
    }
    if (error) {
        return refuse(diag, text, gai_strerror(error));
    }
    copy_found(address, found);
    freeaddrinfo(found);
    return WSP_OK;
}

static bool has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0 || errno != EAFNOSUPPORT;
}

static void set_every(struct wsp_address *address, uint16_t port)
{
    address->is_every = true;
    if (has_ipv6()) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_addr = in6addr_any;
        in6->sin6_port = htons(port);
        address->len = sizeof *in6;
        return;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_ANY);
    in->sin_port = htons(port);
    address->len = sizeof *in;
}

enum wsp_err wsp_address_parse(struct wsp_address *address, const char *text,
                               struct wsp_diag *diag)
{
    *address = (struct wsp_address){.len = 0};
    if (strncmp(text, "unix:", 5) == 0) {
        return parse_unix(address, text, text + 5, diag);
    }
    struct parts parts = {.is_bracketed = false};
    const char *reason = split(&parts, text);
    if (reason) {
        return refuse(diag, text, reason);
    }
    if (parts.host[0] == '\0') {
        set_every(address, parts.number);
        return WSP_OK;
    }
    return resolve(address, &parts, text, diag);
}

/* ---- writing ---- */

const char *wsp_address_path(const struct wsp_address *address)
{
    const struct sockaddr_un *un =
        (const struct sockaddr_un *)&address->storage;
    bool has_path = address->storage.ss_family == AF_UNIX &&
                    address->len > offsetof(struct sockaddr_un, sun_path) &&
                    un->sun_path[0];
    return has_path ? un->sun_path : NULL;
}

bool wsp_address_ip(const struct wsp_address *address, struct wsp_ip *ip)
{
    const struct sockaddr_in *in =
        (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *in6 =
        (const struct sockaddr_in6 *)&address->storage;
    switch (address->storage.ss_family) {
    case AF_INET:
        *ip = wsp_ip_of_v4(&in->sin_addr);
        return true;
    case AF_INET6:
        *ip = wsp_ip_of_v6(&in6->sin6_addr);
        return true;
    default:
        return false;
    }
}

static bool is_loopback_in6(const struct in6_addr *host)
{
    return IN6_IS_ADDR_LOOPBACK(host) ||
           (IN6_IS_ADDR_V4MAPPED(host) && host->s6_addr[12] == 127);
}

bool wsp_address_is_local(const struct wsp_address *address)
{
    const struct sockaddr_in *in =
        (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *in6 =
        (const struct sockaddr_in6 *)&address->storage;
    switch (address->storage.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return is_loopback_in6(&in6->sin6_addr);
    default:
        return false;
    }
}

static void format_in(const struct wsp_address *address, char *out)
{
    const struct sockaddr_in *in =
        (const struct sockaddr_in *)&address->storage;
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    snprintf(out, WSP_ADDRESS_TEXT_MAX, "%s:%u", host,
             (unsigned)ntohs(in->sin_port));
}

static void format_in6(const struct wsp_address *address, char *out)
{
    const struct sockaddr_in6 *in6 =
        (const struct sockaddr_in6 *)&address->storage;
    unsigned port = ntohs(in6->sin6_port);
    char host[INET6_ADDRSTRLEN];
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof host);
        snprintf(out, WSP_ADDRESS_TEXT_MAX, "%s:%u", host, port);
        return;
    }
    inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    if (in6->sin6_scope_id) {
        snprintf(out, WSP_ADDRESS_TEXT_MAX, "[%s%%%u]:%u", host,
                 (unsigned)in6->sin6_scope_id, port);
    } else {
        snprintf(out, WSP_ADDRESS_TEXT_MAX, "[%s]:%u", host, port);
    }
}

void wsp_address_format(const struct wsp_address *address,
                        char out[WSP_ADDRESS_TEXT_MAX])
{
    const char *path = wsp_address_path(address);
    if (path) {
        snprintf(out, WSP_ADDRESS_TEXT_MAX, "unix:%s", path);
    } else if (address->storage.ss_family == AF_INET) {
        format_in(address, out);
    } else if (address->storage.ss_family == AF_INET6) {
        format_in6(address, out);
    } else {
        snprintf(out, WSP_ADDRESS_TEXT_MAX, "unix");
    }
}
