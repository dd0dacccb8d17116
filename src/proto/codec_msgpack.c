/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <stdint.h>
#include <string.h>

#include "proto/msgpack_scan.h"
#include "proto/opcode.h"
#include "proto/utf8.h"

/* Levels of nesting that the envelope itself takes. */
#define ENVELOPE_DEPTH 1

#define HEAD_MAX MPACK_MAX_TOKEN_LEN /* bytes in front of a text */

static const struct wsp_span id_key = {"id", 2};
static const struct wsp_span event_key = {"event", 5};
static const struct wsp_span payload_key = {"payload", 7};

/* ---- decode: the scan ---- */

/* An envelope being read. */
struct envelope {
    struct wsp_span message;
    size_t at;             /* the next byte to look at */
    struct wsp_span id;    /* as it stands in the message */
    struct wsp_span event; /* as it stands in the message */
    struct wsp_span payload;
    bool has_payload;
    const char *trouble; /* why reading ended early */
};

static bool fail(struct envelope *envelope, const char *trouble)
{
    envelope->trouble = trouble;
    return false;
}

/* Steps over any value; `value` becomes its bytes. */
static bool take_value(struct envelope *envelope, struct wsp_span *value)
{
    size_t start = envelope->at;
    size_t end = wsp_msgpack_skip(envelope->message, start, ENVELOPE_DEPTH);
    if (end == 0) {
        return fail(envelope, "malformed or too deeply nested msgpack value");
    }
    *value = (struct wsp_span){envelope->message.data + start, end - start};
    envelope->at = end;
    return true;
}

/* Steps over a string that starts here, if one does. */
static bool take_string(struct envelope *envelope, struct wsp_span *text)
{
    struct wsp_span message = envelope->message;
    mpack_token_t token;
    size_t start = wsp_msgpack_read(message, envelope->at, &token);
    if (start == 0 || token.type != MPACK_TOKEN_STR ||
        token.length > message.len - start) {
        return false;
    }
    *text = (struct wsp_span){message.data + start, token.length};
    envelope->at = start + token.length;
    return true;
}

/* Steps over the value of id or event: a string, or nil for none (D6, D7). */
static bool take_text(struct envelope *envelope, struct wsp_span *text)
{
    struct wsp_span value;
    if (take_string(envelope, text)) {
        return true;
    }
    if (!take_value(envelope, &value)) {
        return false;
    }
    if (!wsp_span_equal(value, (struct wsp_span){"\xC0", 1})) {
        return fail(envelope, "id and event must be strings");
    }
    *text = (struct wsp_span){"", 0};
    return true;
}

/* Steps over a key and its value; the last of several same keys stays (D13). */
static bool take_member(struct envelope *envelope)
{
    struct wsp_span key = {NULL, 0};
    struct wsp_span ignored;
    if (!take_string(envelope, &key) && !take_value(envelope, &ignored)) {
        return false;
    }
    if (wsp_span_equal(key, id_key)) {
        return take_text(envelope, &envelope->id);
    }
    if (wsp_span_equal(key, event_key)) {
        return take_text(envelope, &envelope->event);
    }
    if (wsp_span_equal(key, payload_key)) {
        envelope->has_payload = true;
        return take_value(envelope, &envelope->payload);
    }
    return take_value(envelope, &ignored); /* D3 */
}

/* Steps over the whole map, or over the nil that may stand for it (D11). */
static bool take_envelope(struct envelope *envelope)
{
    mpack_token_t token;
    if (envelope->message.len == 0) {
        return fail(envelope, "empty message");
    }
    envelope->at = wsp_msgpack_read(envelope->message, 0, &token);
    if (envelope->at == 0) {
        return fail(envelope, "malformed msgpack value");
    }
    if (token.type == MPACK_TOKEN_NIL) {
        return true;
    }
    if (token.type != MPACK_TOKEN_MAP) {
        return fail(envelope, "message is not a msgpack map");
    }
    /* Each round takes a byte at least, so it is the bytes that end this, not
     * the size that the map declares. */
    for (uint32_t i = 0; i < token.length; i++) {
        if (!take_member(envelope)) {
            return false;
        }
    }
    return true;
}

/* ---- decode: the texts ---- */

static bool is_utf8(struct wsp_span text)
{
    return wsp_utf8_check(text.data, text.len);
}

/* Gives the text itself, or its repaired copy; `scratch` has room for it. */
static struct wsp_span resolve(struct wsp_span text, struct wsp_buf *scratch)
{
    if (is_utf8(text)) {
        return text;
    }
    char *out = scratch->data + scratch->len;
    size_t len = wsp_utf8_repair(text.data, text.len, out);
    scratch->len += len;
    return (struct wsp_span){out, len};
}

/* Makes room for both texts at once: the first one must not move. */
static bool reserve_texts(const struct envelope *envelope,
                          struct wsp_buf *scratch)
{
    if (is_utf8(envelope->id) && is_utf8(envelope->event)) {
        return true;
    }
    size_t len = envelope->id.len + envelope->event.len;
    return wsp_buf_reserve(scratch, len * WSP_UTF8_REPAIR_FACTOR);
}

static enum wsp_err decode(struct wsp_span message, enum wsp_message_kind kind,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag)
{
    struct envelope envelope = {
        .message = message,
        .id = {"", 0},
        .event = {"", 0},
    };
    scratch->len = 0;
    if (!take_envelope(&envelope)) {
        return wsp_diag_set(diag, WSP_ERR_DECODE, "%s", envelope.trouble);
    }
    if (envelope.at != message.len) {
        return wsp_diag_set(diag, WSP_ERR_DECODE,
                            "trailing data behind the msgpack map");
    }
    if (!reserve_texts(&envelope, scratch)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    *frame = (struct wsp_frame){
        .id = resolve(envelope.id, scratch),
        .event = resolve(envelope.event, scratch),
        .payload = envelope.payload,
        .has_payload = envelope.has_payload,
        .binary = kind == WSP_MESSAGE_BINARY,
        .raw = message,
    };
    return WSP_OK;
}

/* ---- encode ---- */

/* A text to write. */
struct text {
    struct wsp_span span;
    size_t len;    /* as written, in valid UTF-8 */
    bool is_valid; /* the span is that already */
};

static struct text text_of(struct wsp_span span)
{
    struct text text = {span, span.len, is_utf8(span)};
    if (!text.is_valid) {
        text.len = wsp_utf8_repair(span.data, span.len, NULL);
    }
    return text;
}

/* Appends; room has been made. */
static char *write_span(char *out, struct wsp_span span)
{
    memcpy(out, span.data, span.len);
    return out + span.len;
}

static char *write_token(char *out, mpack_token_t token)
{
    mpack_tokbuf_t tokbuf = MPACK_TOKBUF_INITIAL_VALUE;
    size_t room = HEAD_MAX;
    mpack_write(&tokbuf, &out, &room, &token);
    return out;
}

static char *write_key(char *out, struct wsp_span key)
{
    out = write_token(out, mpack_pack_str((mpack_uint32_t)key.len));
    return write_span(out, key);
}

static char *write_text(char *out, struct wsp_span key, const struct text *text)
{
    if (text->len == 0) {
        return out; /* E2 */
    }
    out = write_key(out, key);
    out = write_token(out, mpack_pack_str((mpack_uint32_t)text->len));
    if (text->is_valid) {
        return write_span(out, text->span);
    }
    return out + wsp_utf8_repair(text->span.data, text->span.len, out);
}

/* Writes the map of those members that are not empty. Returns the end. */
static char *write_envelope(char *out, const struct text *id,
                            const struct text *event, struct wsp_span payload)
{
    int count = (id->len > 0) + (event->len > 0) + (payload.len > 0);
    out = write_token(out, mpack_pack_map((mpack_uint32_t)count));
    out = write_text(out, id_key, id);
    out = write_text(out, event_key, event);
    if (payload.len > 0) {
        out = write_key(out, payload_key);
        out = write_span(out, payload);
    }
    return out;
}

static const char *find_trouble(const struct wsp_frame *frame,
                                const struct text *id, const struct text *event)
{
    if (id->len > UINT32_MAX || event->len > UINT32_MAX) {
        return "id or event is too long";
    }
    if (frame->payload.len > 0 && !frame->is_checked &&
        !wsp_msgpack_check(frame->payload)) {
        return "payload is not valid msgpack";
    }
    return NULL;
}

static enum wsp_err encode(const struct wsp_frame *frame, struct wsp_buf *out,
                           uint8_t *opcode, struct wsp_diag *diag)
{
    struct text id = text_of(frame->id);
    struct text event = text_of(frame->event);
    const char *trouble = find_trouble(frame, &id, &event);
    if (trouble) {
        return wsp_diag_set(diag, WSP_ERR_ENCODE, "%s", trouble);
    }
    size_t len_max = HEAD_MAX * 6 + id_key.len + event_key.len +
                     payload_key.len + id.len + event.len + frame->payload.len;
    if (!wsp_buf_reserve(out, len_max)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    char *start = out->data + out->len;
    char *end = write_envelope(start, &id, &event, frame->payload);
    out->len += (size_t)(end - start);
    *opcode = WSP_OPCODE_BINARY;
    return WSP_OK;
}

const struct wsp_codec wsp_codec_msgpack = {
    .name = "msgpack",
    .opcode = WSP_OPCODE_BINARY,
    .decode = decode,
    .encode = encode,
};
