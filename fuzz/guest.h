/* SPDX-License-Identifier: MIT */
/* The other end of a server's socket: writes whatever it likes, and reads with
 * strictness what the server writes. Nothing ever waits. */
#ifndef WSP_FUZZ_GUEST_H
#define WSP_FUZZ_GUEST_H

#include <stdbool.h>

#include <wspulse/span.h>

#include "base/buf.h"
#include "proto/codec.h"

/* What the server writes next. */
enum guest_phase {
    GUEST_ANSWER, /* an HTTP answer: 101, or a last one */
    GUEST_TEXT,   /* more of HTTP, which nobody looks at */
    GUEST_FRAMES, /* frames */
    GUEST_CLOSED, /* nothing: its close frame was the last */
};

struct guest {
    int fd; /* -1: away */
    enum guest_phase phase;
    const struct wsp_codec *codec; /* of the server */
    int window_bits;               /* of what is compressed; 0: nothing is */
    struct wsp_buf in;             /* read, not understood yet */
    uint64_t last_number;          /* of a numbered frame that came */
};

/* Zeroed with an fd of -1 is away. */
void guest_arrive(struct guest *guest, int fd, const struct wsp_codec *codec);
void guest_leave(struct guest *guest);

void guest_write(struct guest *guest, const void *data, size_t len);

/* Reads at most `max` bytes and looks at them. Returns false at the end of the
 * stream, which may come cut short. */
bool guest_read(struct guest *guest, size_t max);

/* The frame that carries `number`: numbers of one stream only grow. `text` keeps
 * what the frame points to. */
struct wsp_frame guest_numbered(uint64_t number, char text[32],
                                const struct wsp_codec *codec);

#endif
