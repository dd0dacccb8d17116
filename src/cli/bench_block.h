/* SPDX-License-Identifier: MIT */
/* The bytes of one write: `depth` masked frames of a client, built once and
 * sent by every connection.
 * Owner: the load. Thread: main. */
#ifndef WSP_CLI_BENCH_BLOCK_H
#define WSP_CLI_BENCH_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "cli/bench_settings.h"

struct wsp_bench_block {
    uint8_t *data;      /* heap */
    size_t frame_len;   /* bytes of each frame, head and payload */
    size_t payload_len; /* bytes of each payload */
};

/* Builds the block. A payload is text, or with is_envelope an envelope whose
 * whole length is `size`, as far as it can be that short. Returns false without
 * memory; then nothing is left to fini. */
bool wsp_bench_block_init(struct wsp_bench_block *block,
                          const struct wsp_bench_settings *settings);

void wsp_bench_block_fini(struct wsp_bench_block *block);

/* Bytes of the longest control frame that wsp_bench_control builds. */
#define WSP_BENCH_CONTROL_MAX (6 + 125)

/* Writes a masked control frame with at most 125 bytes of payload. Returns its
 * length. */
size_t wsp_bench_control(uint8_t out[WSP_BENCH_CONTROL_MAX], uint8_t opcode,
                         const uint8_t *payload, size_t len);

#endif
