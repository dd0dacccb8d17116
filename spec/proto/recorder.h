/* SPDX-License-Identifier: MIT */
/* A reader that writes down what it finds, every second message asked for by
 * wsp_reader_next, one line a thing:
 *
 *     text 5 hello          ping 2 hi          close 1000 3 bye
 *     binary 1 x            pong 0             failed 1002 bad MASK
 */
#ifndef WSP_SPEC_PROTO_RECORDER_H
#define WSP_SPEC_PROTO_RECORDER_H

#include "base/buf.h"
#include "proto/extension.h"
#include "proto/page_end.h"
#include "proto/reader.h"

struct recorder {
    struct wsp_reader reader;
    struct wsp_reader_pool *pool;
    struct wsp_reader_limits limits;
    struct wsp_extension agreed; /* zero: no compression */
    struct wsp_reader_failure failure;
    enum wsp_reader_result result; /* of the last feed */
    int stop_after;                /* things found; 0: never */
    int found_count;
    int next_count; /* messages that wsp_reader_next gave, ever */
    struct wsp_buf log;
    size_t found_len;       /* of the log, without the lines of its end */
    struct page_end memory; /* what is fed ends at a forbidden page */
};

/* A limit of 64 KiB, no fragment limit, UTF-8 checked, one context kept. */
void recorder_init(struct recorder *recorder);
void recorder_fini(struct recorder *recorder);

/* Begins anew, with another reader under the same limits that has agreed on the
 * same. */
void recorder_reset(struct recorder *recorder);

/* Begins anew with compression by a client that keeps its context or not, its
 * window being 2^bits bytes. What is held in the middle of messages may have
 * `budget` bytes. */
void recorder_agree(struct recorder *recorder, uint8_t bits, bool takes_over,
                    size_t budget);

/* Feeds bytes in pieces of at most `piece` bytes; `stream` is not changed. */
void recorder_feed(struct recorder *recorder, struct wsp_span stream,
                   size_t piece);

/* What has been written down so far. */
struct wsp_span recorder_log(const struct recorder *recorder);

#endif
