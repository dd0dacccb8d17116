/* SPDX-License-Identifier: MIT */
#include "proto/reader.h"

#include <string.h>

#include "proto/close.h"
#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "proto/reader_work.h"
#include "proto/utf8.h"

/* One call of wsp_reader_feed. */
struct feed {
    struct wsp_reader *reader;
    struct wsp_reader_pool *pool;
    const struct wsp_reader_limits *limits;
    const struct wsp_reader_sink *sink;
    void *ud;
    struct wsp_reader_failure *failure;
    uint8_t *data; /* what is left */
    size_t len;
};

static enum wsp_reader_result end(struct feed *feed,
                                  enum wsp_reader_result result)
{
    feed->reader->is_ended = true;
    wsp_reader_fini(feed->reader, feed->pool);
    return result;
}

static enum wsp_reader_result fail(struct feed *feed,
                                   const struct wsp_reader_failure *failure)
{
    *feed->failure = *failure;
    return end(feed, WSP_READER_FAILED);
}

/* Ends the feed when a sink function said so. */
static enum wsp_reader_result go_on(struct feed *feed, bool is_wanted)
{
    return is_wanted ? WSP_READER_MORE : end(feed, WSP_READER_STOPPED);
}

static void consume(struct feed *feed, size_t len)
{
    feed->data += len;
    feed->len -= len;
}

/* ---- handing over ---- */

static enum wsp_reader_result hand_close(struct feed *feed, const uint8_t *body,
                                         size_t len)
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
    feed->sink->on_close(feed->ud, code, reason.data, reason.len);
    return end(feed, WSP_READER_CLOSED);
}

static enum wsp_reader_result hand_control(struct feed *feed, uint8_t opcode,
                                           const uint8_t *data, size_t len)
{
    if (opcode == WSP_OPCODE_CLOSE) {
        return hand_close(feed, data, len);
    }
    if (opcode == WSP_OPCODE_PING) {
        return go_on(feed, feed->sink->on_ping(feed->ud, data, len));
    }
    return go_on(feed, feed->sink->on_pong(feed->ud, data, len));
}

/* Hands over the message in the lent context. The reader has let go of it by
 * then: a sink that ends the reader does not end the message under its feet. */
static enum wsp_reader_result hand_gathered(struct feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    if (work->is_text_checked && !wsp_utf8_is_complete(&work->utf8)) {
        return fail(feed, &wsp_reader_bad_utf8);
    }
    feed->reader->work = NULL;
    uint8_t *data = work->data ? work->data : work->control;
    bool is_wanted = feed->sink->on_message(feed->ud, work->message.opcode,
                                            (char *)data, work->message.len);
    wsp_reader_pool_return(feed->pool, work);
    return go_on(feed, is_wanted);
}

/* ---- the fast path ---- */

static enum wsp_reader_result hand_in_place(struct feed *feed,
                                            const struct wsp_frame_head *head)
{
    uint8_t *data = feed->data + head->size;
    size_t len = (size_t)head->len;
    consume(feed, head->size + len);
    bool is_ascii = wsp_frame_unmask(data, len, head->key, 0);
    if (wsp_opcode_is_control(head->opcode)) {
        return hand_control(feed, head->opcode, data, len);
    }
    if (!is_ascii && head->opcode == WSP_OPCODE_TEXT &&
        feed->limits->validate_utf8 && !wsp_utf8_check(data, len)) {
        return fail(feed, &wsp_reader_bad_utf8);
    }
    return go_on(feed, feed->sink->on_message(feed->ud, head->opcode,
                                              (char *)data, len));
}

/* Tells whether the next frame needs no context: all of it is here, and and it
 * is a message or a control frame of its own. */
static bool is_whole(const struct feed *feed, const struct wsp_frame_head *head)
{
    if (head->len > feed->len - head->size) {
        return false;
    }
    return wsp_opcode_is_control(head->opcode) ||
           (head->is_final && !feed->reader->work);
}

/* Reads the next frame in place when it can. */
static bool try_in_place(struct feed *feed, enum wsp_reader_result *result)
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
        &head, part, work ? &work->message : &none, feed->limits);
    if (failure) {
        *result = fail(feed, failure);
        return true;
    }
    if (part != WSP_FRAME_HEAD_WHOLE || !is_whole(feed, &head)) {
        return false;
    }
    *result = hand_in_place(feed, &head);
    return true;
}

/* ---- the slow path ---- */

/* Hands over a control frame, out of a copy for the same reason. */
static enum wsp_reader_result finish_control(struct feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    uint8_t payload[sizeof(work->control)];
    size_t len = (size_t)work->head.len;
    uint8_t opcode = work->head.opcode;
    memcpy(payload, work->control, len);
    if (work->message.opcode == 0) {
        wsp_reader_fini(feed->reader, feed->pool);
    } else {
        wsp_reader_work_next(work);
    }
    return hand_control(feed, opcode, payload, len);
}

/* Hands over what the frame that is now complete has completed. */
static enum wsp_reader_result finish_frame(struct feed *feed)
{
    struct wsp_reader_work *work = feed->reader->work;
    if (wsp_opcode_is_control(work->head.opcode)) {
        return finish_control(feed);
    }
    if (work->head.is_final) {
        return hand_gathered(feed);
    }
    wsp_reader_work_next(work);
    return WSP_READER_MORE;
}

static enum wsp_reader_result read_piece(struct feed *feed)
{
    struct wsp_reader *reader = feed->reader;
    if (!reader->work) {
        reader->work = wsp_reader_pool_lend(feed->pool);
    }
    if (!reader->work) {
        return fail(feed, &wsp_reader_no_memory);
    }
    size_t taken;
    const struct wsp_reader_failure *failure = wsp_reader_work_take(
        reader->work, feed->limits, feed->data, feed->len, &taken);
    if (failure) {
        return fail(feed, failure);
    }
    consume(feed, taken);
    return wsp_reader_work_is_complete(reader->work) ? finish_frame(feed)
                                                     : WSP_READER_MORE;
}

/* ---- public ---- */

void wsp_reader_init(struct wsp_reader *reader)
{
    *reader = (struct wsp_reader){NULL, false};
}

void wsp_reader_fini(struct wsp_reader *reader, struct wsp_reader_pool *pool)
{
    if (reader->work) {
        wsp_reader_pool_return(pool, reader->work);
        reader->work = NULL;
    }
}

enum wsp_reader_result wsp_reader_feed(struct wsp_reader *reader,
                                       struct wsp_reader_pool *pool,
                                       const struct wsp_reader_limits *limits,
                                       uint8_t *data, size_t len,
                                       const struct wsp_reader_sink *sink,
                                       void *ud,
                                       struct wsp_reader_failure *failure)
{
    struct feed feed = {reader, pool, limits, sink, ud, failure, data, len};
    enum wsp_reader_result result = WSP_READER_MORE;
    if (reader->is_ended) {
        return WSP_READER_STOPPED;
    }
    while (feed.len > 0 && result == WSP_READER_MORE) {
        if (!try_in_place(&feed, &result)) {
            result = read_piece(&feed);
        }
    }
    return result;
}
