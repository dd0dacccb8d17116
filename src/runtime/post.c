/* SPDX-License-Identifier: MIT */
/* The calls that other threads may make: each becomes a message to the server's
 * loop that carries its own copy of everything. */
#include <stdlib.h>
#include <string.h>

#include "runtime/server.h"

enum post_kind { POST_SEND, POST_BROADCAST, POST_KICK, POST_CLOSE };

/* Made on the calling thread, freed on the loop's. */
struct post {
    struct wsp_server *server;
    enum post_kind kind;
    struct wsp_span target; /* connection id or room; in bytes */
    struct wsp_frame frame; /* spans in bytes */
    wsp_posted_fn done;
    void *ud;
    char bytes[];
};

/* Moves a span into the post's own bytes. */
static char *adopt(struct wsp_span *span, char *at)
{
    if (span->len) {
        memcpy(at, span->data, span->len);
    }
    if (span->data) {
        span->data = at;
    }
    return at + span->len;
}

static struct post *new_post(struct wsp_server *server, enum post_kind kind,
                             struct wsp_span target,
                             const struct wsp_frame *frame)
{
    static const struct wsp_frame no_frame;
    const struct wsp_frame *from = frame ? frame : &no_frame;
    struct post *post =
        malloc(sizeof *post + target.len + from->id.len + from->event.len +
               from->payload.len + from->raw.len + 1);
    if (!post) {
        return NULL;
    }
    *post = (struct post){server, kind, target, *from, NULL, NULL};
    char *at = adopt(&post->target, post->bytes);
    at = adopt(&post->frame.id, at);
    at = adopt(&post->frame.event, at);
    at = adopt(&post->frame.payload, at);
    adopt(&post->frame.raw, at);
    return post;
}

static void finish(struct post *post, enum wsp_err result)
{
    if (post->done) {
        post->done(post->ud, result);
    }
    free(post);
}

static void on_closed(void *ud)
{
    finish(ud, WSP_OK);
}

static void run(void *ud)
{
    struct post *post = ud;
    enum wsp_err result = WSP_OK;
    switch (post->kind) {
    case POST_SEND:
        result =
            wsp_server_send(post->server, post->target, &post->frame, NULL);
        break;
    case POST_BROADCAST:
        result = wsp_server_broadcast(post->server, post->target, &post->frame,
                                      0, NULL);
        break;
    case POST_KICK:
        result = wsp_server_kick(post->server, post->target);
        break;
    case POST_CLOSE:
        wsp_server_close(post->server, on_closed, post);
        return;
    }
    finish(post, result);
}

static enum wsp_err submit(struct post *post, wsp_posted_fn done, void *ud)
{
    if (!post) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    post->done = done;
    post->ud = ud;
    enum wsp_err err = wsp_loop_post(post->server->loop, run, post);
    if (err) {
        free(post);
    }
    return err;
}

enum wsp_err wsp_server_post_send(struct wsp_server *server, struct wsp_span id,
                                  const struct wsp_frame *frame,
                                  wsp_posted_fn done, void *ud)
{
    return submit(new_post(server, POST_SEND, id, frame), done, ud);
}

enum wsp_err wsp_server_post_broadcast(struct wsp_server *server,
                                       struct wsp_span room,
                                       const struct wsp_frame *frame,
                                       wsp_posted_fn done, void *ud)
{
    return submit(new_post(server, POST_BROADCAST, room, frame), done, ud);
}

enum wsp_err wsp_server_post_kick(struct wsp_server *server, struct wsp_span id,
                                  wsp_posted_fn done, void *ud)
{
    return submit(new_post(server, POST_KICK, id, NULL), done, ud);
}

enum wsp_err wsp_server_post_close(struct wsp_server *server,
                                   wsp_posted_fn done, void *ud)
{
    struct wsp_span nobody = {NULL, 0};
    return submit(new_post(server, POST_CLOSE, nobody, NULL), done, ud);
}
