/* SPDX-License-Identifier: MIT */
/* What an application asks of a whole server: send, broadcast, kick, each. */
#include "runtime/server.h"

enum wsp_err wsp_server_send(struct wsp_server *server, struct wsp_span id,
                             const struct wsp_frame *frame,
                             struct wsp_diag *diag)
{
    if (!server->is_started) {
        return WSP_ERR_SERVER_NOT_STARTED;
    }
    struct wsp_session *session = wsp_hub_find(&server->hub, id);
    if (!session) {
        return WSP_ERR_CONNECTION_NOT_FOUND;
    }
    enum wsp_err err = wsp_session_send(session, frame, diag);
    wsp_server_wake(server);
    return err;
}

enum wsp_err wsp_server_broadcast(struct wsp_server *server,
                                  struct wsp_span room,
                                  const struct wsp_frame *frame, wsp_id except,
                                  struct wsp_diag *diag)
{
    if (!server->is_started) {
        return WSP_ERR_SERVER_NOT_STARTED;
    }
    enum wsp_err err =
        wsp_hub_broadcast(&server->hub, room, frame, except, diag);
    wsp_server_wake(server);
    return err;
}

enum wsp_err wsp_server_kick(struct wsp_server *server, struct wsp_span id)
{
    if (!server->is_started) {
        return WSP_ERR_SERVER_NOT_STARTED;
    }
    enum wsp_err err = wsp_hub_kick(&server->hub, id);
    wsp_server_wake(server);
    return err;
}

void wsp_server_count_failure(struct wsp_server *server)
{
    server->hub.metrics.handler_failures++;
}

void wsp_server_each(struct wsp_server *server, struct wsp_span room_name,
                     bool (*fn)(void *ud, struct wsp_connection *connection),
                     void *ud)
{
    struct wsp_room *room = wsp_rooms_find(&server->hub.rooms, room_name);
    for (uint32_t i = 0; room && i < room->member_count; i++) {
        if (!fn(ud, (struct wsp_connection *)room->members[i])) {
            return;
        }
    }
}
