/* SPDX-License-Identifier: MIT */
#include "runtime/entrance.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/refusal.h"
#include "runtime/server.h"

/* Shorter waits for the accept rate would only wake the loop more often. */
#define PAUSE_MS_MIN 10

void wsp_entrance_init(struct wsp_entrance *entrance)
{
    *entrance = (struct wsp_entrance){.places = NULL};
    TAILQ_INIT(&entrance->proxied);
}

/* ---- accepting ---- */

/* Nobody is accepted anywhere until the rate allows it again. */
static void pause_all(const struct wsp_entrance *entrance, uint64_t for_ms)
{
    if (for_ms < PAUSE_MS_MIN) {
        for_ms = PAUSE_MS_MIN;
    }
    for (size_t i = 0; i < entrance->place_count; i++) {
        wsp_listener_pause(entrance->places[i].listener, for_ms);
    }
}

static void keep_rate(struct wsp_server *server)
{
    const struct wsp_options *options = &server->settings->options;
    if (!(options->accept_per_second > 0)) {
        return;
    }
    double burst = options->accept_burst > 0 ? options->accept_burst
                                             : options->accept_per_second;
    const struct wsp_bucket_rate rate = {
        .per_second = options->accept_per_second,
        .burst = burst < 1 ? 1 : burst,
    };
    uint64_t wait_ms = wsp_bucket_take(&server->entrance.accepted, &rate,
                                       wsp_loop_now_ms(server->loop));
    if (wait_ms) {
        pause_all(&server->entrance, wait_ms);
    }
}

static void on_accept(void *ud, int fd, const struct wsp_address *peer)
{
    const struct wsp_place *place = ud;
    struct wsp_server *server = place->server;
    if (place->is_proxied) {
        wsp_proxied_accept(place, fd, peer);
    } else {
        struct wsp_caller caller = wsp_caller_of_peer(peer);
        wsp_transport_accept(
            server, fd, &caller,
            wsp_keyring_context(&server->keyring, place->index));
    }
    keep_rate(server);
}

static void on_trouble(void *ud, int error, unsigned shed)
{
    const struct wsp_place *place = ud;
    wsp_refusal_shed(place->server, error, shed);
}

/* ---- opening ---- */

static enum wsp_err open_place(struct wsp_server *server, size_t index,
                               struct wsp_diag *diag)
{
    const struct wsp_options *options = &server->settings->options;
    const char *text = wsp_options_address(options, index);
    bool has_tls = wsp_options_address_tls(options, index) != NULL;
    struct wsp_entrance *entrance = &server->entrance;
    struct wsp_place *place = &entrance->places[entrance->place_count];
    *place = (struct wsp_place){
        .server = server,
        .index = index,
        .is_proxied =
            options->listen_count && options->listen[index].proxy_protocol,
    };
    place->listener =
        wsp_listener_open(server->loop, text, 0, on_accept, place, diag);
    if (!place->listener) {
        return WSP_ERR_LISTEN;
    }
    snprintf(place->address, sizeof place->address, "%s%s",
             has_tls ? "wss://" : "", wsp_listener_address(place->listener));
    wsp_listener_on_trouble(place->listener, on_trouble);
    entrance->place_count++;
    return WSP_OK;
}

enum wsp_err wsp_entrance_open(struct wsp_server *server, struct wsp_diag *diag)
{
    size_t count = wsp_options_address_count(&server->settings->options);
    enum wsp_err err = wsp_keyring_open(server, diag);
    if (err) {
        return err;
    }
    server->entrance.places = calloc(count, sizeof(struct wsp_place));
    if (!server->entrance.places) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "%s",
                            wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
    }
    for (size_t i = 0; i < count && !err; i++) {
        err = open_place(server, i, diag);
    }
    if (err) {
        wsp_entrance_close(&server->entrance);
    }
    return err;
}

void wsp_entrance_close(struct wsp_entrance *entrance)
{
    struct wsp_proxied *proxied;
    for (size_t i = 0; i < entrance->place_count; i++) {
        wsp_listener_close(entrance->places[i].listener);
    }
    free(entrance->places);
    entrance->places = NULL;
    entrance->place_count = 0;
    while ((proxied = TAILQ_FIRST(&entrance->proxied))) {
        wsp_proxied_free(proxied);
    }
}

const char *wsp_entrance_address(const struct wsp_entrance *entrance,
                                 size_t index)
{
    return index < entrance->place_count ? entrance->places[index].address
                                         : NULL;
}
