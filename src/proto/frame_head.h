/* SPDX-License-Identifier: MIT */
/* The head of a WebSocket frame as a server writes it and as it reads it, and
 * the mask it removes (RFC 6455 §5.2, §5.3).
 * Thread: any. */
#ifndef WSP_PROTO_FRAME_HEAD_H
#define WSP_PROTO_FRAME_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSP_FRAME_HEAD_MAX 10        /* bytes of an unmasked head */
#define WSP_FRAME_HEAD_MASKED_MAX 14 /* bytes of a masked head */

/* A head as a client sent it. */
struct wsp_frame_head {
    uint64_t len;      /* payload bytes it announces */
    uint8_t opcode;    /* any of the 16, legal or not */
    uint8_t rsv;       /* the three reserved bits, RSV1 highest */
    uint8_t short_len; /* the 7-bit length: 126 and 127 stand for more bytes */
    uint8_t size;      /* bytes of the head itself */
    bool is_final;
    bool is_masked;
    uint8_t key[4]; /* of the mask, when there is one */
};

/* How much of a head is known. */
enum wsp_frame_head_part {
    WSP_FRAME_HEAD_NONE,   /* under two bytes: nothing */
    WSP_FRAME_HEAD_FLAGS,  /* all but `len` and `key` */
    WSP_FRAME_HEAD_LENGTH, /* all but `key` */
    WSP_FRAME_HEAD_WHOLE,
};

/* Reads as much of a head as `len` bytes tell. Judges nothing. */
enum wsp_frame_head_part wsp_frame_head_parse(struct wsp_frame_head *head,
                                              const uint8_t *data, size_t len);

/* Writes the head of an unmasked, final frame of `len` payload bytes in its
 * minimal form. Returns the head's length: 2, 4 or 10. */
size_t wsp_frame_head_build(uint8_t out[WSP_FRAME_HEAD_MAX], uint8_t opcode,
                            size_t len);

/* The length wsp_frame_head_build would return. */
size_t wsp_frame_head_len(size_t len);

/* Removes the mask in place; `offset` is the position of data[0] within the
 * frame's payload. Blocks of 32 bytes, any alignment. Returns true when all of
 * it is ASCII: such text needs no further check of its UTF-8. */
bool wsp_frame_unmask(uint8_t *data, size_t len, const uint8_t key[4],
                      size_t offset);

#endif
