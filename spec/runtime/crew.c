/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

void crew_init(struct crew *crew, struct host *host)
{
    memset(crew, 0, sizeof *crew);
    crew->host = host;
}

void crew_start(struct crew *crew, void *(*fn)(void *))
{
    for (int i = 0; i < CREW_THREADS; i++) {
        assert_int_equal(pthread_create(&crew->threads[i], NULL, fn, crew), 0);
    }
}

void crew_join(struct crew *crew)
{
    for (int i = 0; i < CREW_THREADS; i++) {
        pthread_join(crew->threads[i], NULL);
    }
}

void crew_assert_done(struct crew *crew)
{
    int posted = atomic_load(&crew->posted);
    host_await(&crew->done, posted);
    assert_int_equal(atomic_load(&crew->done), posted);
    assert_int_equal(atomic_load(&crew->ok) + atomic_load(&crew->expected),
                     posted);
}

void crew_on_done(void *ud, enum wsp_err result)
{
    struct crew *crew = ud;
    switch (result) {
    case WSP_OK:
        atomic_fetch_add(&crew->ok, 1);
        break;
    case WSP_ERR_SEND_BUFFER_FULL:
    case WSP_ERR_CONNECTION_NOT_FOUND:
    case WSP_ERR_CONNECTION_CLOSED:
    case WSP_ERR_SERVER_CLOSED:
        atomic_fetch_add(&crew->expected, 1);
        break;
    default:
        break;
    }
    atomic_fetch_add(&crew->done, 1);
}

void crew_count(struct crew *crew, enum wsp_err accepted)
{
    if (accepted == WSP_OK) {
        atomic_fetch_add(&crew->posted, 1);
    }
}

struct wsp_frame crew_frame(const char *text)
{
    return (struct wsp_frame){.payload = wsp_span_of(text),
                              .has_payload = true};
}

/* ---- closing a connection, which only the loop may do ---- */

struct closing {
    struct crew *crew;
    char id[16];
};

static bool close_if_wanted(void *ud, struct wsp_connection *connection)
{
    struct closing *closing = ud;
    struct wsp_span id = wsp_connection_id(connection);
    if (id.len != strlen(closing->id) ||
        memcmp(id.data, closing->id, id.len) != 0) {
        return true;
    }
    wsp_connection_close(connection, 1000, wsp_span_of(""));
    return false;
}

static void run_closing(void *ud)
{
    struct closing *closing = ud;
    struct wsp_server *server = closing->crew->host->server;
    wsp_server_each(server, wsp_span_of("a"), close_if_wanted, closing);
    crew_on_done(closing->crew, WSP_OK);
    free(closing);
}

void crew_post_closing(struct crew *crew, int number)
{
    struct closing *closing = malloc(sizeof *closing);
    if (!closing) {
        return;
    }
    closing->crew = crew;
    snprintf(closing->id, sizeof closing->id, "%d", number);
    enum wsp_err accepted =
        wsp_loop_post(crew->host->loop, run_closing, closing);
    if (accepted) {
        free(closing);
    }
    crew_count(crew, accepted);
}

void crew_dial(struct peer *peer, const struct host *host, int number)
{
    char target[64];
    snprintf(target, sizeof target, "/ws?room=a&id=%d", number);
    peer_connect(peer, host->address);
    peer_upgrade(peer, target);
}

int crew_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}
