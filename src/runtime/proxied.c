/* SPDX-License-Identifier: MIT */
/* A connection whose first bytes are a proxy's: until they are complete there is
 * no transport, and nothing but them is read. */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/prelude.h"
#include "proto/proxy_head.h"
#include "runtime/entrance.h"
#include "runtime/refusal.h"
#include "runtime/server.h"

struct wsp_proxied {
    struct wsp_prelude prelude;
    struct wsp_proxy_head head;
    enum wsp_proxy_result result;
    struct wsp_server *server;
    size_t place;                 /* number of the address it came to */
    struct wsp_caller proxy;      /* who connected */
    struct wsp_deadline deadline; /* the handshake's */
    TAILQ_ENTRY(wsp_proxied) entry;
};

void wsp_proxied_free(struct wsp_proxied *proxied)
{
    struct wsp_server *server = proxied->server;
    TAILQ_REMOVE(&server->entrance.proxied, proxied, entry);
    wsp_wheel_disarm(&server->hub.wheel, &proxied->deadline);
    wsp_prelude_fini(&proxied->prelude);
    free(proxied);
}

static void refuse(struct wsp_proxied *proxied, enum wsp_refusal why)
{
    wsp_refusal_note(proxied->server, why, proxied->proxy.text);
    wsp_proxied_free(proxied);
}

/* Hands the socket on, with what is left of the deadline. */
static void hand_on(struct wsp_proxied *proxied)
{
    struct wsp_server *server = proxied->server;
    struct wsp_caller caller = proxied->head.has_client
                                   ? wsp_caller_of_client(&proxied->head.client)
                                   : proxied->proxy;
    uint64_t due_ms = proxied->deadline.at_ms;
    uint64_t now_ms = wsp_hub_now_ms(&server->hub);
    struct wsp_tls_context *context =
        wsp_keyring_context(&server->keyring, proxied->place);
    int fd = wsp_prelude_release(&proxied->prelude);
    wsp_proxied_free(proxied);
    struct wsp_transport *transport =
        wsp_transport_accept(server, fd, &caller, context);
    if (transport) {
        wsp_transport_arm(transport, due_ms > now_ms ? due_ms - now_ms : 1);
    }
}

/* ---- events ---- */

static size_t on_peek(void *ud, const uint8_t *data, size_t len)
{
    struct wsp_proxied *proxied = ud;
    size_t taken;
    proxied->result = wsp_proxy_head_feed(&proxied->head, data, len, &taken);
    if (proxied->result == WSP_PROXY_BAD) {
        refuse(proxied, WSP_REFUSAL_PROXY_PROTOCOL);
        return 0;
    }
    return taken;
}

static void on_taken(void *ud)
{
    struct wsp_proxied *proxied = ud;
    if (proxied->result == WSP_PROXY_DONE) {
        hand_on(proxied);
    }
}

static void on_end(void *ud, int error)
{
    (void)error;
    wsp_proxied_free(ud);
}

static const struct wsp_prelude_ops prelude_ops = {on_peek, on_taken, on_end};

static void on_deadline(struct wsp_deadline *deadline)
{
    struct wsp_proxied *proxied =
        (struct wsp_proxied *)((char *)deadline -
                               offsetof(struct wsp_proxied, deadline));
    refuse(proxied, WSP_REFUSAL_HANDSHAKE_TIMEOUT);
}

/* ---- beginning ---- */

static struct wsp_proxied *wait_for(const struct wsp_place *place, int fd,
                                    const struct wsp_caller *proxy)
{
    struct wsp_server *server = place->server;
    struct wsp_proxied *proxied = calloc(1, sizeof *proxied);
    if (!proxied || !wsp_prelude_init(&proxied->prelude, server->loop, fd,
                                      &prelude_ops, proxied)) {
        free(proxied);
        return NULL;
    }
    wsp_proxy_head_init(&proxied->head);
    proxied->server = server;
    proxied->place = place->index;
    proxied->proxy = *proxy;
    proxied->deadline.fn = on_deadline;
    TAILQ_INSERT_TAIL(&server->entrance.proxied, proxied, entry);
    wsp_wheel_arm(&server->hub.wheel, &proxied->deadline,
                  wsp_hub_now_ms(&server->hub) +
                      server->settings->handshake_ms);
    return proxied;
}

void wsp_proxied_accept(const struct wsp_place *place, int fd,
                        const struct wsp_address *peer)
{
    struct wsp_server *server = place->server;
    struct wsp_caller proxy = wsp_caller_of_peer(peer);
    if (!wsp_caller_is_trusted(&proxy, server->settings)) {
        wsp_refusal_note(server, WSP_REFUSAL_PROXY_PROTOCOL, proxy.text);
        close(fd);
    } else if (!wait_for(place, fd, &proxy)) {
        close(fd);
    }
}
