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
    struct inside id;
    struct inside event;
    struct wsp_span payload;
    bool has_payload;
    const char *trouble; /* why reading ended early */
};

/* ---- decode: the scan ---- */

/* The functions of the scan return the offset behind what they have read, or 0
 * with the trouble noted. */
static size_t fail(struct envelope *envelope, const char *trouble)
{
    envelope->trouble = trouble;
    return 0;
}

/* Steps over `character` and the space around it; 0 when it is not there. */
static inline size_t take(struct wsp_span message, size_t at, char character)
{
    at = wsp_json_skip_space(message, at);
    return wsp_json_is_at(message, at, character)
               ? wsp_json_skip_space(message, at + 1)
               : 0;
}

/* Steps over any value; `value` becomes its text. */
static inline size_t take_value(struct envelope *envelope,
                                struct wsp_span message, size_t start,
                                struct wsp_span *value)
{
    size_t end = wsp_json_skip(message, start, ENVELOPE_DEPTH);
    if (end == 0) {
        return fail(envelope, "malformed or too deeply nested JSON value");
    }
    *value = (struct wsp_span){message.data + start, end - start};
    return end;
}

/* Steps over a string that starts here. */
static inline size_t take_string(struct envelope *envelope,
                                 struct wsp_span message, size_t start,
                                 struct inside *inside)
{
    size_t end = wsp_json_step_string(message, start, &inside->has_escape);
    if (end == 0) {
        return fail(envelope, "malformed JSON string");
    }
    inside->span.data = message.data + start + 1;
    inside->span.len = end - start - 2;
    return end;
}

/* Steps over null, which stands for no text (D6, D7). */
static size_t take_no_text(struct envelope *envelope, struct wsp_span message,
                           size_t at, struct inside *text)
{
    struct wsp_span value;
    size_t end = take_value(envelope, message, at, &value);
    if (end != 0 && !wsp_span_equal(value, (struct wsp_span){"null", 4})) {
        return fail(envelope, "id and event must be strings");
    }
    *text = (struct inside){.span = {"", 0}};
    return end;
}

/* Steps over the value of id or event. */
static inline size_t take_text(struct envelope *envelope,
                               struct wsp_span message, size_t at,
                               struct inside *text)
{
    return wsp_json_is_at(message, at, '"')
               ? take_string(envelope, message, at, text)
               : take_no_text(envelope, message, at, text);
}

static inline bool is_key(const struct inside *key, struct wsp_span name)
{
    return key->has_escape
               ? wsp_json_inside_equals(key->span, name)
               : key->span.len == name.len &&
                     memcmp(key->span.data, name.data, name.len) == 0;
}

/* What a key says about its value. */
enum member { OTHER, ID, EVENT, PAYLOAD };

static inline enum member member_of(const struct inside *key)
{
    if (is_key(key, id_key)) {
        return ID;
    }
    if (is_key(key, event_key)) {
        return EVENT;
    }
    return is_key(key, payload_key) ? PAYLOAD : OTHER;
}

#define WORD(a, b, c, d, e, f, g, h)                                           \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 |                \
     (uint64_t)(d) << 24 | (uint64_t)(e) << 32 | (uint64_t)(f) << 40 |         \
     (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* Knows the keys of an envelope at a glance when they are written as mostly.
 * Returns the offset behind the colon, or 0 for what takes a closer look. */
static inline size_t glance_key(struct wsp_span message, size_t at,
                                enum member *member)
{
    static const uint64_t low_five = UINT64_C(0xFFFFFFFFFF);
    if (message.len - at < 10) {
        return 0;
    }
    uint64_t word = wsp_json_load(message.data + at);
    if (word == WORD('"', 'e', 'v', 'e', 'n', 't', '"', ':')) {
        *member = EVENT;
        return at + 8;
    }
    if ((word & low_five) == WORD('"', 'i', 'd', '"', ':', 0, 0, 0)) {
        *member = ID;
        return at + 5;
    }
    if (word == WORD('"', 'p', 'a', 'y', 'l', 'o', 'a', 'd') &&
        memcmp(message.data + at + 8, "\":", 2) == 0) {
        *member = PAYLOAD;
        return at + 10;
    }
    return 0;
}

/* Steps over `"key":` and the space around it. */
static inline size_t take_key(struct envelope *envelope,
                              struct wsp_span message, size_t at,
                              enum member *member)
{
    struct inside key;
    size_t behind = glance_key(message, at, member);
    if (behind != 0) {
        return wsp_json_skip_space(message, behind);
    }
    if (!wsp_json_is_at(message, at, '"')) {
        return fail(envelope, "malformed JSON object");
    }
    at = take_string(envelope, message, at, &key);
    if (at == 0) {
        return 0;
    }
    *member = member_of(&key);
    at = take(message, at, ':');
    return at != 0 ? at : fail(envelope, "malformed JSON object");
}

/* Steps over `"key": value`; the last of several same keys stays (D13). */
static inline size_t take_member(struct envelope *envelope,
                                 struct wsp_span message, size_t at)
{
    enum member member;
    struct wsp_span ignored;
    at = take_key(envelope, message, at, &member);
    if (at == 0) {
        return 0;
    }
    switch (member) {
    case ID:
        return take_text(envelope, message, at, &envelope->id);
    case EVENT:
        return take_text(envelope, message, at, &envelope->event);
    case PAYLOAD:
        envelope->has_payload = true;
        return take_value(envelope, message, at, &envelope->payload);
    default:
        return take_value(envelope, message, at, &ignored); /* D3 */
    }
}

/* Steps over the members of an object whose brace is behind us. */
static size_t take_members(struct envelope *envelope, struct wsp_span message,
                           size_t at)
{
    bool is_over = wsp_json_is_at(message, at, '}');
    while (!is_over) {
        at = take_member(envelope, message, at);
        if (at == 0) {
            return 0;
        }
        at = wsp_json_skip_space(message, at);
        is_over = !wsp_json_is_at(message, at, ',');
        if (!is_over) {
            at = wsp_json_skip_space(message, at + 1);
        }
    }
    at = take(message, at, '}');
    return at != 0 ? at : fail(envelope, "malformed JSON object");
}

/* Steps over null, which stands for an empty envelope (D11). */
static size_t take_no_envelope(struct envelope *envelope,
                               struct wsp_span message, size_t at)
{
    struct wsp_span value;
    if (at == message.len) {
        return fail(envelope, "empty message");
    }
    at = take_value(envelope, message, at, &value);
    if (at == 0) {
        return 0;
    }
    if (!wsp_span_equal(value, (struct wsp_span){"null", 4})) {
        return fail(envelope, "message is not a JSON object");
    }
    return wsp_json_skip_space(message, at);
}

static size_t take_envelope(struct envelope *envelope, struct wsp_span message)
{
    size_t at = take(message, 0, '{');
    return at != 0 ? take_members(envelope, message, at)
                   : take_no_envelope(envelope, message,
                                      wsp_json_skip_space(message, 0));
}

/* ---- decode: the texts ---- */

static void find_out_verbatim(struct inside *inside, bool is_utf8)
{
    inside->is_verbatim =
        !inside->has_escape &&
        (is_utf8 || wsp_utf8_check(inside->span.data, inside->span.len));
}

/* Makes room for both texts at once: the first one must not move. */
static bool reserve_texts(struct envelope *envelope, bool is_utf8,
                          struct wsp_buf *scratch)
{
    find_out_verbatim(&envelope->id, is_utf8);
    find_out_verbatim(&envelope->event, is_utf8);
    if (envelope->id.is_verbatim && envelope->event.is_verbatim) {
        return true;
    }
    size_t len = envelope->id.span.len + envelope->event.span.len;
    return wsp_buf_reserve(scratch, len * WSP_JSON_UNESCAPE_FACTOR);
}

/* Unescapes the inside of a string; `scratch` has room for it. */
static struct wsp_span unescape(struct wsp_span inside, struct wsp_buf *scratch)
{
    char *out = scratch->data + scratch->len;
    size_t len = wsp_json_unescape(inside, out);
    scratch->len += len;
    return (struct wsp_span){out, len};
}

/* Gives what a string means. */
static inline struct wsp_span resolve(const struct inside *inside,
                                      struct wsp_buf *scratch)
{
    return inside->is_verbatim ? inside->span : unescape(inside->span, scratch);
}

static enum wsp_err decode(struct wsp_span message, enum wsp_message_kind kind,
                           struct wsp_buf *scratch, struct wsp_frame *frame,
                           struct wsp_diag *diag)
{
    struct envelope envelope = {.id.span = {"", 0}, .event.span = {"", 0}};
    scratch->len = 0;
    size_t end = take_envelope(&envelope, message);
    if (end == 0) {
        return wsp_diag_set(diag, WSP_ERR_DECODE, "%s", envelope.trouble);
    }
    if (end != message.len) {
        return wsp_diag_set(diag, WSP_ERR_DECODE,
                            "trailing data behind the JSON object");
    }
    if (!reserve_texts(&envelope, kind == WSP_MESSAGE_UTF8, scratch)) {
        return wsp_diag_set(diag, WSP_ERR_OUT_OF_MEMORY, "out of memory");
    }
    *frame = (struct wsp_frame){
        .id = resolve(&envelope.id, scratch),
        .event = resolve(&envelope.event, scratch),
        .payload = envelope.payload,
        .has_payload = envelope.has_payload,
        .binary = kind == WSP_MESSAGE_BINARY,
        .is_utf8 = kind == WSP_MESSAGE_UTF8,
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
