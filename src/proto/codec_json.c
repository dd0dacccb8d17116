/* SPDX-License-Identifier: MIT */
#include "proto/codec.h"

#include <string.h>

#include "proto/json_scan.h"
#include "proto/json_text.h"
#include "proto/opcode.h"
#include "proto/utf8.h"

/* Levels of nesting that the envelope itself takes. */
#define ENVELOPE_DEPTH 1

static const struct wsp_span id_key = {"id", 2};
static const struct wsp_span event_key = {"event", 5};
static const struct wsp_span payload_key = {"payload", 7};

/* The inside of a string in the message, still escaped. */
struct inside {
    struct wsp_span span;
    bool has_escape;
};

/* An envelope being read. */
struct envelope {
    struct wsp_span message;
    size_t at; /* the next byte to look at */
    struct inside id;
    struct inside event;
    struct wsp_span payload;
    bool has_payload;
    const char *trouble; /* why reading ended early */
};

/* ---- decode: the scan ---- */

static bool fail(struct envelope *envelope, const char *trouble)
{
    envelope->trouble = trouble;
    return false;
}

static void skip_space(struct envelope *envelope)
{
    envelope->at = wsp_json_skip_space(envelope->message, envelope->at);
}

/* Steps over `character` and the space around it. */
static bool take(struct envelope *envelope, char character)
{
    skip_space(envelope);
    if (envelope->at == envelope->message.len ||
        envelope->message.data[envelope->at] != character) {
        return false;
    }
    envelope->at++;
    skip_space(envelope);
    return true;
}

/* Steps over any value; `value` becomes its text. */
static bool take_value(struct envelope *envelope, struct wsp_span *value)
{
    size_t start = envelope->at;
    size_t end = wsp_json_skip(envelope->message, start, ENVELOPE_DEPTH);
    if (end == 0) {
        return fail(envelope, "malformed or too deeply nested JSON value");
    }
    *value = (struct wsp_span){envelope->message.data + start, end - start};
    envelope->at = end;
    return true;
}

/* Steps over a string that starts here. */
static bool take_string(struct envelope *envelope, struct inside *inside)
{
    size_t start = envelope->at;
    size_t end = wsp_json_skip_string(envelope->message, start,
                                      &inside->has_escape);
    if (end == 0) {
        return fail(envelope, "malformed JSON string");
    }
    inside->span.data = envelope->message.data + start + 1;
    inside->span.len = end - start - 2;
    envelope->at = end;
    return true;
}

static bool is_string_next(const struct envelope *envelope)
{
    return envelope->at < envelope->message.len &&
           envelope->message.data[envelope->at] == '"';
}

/* Steps over the value of id or event: a string, or null for none (D6, D7). */
static bool take_text(struct envelope *envelope, struct inside *text)
{
    if (is_string_next(envelope)) {
        return take_string(envelope, text);
    }
    struct wsp_span value;
    if (!take_value(envelope, &value)) {
        return false;
    }
    if (!wsp_span_equal(value, (struct wsp_span){"null", 4})) {
        return fail(envelope, "id and event must be strings");
    }
    *text = (struct inside){{"", 0}, false};
    return true;
}

static bool is_key(const struct inside *key, struct wsp_span name)
{
    return key->has_escape ? wsp_json_inside_equals(key->span, name)
                           : wsp_span_equal(key->span, name);
}

/* Steps over `"key": value`; the last of several same keys stays (D13). */
static bool take_member(struct envelope *envelope)
{
    struct inside key;
    struct wsp_span ignored;
    if (!is_string_next(envelope)) {
        return fail(envelope, "malformed JSON object");
    }
    if (!take_string(envelope, &key)) {
        return false;
    }
    if (!take(envelope, ':')) {
        return fail(envelope, "malformed JSON object");
    }
    if (is_key(&key, id_key)) {
        return take_text(envelope, &envelope->id);
    }
    if (is_key(&key, event_key)) {
        return take_text(envelope, &envelope->event);
    }
    if (is_key(&key, payload_key)) {
        envelope->has_payload = true;
        return take_value(envelope, &envelope->payload);
    }
    return take_value(envelope, &ignored); /* D3 */
}

/* Steps over the members of an object whose brace is behind us. */
static bool take_members(struct envelope *envelope)
{
    if (take(envelope, '}')) {
        return true;
    }
    do {
        if (!take_member(envelope)) {
            return false;
        }
    } while (take(envelope, ','));
    return take(envelope, '}') || fail(envelope, "malformed JSON object");
}

static bool take_envelope(struct envelope *envelope)
{
    if (take(envelope, '{')) {
        return take_members(envelope);
    }
    struct wsp_span value;
    if (envelope->at == envelope->message.len) {
        return fail(envelope, "empty message");
    }
    if (!take_value(envelope, &value)) {
        return false;
    }
    if (!wsp_span_equal(value, (struct wsp_span){"null", 4})) {
        return fail(envelope, "message is not a JSON object");
    }
    skip_space(envelope);
    return true; /* D11 */
}

/* ---- decode: the texts ---- */

/* Tells whether the inside of a string is its own meaning. */
static bool is_verbatim(const struct inside *inside)
{
    return !inside->has_escape &&
           wsp_utf8_check(inside->span.data, inside->span.len);
}

/* Gives what a string means; `scratch` has room for it. */
static struct wsp_span resolve(const struct inside *inside,
                               struct wsp_buf *scratch)
{
    if (is_verbatim(inside)) {
        return inside->span;
    }
    char *out = scratch->data + scratch->len;
    size_t len = wsp_json_unescape(inside->span, out);
    scratch->len += len;
    return (struct wsp_span){out, len};
}

/* Makes room for both texts at once: the first one must not move. */
static bool reserve_texts(const struct envelope *envelope,
                          struct wsp_buf *scratch)
{
    if (is_verbatim(&envelope->id) && is_verbatim(&envelope->event)) {
        return true;
    }
    size_t len = envelope->id.span.len + envelope->event.span.len;
    return wsp_buf_reserve(scratch, len * WSP_JSON_UNESCAPE_FACTOR);
}

static enum wsp_err decode(struct wsp_span message, bool is_binary,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag)
{
    struct envelope envelope = {
        .message = message,
        .id = {{"", 0}, false},
        .event = {{"", 0}, false},
    };
    scratch->len = 0;
    if (!take_envelope(&envelope)) {
        return wsp_diag_set(diag, WSP_ERR_DECODE, "%s", envelope.trouble);
    }
    if (envelope.at != message.len) {
        return wsp_diag_set(diag, WSP_ERR_DECODE,
                            "trailing data behind the JSON object");
    }
    if (!reserve_texts(&envelope, scratch)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    *frame = (struct wsp_frame){
        .id = resolve(&envelope.id, scratch),
        .event = resolve(&envelope.event, scratch),
        .payload = envelope.payload,
        .has_payload = envelope.has_payload,
        .binary = is_binary,
        .raw = message,
    };
    return WSP_OK;
}

/* ---- encode ---- */

/* Members being written behind one another; room has been made. */
struct writer {
    char *out;
    size_t len;
    char separator; /* before the next member: `{`, then `,` */
};

static void write_bytes(struct writer *writer, const char *data, size_t len)
{
    memcpy(writer->out + writer->len, data, len);
    writer->len += len;
}

static void write_char(struct writer *writer, char character)
{
    writer->out[writer->len++] = character;
}

static void write_key(struct writer *writer, struct wsp_span key)
{
    write_char(writer, writer->separator);
    write_char(writer, '"');
    write_bytes(writer, key.data, key.len);
    write_bytes(writer, "\":", 2);
    writer->separator = ',';
}

static void write_text(struct writer *writer, struct wsp_span key,
                       struct wsp_span text)
{
    if (text.len == 0) {
        return; /* E2 */
    }
    write_key(writer, key);
    write_char(writer, '"');
    if (wsp_json_is_plain(text)) {
        write_bytes(writer, text.data, text.len);
    } else {
        writer->len += wsp_json_escape(text, writer->out + writer->len);
    }
    write_char(writer, '"');
}

static void write_payload(struct writer *writer, struct wsp_span payload)
{
    if (payload.len == 0) {
        return; /* E2 */
    }
    write_key(writer, payload_key);
    write_bytes(writer, payload.data, payload.len);
}

/* The most bytes a text can take. */
static size_t text_len_max(struct wsp_span text)
{
    return wsp_json_is_plain(text) ? text.len
                                   : text.len * WSP_JSON_ESCAPE_FACTOR;
}

static const char *find_payload_trouble(struct wsp_span payload)
{
    if (!wsp_json_check(payload)) {
        return "payload is not valid JSON";
    }
    /* RFC 6455 §5.6: the peer would fail the connection. */
    if (!wsp_utf8_check(payload.data, payload.len)) {
        return "payload is not valid UTF-8";
    }
    return NULL;
}

static enum wsp_err encode(const struct wsp_frame *frame, struct wsp_buf *out,
                           uint8_t *opcode, struct wsp_diag *diag)
{
    static const char skeleton[] = "{\"id\":\"\",\"event\":\"\",\"payload\":}";
    const char *trouble = NULL;
    if (frame->payload.len > 0 && !frame->is_checked) {
        trouble = find_payload_trouble(frame->payload);
    }
    if (trouble) {
        return wsp_diag_set(diag, WSP_ERR_ENCODE, "%s", trouble);
    }
    size_t len_max = sizeof(skeleton) + text_len_max(frame->id) +
                     text_len_max(frame->event) + frame->payload.len;
    if (!wsp_buf_reserve(out, len_max)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    struct writer writer = {out->data, out->len, '{'};
    write_text(&writer, id_key, frame->id);
    write_text(&writer, event_key, frame->event);
    write_payload(&writer, frame->payload);
    if (writer.separator == '{') {
        write_char(&writer, '{');
    }
    write_char(&writer, '}');
    out->len = writer.len;
    *opcode = WSP_OPCODE_TEXT;
    return WSP_OK;
}

const struct wsp_codec wsp_codec_json = {
    .name = "json",
    .opcode = WSP_OPCODE_TEXT,
    .is_text_checked = false,
    .decode = decode,
    .encode = encode,
};
