/* SPDX-License-Identifier: MIT */
/* A few sessions to which everything happens that can, in an order that somebody
 * else picks; what must hold of them (spec §3.2 and §4) is checked all along. */
#ifndef WSP_SPEC_CORE_CROWD_H
#define WSP_SPEC_CORE_CROWD_H

#include "fake.h"

#define CROWD_IDS 6 /* connection ids, so that they collide */
#define CROWD_ROOMS 2
#define CROWD_LINKS 4 /* links of an id that are remembered */

/* Where the application believes a session to be (spec §4). */
enum place { NOWHERE, OPEN, DROPPED, ENDED };

/* What the model knows of one id's current session. */
struct actor {
    wsp_id handle; /* of the session the callbacks spoke of last */
    enum place place;
    uint32_t sent; /* number of the last frame sent to it */
    struct fake_link links[CROWD_LINKS];
    unsigned link_index; /* the newest link */
    uint32_t seen;       /* highest number a link of it has shown */
};

struct crowd {
    struct fake fake; /* first: callbacks get it */
    struct actor actors[CROWD_IDS];
    uint32_t (*pick)(void *ud, uint32_t below);
    void *pick_ud;
    uint64_t connects;
    uint64_t disconnects;
    bool is_confirming;
    unsigned depth; /* of actions inside callbacks */
};

/* Starts with nobody. `fn` picks a number below its argument for every choice
 * there is. `is_confirming` sets resume_confirm and takeover = "resume". */
void crowd_init(struct crowd *crowd, uint32_t (*fn)(void *ud, uint32_t below),
                void *ud, bool is_confirming);

/* Makes one thing happen, and maybe a turn; fails the test when something does
 * not hold. */
void crowd_step(struct crowd *crowd);

/* Closes the hub: whoever connected has disconnected, and nothing is left. */
void crowd_finish(struct crowd *crowd);

#endif
