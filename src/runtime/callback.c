/* SPDX-License-Identifier: MIT */
#include "runtime/callback.h"

#include <stddef.h>

#include "runtime/server.h"

static const struct wsp_server *server_of(const struct wsp_callback *callback)
{
    return (const struct wsp_server *)((const char *)callback -
                                       offsetof(struct wsp_server, callback));
}

static void add_facts(const struct wsp_callback *callback,
                      struct wsp_hold_note *note)
{
    const struct wsp_server *server = server_of(callback);
    wsp_hold_note_add(note, "handler", wsp_span_of(callback->name));
    if (callback->session) {
        wsp_hold_note_add(note, "conn_id", wsp_session_id(callback->session));
    }
    if (callback->frame) {
        wsp_hold_note_add(note, "event", callback->frame->event);
    }
    if (callback->request) {
        wsp_hold_note_add(note, "path", wsp_request_path(callback->request));
    }
    wsp_hold_note_add(note, "server",
                      wsp_span_of(server->settings->options.name));
}

static void describe(const struct wsp_hold *hold, struct wsp_hold_note *note)
{
    const struct wsp_callback *callback = (const struct wsp_callback *)hold;
    add_facts(callback, note);
    note->fields[note->count++] =
        WSP_LOG_NUM("generation", server_of(callback)->hub.config.generation);
}

void wsp_callback_init(struct wsp_callback *callback,
                       struct wsp_hold_board *board)
{
    *callback = (struct wsp_callback){
        .hold = {.describe = describe},
        .board = board,
    };
}

void wsp_callback_report(struct wsp_callback *callback, uint64_t held_ms)
{
    struct wsp_hold_note note = {.count = 0};
    add_facts(callback, &note);
    note.fields[note.count++] = WSP_LOG_NUM("held_ms", (double)held_ms);
    wsp_server_log((struct wsp_server *)server_of(callback), WSP_LOG_WARN,
                   "wspulse: a callback held the loop", note.fields,
                   note.count);
}
