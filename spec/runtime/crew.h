/* SPDX-License-Identifier: MIT */
/* Threads that all call the same server at once, and what became of their
 * calls. The threads of a crew assert nothing: cmocka is for the spec's own. */
#ifndef WSP_SPEC_RUNTIME_CREW_H
#define WSP_SPEC_RUNTIME_CREW_H

#include "host.h"
#include "peer.h"

#define CREW_THREADS 8

struct crew {
    struct host *host;
    pthread_t threads[CREW_THREADS];
    atomic_int next;     /* number of the next member, or of what it does */
    atomic_int posted;   /* accepted posts */
    atomic_int done;     /* completions */
    atomic_int ok;       /* of them, WSP_OK */
    atomic_int expected; /* of them, an error that may be */
    void *ud;
};

void crew_init(struct crew *crew, struct host *host);

/* Starts the threads; each runs `fn` with the crew. */
void crew_start(struct crew *crew, void *(*fn)(void *));
void crew_join(struct crew *crew);

/* Every accepted post has completed, with nothing but results that may be. */
void crew_assert_done(struct crew *crew);

/* The completion of a post; `ud` is the crew. */
void crew_on_done(void *ud, enum wsp_err result);

/* Notes a post that was accepted. */
void crew_count(struct crew *crew, enum wsp_err accepted);

/* Has the loop close the connection `number` of the room "a": a post as well. */
void crew_post_closing(struct crew *crew, int number);

/* Upgrades as the connection `number` of the room "a". */
void crew_dial(struct peer *peer, const struct host *host, int number);

/* How many descriptors this process has open. */
int crew_count_descriptors(void);

/* A frame of a text. */
struct wsp_frame crew_frame(const char *text);

#endif
