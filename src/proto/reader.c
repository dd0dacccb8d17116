/* SPDX-License-Identifier: MIT */
#include "proto/reader.h"

#include <string.h>

#include "proto/close.h"
#include "proto/extension.h"
#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "proto/reader_work.h"
#include "proto/utf8.h"

#define FINAL_TEXT (0x80u | WSP_OPCODE_TEXT)
#define FINAL_BINARY (0x80u | WSP_OPCODE_BINARY)
#define BIT_MASKED 0x80u

/* One call of wsp_reader_feed. */
struct wsp_reader_feed {
    struct wsp_reader *reader;
    const struct wsp_reader_port *port;
    struct wsp_reader_failure *failure;
    uint8_t *data; /* what is left */
    size_t len;
};

static void give_work_back(struct wsp_reader *reader,
                           struct wsp_reader_pool *pool)
{
    if (reader->work) {
        wsp_reader_pool_return(pool, reader->work);
        reader->work = NULL;
    }
}

/* Gets a context for what needs one. NULL without memory. */
static struct wsp_reader_work *lend_work(struct wsp_reader_feed *feed)
{
    feed->reader->work = wsp_reader_pool_lend(feed->port->pool, feed->reader);
    return feed->reader->work;
}

static enum wsp_reader_result end(struct wsp_reader_feed *feed,
                                  enum wsp_reader_result result)
{
    feed->reader->is_ended = true;
    wsp_reader_fini(feed->reader, feed->port->pool);
    return result;
}

static enum wsp_reader_result fail(struct wsp_reader_feed *feed,
                                   const struct wsp_reader_failure *failure)
{
    *feed->failure = *failure;
    return end(feed, WSP_READER_FAILED);
}

/* The same at a frame that may be one of a message that has begun. */
static enum wsp_reader_result fail_at_frame(
    struct wsp_reader_feed *feed, const struct wsp_reader_failure *failure)
{
    struct wsp_reader_work *work = feed->reader->work;
    return fail(feed,
                work ? wsp_reader_work_first(work, feed->port->limits, failure)
                     : failure);
}

/* Ends the feed when a sink function said so. */
static enum wsp_reader_result go_on(struct wsp_reader_feed *feed,
                                    bool is_wanted)
{
    return is_wanted ? WSP_READER_MORE : end(feed, WSP_READER_STOPPED);
}

static void consume(struct wsp_reader_feed *feed, size_t len)
{
    feed->data += len;
    feed->len -= len;
}

/* ---- handing over ---- */

static enum wsp_reader_result hand_close(struct wsp_reader_feed *feed,
                                         const uint8_t *body, size_t len)
{
    uint16_t code;
    struct wsp_span reason;
    struct wsp_span span = {(const char *)body, len};
    switch (wsp_close_parse(span, &code, &reason)) {
    case WSP_CLOSE_PROTOCOL:
        return fail(feed, &wsp_reader_bad_close);
    case WSP_CLOSE_INVALID_DATA:
        return fail(feed, &wsp_reader_bad_close_text);
    default:
        break;
    }
    feed->reader->is_ended = true;
    feed->port->sink->on_close(feed->port->ud, code, reason.data, reason.len);
    return end(feed, WSP_READER_CLOSED);
}

static enum wsp_reader_result hand_control(struct wsp_reader_feed *feed,
                                           uint8_t opcode, const uint8_t *data,
                                           size_t len)
{
    if (opcode == WSP_OPCODE_CLOSE) {
        return hand_close(feed, data, len);
    }
    if (opcode == WSP_OPCODE_PING) {
        return go_on(feed,
                     feed->port->sink->on_ping(feed->port->ud, data, len));
    }
    return go_on(feed, feed->port->sink->on_pong(feed->port->ud, data, len));
}

/* Hands over the message in the lent context. The reader has let go of it by
 * then: a sink that ends the reader does not end the message under its feet. */
static enum wsp_reader_result hand_gathered(struct wsp_reader_feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    if (work->is_text_checked && !wsp_utf8_is_complete(&work->utf8)) {
        return fail(feed, &wsp_reader_bad_utf8);
    }
    feed->reader->work = NULL;
    uint8_t *data = work->data ? work->data : work->control;
    bool is_wanted = feed->port->sink->on_message(
        feed->port->ud, work->message.opcode, (char *)data, work->message.len);
    wsp_reader_pool_return(feed->port->pool, work);
    return go_on(feed, is_wanted);
}

/* ---- the fast path ---- */

/* Takes the mask off a payload, whose key is in front of it. Tells whether it is
 * what its opcode says. */
static bool take_mask_off(const struct wsp_reader_feed *feed, uint8_t opcode,
                          uint8_t *data, size_t len)
{
    return wsp_frame_unmask(data, len, data - 4, 0) ||
           opcode != WSP_OPCODE_TEXT || !feed->port->limits->validate_utf8 ||
           wsp_utf8_check(data, len);
}

/* Takes the mask off the frame at the front, steps over it and hands it over.
 * Its head has `size` bytes, the key of the mask being the last four. */
static enum wsp_reader_result hand_in_place(struct wsp_reader_feed *feed,
                                            uint8_t opcode, size_t size,
                                            size_t len)
{
    uint8_t *data = feed->data + size;
    bool is_fine = take_mask_off(feed, opcode, data, len);
    consume(feed, size + len);
    if (wsp_opcode_is_control(opcode)) {
        return hand_control(feed, opcode, data, len);
    }
    if (!is_fine) {
        return fail(feed, &wsp_reader_bad_utf8);
    }
    return go_on(feed, feed->port->sink->on_message(feed->port->ud, opcode,
                                                    (char *)data, len));
}

/* The same for a compressed message, which is inflated out of the frame. */
static enum wsp_reader_result unpack_in_place(struct wsp_reader_feed *feed,
                                              const struct wsp_frame_head *head)
{
    struct wsp_reader_work *work = lend_work(feed);
    if (!work) {
        return fail(feed, &wsp_reader_no_memory);
    }
    uint8_t *data = feed->data + head->size;
    size_t len = (size_t)head->len;
    wsp_frame_unmask(data, len, head->key, 0);
    consume(feed, head->size + len);
    wsp_reader_work_open(work, head, feed->port->limits);
    const struct wsp_reader_failure *failure =
        wsp_reader_work_unpack(work, feed->port->limits, data, len);
    return failure ? fail(feed, failure) : hand_gathered(feed);
}

/* Recognises the commonest frame by its first bytes: a message of its own under
 * 64 KiB, nothing wrong with it, all of it here. Returns the size of its head,
 * or 0 for one that takes a closer look. */
static size_t glance(const struct wsp_reader_feed *feed, size_t *len)
{
    const uint8_t *data = feed->data;
    if (feed->len < 8 || (data[0] != FINAL_TEXT && data[0] != FINAL_BINARY) ||
        data[1] < BIT_MASKED || feed->reader->work) {
        return 0;
    }
    size_t size = 6;
    *len = data[1] - BIT_MASKED;
    if (*len >= 126) {
        size = 8;
        *len = (size_t)data[2] << 8 | data[3];
        if (*len < 126 || data[1] == BIT_MASKED + 127) {
            return 0;
        }
    }
    bool is_fine =
        *len <= feed->port->limits->max_message && *len <= feed->len - size;
    return is_fine ? size : 0;
}

/* Tells whether the next frame needs no context: all of it is here, and it
 * is a message or a control frame of its own. */
static bool is_whole(const struct wsp_reader_feed *feed,
                     const struct wsp_frame_head *head)
{
    if (head->len > feed->len - head->size) {
        return false;
    }
    return wsp_opcode_is_control(head->opcode) ||
           (head->is_final && !feed->reader->work);
}

/* Reads the next frame in place when it can, after a close look. */
static bool try_in_place(struct wsp_reader_feed *feed,
                         enum wsp_reader_result *result)
{
    static const struct wsp_reader_message none = {0};
    const struct wsp_reader_work *work = feed->reader->work;
    struct wsp_frame_head head;
    if (work && !wsp_reader_work_is_between(work)) {
        return false;
    }
    enum wsp_frame_head_part part =
        wsp_frame_head_parse(&head, feed->data, feed->len);
    const struct wsp_reader_failure *failure = wsp_reader_rule_check(
        &head, part, work ? &work->message : &none, feed->port->limits,
        feed->reader->window_bits != 0);
    if (failure) {
        *result = fail_at_frame(feed, failure);
        return true;
    }
    if (part != WSP_FRAME_HEAD_WHOLE || !is_whole(feed, &head)) {
        return false;
    }
    *result = head.rsv ? unpack_in_place(feed, &head)
                       : hand_in_place(feed, head.opcode, head.size,
                                       (size_t)head.len);
    return true;
}

/* ---- the slow path ---- */

/* Hands over a control frame, out of a copy for the same reason. */
static enum wsp_reader_result finish_control(struct wsp_reader_feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    uint8_t payload[sizeof(work->control)];
    size_t len = (size_t)work->head.len;
    uint8_t opcode = work->head.opcode;
    memcpy(payload, work->control, len);
    if (work->message.opcode == 0) {
        give_work_back(feed->reader, feed->port->pool);
    } else {
        wsp_reader_work_next(work);
    }
    return hand_control(feed, opcode, payload, len);
}

/* Hands over the message whose last frame is now complete. */
static enum wsp_reader_result finish_message(struct wsp_reader_feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    const struct wsp_reader_failure *failure = NULL;
    if (work->message.is_packed) {
        failure = wsp_reader_work_finish(work, feed->port->limits);
    }
    return failure ? fail(feed, failure) : hand_gathered(feed);
}

/* Hands over what the frame that is now complete has completed. */
static enum wsp_reader_result finish_frame(struct wsp_reader_feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    if (wsp_opcode_is_control(work->head.opcode)) {
        return finish_control(feed);
    }
    if (work->head.is_final) {
        return finish_message(feed);
    }
    wsp_reader_work_next(work);
    return WSP_READER_MORE;
}

static enum wsp_reader_result read_piece(struct wsp_reader_feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    if (!work) {
        work = lend_work(feed);
    }
    if (!work) {
        return fail(feed, &wsp_reader_no_memory);
    }
    size_t taken;
    const struct wsp_reader_failure *failure = wsp_reader_work_take(
        work, feed->port->limits, feed->data, feed->len, &taken);
    if (failure) {
        return fail_at_frame(feed, failure);
    }
    consume(feed, taken);
    return wsp_reader_work_is_complete(work) ? finish_frame(feed)
                                             : WSP_READER_MORE;
}

static enum wsp_reader_result read_next(struct wsp_reader_feed *feed)
{
    size_t len;
    size_t size = glance(feed, &len);
    if (size != 0) {
        return hand_in_place(feed, feed->data[0] & 0xF, size, len);
    }
    enum wsp_reader_result result;
    return try_in_place(feed, &result) ? result : read_piece(feed);
}

/* ---- public ---- */

void wsp_reader_init(struct wsp_reader *reader)
{
    *reader = (struct wsp_reader){.work = NULL};
}

void wsp_reader_fini(struct wsp_reader *reader, struct wsp_reader_pool *pool)
{
    struct wsp_inflate_pool *inflaters = wsp_reader_pool_inflaters(pool);
    give_work_back(reader, pool);
    wsp_inflate_pool_return(inflaters, reader->context);
    reader->context = NULL;
    if (reader->keeps_context) {
        wsp_inflate_pool_release(inflaters, reader->window_bits);
        reader->keeps_context = false;
    }
}

bool wsp_reader_agree(struct wsp_reader *reader, struct wsp_reader_pool *pool,
                      const struct wsp_extension *agreed)
{
    uint8_t bits = agreed->client_bits;
    if (agreed->client_takes_over &&
        !wsp_inflate_pool_reserve(wsp_reader_pool_inflaters(pool), bits)) {
        return false;
    }
    reader->window_bits = bits;
    reader->keeps_context = agreed->client_takes_over;
    return true;
}

enum wsp_reader_result wsp_reader_feed(struct wsp_reader *reader,
                                       const struct wsp_reader_port *port,
                                       uint8_t *data, size_t len,
                                       struct wsp_reader_failure *failure)
{
    struct wsp_reader_feed feed = {reader, port, failure, data, len};
    enum wsp_reader_result result = WSP_READER_MORE;
    if (reader->is_ended) {
        return WSP_READER_STOPPED;
    }
    *wsp_reader_pool_feed(port->pool) = &feed;
    while (feed.len > 0 && result == WSP_READER_MORE) {
        result = read_next(&feed);
    }
    *wsp_reader_pool_feed(port->pool) = NULL;
    return result;
}

bool wsp_reader_has_next(struct wsp_reader_pool *pool)
{
    const struct wsp_reader_feed *feed = *wsp_reader_pool_feed(pool);
    return feed && feed->len > 0;
}

bool wsp_reader_next(struct wsp_reader *reader, struct wsp_reader_pool *pool,
                     struct wsp_reader_next *next)
{
    struct wsp_reader_feed *feed = *wsp_reader_pool_feed(pool);
    if (!feed || feed->reader != reader || reader->is_ended) {
        return false;
    }
    size_t len;
    size_t size = glance(feed, &len);
    if (size == 0) {
        return false;
    }
    uint8_t *data = feed->data + size;
    uint8_t opcode = feed->data[0] & 0xF;
    if (!take_mask_off(feed, opcode, data, len)) {
        wsp_frame_unmask(data, len, data - 4, 0); /* as it came */
        return false;
    }
    consume(feed, size + len);
    *next = (struct wsp_reader_next){opcode, (char *)data, len};
    return true;
}
