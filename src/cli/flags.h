/* SPDX-License-Identifier: MIT */
/* Reads flags by a table: `--name value`, `--name=value`, `--name`; `--` ends
 * them. Everything else is an argument.
 * Owner: the caller; texts are borrowed from argv. Thread: main. */
#ifndef WSP_CLI_FLAGS_H
#define WSP_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

enum wsp_flag_kind {
    WSP_FLAG_ON,   /* sets a bool */
    WSP_FLAG_OFF,  /* clears a bool */
    WSP_FLAG_TEXT, /* takes a value; the last one stays */
    WSP_FLAG_LIST, /* takes a value; may be given several times */
};

/* Texts in the order they were given. `items` is on the heap. */
struct wsp_flag_list {
    const char **items;
    size_t count;
};

/* A flag and where its value goes: untouched when the flag is not given. */
struct wsp_flag {
    const char *name; /* without the dashes */
    enum wsp_flag_kind kind;
    union {
        bool *is_on;                /* WSP_FLAG_ON, WSP_FLAG_OFF */
        const char **text;          /* WSP_FLAG_TEXT */
        struct wsp_flag_list *list; /* WSP_FLAG_LIST */
    } target;
};

/* What a command takes. */
struct wsp_flags {
    const struct wsp_flag *items;
    size_t count;
    struct wsp_flag_list *arguments; /* what is no flag */
    size_t argument_max;             /* more are an error */
};

enum wsp_flags_result {
    WSP_FLAGS_OK,
    WSP_FLAGS_HELP,  /* --help or -h stood there */
    WSP_FLAGS_ERROR, /* `error` says what is wrong */
};

#define WSP_FLAGS_ERROR_MAX 256

/* Reads `argv` up to its NULL. Returns WSP_FLAGS_OK, WSP_FLAGS_HELP at the
 * first --help, or WSP_FLAGS_ERROR; lists must be freed in each case. */
enum wsp_flags_result wsp_flags_parse(const struct wsp_flags *flags,
                                      char **argv,
                                      char error[WSP_FLAGS_ERROR_MAX]);

/* Appends a borrowed text. Returns false without memory. */
bool wsp_flag_list_push(struct wsp_flag_list *list, const char *text);

/* Frees the list; the texts belong to others. */
void wsp_flag_list_fini(struct wsp_flag_list *list);

#endif
