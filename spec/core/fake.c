/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/inflate.h"
#include "proto/opcode.h"

static void note(char *log, const char *format, ...)
{
    size_t len = strlen(log);
    va_list args;
    va_start(args, format);
    vsnprintf(log + len, FAKE_LOG_MAX - len, format, args);
    va_end(args);
}

/* ---- link ---- */

static struct fake_link *fake_of(struct wsp_link *link)
{
    return (struct fake_link *)link;
}

static void take(struct fake_link *link, uint8_t opcode, const char *data,
                 size_t len)
{
    note(link->written, "[%u %.*s]", (unsigned)opcode, (int)len, data);
    link->frame_count++;
}

static bool put(struct wsp_link *base, uint8_t opcode, struct wsp_span message)
{
    struct fake_link *link = fake_of(base);
    if (!link->is_read) {
        return false;
    }
    take(link, opcode, message.data, message.len);
    return true;
}

/* Notes a form; its payload is that of the blob again. */
static void take_form(struct fake_link *link, const struct wsp_blob *form)
{
    struct wsp_span payload = wsp_blob_payload(form);
    char text[FAKE_LOG_MAX];
    struct wsp_inflate_pool pool = {.max_bytes = 0};
    struct wsp_inflater *inflater =
        wsp_inflate_pool_lend(&pool, form->window_bits);
    struct wsp_inflate_run run = {(const uint8_t *)payload.data, payload.len,
                                  (uint8_t *)text, sizeof text};
    bool is_fine = wsp_blob_data(form)[0] == (0xC0 | form->opcode) &&
                   wsp_inflater_run(inflater, &run) == WSP_INFLATE_MORE &&
                   wsp_inflater_end(inflater) == WSP_INFLATE_MORE;
    wsp_inflate_pool_return(&pool, inflater);
    wsp_inflate_pool_fini(&pool);
    note(link->written, "[%u packed %.*s]", (unsigned)form->opcode,
         is_fine ? (int)(sizeof text - run.room) : 0, text);
    link->frame_count++;
}

/* Writes what a transport would write for a blob. */
static void write_blob(struct fake_link *link, struct wsp_blob *blob)
{
    const struct wsp_blob *form = blob;
    if (link->compression) {
        form =
            wsp_compression_choose(link->compression, blob, link->window_bits);
    }
    link->last_form = form;
    if (form == blob) {
        struct wsp_span payload = wsp_blob_payload(blob);
        take(link, blob->opcode, payload.data, payload.len);
    } else {
        wsp_compression_count(link->compression, blob->len, form->len);
        take_form(link, form);
    }
}

static void take_blob(struct fake_link *link, struct wsp_blob *blob)
{
    write_blob(link, blob);
    wsp_blob_unref(blob, 1);
}

static bool put_blob(struct wsp_link *base, struct wsp_blob *blob)
{
    struct fake_link *link = fake_of(base);
    if (link->is_read) {
        write_blob(link, blob);
    }
    return link->is_read;
}

static uint32_t write_blobs(struct wsp_link *base,
                            struct wsp_blob *const *blobs, uint32_t count)
{
    struct fake_link *link = fake_of(base);
    uint32_t taken = 0;
    while (taken < count && link->budget > 0) {
        take_blob(link, blobs[taken++]);
        if (link->budget != UINT32_MAX) {
            link->budget--;
        }
    }
    return taken;
}

static void ping(struct wsp_link *base, const uint8_t *data, size_t len)
{
    struct fake_link *link = fake_of(base);
    link->ping_count++;
    link->ping_len = len;
    if (len) {
        memcpy(link->ping, data, len);
    }
}

static void close_link(struct wsp_link *base, struct wsp_blob *const *blobs,
                       uint32_t count, uint16_t code, struct wsp_span reason)
{
    struct fake_link *link = fake_of(base);
    for (uint32_t i = 0; i < count; i++) {
        take_blob(link, blobs[i]);
    }
    link->is_closed = true;
    link->close_code = code;
    snprintf(link->close_reason, sizeof link->close_reason, "%.*s",
             (int)reason.len, reason.data ? reason.data : "");
}

static void abort_link(struct wsp_link *base)
{
    fake_of(base)->is_aborted = true;
}

static bool next(struct wsp_link *base, struct wsp_link_message *message)
{
    struct fake_link *link = fake_of(base);
    if (!link->arrived || !*link->arrived) {
        return false;
    }
    *message = (struct wsp_link_message){WSP_OPCODE_TEXT,
                                         wsp_span_of(*link->arrived++)};
    return true;
}

static const struct wsp_link_ops fake_link_ops = {
    put, put_blob, write_blobs, ping, close_link, abort_link, next,
};

void fake_link_init(struct fake_link *link)
{
    memset(link, 0, sizeof *link);
    link->link.ops = &fake_link_ops;
    link->budget = UINT32_MAX;
}

/* ---- callbacks ---- */

static void tell(struct fake *fake, const char *event,
                 struct wsp_session *session)
{
    if (fake->on_event) {
        fake->on_event(fake, event, session);
    }
}

static void on_connect(void *ud, struct wsp_session *session)
{
    struct fake *fake = ud;
    note(fake->log, "connect:%.*s ", (int)session->id_len, session->text);
    tell(fake, "connect", session);
}

static struct wsp_error *on_message(void *ud, struct wsp_session *session,
                                    const struct wsp_frame *frame)
{
    struct fake *fake = ud;
    note(fake->log, "message:%.*s ", (int)frame->payload.len,
         frame->payload.data);
    tell(fake, "message", session);
    struct wsp_error *error = fake->handler_error;
    fake->handler_error = NULL;
    return error;
}

static void on_drop(void *ud, struct wsp_session *session,
                    struct wsp_error *error)
{
    struct fake *fake = ud;
    note(fake->log, "drop:%.*s:%s ", (int)session->id_len, session->text,
         error ? wsp_err_name(wsp_error_code(error)) : "nil");
    tell(fake, "drop", session);
}

static void on_restore(void *ud, struct wsp_session *session,
                       const struct wsp_restore_info *info)
{
    struct fake *fake = ud;
    note(fake->log, "restore:%.*s:%u:%u ", (int)session->id_len, session->text,
         (unsigned)info->replayed, (unsigned)info->lost);
    tell(fake, "restore", session);
}

static void on_drain(void *ud, struct wsp_session *session)
{
    struct fake *fake = ud;
    note(fake->log, "drain:%.*s ", (int)session->id_len, session->text);
    tell(fake, "drain", session);
}

static void on_disconnect(void *ud, struct wsp_session *session,
                          struct wsp_error *error, enum wsp_reason reason)
{
    struct fake *fake = ud;
    note(fake->log, "disconnect:%.*s:%s:%s ", (int)session->id_len,
         session->text, wsp_reason_text(reason),
         error ? wsp_err_name(wsp_error_code(error)) : "nil");
    tell(fake, "disconnect", session);
}

static void on_forget(void *ud, struct wsp_session *session)
{
    (void)session;
    ((struct fake *)ud)->forgotten++;
}

static const struct wsp_hub_events fake_events = {
    on_connect, on_message,    on_drop,   on_restore,
    on_drain,   on_disconnect, on_forget,
};

/* ---- world ---- */

static uint64_t now_ms(void *ud)
{
    return ((struct fake *)ud)->now_ms;
}

static void on_log(void *ud, enum wsp_log_level level, const char *message,
                   const struct wsp_log_field *fields, size_t count)
{
    struct fake *fake = ud;
    (void)fields;
    (void)count;
    snprintf(fake->last_log, sizeof fake->last_log, "%s", message);
    fake->warn_count += level == WSP_LOG_WARN;
}

void fake_init(struct fake *fake, uint32_t send_buffer_size)
{
    memset(fake, 0, sizeof *fake);
    fake->now_ms = 1000;
    struct wsp_hub_config config = {
        .codec = wsp_codec_find("raw"),
        .send_limits = {send_buffer_size, 1 << 20},
        .max_suspended = 10000,
        .max_suspended_bytes = 1 << 28,
        .ping_ms = 10000,
        .pong_ms = 30000,
        .connection_data_bytes = 4096,
        .has_on_message = true,
        .close_reasons = true,
        .logger = {on_log, fake, WSP_LOG_INFO},
        .generation = 1,
    };
    struct wsp_clock clock = {now_ms, fake};
    wsp_hub_init(&fake->hub, &config, &fake_events, fake, &clock);
}

void fake_fini(struct fake *fake)
{
    wsp_hub_close(&fake->hub);
    wsp_hub_turn(&fake->hub);
    wsp_hub_fini(&fake->hub);
}

struct wsp_session *fake_join(struct fake *fake, struct fake_link *link,
                              const char *room, const char *id)
{
    fake_link_init(link);
    struct wsp_session *session = wsp_hub_register(
        &fake->hub, &link->link, wsp_span_of(room), wsp_span_of(id), NULL);
    wsp_hub_settle(&fake->hub);
    return session;
}

void fake_pass(struct fake *fake, uint64_t ms)
{
    uint64_t end_ms = fake->now_ms + ms;
    while (fake->now_ms < end_ms) {
        int64_t wait_ms = wsp_hub_wait_ms(&fake->hub);
        uint64_t left_ms = end_ms - fake->now_ms;
        uint64_t step_ms = wait_ms < 0 || (uint64_t)wait_ms > left_ms
                               ? left_ms
                               : (uint64_t)wait_ms;
        fake->now_ms += step_ms ? step_ms : 1;
        wsp_hub_turn(&fake->hub);
    }
}

bool fake_say(struct wsp_session *session, const char *text)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    return wsp_session_receive(session, WSP_OPCODE_TEXT, copy, strlen(copy));
}

struct wsp_frame fake_frame(const char *text)
{
    return (struct wsp_frame){.payload = wsp_span_of(text),
                              .has_payload = true};
}

enum wsp_err fake_send(struct wsp_session *session, const char *text)
{
    struct wsp_frame frame = fake_frame(text);
    return wsp_session_send(session, &frame, NULL);
}

enum wsp_err fake_broadcast(struct fake *fake, const char *room,
                            const char *text)
{
    struct wsp_frame frame = fake_frame(text);
    return wsp_hub_broadcast(&fake->hub, wsp_span_of(room), &frame, 0, NULL);
}
