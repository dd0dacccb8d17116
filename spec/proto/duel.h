/* SPDX-License-Identifier: MIT */
/* One stream read twice, by our reader and by wslay's event API: do both find
 * the same and end for the same reason? Where wslay is known to judge otherwise
 * is written down in duel.c. */
#ifndef WSP_SPEC_PROTO_DUEL_H
#define WSP_SPEC_PROTO_DUEL_H

#include "proto/oracle.h"
#include "proto/recorder.h"

#define DUEL_STREAM_MAX 3500 /* bytes; under wslay's 4 KiB of read-ahead */

struct duel {
    struct recorder recorder;
    enum wsp_reader_result result; /* of the feed that ended our side */
    struct wsp_buf trouble;        /* what they disagree about */
};

/* `max_message` is not under 125: wslay counts control frames in. */
void duel_init(struct duel *duel, size_t max_message);
void duel_fini(struct duel *duel);

/* Feeds a stream to our reader in pieces until it ends. */
void duel_read(struct duel *duel, struct wsp_span stream, size_t piece);

/* Lets both read a stream of at most DUEL_STREAM_MAX bytes. Returns false with a
 * text in `trouble` when they disagree. */
bool duel_is_agreed(struct duel *duel, struct wsp_span stream, size_t piece);

#endif
