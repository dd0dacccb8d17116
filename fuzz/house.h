/* SPDX-License-Identifier: MIT */
/* A whole server, the application behind it and its guests, on a clock that is
 * turned by hand: the input decides what everybody does.
 *
 * Memory can be refused (support/heap.h) to whatever the loop does; everything
 * else in a target runs between heap_hold and heap_release. */
#ifndef WSP_FUZZ_HOUSE_H
#define WSP_FUZZ_HOUSE_H

#include <wspulse/wspulse.h>

#include "bytes.h"
#include "guest.h"

#define HOUSE_GUESTS 5
#define HOUSE_MEMBERS 256 /* connections in one input */

/* Where the application believes a connection to be. */
enum house_place { HOUSE_OUT, HOUSE_IN, HOUSE_DROPPED, HOUSE_GONE };

struct house_member {
    wsp_id handle;
    enum house_place place;
};

struct house {
    struct wsp_loop *loop;
    struct wsp_server *server;
    struct wsp_options options;
    struct wsp_handlers handlers;
    const struct wsp_codec *codec;
    struct bytes *input;
    struct guest guests[HOUSE_GUESTS];
    struct house_member members[HOUSE_MEMBERS]; /* in the order of connecting */
    size_t member_count;
    size_t forgotten;       /* on_forget calls */
    uint64_t number;        /* of the last numbered frame */
    unsigned message_count; /* handed to on_message */
    unsigned depth;         /* of callbacks in which something is done */
    bool is_barred;         /* close has begun */
    bool is_closed;         /* and reached its barrier */
    char id[8];             /* of the one being admitted */
    char room[8];
};

/* Opens a server whose options the input chooses. */
void house_open(struct house *house, struct wsp_loop *loop,
                struct bytes *input);

/* Closes it in order, reads what the guests are still owed, and checks that
 * nobody and nothing is left. */
void house_close(struct house *house);

/* Does one thing that an application may do at any time. */
void house_act(struct house *house);

/* Swaps in new handlers and options. */
void house_swap(struct house *house);

/* Runs one turn of the loop. */
void house_turn(struct house *house);

/* A new transport for a guest, who was away or leaves for it. */
void house_admit(struct house *house, struct guest *guest);

#endif
