/* SPDX-License-Identifier: MIT */
#include "proto/deflate.h"

#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define TAIL_LEN 4                 /* what is left out: 00 00 FF FF */
#define SCRATCH_KEEP (64 * 1024)   /* bytes kept between two messages */
#define MESSAGE_MAX (UINT_MAX / 2) /* zlib counts with an int's size */
#define MEMORY_LEVEL_MAX 8         /* zlib's default */

void wsp_deflater_fini(struct wsp_deflater *deflater)
{
    for (size_t i = 0; i < WSP_DEFLATE_SIZES; i++) {
        if (deflater->streams[i]) {
            deflateEnd(deflater->streams[i]);
            free(deflater->streams[i]);
            deflater->streams[i] = NULL;
        }
    }
    wsp_buf_fini(&deflater->scratch);
    deflater->level = 0;
}

/* zlib goes through all of its hash table for every window of text, so the
 * table is in proportion: with the default for all, the smallest window would
 * take eight times as long as the largest. */
static int memory_level(uint8_t window_bits)
{
    int level = window_bits - 5;
    return level < MEMORY_LEVEL_MAX ? level : MEMORY_LEVEL_MAX;
}

static z_stream *stream_new(uint8_t window_bits, int level)
{
    z_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        return NULL;
    }
    /* Negative: no header and no checksum, as RFC 7692 has it. */
    if (deflateInit2(stream, level, Z_DEFLATED, -(int)window_bits,
                     memory_level(window_bits), Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

/* The stream of that size, without a context. NULL without memory. */
static z_stream *fresh_stream(struct wsp_deflater *deflater,
                              uint8_t window_bits, int level)
{
    z_stream **stream = &deflater->streams[window_bits - WSP_DEFLATE_BITS_MIN];
    if (deflater->level != level) {
        wsp_deflater_fini(deflater);
        deflater->level = level;
    }
    if (!*stream) {
        *stream = stream_new(window_bits, level);
    } else if (deflateReset(*stream) != Z_OK) {
        return NULL;
    }
    return *stream;
}

struct wsp_span wsp_deflater_run(struct wsp_deflater *deflater,
                                 struct wsp_span message, uint8_t window_bits,
                                 int level)
{
    static const struct wsp_span none = {NULL, 0};
    struct wsp_buf *out = &deflater->scratch;
    wsp_buf_reset(out, SCRATCH_KEEP);
    z_stream *stream = fresh_stream(deflater, window_bits, level);
    if (!stream || message.len > MESSAGE_MAX ||
        !wsp_buf_reserve(out, message.len + TAIL_LEN)) {
        return none;
    }
    /* With no more room than that, zlib stops as soon as it does not pay. */
    uInt room = (uInt)(message.len + TAIL_LEN);
    stream->next_in = (const Bytef *)message.data;
    stream->avail_in = (uInt)message.len;
    stream->next_out = (Bytef *)out->data;
    stream->avail_out = room;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_out == 0) {
        return none;
    }
    return (struct wsp_span){out->data, room - stream->avail_out - TAIL_LEN};
}
