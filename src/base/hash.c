/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <string.h>
#include <time.h>

#include "base/random.h"

void wsp_hash_key_init(struct wsp_hash_key *key)
{
    if (wsp_random_fill(key->words, sizeof key->words)) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    key->words[0] = (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)key;
    key->words[1] = (uint64_t)now.tv_sec * 0x9e3779b97f4a7c15U;
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* One SipRound on the four words of state. */
static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t wsp_hash(const struct wsp_hash_key *key, struct wsp_span text)
{
    uint64_t v[4] = {
        key->words[0] ^ 0x736f6d6570736575U,
        key->words[1] ^ 0x646f72616e646f6dU,
        key->words[0] ^ 0x6c7967656e657261U,
        key->words[1] ^ 0x7465646279746573U,
    };
    size_t whole = text.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)text.len << 56;
    for (size_t i = whole; i < text.len; i++) {
        last |= (uint64_t)(unsigned char)text.data[i] << (8 * (i - whole));
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
