/* SPDX-License-Identifier: MIT */
#include "cli/announce.h"

#include <stdbool.h>
#include <string.h>

static void end_line(FILE *out, const struct wsp_server *server)
{
    const char *name = wsp_server_name(server);
    if (strcmp(name, "main") != 0) {
        fprintf(out, " (server %s)", name);
    }
    fputc('\n', out);
}

static void announce_address(FILE *out, const struct wsp_server *server,
                             const char *address)
{
    bool is_secure = strncmp(address, "wss://", 6) == 0;
    const char *place = is_secure ? address + 6 : address;
    const char *letter = is_secure ? "s" : "";
    if (strncmp(place, "unix:", 5) == 0) {
        fprintf(out, "wspulse: listening on %s", address);
    } else {
        fprintf(out, "wspulse: listening on http%s://%s/ and ws%s://%s%s",
                letter, place, letter, place, wsp_server_path(server));
    }
    end_line(out, server);
}

static void announce_admin(FILE *out, const struct wsp_server *server)
{
    const char *address = wsp_server_admin_address(server);
    if (!address) {
        return;
    }
    if (strncmp(address, "unix:", 5) == 0) {
        fprintf(out, "wspulse: admin on %s", address);
    } else {
        fprintf(out, "wspulse: admin on http://%s/metrics", address);
    }
    end_line(out, server);
}

static void announce_server(FILE *out, const struct wsp_server *server)
{
    const char *address;
    for (size_t i = 0; (address = wsp_server_address(server, i)); i++) {
        announce_address(out, server, address);
    }
    announce_admin(out, server);
}

void wsp_announce_servers(FILE *out, struct wsp_lua_host *host)
{
    const struct wsp_server *server;
    for (size_t i = 0; (server = wsp_lua_host_server(host, i)); i++) {
        announce_server(out, server);
    }
    fflush(out);
}
