/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame_head.h"
#include "proto/opcode.h"
#include "proto/reader.h"
#include "world.h"

#define SIZE_MAX_BYTES 16384
#define ROOM (SIZE_MAX_BYTES + WSP_FRAME_HEAD_MASKED_MAX)

/* A message of one size, in the forms that it goes through. */
struct message {
    struct world *world;
    struct wsp_reader_pool *pool;
    struct wsp_reader reader;
    struct wsp_buf unescaped;
    char payload[SIZE_MAX_BYTES]; /* as a handler would give it */
    uint8_t masked[ROOM];         /* as a client sends it */
    uint8_t arrived[ROOM];        /* the same, taken apart in place */
    size_t payload_len;
    size_t masked_len;
    uint64_t decoded;
};

/* ---- out ---- */

static void encode(void *ud)
{
    struct message *message = ud;
    struct wsp_frame frame = {
        .event = wsp_span_of(message->world->hub.config.codec == &wsp_codec_raw
                                 ? ""
                                 : "chat.said"),
        .payload = {message->payload, message->payload_len},
        .has_payload = true,
    };
    struct wsp_span text;
    uint8_t opcode;
    uint8_t head[WSP_FRAME_HEAD_MAX];
    if (wsp_hub_encode(&message->world->hub, &frame, &text, &opcode, NULL) !=
        WSP_OK) {
        fputs("core_bench: a frame was not encoded\n", stderr);
        exit(1);
    }
    wsp_frame_head_build(head, opcode, text.len);
}

/* ---- in ---- */

static bool on_message(void *ud, uint8_t opcode, char *data, size_t len)
{
    struct message *message = ud;
    struct wsp_frame frame;
    const struct wsp_codec *codec = message->world->hub.config.codec;
    enum wsp_err err =
        codec->decode((struct wsp_span){data, len}, opcode == WSP_OPCODE_BINARY,
                      &message->unescaped, &frame, NULL);
    message->decoded += err == WSP_OK && frame.payload.len > 0;
    return true;
}

static bool on_control(void *ud, const uint8_t *data, size_t len)
{
    (void)ud;
    (void)data;
    (void)len;
    return true;
}

static bool on_close(void *ud, uint16_t code, const char *reason, size_t len)
{
    (void)ud;
    (void)code;
    (void)reason;
    (void)len;
    return true;
}

static void decode(void *ud)
{
    static const struct wsp_reader_limits limits = {1 << 20, 0, true};
    static const struct wsp_reader_sink sink = {on_message, on_control,
                                                on_control, on_close};
    struct message *message = ud;
    struct wsp_reader_port port = {message->pool, &limits, &sink, message};
    struct wsp_reader_failure failure;
    uint64_t before = message->decoded;
    memcpy(message->arrived, message->masked, message->masked_len);
    wsp_reader_feed(&message->reader, &port, message->arrived,
                    message->masked_len, &failure);
    if (message->decoded != before + 1) {
        fputs("core_bench: a frame was not decoded\n", stderr);
        exit(1);
    }
}

/* ---- messages ---- */

/* A client's frame: the head of a server's, with the mask bit and a key. */
static void mask(struct message *message, struct wsp_span text)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t *out = message->masked;
    size_t head_len = wsp_frame_head_build(out, WSP_OPCODE_TEXT, text.len);
    out[1] |= 0x80;
    memcpy(out + head_len, key, sizeof key);
    memcpy(out + head_len + sizeof key, text.data, text.len);
    wsp_frame_unmask(out + head_len + sizeof key, text.len, key, 0);
    message->masked_len = head_len + sizeof key + text.len;
}

/* A message of `size` bytes in all. JSON: {"event":"chat.said","payload":"…"}
 * with a payload that fills it up. */
static void fill(struct message *message, bool is_json, size_t size)
{
    static const char front[] = "{\"event\":\"chat.said\",\"payload\":";
    static char text[SIZE_MAX_BYTES + 1];
    size_t envelope = is_json ? sizeof(front) - 1 + 1 : 0;
    message->payload_len = size - envelope;
    memset(message->payload, 'x', message->payload_len);
    if (is_json) {
        message->payload[0] = '"';
        message->payload[message->payload_len - 1] = '"';
    }
    int len = snprintf(text, sizeof text, "%s%.*s%s", is_json ? front : "",
                       (int)message->payload_len, message->payload,
                       is_json ? "}" : "");
    mask(message, (struct wsp_span){text, (size_t)len});
}

static void measure_size(struct bench_sheet *sheet, struct message *message,
                         const char *codec, size_t size)
{
    char name[64];
    world_set_codec(message->world, codec);
    fill(message, strcmp(codec, "json") == 0, size);
    snprintf(name, sizeof name, "encode %s, %zu B", codec, size);
    bench_sheet_measure(
        sheet,
        &(struct bench_case){.name = name, .operate = encode, .ud = message});
    snprintf(name, sizeof name, "decode %s, %zu B", codec, size);
    bench_sheet_measure(
        sheet,
        &(struct bench_case){.name = name, .operate = decode, .ud = message});
}

void bench_codec_group(struct bench_sheet *sheet)
{
    static const size_t sizes[] = {64, 1024, SIZE_MAX_BYTES};
    struct world world;
    struct message *message = calloc(1, sizeof *message);
    struct wsp_reader_pool *pool = wsp_reader_pool_new(1);
    if (!message || !pool) {
        fputs("core_bench: out of memory\n", stderr);
        exit(1);
    }
    world_init(&world, 1, 1);
    message->world = &world;
    message->pool = pool;
    wsp_reader_init(&message->reader);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        measure_size(sheet, message, "json", sizes[i]);
        measure_size(sheet, message, "raw", sizes[i]);
    }
    wsp_reader_fini(&message->reader, pool);
    wsp_buf_fini(&message->unescaped);
    wsp_reader_pool_free(pool);
    free(message);
    world_fini(&world);
}
