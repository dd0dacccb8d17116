/* SPDX-License-Identifier: MIT */
/* A peer's side of permessage-deflate: compresses with zlib as clients do, and
 * undoes it. */
#ifndef WSP_SPEC_PROTO_PACKER_H
#define WSP_SPEC_PROTO_PACKER_H

#include <stdbool.h>
#include <stdint.h>

#include <wspulse/span.h>

#include "base/buf.h"

struct packer {
    void *zlib; /* its state */
};

/* A compressor with a window of 2^bits bytes; level 0 to 9. */
void packer_init(struct packer *packer, int bits, int level);
void packer_fini(struct packer *packer);

/* Appends a message as it goes into frames. The context is kept. */
void packer_add(struct packer *packer, struct wsp_span message,
                struct wsp_buf *out);

/* Appends one that ends with a block marked as the last one. The window is
 * empty afterwards. */
void packer_add_last(struct packer *packer, struct wsp_span message,
                     struct wsp_buf *out);

/* Forgets the context. */
void packer_reset(struct packer *packer);

/* Appends a message of its own, compressed with a window of 32 KiB. */
void packer_pack(struct wsp_span message, struct wsp_buf *out);

/* Appends what a compressed message of its own holds. Returns false when a
 * window of 2^bits is too small for it, or it is no such message. */
bool packer_unpack(struct wsp_span packed, int bits, struct wsp_buf *out);

/* Appends `len` bytes: words that repeat near and far, so that they are shorter
 * compressed; the same for the same seed. */
void packer_write_text(unsigned seed, size_t len, struct wsp_buf *out);

/* Appends `len` bytes that do not get shorter. */
void packer_write_noise(unsigned seed, size_t len, struct wsp_buf *out);

#endif
