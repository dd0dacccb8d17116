/* SPDX-License-Identifier: MIT */
/* wslay's event API as a server that reads a stream, for comparison. It writes
 * down what it finds in the words of the recorder. */
#ifndef WSP_SPEC_PROTO_ORACLE_H
#define WSP_SPEC_PROTO_ORACLE_H

#include <stdint.h>

#include <wspulse/span.h>

#include "base/buf.h"

enum oracle_end {
    ORACLE_OPEN,
    ORACLE_CLOSED, /* the peer's close frame was accepted */
    ORACLE_FAILED, /* a close frame of its own was queued */
};

struct oracle {
    struct wsp_buf log; /* messages, pings, pongs and closes found */
    size_t found_len;   /* of the log, without the line of a close */
    enum oracle_end end;
    uint16_t close_code;    /* of its own close frame; 1005 for an empty one */
    struct wsp_span stream; /* what is left to read */
    struct wsp_buf sent;    /* frames it would write */
};

/* Reads a whole stream, messages of at most `max_message` bytes. */
void oracle_run(struct oracle *oracle, struct wsp_span stream,
                uint64_t max_message);
void oracle_fini(struct oracle *oracle);

#endif
