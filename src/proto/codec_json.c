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

static const struct wsp_span id_opening = {",\"id\":\"", 7};
static const struct wsp_span event_opening = {",\"event\":\"", 10};
static const struct wsp_span payload_opening = {",\"payload\":", 11};

/* The inside of a string in the message, still escaped. */
struct inside {
    struct wsp_span span;
    bool has_escape;
    bool is_verbatim; /* it is its own meaning; known at the end */
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
    size_t end =
        wsp_json_skip_string(envelope->message, start, &inside->has_escape);
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
    *text = (struct inside){.span = {"", 0}};
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

static void find_out_verbatim(struct inside *inside)
{
    inside->is_verbatim = !inside->has_escape &&
                          wsp_utf8_check(inside->span.data, inside->span.len);
}

/* Makes room for both texts at once: the first one must not move. */
static bool reserve_texts(struct envelope *envelope, struct wsp_buf *scratch)
{
    find_out_verbatim(&envelope->id);
    find_out_verbatim(&envelope->event);
    if (envelope->id.is_verbatim && envelope->event.is_verbatim) {
        return true;
    }
    size_t len = envelope->id.span.len + envelope->event.span.len;
    return wsp_buf_reserve(scratch, len * WSP_JSON_UNESCAPE_FACTOR);
}

/* Gives what a string means; `scratch` has room for it. */
static struct wsp_span resolve(const struct inside *inside,
                               struct wsp_buf *scratch)
{
    if (inside->is_verbatim) {
        return inside->span;
    }
    char *out = scratch->data + scratch->len;
    size_t len = wsp_json_unescape(inside->span, out);
    scratch->len += len;
    return (struct wsp_span){out, len};
}

static enum wsp_err decode(struct wsp_span message, bool is_binary,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag)
{
    struct envelope envelope = {
        .message = message,
        .id.span = {"", 0},
        .event.span = {"", 0},
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

/* A text to write: what stands before it, and what it may take. */
struct text {
    struct wsp_span opening; /* a comma, the key, the opening quote */
    struct wsp_span span;
    bool is_plain; /* nothing to escape */
};

static struct text text_of(struct wsp_span opening, struct wsp_span span)
{
    return (struct text){opening, span, wsp_json_is_plain(span)};
}

/* The most bytes a text can take, its quotes and key included. */
static size_t text_len_max(const struct text *text)
{
    size_t factor = text->is_plain ? 1 : WSP_JSON_ESCAPE_FACTOR;
    return text->opening.len + text->span.len * factor + 1;
}

/* Appends; room has been made. */
static char *write_span(char *out, struct wsp_span span)
{
    memcpy(out, span.data, span.len);
    return out + span.len;
}

static char *write_text(char *out, const struct text *text)
{
    if (text->span.len == 0) {
        return out; /* E2 */
    }
    out = write_span(out, text->opening);
    if (text->is_plain) {
        out = write_span(out, text->span);
    } else {
        out += wsp_json_escape(text->span, out);
    }
    *out++ = '"';
    return out;
}

/* Writes members, each with a comma before it; the first comma becomes the
 * brace. Returns the end. */
static char *write_envelope(char *start, const struct text *id,
                            const struct text *event, struct wsp_span payload)
{
    char *out = write_text(start, id);
    out = write_text(out, event);
    if (payload.len > 0) {
        out = write_span(out, payload_opening);
        out = write_span(out, payload);
    }
    if (out == start) {
        out++;
    }
    *start = '{';
    *out++ = '}';
    return out;
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
    struct wsp_span payload = frame->payload;
    const char *trouble = NULL;
    if (payload.len > 0 && !frame->is_checked) {
        trouble = find_payload_trouble(payload);
    }
    if (trouble) {
        return wsp_diag_set(diag, WSP_ERR_ENCODE, "%s", trouble);
    }
    struct text id = text_of(id_opening, frame->id);
    struct text event = text_of(event_opening, frame->event);
    size_t len_max = text_len_max(&id) + text_len_max(&event) +
                     payload_opening.len + payload.len + 2;
    if (!wsp_buf_reserve(out, len_max)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    char *start = out->data + out->len;
    char *end = write_envelope(start, &id, &event, payload);
    out->len += (size_t)(end - start);
    *opcode = WSP_OPCODE_TEXT;
    return WSP_OK;
}

const struct wsp_codec wsp_codec_json = {
    .name = "json",
    .opcode = WSP_OPCODE_TEXT,
    .decode = decode,
    .encode = encode,
};
