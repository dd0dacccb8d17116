/* SPDX-License-Identifier: MIT */
#include "proto/oracle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <wslay/wslay.h>

static void add(struct wsp_buf *buf, const void *data, size_t len)
{
    if (!wsp_buf_add(buf, data, len)) {
        abort();
    }
}

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *out, size_t len,
                       int flags, void *ud)
{
    (void)flags;
    struct oracle *oracle = ud;
    size_t count = len < oracle->stream.len ? len : oracle->stream.len;
    if (count == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(out, oracle->stream.data, count);
    oracle->stream.data += count;
    oracle->stream.len -= count;
    return (ssize_t)count;
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *data,
                       size_t len, int flags, void *ud)
{
    (void)wslay;
    (void)flags;
    struct oracle *oracle = ud;
    add(&oracle->sent, data, len);
    return (ssize_t)len;
}

static void note(struct oracle *oracle, const char *what, const void *data,
                 size_t len)
{
    if (!wsp_buf_printf(&oracle->log, "%s %zu ", what, len)) {
        abort();
    }
    add(&oracle->log, data, len);
    add(&oracle->log, "\n", 1);
}

static void on_close(struct oracle *oracle,
                     const struct wslay_event_on_msg_recv_arg *arg)
{
    bool has_code = arg->msg_length >= 2;
    unsigned code = has_code ? arg->status_code : 1005;
    if (!wsp_buf_printf(&oracle->log, "close %u", code)) {
        abort();
    }
    note(oracle, "", has_code ? arg->msg + 2 : arg->msg,
         has_code ? arg->msg_length - 2 : 0);
}

static void on_message(wslay_event_context_ptr wslay,
                       const struct wslay_event_on_msg_recv_arg *arg, void *ud)
{
    (void)wslay;
    static const char *const names[16] = {
        [WSLAY_TEXT_FRAME] = "text",
        [WSLAY_BINARY_FRAME] = "binary",
        [WSLAY_PING] = "ping",
        [WSLAY_PONG] = "pong",
    };
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        on_close(ud, arg);
    } else {
        struct oracle *oracle = ud;
        note(oracle, names[arg->opcode], arg->msg, arg->msg_length);
        oracle->found_len = oracle->log.len;
    }
}

/* Finds the close frame among the frames sent; all of them are short. */
static bool find_close(const struct oracle *oracle, uint16_t *code)
{
    const uint8_t *data = (const uint8_t *)oracle->sent.data;
    for (size_t at = 0; at + 1 < oracle->sent.len; at += 2u + data[at + 1]) {
        if ((data[at] & 0xF) == WSLAY_CONNECTION_CLOSE) {
            *code = 1005;
            if (data[at + 1] >= 2) {
                *code = (uint16_t)(data[at + 2] << 8 | data[at + 3]);
            }
            return true;
        }
    }
    return false;
}

void oracle_run(struct oracle *oracle, struct wsp_span stream,
                uint64_t max_message)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_msg_recv_callback = on_message,
    };
    wslay_event_context_ptr wslay;
    *oracle = (struct oracle){.stream = stream};
    if (wslay_event_context_server_init(&wslay, &callbacks, oracle) != 0) {
        abort();
    }
    wslay_event_config_set_max_recv_msg_length(wslay, max_message);
    wslay_event_recv(wslay);
    bool is_closed = wslay_event_get_close_received(wslay);
    while (wslay_event_want_write(wslay) && wslay_event_send(wslay) == 0) {
    }
    if (is_closed) {
        oracle->end = ORACLE_CLOSED;
    } else if (find_close(oracle, &oracle->close_code)) {
        oracle->end = ORACLE_FAILED;
    }
    wslay_event_context_free(wslay);
}

void oracle_fini(struct oracle *oracle)
{
    wsp_buf_fini(&oracle->log);
    wsp_buf_fini(&oracle->sent);
}
