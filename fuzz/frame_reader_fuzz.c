/* SPDX-License-Identifier: MIT */
/* The frame reader: how a stream is cut into pieces never changes what comes
 * out, and wslay's event API finds the same.
 * Covers: src/proto/reader.c src/proto/reader_work.c src/proto/reader_rule.c
 *         src/proto/reader_pool.c src/proto/frame_head.c src/proto/close.c */
#include <string.h>

#include "bytes.h"
#include "proto/client_frame.h"
#include "proto/duel.h"
#include "target.h"

#define FRAMES_MAX 64

/* How an input is read. */
enum manner {
    MANNER_STREAM = 0, /* the bytes are the stream */
    MANNER_FRAMES = 1, /* the bytes say which frames the stream has */
    MANNER_LIMITS = 2, /* other limits, which wslay does not know */
};

/* Adds one frame: two bytes for its head, its payload behind them. */
static void add_frame(struct wsp_buf *stream, struct bytes *input)
{
    uint8_t first = bytes_take(input);
    uint8_t second = bytes_take(input);
    struct client_frame frame = {
        .opcode = first & 0xF,
        .is_fragment = (first & 0x10) != 0,
        .is_key_zero = (first & 0x20) != 0,
        .is_unmasked = (first & 0xC0) == 0xC0,
        .rsv = (first & 0xC0) == 0x80 && second > 250 ? second & 7 : 0,
        .length_size = (first & 0xC0) == 0x40 && second > 250 ? 8 : 0,
        .payload = bytes_span(input, second),
    };
    client_frame_add(stream, &frame);
}

static void build(struct wsp_buf *stream, struct bytes *input,
                  enum manner manner)
{
    for (int i = 0; (manner & MANNER_FRAMES) && i < FRAMES_MAX; i++) {
        if (input->len > 0 && stream->len < DUEL_STREAM_MAX / 2) {
            add_frame(stream, input);
        }
    }
    struct wsp_span rest = bytes_rest(input);
    FUZZ_CHECK(wsp_buf_add(stream, rest.data, rest.len));
    if (stream->len > DUEL_STREAM_MAX) {
        stream->len = DUEL_STREAM_MAX;
    }
}

/* Reads the stream in pieces and keeps what was found. */
static void read_in(struct duel *duel, struct wsp_span stream, size_t piece,
                    struct wsp_buf *log)
{
    duel_read(duel, stream, piece);
    log->len = 0;
    struct wsp_span found = recorder_log(&duel->recorder);
    FUZZ_CHECK(wsp_buf_add(log, found.len ? found.data : "", found.len));
}

static void check_pieces(struct duel *duel, struct wsp_span stream,
                         size_t piece)
{
    struct wsp_buf whole = {0};
    struct wsp_buf pieces = {0};
    read_in(duel, stream, SIZE_MAX, &whole);
    enum wsp_reader_result result = duel->result;
    read_in(duel, stream, piece, &pieces);
    FUZZ_CHECK(duel->result == result);
    FUZZ_CHECK(wsp_span_equal((struct wsp_span){whole.data, whole.len},
                              (struct wsp_span){pieces.data, pieces.len}));
    wsp_buf_fini(&whole);
    wsp_buf_fini(&pieces);
}

static void check_wslay(struct duel *duel, struct wsp_span stream, size_t piece)
{
    if (!duel_is_agreed(duel, stream, piece)) {
        fprintf(stderr, "%.*s\n", (int)duel->trouble.len, duel->trouble.data);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    enum manner manner = (enum manner)bytes_take(&input);
    size_t piece = 1 + bytes_take(&input);
    struct wsp_buf stream = {0};
    struct duel duel;
    duel_init(&duel, 400);
    if (manner & MANNER_LIMITS) {
        duel.recorder.limits = (struct wsp_reader_limits){
            .max_message = bytes_take(&input),
            .max_fragments = bytes_take(&input) & 7,
            .validate_utf8 = bytes_take(&input) & 1,
        };
    }
    build(&stream, &input, manner);
    struct wsp_span span = {stream.data ? stream.data : "", stream.len};
    check_pieces(&duel, span, piece);
    if (!(manner & MANNER_LIMITS)) {
        check_wslay(&duel, span, piece);
    }
    duel_fini(&duel);
    wsp_buf_fini(&stream);
    return 0;
}
