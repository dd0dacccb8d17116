/* SPDX-License-Identifier: MIT */
/* The JSON codec against a reader that follows the grammar rule by rule: the
 * same texts are accepted and mean the same; what is decoded can be encoded and
 * comes back.
 * Covers: src/proto/codec_json.c src/proto/json_scan.c src/proto/json_text.c */
#include <string.h>

#include "bytes.h"
#include "json_reference.h"
#include "proto/codec.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"
#include "target.h"

/* What the reference found in an envelope. */
struct reference {
    struct wsp_buf id;
    struct wsp_buf event;
    struct wsp_span payload;
};

static void repair(struct wsp_buf *text)
{
    size_t size = wsp_utf8_repair(text->data, text->len, NULL);
    char *out = malloc(size + 1);
    FUZZ_CHECK(out != NULL);
    wsp_utf8_repair(text->data, text->len, out);
    text->len = 0;
    FUZZ_CHECK(wsp_buf_add(text, out, size));
    free(out);
}

static bool read_null(struct json_reference *json)
{
    size_t start = json->at;
    return json_reference_value(json) && json->at - start == 4 &&
           memcmp(json->text.data + start, "null", 4) == 0;
}

/* Reads the value of id or event: a string or null. */
static bool read_text(struct json_reference *json, struct wsp_buf *text)
{
    text->len = 0;
    if (json->at < json->text.len && json->text.data[json->at] == '"') {
        bool is_string = json_reference_string(json, text);
        repair(text);
        return is_string;
    }
    return read_null(json);
}

static bool is_key(const struct wsp_buf *key, const char *name)
{
    return wsp_span_equal((struct wsp_span){key->data, key->len},
                          wsp_span_of(name));
}

static bool read_member(struct json_reference *json, const struct wsp_buf *key,
                        struct reference *found)
{
    if (is_key(key, "id")) {
        return read_text(json, &found->id);
    }
    if (is_key(key, "event")) {
        return read_text(json, &found->event);
    }
    size_t start = json->at;
    bool is_value = json_reference_value(json);
    if (is_key(key, "payload")) {
        found->payload =
            (struct wsp_span){json->text.data + start, json->at - start};
    }
    return is_value;
}

/* Reads the members of an object whose brace is behind. */
static bool read_members(struct json_reference *json, struct reference *found)
{
    struct wsp_buf key = {0};
    bool is_ok = true;
    if (json_reference_take(json, '}')) {
        return true;
    }
    do {
        key.len = 0;
        is_ok = json_reference_string(json, &key) &&
                json_reference_take(json, ':') &&
                read_member(json, &key, found);
    } while (is_ok && json_reference_take(json, ','));
    wsp_buf_fini(&key);
    return is_ok && json_reference_take(json, '}');
}

static bool read_reference(struct wsp_span text, struct reference *found)
{
    struct json_reference json = {text, 0, 1, WSP_JSON_DEPTH_MAX};
    bool is_object = json_reference_take(&json, '{');
    bool is_ok = is_object ? read_members(&json, found) : read_null(&json);
    json_reference_space(&json);
    return is_ok && json.at == text.len;
}

/* ---- what must hold ---- */

static bool is_within(struct wsp_span part, const char *data, size_t len)
{
    return part.len == 0 ||
           (part.data >= data && part.data + part.len <= data + len);
}

static void check_places(const struct wsp_frame *frame,
                         const struct wsp_buf *scratch)
{
    struct wsp_span raw = frame->raw;
    FUZZ_CHECK(is_within(frame->payload, raw.data, raw.len));
    FUZZ_CHECK(is_within(frame->id, raw.data, raw.len) ||
               is_within(frame->id, scratch->data, scratch->len));
    FUZZ_CHECK(is_within(frame->event, raw.data, raw.len) ||
               is_within(frame->event, scratch->data, scratch->len));
    FUZZ_CHECK(wsp_utf8_check(frame->id.data, frame->id.len));
    FUZZ_CHECK(wsp_utf8_check(frame->event.data, frame->event.len));
}

static void check_meaning(const struct wsp_frame *frame,
                          const struct reference *found)
{
    FUZZ_CHECK(wsp_span_equal(
        frame->id, (struct wsp_span){found->id.data, found->id.len}));
    FUZZ_CHECK(wsp_span_equal(
        frame->event, (struct wsp_span){found->event.data, found->event.len}));
    FUZZ_CHECK(wsp_span_equal(frame->payload, found->payload));
    FUZZ_CHECK(frame->has_payload == (found->payload.len > 0));
    FUZZ_CHECK(frame->payload.len == 0 || wsp_json_check(frame->payload));
}

/* Encodes what was decoded, and decodes it again. */
static void check_return(const struct wsp_frame *frame)
{
    struct wsp_buf out = {0};
    struct wsp_buf scratch = {0};
    struct wsp_frame next = *frame;
    uint8_t opcode = 0;
    next.raw = (struct wsp_span){NULL, 0};
    enum wsp_err err = wsp_codec_json.encode(&next, &out, &opcode, NULL);
    bool is_text = wsp_utf8_check(frame->payload.data, frame->payload.len);
    FUZZ_CHECK(err == (is_text ? WSP_OK : WSP_ERR_ENCODE));
    if (err == WSP_OK) {
        struct wsp_span message = {out.data, out.len};
        FUZZ_CHECK(wsp_utf8_check(out.data, out.len));
        FUZZ_CHECK(wsp_codec_json.decode(message, false, &scratch, &next,
                                         NULL) == WSP_OK);
        FUZZ_CHECK(wsp_span_equal(next.id, frame->id));
        FUZZ_CHECK(wsp_span_equal(next.event, frame->event));
        FUZZ_CHECK(wsp_span_equal(next.payload, frame->payload));
    }
    wsp_buf_fini(&out);
    wsp_buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsp_span text = {(const char *)data, size};
    struct wsp_buf scratch = {0};
    struct reference found = {.payload = {NULL, 0}};
    struct wsp_frame frame;
    struct wsp_diag diag;
    FUZZ_CHECK(wsp_json_check(text) ==
               json_reference_check(text, WSP_JSON_DEPTH_MAX));
    enum wsp_err err =
        wsp_codec_json.decode(text, false, &scratch, &frame, &diag);
    FUZZ_CHECK(err == (read_reference(text, &found) ? WSP_OK : WSP_ERR_DECODE));
    if (err == WSP_OK) {
        FUZZ_CHECK(wsp_span_equal(frame.raw, text));
        check_places(&frame, &scratch);
        check_meaning(&frame, &found);
        check_return(&frame);
    }
    wsp_buf_fini(&found.id);
    wsp_buf_fini(&found.event);
    wsp_buf_fini(&scratch);
    return 0;
}
