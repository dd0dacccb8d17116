/* SPDX-License-Identifier: MIT */
#include "proto/inflate.h"

#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "proto/extension.h"

#define IDLE_MAX 4       /* inflaters that wait in a pool */
#define STATE_BYTES 8192 /* what zlib needs beside the window */

/* What zlib's data_type tells: bits of the last byte that are left over, that
 * the block is marked as the last one, that a block has just ended. */
#define UNUSED_BITS 63
#define IN_LAST_BLOCK 64
#define BLOCK_ENDED 128

struct wsp_inflater {
    z_stream zlib;
    struct wsp_inflater *next; /* in the pool's list of idle ones */
    uint8_t window_bits;
    bool has_begun; /* a byte of the message was read */
    bool has_ended; /* a last block has ended, at the last byte read */
};

/* ---- through zlib ---- */

static uInt at_most_uint(size_t len)
{
    return len < UINT_MAX ? (uInt)len : UINT_MAX;
}

/* Runs zlib once over as much as it can count. */
static int run_zlib(struct wsp_inflater *inflater, struct wsp_inflate_run *run)
{
    z_stream *zlib = &inflater->zlib;
    uInt in_len = at_most_uint(run->in_len);
    uInt room = at_most_uint(run->room);
    zlib->next_in = run->in;
    zlib->avail_in = in_len;
    zlib->next_out = run->out;
    zlib->avail_out = room;
    int result = inflate(zlib, Z_SYNC_FLUSH);
    run->in += in_len - zlib->avail_in;
    run->in_len -= in_len - zlib->avail_in;
    run->out += room - zlib->avail_out;
    run->room -= room - zlib->avail_out;
    return result;
}

/* Another block behind a last one: the window stays, which is all that the call
 * is for. */
static void go_on_behind_last(struct wsp_inflater *inflater)
{
    if (inflater->has_ended) {
        inflater->has_ended = false;
        inflateResetKeep(&inflater->zlib);
    }
}

/* Runs until the input or the room is used up. */
static enum wsp_inflate_result run_all(struct wsp_inflater *inflater,
                                       struct wsp_inflate_run *run)
{
    while (run->room > 0) {
        if (run->in_len > 0) {
            go_on_behind_last(inflater);
        }
        switch (inflater->has_ended ? Z_BUF_ERROR : run_zlib(inflater, run)) {
        case Z_OK:
            break;
        case Z_STREAM_END:
            inflater->has_ended = true;
            break;
        case Z_BUF_ERROR: /* nothing left to do */
            return run->room == 0 ? WSP_INFLATE_FULL : WSP_INFLATE_MORE;
        case Z_MEM_ERROR:
            return WSP_INFLATE_NO_MEMORY;
        default:
            return WSP_INFLATE_BAD;
        }
        if (run->in_len == 0 && run->room > 0) {
            return WSP_INFLATE_MORE;
        }
    }
    return WSP_INFLATE_FULL;
}

enum wsp_inflate_result wsp_inflater_run(struct wsp_inflater *inflater,
                                         struct wsp_inflate_run *run)
{
    if (run->in_len > 0) {
        inflater->has_begun = true;
    }
    return run_all(inflater, run);
}

/* ---- the end of a message ---- */

/* Puts back what a sender leaves out (RFC 7692 §7.2.1): most of an empty block,
 * so nothing may come of it and its end is that of a byte. */
static enum wsp_inflate_result run_tail(struct wsp_inflater *inflater)
{
    static const uint8_t tail[4] = {0x00, 0x00, 0xFF, 0xFF};
    uint8_t out;
    struct wsp_inflate_run run = {tail, sizeof tail, &out, 1};
    enum wsp_inflate_result result = run_all(inflater, &run);
    if (result != WSP_INFLATE_MORE) {
        return result == WSP_INFLATE_FULL ? WSP_INFLATE_BAD : result;
    }
    int type = inflater->zlib.data_type;
    bool is_fine = !inflater->has_ended && (type & BLOCK_ENDED) &&
                   !(type & (IN_LAST_BLOCK | UNUSED_BITS));
    return is_fine ? WSP_INFLATE_MORE : WSP_INFLATE_BAD;
}

enum wsp_inflate_result wsp_inflater_end(struct wsp_inflater *inflater)
{
    enum wsp_inflate_result result = WSP_INFLATE_MORE;
    if (inflater->has_begun && !inflater->has_ended) {
        result = run_tail(inflater);
    }
    go_on_behind_last(inflater);
    inflater->has_begun = false;
    return result;
}

/* ---- the pool ---- */

static size_t weight_of(uint8_t window_bits)
{
    return STATE_BYTES + ((size_t)1 << window_bits);
}

bool wsp_inflate_pool_reserve(struct wsp_inflate_pool *pool,
                              uint8_t window_bits)
{
    size_t weight = weight_of(window_bits);
    if (pool->held_bytes > pool->max_bytes ||
        weight > pool->max_bytes - pool->held_bytes) {
        return false;
    }
    pool->held_bytes += weight;
    return true;
}

void wsp_inflate_pool_release(struct wsp_inflate_pool *pool,
                              uint8_t window_bits)
{
    pool->held_bytes -= weight_of(window_bits);
}

static struct wsp_inflater *inflater_new(uint8_t window_bits)
{
    struct wsp_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater) {
        return NULL;
    }
    inflater->window_bits = window_bits;
    /* Negative: no header and no checksum, as RFC 7692 has it. */
    if (inflateInit2(&inflater->zlib, -(int)window_bits) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

static void inflater_free(struct wsp_inflater *inflater)
{
    inflateEnd(&inflater->zlib);
    free(inflater);
}

void wsp_inflate_pool_fini(struct wsp_inflate_pool *pool)
{
    while (pool->idle) {
        struct wsp_inflater *inflater = pool->idle;
        pool->idle = inflater->next;
        inflater_free(inflater);
    }
    pool->idle_count = 0;
}

struct wsp_inflater *wsp_inflate_pool_lend(struct wsp_inflate_pool *pool,
                                           uint8_t window_bits)
{
    struct wsp_inflater *inflater = pool->idle;
    if (window_bits == WSP_WINDOW_BITS_MAX && inflater) {
        pool->idle = inflater->next;
        pool->idle_count--;
    } else {
        inflater = inflater_new(window_bits);
    }
    pool->lent_count += inflater != NULL;
    return inflater;
}

void wsp_inflate_pool_return(struct wsp_inflate_pool *pool,
                             struct wsp_inflater *inflater)
{
    if (!inflater) {
        return;
    }
    pool->lent_count--;
    /* The next borrower must not reach this one's text. */
    if (inflater->window_bits != WSP_WINDOW_BITS_MAX ||
        pool->idle_count >= IDLE_MAX || inflateReset(&inflater->zlib) != Z_OK) {
        inflater_free(inflater);
        return;
    }
    inflater->has_ended = false;
    inflater->has_begun = false;
    inflater->next = pool->idle;
    pool->idle = inflater;
    pool->idle_count++;
}
