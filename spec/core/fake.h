/* SPDX-License-Identifier: MIT */
/* A world for the core without a socket: links that record what they are given,
 * a clock that is turned by hand, and callbacks written down in order. */
#ifndef WSP_SPEC_CORE_FAKE_H
#define WSP_SPEC_CORE_FAKE_H

#include "core/compression.h"
#include "core/hub.h"

#define FAKE_LOG_MAX 16384

/* A link. Frames it took are kept as text: "[opcode payload]", a compressed form
 * as "[opcode packed payload]". */
struct fake_link {
    struct wsp_link link; /* first */
    char written[FAKE_LOG_MAX];
    size_t frame_count; /* frames taken */
    uint32_t budget;    /* frames write() still takes; UINT32_MAX: all */
    bool is_read;       /* the one being read: put() takes frames */
    const char *const *arrived; /* texts that next() gives, up to NULL; or
                                   NULL */
    struct wsp_compression *compression; /* what it takes compressed, or NULL */
    uint8_t window_bits;
    const struct wsp_blob *last_form; /* what it took last, for comparison */
    bool is_closed;                   /* close() was called */
    bool is_aborted;
    uint16_t close_code;
    char close_reason[128];
    size_t ping_count;
    uint8_t ping[125]; /* body of the last ping */
    size_t ping_len;
};

/* The world: what happened is one line of words in `log`. */
struct fake {
    struct wsp_hub hub;
    uint64_t now_ms;
    char log[FAKE_LOG_MAX];
    /* What the next on_message returns, once. */
    struct wsp_error *handler_error;
    /* Runs inside callbacks, when set. */
    void (*on_event)(struct fake *fake, const char *event,
                     struct wsp_session *session);
    size_t forgotten;   /* on_forget calls */
    char last_log[512]; /* the last log line's message */
    size_t warn_count;
};

/* Starts a world: codec raw, a queue of `send_buffer_size` frames. */
void fake_init(struct fake *fake, uint32_t send_buffer_size);
void fake_fini(struct fake *fake);

void fake_link_init(struct fake_link *link);

/* Registers on a fresh link; runs what is owed. */
struct wsp_session *fake_join(struct fake *fake, struct fake_link *link,
                              const char *room, const char *id);

/* Lets time pass, turn by turn, as a loop would. */
void fake_pass(struct fake *fake, uint64_t ms);

/* Feeds a text message to a session as its link would. */
bool fake_say(struct wsp_session *session, const char *text);

/* A raw frame of a text. */
struct wsp_frame fake_frame(const char *text);

enum wsp_err fake_send(struct wsp_session *session, const char *text);
enum wsp_err fake_broadcast(struct fake *fake, const char *room,
                            const char *text);

#endif
