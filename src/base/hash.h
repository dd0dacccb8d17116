/* SPDX-License-Identifier: MIT */
/* SipHash-1-3 under a random key: peers choose what is hashed, so nobody may
 * predict which names collide.
 * Thread: any. */
#ifndef WSP_BASE_HASH_H
#define WSP_BASE_HASH_H

#include <stdint.h>

#include <wspulse/span.h>

struct wsp_hash_key {
    uint64_t words[2];
};

/* Draws a key; falls back to addresses and the clock when the kernel gives no
 * randomness. */
void wsp_hash_key_init(struct wsp_hash_key *key);

uint64_t wsp_hash(const struct wsp_hash_key *key, struct wsp_span text);

#endif
