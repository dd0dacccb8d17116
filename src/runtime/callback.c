/* SPDX-License-Identifier: MIT */
#include "runtime/callback.h"

static void add_facts(const struct wsp_callback *callback,
                      struct wsp_hold_note *note)
{
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
                      wsp_span_of(callback->server->settings->options.name));
}

void wsp_callback_describe(const struct wsp_hold *hold,
                           struct wsp_hold_note *note)
{
    const struct wsp_callback *callback = (const struct wsp_callback *)hold;
    add_facts(callback, note);
    note->fields[note->count++] =
        WSP_LOG_NUM("generation", callback->server->hub.config.generation);
}

void wsp_callback_report(const struct wsp_callback *callback, uint64_t held_ms)
{
    struct wsp_hold_note note = {.count = 0};
    add_facts(callback, &note);
    note.fields[note.count++] = WSP_LOG_NUM("held_ms", (double)held_ms);
    wsp_server_log(callback->server, WSP_LOG_WARN,
                   "wspulse: a callback held the loop", note.fields,
                   note.count);
}
