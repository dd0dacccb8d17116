/* SPDX-License-Identifier: MIT */
/* Reads a client's WebSocket stream: bytes in, messages and control frames out.
 *
 * A complete, unfragmented, masked data frame is unmasked and handed over in
 * place, and so is a complete control frame. Everything else goes through
 * wslay's frame API, with a context that a pool lends only while a frame or a
 * message is incomplete. Mask, RSV, order, UTF-8, size and close-code rules are
 * checked here on both paths (reader_rule.h), in the order of the bytes: how a
 * stream is cut into feeds never changes what comes out.
 * Owner: the transport. Thread: the owner's. */
#ifndef WSP_PROTO_READER_H
#define WSP_PROTO_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsp_extension;
struct wsp_inflate_pool;
struct wsp_inflater;
struct wsp_reader_pool;
struct wsp_reader_work; /* a lent context with what has arrived so far */

/* Makes the pool that all readers of one thread share. It keeps at most
 * `keep_count` idle contexts. NULL without memory. */
struct wsp_reader_pool *wsp_reader_pool_new(size_t keep_count);
/* Every reader must have been ended. */
void wsp_reader_pool_free(struct wsp_reader_pool *pool);

/* The inflaters of the pool's readers, for their budget. */
struct wsp_inflate_pool *wsp_reader_pool_inflaters(
    struct wsp_reader_pool *pool);

/* Rules that may change between two feeds. */
struct wsp_reader_limits {
    size_t max_message;     /* bytes of one message over all its fragments */
    uint32_t max_fragments; /* of one message; 0: no limit */
    bool validate_utf8;     /* text messages (close reasons always are) */
};

/* Where a reader hands what it found. Data is valid during the call and may be
 * changed by it; a length of 0 comes with a pointer that is not NULL. Each
 * returns false to stop reading: nothing more is handed over, ever. One that
 * ends the reader (wsp_reader_fini) returns false, and the reader's memory stays
 * until the feed has returned. */
struct wsp_reader_sink {
    bool (*on_message)(void *ud, uint8_t opcode, char *data, size_t len);
    bool (*on_ping)(void *ud, const uint8_t *data, size_t len);
    bool (*on_pong)(void *ud, const uint8_t *data, size_t len);
    /* A legal close frame; 1005 when it had no body. The last thing handed
     * over: what follows it is discarded (RFC 6455 §5.5.1). */
    bool (*on_close)(void *ud, uint16_t code, const char *reason, size_t len);
};

/* State between feeds: small, because every idle connection has one. */
struct wsp_reader {
    struct wsp_reader_work *work; /* NULL at every message boundary */
    struct wsp_inflater *context; /* of a client that takes it over, once it
                                     has sent something compressed */
    bool is_ended;                /* after a close frame, an error or a stop */
    bool keeps_context;           /* room for it is reserved */
    uint8_t window_bits;          /* of the client's compression; 0: none */
};

void wsp_reader_init(struct wsp_reader *reader);
/* Gives back what was lent and what was reserved. */
void wsp_reader_fini(struct wsp_reader *reader, struct wsp_reader_pool *pool);

/* Takes compressed messages too, as was agreed; before the first feed. A client
 * that takes its context over has room for it reserved out of the pool's budget.
 * Returns false when there is no such room; nothing has changed then. */
bool wsp_reader_agree(struct wsp_reader *reader, struct wsp_reader_pool *pool,
                      const struct wsp_extension *agreed);

/* Why a stream failed. */
struct wsp_reader_failure {
    uint16_t
        close_code;   /* what the peer is told: 1002, 1007, 1008, 1009, 1011 */
    const char *text; /* a static text for close frame and log: "bad MASK" */
};

enum wsp_reader_result {
    WSP_READER_MORE,    /* all was consumed; feed the next bytes */
    WSP_READER_STOPPED, /* a sink function returned false */
    WSP_READER_CLOSED,  /* on_close was called */
    WSP_READER_FAILED,  /* `failure` is filled; answer with its close code */
};

/* What a reader works with while it is fed; all of it is borrowed. */
struct wsp_reader_port {
    struct wsp_reader_pool *pool; /* the same for every feed of a stream */
    const struct wsp_reader_limits *limits;
    const struct wsp_reader_sink *sink;
    void *ud; /* for the sink */
};

/* Feeds the next `len` bytes of the stream; they are changed in place. A feed
 * after an end returns WSP_READER_STOPPED and does nothing.
 * Memory grows by what arrived, never by an announced length. */
enum wsp_reader_result wsp_reader_feed(struct wsp_reader *reader,
                                       const struct wsp_reader_port *port,
                                       uint8_t *data, size_t len,
                                       struct wsp_reader_failure *failure);

/* A message, valid as one that on_message is given. */
struct wsp_reader_next {
    uint8_t opcode;
    char *data;
    size_t len;
};

/* Inside on_message: gives the message behind the one that is handed over, as if
 * on_message had returned true and been called again. Only one that takes no
 * closer look: in one frame, all of it here, not compressed, nothing wrong with
 * it. Returns false, and changes nothing, for anything else and when this reader
 * is not being fed: return from on_message, which is given it as ever. */
bool wsp_reader_next(struct wsp_reader *reader, struct wsp_reader_pool *pool,
                     struct wsp_reader_next *next);

/* Tells whether there are bytes behind the message that is handed over. */
bool wsp_reader_has_next(struct wsp_reader_pool *pool);

#endif
