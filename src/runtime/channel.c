/* SPDX-License-Identifier: MIT */
/* The WebSocket side of a transport, outwards: through the cork, the hand and
 * the rest. */
#include "runtime/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "proto/close.h"
#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "runtime/server.h"

#define COPY_MAX (32 * 1024) /* larger payloads are written where they lie */
#define WRITE_PARTS 64       /* blobs in one writev */

/* The latest pong that is owed: older pings need no answer (RFC 6455 §5.5.3). */
struct wsp_pong {
    uint8_t len;
    uint8_t data[125];
};

/* ---- the cork ---- */

static bool is_corked(const struct wsp_transport *transport)
{
    return transport->server->corked == transport;
}

void wsp_channel_uncork(struct wsp_transport *transport)
{
    struct wsp_server *server = transport->server;
    size_t len = server->cork_len;
    if (len == 0) {
        return;
    }
    server->cork_len = 0;
    wsp_transport_write(transport, server->cork, len);
}

/* Appends to the cork; false when it has no room. */
static bool cork(struct wsp_transport *transport, const void *data, size_t len)
{
    struct wsp_server *server = transport->server;
    if (len > WSP_LOOP_CORK_BYTES - server->cork_len) {
        return false;
    }
    if (len) {
        memcpy(server->cork + server->cork_len, data, len);
    }
    server->cork_len += len;
    return true;
}

/* Sends bytes behind everything that was written before. */
static void emit(struct wsp_transport *transport, const void *data, size_t len)
{
    if (is_corked(transport)) {
        if (cork(transport, data, len)) {
            return;
        }
        wsp_channel_uncork(transport);
    }
    wsp_transport_write(transport, data, len);
}

static void emit_control(struct wsp_transport *transport, uint8_t opcode,
                         const uint8_t *body, size_t len)
{
    uint8_t frame[2 + 125];
    size_t head_len = wsp_frame_head_build(frame, opcode, len);
    if (len) {
        memcpy(frame + head_len, body, len);
    }
    emit(transport, frame, head_len + len);
}

void wsp_channel_emit_close(struct wsp_transport *transport, uint16_t code,
                            struct wsp_span reason)
{
    uint8_t body[125];
    size_t len = wsp_close_build(body, code, reason);
    emit_control(transport, WSP_OPCODE_CLOSE, body, len);
}

/* ---- what the session asks for ---- */

static struct wsp_transport *transport_of(struct wsp_link *link)
{
    return (struct wsp_transport *)link;
}

/* What goes out in place of a blob: a compressed form, or the blob itself. */
static struct wsp_blob *form_for(const struct wsp_transport *transport,
                                 struct wsp_blob *blob)
{
    return transport->window_bits
               ? wsp_compression_choose(&transport->server->compression, blob,
                                        transport->window_bits)
               : blob;
}

static void count_form(const struct wsp_transport *transport,
                       const struct wsp_blob *blob, const struct wsp_blob *form)
{
    if (form != blob) {
        wsp_compression_count(&transport->server->compression, blob->len,
                              form->len);
    }
}

/* Writes cork, head and payload at once without copying the payload; what the
 * kernel refuses is kept. */
static bool write_through(struct wsp_transport *transport, const uint8_t *head,
                          size_t head_len, struct wsp_span payload)
{
    wsp_channel_uncork(transport);
    if (!wsp_transport_is_drained(transport)) {
        return false;
    }
    struct iovec parts[2] = {
        {(void *)(uintptr_t)head, head_len},
        {(void *)(uintptr_t)payload.data, payload.len},
    };
    ssize_t written = wsp_stream_writev(&transport->stream, parts, 2);
    if (written < 0) {
        wsp_transport_fail(transport, (int)-written);
        return true;
    }
    if (written == 0) {
        return false;
    }
    size_t out = (size_t)written;
    if (out < head_len) {
        wsp_transport_write(transport, head + out, head_len - out);
        out = head_len;
    }
    size_t sent = out - head_len;
    if (sent < payload.len) {
        wsp_transport_write(transport, payload.data + sent, payload.len - sent);
    } else {
        wsp_transport_watch_backlog(transport);
    }
    return true;
}

/* Tells whether what is put now goes right behind what was written before. */
static bool may_put(const struct wsp_transport *transport)
{
    return is_corked(transport) && !transport->is_failed_listed &&
           wsp_transport_is_drained(transport);
}

/* Puts a frame into the cork, or writes a large one through it. */
static bool put_frame(struct wsp_transport *transport, const uint8_t *head,
                      size_t head_len, struct wsp_span payload)
{
    struct wsp_server *server = transport->server;
    if (payload.len > COPY_MAX) {
        return write_through(transport, head, head_len, payload);
    }
    size_t len = head_len + payload.len;
    if (len > WSP_LOOP_CORK_BYTES - server->cork_len) {
        wsp_channel_uncork(transport);
        if (!wsp_transport_is_drained(transport)) {
            return false;
        }
    }
    uint8_t *out = server->cork + server->cork_len;
    server->cork_len += len;
    memcpy(out, head, head_len);
    if (payload.len) {
        memcpy(out + head_len, payload.data, payload.len);
    }
    return true;
}

/* Puts a message compressed, if it may be and gets shorter. */
static bool put_packed(struct wsp_transport *transport, uint8_t opcode,
                       struct wsp_span message, bool *is_put)
{
    struct wsp_compression *compression = &transport->server->compression;
    struct wsp_packed packed;
    if (!wsp_compression_pack(compression, message, opcode,
                              transport->window_bits, &packed)) {
        return false;
    }
    *is_put =
        put_frame(transport, packed.head, packed.head_len, packed.payload);
    if (*is_put) {
        wsp_compression_count(compression,
                              wsp_frame_head_len(message.len) + message.len,
                              packed.head_len + packed.payload.len);
    }
    return true;
}

/* Puts a message that is long, or for which the cork must be written first. */
static bool put_plain(struct wsp_transport *transport, uint8_t opcode,
                      struct wsp_span message)
{
    uint8_t head[WSP_FRAME_HEAD_MAX];
    size_t head_len = wsp_frame_head_build(head, opcode, message.len);
    return put_frame(transport, head, head_len, message);
}

static bool put(struct wsp_link *link, uint8_t opcode, struct wsp_span message)
{
    struct wsp_transport *transport = transport_of(link);
    struct wsp_server *server = transport->server;
    bool is_put;
    if (!may_put(transport)) {
        return false;
    }
    if (transport->window_bits != 0 &&
        put_packed(transport, opcode, message, &is_put)) {
        return is_put;
    }
    size_t room = WSP_LOOP_CORK_BYTES - server->cork_len;
    if (message.len == 0 || message.len > COPY_MAX ||
        room < WSP_FRAME_HEAD_MAX + message.len) {
        return put_plain(transport, opcode, message);
    }
    uint8_t *out = server->cork + server->cork_len;
    size_t head_len = wsp_frame_head_build(out, opcode, message.len);
    memcpy(out + head_len, message.data, message.len);
    server->cork_len += head_len + message.len;
    return true;
}

static bool put_blob(struct wsp_link *link, struct wsp_blob *blob)
{
    struct wsp_transport *transport = transport_of(link);
    if (!may_put(transport)) {
        return false;
    }
    const struct wsp_blob *form = form_for(transport, blob);
    if (!put_frame(transport, wsp_blob_data(form), form->head_len,
                   wsp_blob_payload(form))) {
        return false;
    }
    count_form(transport, blob, form);
    return true;
}

/* Blobs, and what is written for each of them. */
struct batch {
    struct wsp_blob *const *blobs;
    struct wsp_blob *const *forms;
    uint32_t count;
};

/* Keeps a blob that is partly out. */
static void take_in_hand(struct wsp_transport *transport, struct wsp_blob *blob,
                         struct wsp_blob *form, size_t offset)
{
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    count_form(transport, blob, form);
    if (!busy) {
        wsp_blob_unref(blob, 1); /* the transport has failed */
        return;
    }
    busy->hand = form;
    busy->hand_offset = offset;
    if (form != blob) {
        wsp_blob_ref(form, 1);
        wsp_blob_unref(blob, 1);
    }
}

/* Lets go of the blobs that are out. Returns how many were taken: those that
 * are out, and one that is partly out and stays in hand. */
static uint32_t settle_written(struct wsp_transport *transport,
                               const struct batch *batch, size_t written)
{
    uint32_t taken = 0;
    while (taken < batch->count && written >= batch->forms[taken]->len) {
        written -= batch->forms[taken]->len;
        count_form(transport, batch->blobs[taken], batch->forms[taken]);
        wsp_blob_unref(batch->blobs[taken], 1);
        taken++;
    }
    if (taken < batch->count && written > 0) {
        take_in_hand(transport, batch->blobs[taken], batch->forms[taken],
                     written);
        taken++;
    }
    return taken;
}

static uint32_t write_blobs(struct wsp_link *link,
                            struct wsp_blob *const *blobs, uint32_t count)
{
    struct wsp_transport *transport = transport_of(link);
    if (is_corked(transport)) {
        wsp_channel_uncork(transport);
    }
    if (transport->is_failed_listed || !wsp_transport_is_drained(transport)) {
        return 0;
    }
    struct iovec parts[WRITE_PARTS];
    struct wsp_blob *forms[WRITE_PARTS];
    if (count > WRITE_PARTS) {
        count = WRITE_PARTS;
    }
    for (uint32_t i = 0; i < count; i++) {
        forms[i] = form_for(transport, blobs[i]);
        const uint8_t *data = wsp_blob_data(forms[i]);
        parts[i] = (struct iovec){(void *)(uintptr_t)data, forms[i]->len};
    }
    ssize_t written = wsp_stream_writev(&transport->stream, parts, (int)count);
    if (written < 0) {
        wsp_transport_fail(transport, (int)-written);
        return 0;
    }
    const struct batch batch = {blobs, forms, count};
    uint32_t taken = settle_written(transport, &batch, (size_t)written);
    if (transport->is_failed_listed ||
        (taken == count && wsp_transport_is_drained(transport))) {
        return taken;
    }
    if (wsp_stream_want_write(&transport->stream, true)) {
        wsp_transport_watch_output(transport);
    } else {
        wsp_transport_fail(transport, ENOMEM);
    }
    return taken;
}

static void ping(struct wsp_link *link, const uint8_t *data, size_t len)
{
    struct wsp_transport *transport = transport_of(link);
    if (transport->pings_out < UINT16_MAX) {
        transport->pings_out++;
    }
    emit_control(transport, WSP_OPCODE_PING, data, len);
}

static void close_link(struct wsp_link *link, struct wsp_blob *const *blobs,
                       uint32_t count, uint16_t code, struct wsp_span reason)
{
    struct wsp_transport *transport = transport_of(link);
    for (uint32_t i = 0; i < count; i++) {
        const struct wsp_blob *form = form_for(transport, blobs[i]);
        count_form(transport, blobs[i], form);
        emit(transport, wsp_blob_data(form), form->len);
        wsp_blob_unref(blobs[i], 1);
    }
    if (transport->phase != WSP_TRANSPORT_OPEN) {
        return;
    }
    wsp_channel_emit_close(transport, code, reason);
    transport->phase = WSP_TRANSPORT_CLOSING;
    wsp_transport_arm(transport, transport->server->settings->write_wait_ms);
}

static void abort_link(struct wsp_link *link)
{
    struct wsp_transport *transport = transport_of(link);
    wsp_stream_abort_on_close(&transport->stream);
    wsp_transport_destroy(transport);
}

const struct wsp_link_ops wsp_channel_link_ops = {
    put, put_blob, write_blobs, ping, close_link, abort_link, wsp_channel_next,
};

void wsp_channel_pong(struct wsp_transport *transport, const uint8_t *data,
                      size_t len)
{
    if (wsp_transport_is_drained(transport)) {
        emit_control(transport, WSP_OPCODE_PONG, data, len);
        return;
    }
    struct wsp_transport_busy *busy = wsp_transport_get_busy(transport);
    if (busy && !busy->pong) {
        busy->pong = malloc(sizeof *busy->pong);
    }
    if (busy && busy->pong) {
        busy->pong->len = (uint8_t)len;
        memcpy(busy->pong->data, data, len);
    }
}

void wsp_channel_drained(struct wsp_transport *transport)
{
    struct wsp_pong *pong = transport->busy ? transport->busy->pong : NULL;
    if (pong) {
        transport->busy->pong = NULL;
        emit_control(transport, WSP_OPCODE_PONG, pong->data, pong->len);
        free(pong);
    }
    if (transport->link.session && wsp_transport_is_drained(transport)) {
        wsp_session_writable(transport->link.session);
    }
}

void wsp_channel_open(struct wsp_transport *transport,
                      const struct wsp_extension *agreed)
{
    transport->window_bits = agreed->server_bits & 15U;
    transport->phase = WSP_TRANSPORT_OPEN;
    transport->link.ops = &wsp_channel_link_ops;
    transport->is_channel = true;
    transport->server->channel_count++;
    wsp_transport_arm(transport, 0);
}
