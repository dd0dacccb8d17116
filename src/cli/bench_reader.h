/* SPDX-License-Identifier: MIT */
/* Reads what a server sends as far as a benchmark cares: it counts messages,
 * passes over their payload without looking at it, and keeps the body of ping
 * and close.
 * Owner: the peer. Thread: main. */
#ifndef WSP_CLI_BENCH_READER_H
#define WSP_CLI_BENCH_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSP_BENCH_BODY_MAX 125 /* of a control frame */

/* Zeroed is at the begin of a stream. */
struct wsp_bench_reader {
    uint64_t left; /* payload bytes of the current frame still to come */
    uint8_t head[10];
    uint8_t head_len; /* bytes of the head that are there */
    bool is_in_payload;
    uint8_t body[WSP_BENCH_BODY_MAX]; /* of the current control frame */
    uint8_t body_len;
};

/* What one feed brought. */
struct wsp_bench_reading {
    uint64_t messages; /* that ended */
    uint64_t bytes;    /* payload bytes of data frames */
    bool is_pinged;    /* the last ping is in `ping` */
    bool is_closed;    /* a close frame came; nothing behind it counts */
    uint8_t ping_len;
    uint16_t close_code; /* 1005: it had none */
    uint8_t ping[WSP_BENCH_BODY_MAX];
    char close_reason[WSP_BENCH_BODY_MAX - 1]; /* NUL-terminated */
};

/* Feeds bytes; `reading` is filled anew. Returns NULL, or what the server did
 * wrong. */
const char *wsp_bench_reader_feed(struct wsp_bench_reader *reader,
                                  const uint8_t *data, size_t len,
                                  struct wsp_bench_reading *reading);

#endif
