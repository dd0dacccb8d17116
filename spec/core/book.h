/* SPDX-License-Identifier: MIT */
/* A world of fakes whose metrics hooks write down what they are told. */
#ifndef WSP_SPEC_CORE_BOOK_H
#define WSP_SPEC_CORE_BOOK_H

#include "fake.h"

#define BOOK_HOOK_COUNT 11

/* What the hooks were told is one line of words in `log`:
 * "opened:room/id closed:room/id:1.500:kick resumed:room/id created:room
 * destroyed:room received:room:bytes broadcast:room:bytes:fan_out
 * sent:room/id:bytes buffer:room/id:used/capacity dropped:room/id
 * timeout:room/id ". */
struct book {
    struct fake fake; /* first: on_event finds the book by it */
    char log[FAKE_LOG_MAX];
    /* Runs inside hooks, when set. */
    void (*on_hook)(struct book *book, const char *word);
    size_t call_count; /* of hooks; may be set back */
};

/* Starts a world with all hooks set. */
struct book *book_open(uint32_t send_buffer_size);
/* Shuts it down and frees it. */
void book_close(struct book *book);

/* Forgets what was written. */
void book_clear(struct book *book);

/* Sets the hook of that number and no other. Returns its word. */
const char *book_only(struct book *book, size_t hook);

/* Counts the words in `log` that begin with `word`. */
size_t book_count(const struct book *book, const char *word);

/* Makes every one of the eleven events happen. */
void book_live(struct book *book);

#endif
