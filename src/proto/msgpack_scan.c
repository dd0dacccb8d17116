/* SPDX-License-Identifier: MIT */
#include "proto/msgpack_scan.h"

#include <stdint.h>

#include <wspulse/codec.h>

/* The containers that are open: how many values each still lacks, the innermost
 * last. Levels under `floor` are not ours. */
struct nesting {
    int depth;
    int floor;
    size_t lacking[WSP_MSGPACK_DEPTH_MAX];
};

size_t wsp_msgpack_read(struct wsp_span bytes, size_t offset,
                        mpack_token_t *token)
{
    if (offset >= bytes.len) {
        return 0;
    }
    mpack_tokbuf_t tokbuf = MPACK_TOKBUF_INITIAL_VALUE;
    const char *at = bytes.data + offset;
    size_t left = bytes.len - offset;
    if (mpack_read(&tokbuf, &at, &left, token) != MPACK_OK) {
        return 0;
    }
    return bytes.len - left;
}

/* Opens a container that lacks `count` values. Each takes a byte at least, so
 * more than there are bytes left is refused at once. */
static bool push(struct nesting *nesting, uint64_t count, size_t left)
{
    if (nesting->depth >= WSP_MSGPACK_DEPTH_MAX || count > left) {
        return false;
    }
    nesting->lacking[nesting->depth++] = (size_t)count;
    return true;
}

/* Takes what belongs to the token that ends at `offset`: the bytes of a text, or
 * a new level. Returns the offset behind it, or 0. */
static size_t take_body(struct wsp_span bytes, size_t offset,
                        const mpack_token_t *token, struct nesting *nesting)
{
    size_t left = bytes.len - offset;
    switch (token->type) {
    case MPACK_TOKEN_ARRAY:
        return push(nesting, token->length, left) ? offset : 0;
    case MPACK_TOKEN_MAP:
        return push(nesting, (uint64_t)token->length * 2, left) ? offset : 0;
    case MPACK_TOKEN_STR:
    case MPACK_TOKEN_BIN:
    case MPACK_TOKEN_EXT:
        return token->length <= left ? offset + token->length : 0;
    default:
        return offset;
    }
}

/* Closes the containers that lack nothing, and begins the next value of the one
 * that does. Returns false when no container is left. */
static bool go_on(struct nesting *nesting)
{
    while (nesting->depth > nesting->floor) {
        size_t *lacking = &nesting->lacking[nesting->depth - 1];
        if (*lacking > 0) {
            --*lacking;
            return true;
        }
        nesting->depth--;
    }
    return false;
}

size_t wsp_msgpack_skip(struct wsp_span bytes, size_t offset, int depth)
{
    struct nesting nesting;
    nesting.depth = depth;
    nesting.floor = depth;
    size_t at = offset;
    do {
        mpack_token_t token;
        at = wsp_msgpack_read(bytes, at, &token);
        if (at == 0) {
            return 0;
        }
        at = take_body(bytes, at, &token, &nesting);
    } while (at != 0 && go_on(&nesting));
    return at;
}

bool wsp_msgpack_check(struct wsp_span bytes)
{
    return bytes.len > 0 && wsp_msgpack_skip(bytes, 0, 0) == bytes.len;
}

bool wsp_msgpack_is_valid(struct wsp_span bytes)
{
    return wsp_msgpack_check(bytes);
}
