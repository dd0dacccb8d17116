/* SPDX-License-Identifier: MIT */
/* Looks at eight or sixteen bytes of JSON text at once: which of them is special
 * in a string, that is quote, backslash or control character?
 * Thread: any. */
#ifndef WSP_PROTO_JSON_WORD_H
#define WSP_PROTO_JSON_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define WSP_JSON_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes, the first one in the lowest bits. */
static inline uint64_t wsp_json_load(const char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Marks the special bytes of a word by their highest bit. A byte of x is 0 where
 * x - 1 borrows; what the borrow marks beyond that lies above a true mark, so
 * the lowest mark is always true. */
static inline uint64_t wsp_json_mark_word(uint64_t word)
{
    uint64_t quote = word ^ WSP_JSON_EACH('"');
    uint64_t backslash = word ^ WSP_JSON_EACH('\\');
    uint64_t special = ((quote - WSP_JSON_EACH(1)) & ~quote) |
                       ((backslash - WSP_JSON_EACH(1)) & ~backslash) |
                       ((word - WSP_JSON_EACH(0x20)) & ~word);
    return special & WSP_JSON_EACH(0x80);
}

#if defined(__SSE2__)
/* Marks the special ones of 16 bytes by one bit each. */
static inline unsigned wsp_json_mark_block(const char *data)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i low = _mm_min_epu8(bytes, _mm_set1_epi8(0x1F));
    __m128i special = _mm_or_si128(_mm_or_si128(quote, backslash),
                                   _mm_cmpeq_epi8(bytes, low));
    return (unsigned)_mm_movemask_epi8(special);
}
#endif

#endif
