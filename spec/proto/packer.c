/* SPDX-License-Identifier: MIT */
#include "proto/packer.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

static const uint8_t tail[4] = {0, 0, 0xFF, 0xFF};

static void must(bool is_fine)
{
    if (!is_fine) {
        abort();
    }
}

void packer_init(struct packer *packer, int bits, int level)
{
    z_stream *zlib = calloc(1, sizeof *zlib);
    must(zlib && deflateInit2(zlib, level, Z_DEFLATED, -bits, 8,
                              Z_DEFAULT_STRATEGY) == Z_OK);
    *packer = (struct packer){zlib};
}

void packer_fini(struct packer *packer)
{
    deflateEnd(packer->zlib);
    free(packer->zlib);
}

void packer_reset(struct packer *packer)
{
    must(deflateReset(packer->zlib) == Z_OK);
}

/* Appends what zlib makes of a message, flushed. */
static void run(struct packer *packer, struct wsp_span message, int flush,
                struct wsp_buf *out)
{
    z_stream *zlib = packer->zlib;
    zlib->next_in = (const Bytef *)message.data;
    zlib->avail_in = (uInt)message.len;
    do {
        must(wsp_buf_reserve(out, 4096));
        zlib->next_out = (Bytef *)out->data + out->len;
        zlib->avail_out = 4096;
        int result = deflate(zlib, flush);
        must(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
        out->len += 4096 - zlib->avail_out;
    } while (zlib->avail_out == 0);
}

void packer_add(struct packer *packer, struct wsp_span message,
                struct wsp_buf *out)
{
    size_t before = out->len;
    run(packer, message, Z_SYNC_FLUSH, out);
    if (out->len == before) { /* zlib does not flush the same twice */
        must(wsp_buf_add(out, "", 1));
        return;
    }
    must(memcmp(out->data + out->len - sizeof tail, tail, sizeof tail) == 0);
    out->len -= sizeof tail;
}

void packer_add_last(struct packer *packer, struct wsp_span message,
                     struct wsp_buf *out)
{
    run(packer, message, Z_FINISH, out);
    packer_reset(packer);
}

void packer_pack(struct wsp_span message, struct wsp_buf *out)
{
    struct packer packer;
    packer_init(&packer, 15, 6);
    packer_add(&packer, message, out);
    packer_fini(&packer);
}

static bool inflate_all(z_stream *zlib, struct wsp_span in, struct wsp_buf *out)
{
    zlib->next_in = (const Bytef *)in.data;
    zlib->avail_in = (uInt)in.len;
    do {
        must(wsp_buf_reserve(out, 4096));
        zlib->next_out = (Bytef *)out->data + out->len;
        zlib->avail_out = 4096;
        int result = inflate(zlib, Z_SYNC_FLUSH);
        out->len += 4096 - zlib->avail_out;
        if (result != Z_OK && result != Z_BUF_ERROR) {
            return false;
        }
    } while (zlib->avail_out == 0);
    return zlib->avail_in == 0;
}

bool packer_unpack(struct wsp_span packed, int bits, struct wsp_buf *out)
{
    z_stream zlib;
    memset(&zlib, 0, sizeof zlib);
    must(inflateInit2(&zlib, -bits) == Z_OK);
    bool is_fine =
        inflate_all(&zlib, packed, out) &&
        inflate_all(&zlib, (struct wsp_span){(const char *)tail, 4}, out);
    inflateEnd(&zlib);
    return is_fine;
}

/* ---- material ---- */

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16 & 0x7FFF;
}

void packer_write_text(unsigned seed, size_t len, struct wsp_buf *out)
{
    static const char *const words[] = {"room ",   "say, ", "{\"id\"",
                                        "\"v\": ", "4242 ", "line\n"};
    size_t end = out->len + len;
    size_t start = out->len;
    while (out->len < end) {
        size_t done = out->len - start;
        if (done > 300 && next_random(&seed) % 16 == 0) {
            char again[64]; /* from anywhere before */
            size_t at = start + next_random(&seed) * 7 % (done - 64);
            memcpy(again, out->data + at, sizeof again);
            must(wsp_buf_add(out, again, sizeof again));
        } else {
            must(wsp_buf_add(out, words[next_random(&seed) % 6], 5));
        }
    }
    out->len = end;
}

void packer_write_noise(unsigned seed, size_t len, struct wsp_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        char byte = (char)(next_random(&seed) >> 3);
        must(wsp_buf_add(out, &byte, 1));
    }
}
