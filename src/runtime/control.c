/* SPDX-License-Identifier: MIT */
#include <wspulse/control.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/line.h"
#include "net/listener.h"
#include "net/stream.h"

#define REQUEST_MAX 4096 /* bytes, without the newline */
#define ANSWER_MAX 8192  /* bytes, with everything */
#define PEERS_MAX 16
#define REQUEST_MS 5000

struct peer {
    LIST_ENTRY(peer) link;
    struct wsp_control *control;
    struct wsp_stream stream;
    struct wsp_timer *deadline;      /* runs until the request is there */
    struct wsp_control_reply *reply; /* the handler's once `is_owed` */
    bool is_owed;                    /* the request was handed over */
    size_t len;                      /* bytes of `line` so far */
    char line[REQUEST_MAX];
};

LIST_HEAD(peer_list, peer);

/* Heap; outlives its peer until it is answered. */
struct wsp_control_reply {
    struct peer *peer; /* NULL: gone */
};

struct wsp_control {
    struct wsp_loop *loop;
    struct wsp_listener *listener;
    wsp_control_fn fn;
    void *ud; /* passed to fn */
    struct peer_list peers;
    size_t peer_count;
};

/* ---- peers ---- */

static void drop_peer(struct peer *peer)
{
    LIST_REMOVE(peer, link);
    peer->control->peer_count--;
    wsp_stream_fini(&peer->stream);
    wsp_timer_free(peer->deadline);
    if (peer->is_owed) {
        peer->reply->peer = NULL;
    } else {
        free(peer->reply);
    }
    free(peer);
}

/* Says "ok text" or "error text" in one write: the buffer of a fresh unix
 * socket is many times larger, and a peer that has gone does not matter. */
static void say(struct peer *peer, bool is_ok, const char *text)
{
    char data[ANSWER_MAX];
    struct wsp_line line = {.data = data, .size = sizeof data - 1};
    wsp_line_add(&line, is_ok ? "ok" : "error");
    if (text && text[0]) {
        wsp_line_add(&line, " ");
        wsp_line_escape(&line, wsp_span_of(text), WSP_ESCAPE_PLAIN, line.size);
    }
    data[line.len++] = '\n';
    wsp_stream_write(&peer->stream, data, line.len);
}

static void refuse(struct peer *peer, const char *text)
{
    say(peer, false, text);
    drop_peer(peer);
}

static void on_deadline(void *ud)
{
    refuse(ud, "no request came within 5 seconds");
}

/* The handler gets copies: its answer may come, and the peer go, while it still
 * looks at them. Nothing is touched after the call. */
static void hand_over(struct peer *peer, size_t len)
{
    char line[REQUEST_MAX + 1];
    memcpy(line, peer->line, len);
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    line[len] = '\0';
    if (strlen(line) != len) {
        refuse(peer, "the request holds a NUL byte");
        return;
    }
    wsp_timer_stop(peer->deadline);
    wsp_stream_want_read(&peer->stream, false);
    peer->is_owed = true;
    char *space = strchr(line, ' ');
    const char *argument = space ? space + 1 : "";
    if (space) {
        *space = '\0';
    }
    peer->control->fn(peer->control->ud, line, argument, peer->reply);
}

static struct peer *peer_of(const struct wsp_stream *stream)
{
    return (struct peer *)((uintptr_t)stream - offsetof(struct peer, stream));
}

static struct wsp_loop *loop_of(const struct wsp_stream *stream)
{
    return peer_of(stream)->control->loop;
}

static void on_data(struct wsp_stream *stream, uint8_t *data, size_t len)
{
    struct peer *peer = peer_of(stream);
    const uint8_t *end = memchr(data, '\n', len);
    size_t wanted = end ? (size_t)(end - data) : len;
    if (wanted > sizeof peer->line - peer->len) {
        refuse(peer, "the request is longer than 4096 bytes");
        return;
    }
    memcpy(peer->line + peer->len, data, wanted);
    peer->len += wanted;
    if (end) {
        hand_over(peer, peer->len);
    }
}

static void on_end(struct wsp_stream *stream, int error)
{
    (void)error;
    drop_peer(peer_of(stream));
}

/* Never asked for: an answer is one write. */
static void on_writable(struct wsp_stream *stream)
{
    (void)stream;
}

static const struct wsp_stream_ops peer_ops = {loop_of, on_data, on_end,
                                               on_writable};

/* ---- accepting ---- */

static struct peer *make_peer(struct wsp_control *control)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) {
        return NULL;
    }
    peer->control = control;
    peer->reply = calloc(1, sizeof *peer->reply);
    peer->deadline = wsp_timer_new(control->loop, on_deadline, peer);
    if (!peer->reply || !peer->deadline ||
        !wsp_timer_start(peer->deadline, REQUEST_MS)) {
        wsp_timer_free(peer->deadline);
        free(peer->reply);
        free(peer);
        return NULL;
    }
    peer->reply->peer = peer;
    return peer;
}

static void turn_away(int fd)
{
    static const char text[] = "error too many control connections\n";
    ssize_t sent = send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    close(fd);
}

static void on_accept(void *ud, int fd, const struct wsp_address *address)
{
    (void)address;
    struct wsp_control *control = ud;
    struct peer *peer = NULL;
    if (control->peer_count < PEERS_MAX) {
        peer = make_peer(control);
    }
    if (!peer) {
        turn_away(fd);
        return;
    }
    LIST_INSERT_HEAD(&control->peers, peer, link);
    control->peer_count++;
    wsp_stream_init(&peer->stream, fd, &peer_ops);
    if (!wsp_stream_want_read(&peer->stream, true)) {
        drop_peer(peer);
    }
}

/* ---- public ---- */

/* Listens at `path`. Returns NULL with `diag` filled. */
static struct wsp_listener *listen_at(struct wsp_control *control,
                                      const char *path, struct wsp_diag *diag)
{
    struct wsp_diag cause = {.code = WSP_OK};
    char *text = NULL;
    if (asprintf(&text, "unix:%s", path) < 0) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "control socket %s: %s", path,
                     wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
        return NULL;
    }
    struct wsp_listener *listener = wsp_listener_open(
        control->loop, text, 0600, on_accept, control, &cause);
    free(text);
    if (!listener) {
        wsp_diag_set(diag, WSP_ERR_CONTROL, "control socket: %s",
                     cause.message);
    }
    return listener;
}

struct wsp_control *wsp_control_open(struct wsp_loop *loop, const char *path,
                                     wsp_control_fn fn, void *ud,
                                     struct wsp_diag *diag)
{
    struct wsp_control *control = calloc(1, sizeof *control);
    if (!control) {
        wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "control socket %s: %s", path,
                     wsp_err_text(WSP_ERR_OUT_OF_MEMORY));
        return NULL;
    }
    control->loop = loop;
    control->fn = fn;
    control->ud = ud;
    LIST_INIT(&control->peers);
    control->listener = listen_at(control, path, diag);
    if (!control->listener) {
        free(control);
        return NULL;
    }
    return control;
}

void wsp_control_answer(struct wsp_control_reply *reply, bool is_ok,
                        const char *text)
{
    struct peer *peer = reply->peer;
    if (peer) {
        say(peer, is_ok, text);
        drop_peer(peer);
    }
    free(reply);
}

void wsp_control_close(struct wsp_control *control)
{
    if (!control) {
        return;
    }
    struct peer *peer = LIST_FIRST(&control->peers);
    while (peer) {
        struct peer *next = LIST_NEXT(peer, link);
        drop_peer(peer);
        peer = next;
    }
    wsp_listener_close(control->listener);
    free(control);
}
