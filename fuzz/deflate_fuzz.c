/* SPDX-License-Identifier: MIT */
/* Compression both ways. What a client compresses is read as what it was; what
 * it sends instead is judged the same however it is cut and however little
 * memory there is for inflaters; what we compress is what zlib undoes.
 * Covers: src/proto/inflate.c src/proto/deflate.c src/proto/reader_packed.c */
#include "proto/deflate.h"

#include <string.h>

#include "bytes.h"
#include "proto/client_frame.h"
#include "proto/inflate.h"
#include "proto/opcode.h"
#include "proto/packer.h"
#include "proto/recorder.h"
#include "target.h"

#define MESSAGES_MAX 8
#define ENOUGH (1024 * 1024)
#define SMALL 4096  /* bytes of most texts that are made up */
#define LARGE 65536 /* of others: more than a window */

/* A client and what it sends. */
struct client {
    struct bytes *input;
    uint8_t bits;
    bool takes_over;
    struct packer *packer;
    struct wsp_buf text;
    struct wsp_buf packed;
    struct wsp_buf stream;
    struct wsp_buf expected; /* the reader's log, while nothing is damaged */
    bool is_damaged;
    size_t max_message;
};

static struct wsp_span span_of(const struct wsp_buf *buf)
{
    return (struct wsp_span){buf->data ? buf->data : "", buf->len};
}

/* A compressor without a context; they stay. */
static struct packer *packer_of(uint8_t bits)
{
    static struct packer packers[16];
    if (!packers[bits].zlib) {
        packer_init(&packers[bits], bits, 6);
    }
    packer_reset(&packers[bits]);
    return &packers[bits];
}

/* A text out of the input, or one of which the input says how long it is. */
static void choose_text(struct client *client)
{
    struct bytes *input = client->input;
    uint8_t choice = bytes_take(input);
    client->text.len = 0;
    if (choice < 200) {
        struct wsp_span part = bytes_span(input, choice);
        FUZZ_CHECK(wsp_buf_add(&client->text, part.data, part.len));
    } else if (choice < 240) {
        size_t max = choice == 239 ? LARGE : SMALL;
        packer_write_text(choice, bytes_take_16(input) % max, &client->text);
    } else {
        packer_write_noise(choice, bytes_take_16(input) % 4096, &client->text);
    }
}

/* Compresses the text, or takes bytes that may be no compressed text. */
static void pack(struct client *client)
{
    struct bytes *input = client->input;
    uint8_t choice = bytes_take(input);
    client->packed.len = 0;
    if (choice >= 192) {
        struct wsp_span part = bytes_span(input, choice - 192);
        FUZZ_CHECK(wsp_buf_add(&client->packed, part.data, part.len));
        client->is_damaged = true;
        return;
    }
    if (!client->takes_over) {
        packer_reset(client->packer);
    }
    if (choice & 1) {
        packer_add_last(client->packer, span_of(&client->text),
                        &client->packed);
    } else {
        packer_add(client->packer, span_of(&client->text), &client->packed);
    }
    if (choice >= 160 && client->packed.len > 0) {
        size_t at = bytes_take_16(input) % client->packed.len;
        client->packed.data[at] ^= (char)(1 << (choice & 7));
        client->is_damaged = true;
    }
}

/* Sends what was packed in frames of at most `size` bytes, a ping between. */
static void send_packed(struct client *client, size_t size)
{
    struct wsp_span rest = span_of(&client->packed);
    struct client_frame frame = {.opcode = WSP_OPCODE_BINARY, .rsv = 4};
    do {
        size_t len = rest.len < size ? rest.len : size;
        frame.payload = (struct wsp_span){rest.data, len};
        rest = (struct wsp_span){rest.data + len, rest.len - len};
        frame.is_fragment = rest.len > 0;
        client_frame_add(&client->stream, &frame);
        frame.opcode = WSP_OPCODE_CONTINUATION;
        frame.rsv = 0;
    } while (rest.len > 0);
}

static void expect(struct client *client)
{
    bool is_too_big = client->text.len > client->max_message;
    client->is_damaged = client->is_damaged || is_too_big;
    FUZZ_CHECK(
        wsp_buf_printf(&client->expected, "binary %zu ", client->text.len));
    FUZZ_CHECK(wsp_buf_add(&client->expected,
                           client->text.data ? client->text.data : "",
                           client->text.len));
    FUZZ_CHECK(wsp_buf_add(&client->expected, "\n", 1));
}

static void speak(struct client *client)
{
    for (int i = 0; i < MESSAGES_MAX && client->input->len > 0; i++) {
        choose_text(client);
        pack(client);
        send_packed(client, 1 + (size_t)bytes_take(client->input) * 8);
        expect(client);
    }
}

/* ---- reading ---- */

/* Reads the stream; the log goes to `log`. The recorder stays: to map its memory
 * takes longer than to read. */
static void read_in(const struct client *client, size_t piece, size_t budget,
                    struct wsp_buf *log)
{
    static struct recorder recorder;
    if (!recorder.pool) {
        recorder_init(&recorder);
    }
    recorder.limits.max_message = client->max_message;
    recorder_agree(&recorder, client->bits, client->takes_over, budget);
    struct wsp_span rest = span_of(&client->stream);
    while (rest.len > 0 && recorder.result == WSP_READER_MORE) {
        size_t len = rest.len < piece ? rest.len : piece;
        recorder_feed(&recorder, (struct wsp_span){rest.data, len}, len);
        rest = (struct wsp_span){rest.data + len, rest.len - len};
    }
    struct wsp_span found = recorder_log(&recorder);
    log->len = 0;
    FUZZ_CHECK(wsp_buf_add(log, found.len ? found.data : "", found.len));
    wsp_reader_fini(&recorder.reader, recorder.pool);
    struct wsp_inflate_pool *pool = wsp_reader_pool_inflaters(recorder.pool);
    FUZZ_CHECK(pool->lent_count == 0 && pool->held_bytes == 0);
}

static void check_reading(const struct client *client, size_t piece)
{
    struct wsp_buf whole = {0};
    struct wsp_buf other = {0};
    read_in(client, 1024 * 1024, ENOUGH, &whole);
    if (!client->is_damaged) {
        FUZZ_CHECK(wsp_span_equal(span_of(&whole), span_of(&client->expected)));
    }
    read_in(client, piece, ENOUGH, &other);
    FUZZ_CHECK(wsp_span_equal(span_of(&whole), span_of(&other)));
    if (!client->takes_over) {
        read_in(client, piece, 0, &other);
        FUZZ_CHECK(wsp_span_equal(span_of(&whole), span_of(&other)));
    }
    wsp_buf_fini(&whole);
    wsp_buf_fini(&other);
}

/* ---- our own side ---- */

static void check_writing(struct client *client)
{
    static struct wsp_deflater deflater;
    struct wsp_buf out = {0};
    int level = 1 + 8 * (int)bytes_below(client->input, 2);
    for (int i = 0; i < 3; i++) {
        uint8_t bits = (uint8_t)(9 + bytes_below(client->input, 7));
        choose_text(client);
        struct wsp_span text = span_of(&client->text);
        struct wsp_span packed = wsp_deflater_run(&deflater, text, bits, level);
        if (packed.data) {
            out.len = 0;
            FUZZ_CHECK(packed.len < text.len);
            FUZZ_CHECK(packer_unpack(packed, bits, &out));
            FUZZ_CHECK(wsp_span_equal(span_of(&out), text));
        }
    }
    wsp_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    uint8_t choice = bytes_take(&input);
    struct client client = {
        .input = &input,
        .bits = (uint8_t)(9 + choice % 7),
        .takes_over = (choice & 0x40) != 0,
        .max_message = 1 + (size_t)bytes_take_16(&input),
    };
    size_t piece = 1 + (size_t)bytes_take(&input);
    client.packer = packer_of(client.bits);
    if (choice & 0x80) {
        check_writing(&client);
    }
    speak(&client);
    /* A long stream in small pieces says nothing new. */
    check_reading(&client, piece + client.stream.len / 256);
    wsp_buf_fini(&client.text);
    wsp_buf_fini(&client.packed);
    wsp_buf_fini(&client.stream);
    wsp_buf_fini(&client.expected);
    return 0;
}
