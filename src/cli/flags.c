/* SPDX-License-Identifier: MIT */
#include "cli/flags.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"

/* One walk over argv. */
struct walk {
    const struct wsp_flags *flags;
    char **next; /* the word that is read next */
    char *error; /* WSP_FLAGS_ERROR_MAX bytes of the caller */
};

__attribute__((format(printf, 2, 3))) static enum wsp_flags_result fail(
    struct walk *walk, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(walk->error, WSP_FLAGS_ERROR_MAX, format, args);
    va_end(args);
    return WSP_FLAGS_ERROR;
}

static const struct wsp_flag *find_flag(const struct wsp_flags *flags,
                                        const char *name, size_t len)
{
    for (size_t i = 0; i < flags->count; i++) {
        const struct wsp_flag *flag = &flags->items[i];
        if (strncmp(flag->name, name, len) == 0 && flag->name[len] == '\0') {
            return flag;
        }
    }
    return NULL;
}

static enum wsp_flags_result fail_unknown(struct walk *walk, const char *name,
                                          size_t len)
{
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), name);
    struct wsp_nearest nearest;
    wsp_nearest_init(&nearest, word);
    for (size_t i = 0; i < walk->flags->count; i++) {
        wsp_nearest_offer(&nearest, walk->flags->items[i].name);
    }
    if (nearest.best) {
        return fail(walk, "unknown flag --%s; did you mean --%s?", word,
                    nearest.best);
    }
    return fail(walk, "unknown flag --%s", word);
}

/* Stores the value of a flag that takes one. Without `=` it is the next word,
 * unless that looks like a flag: then the value was forgotten. */
static enum wsp_flags_result read_value(struct walk *walk,
                                        const struct wsp_flag *flag,
                                        const char *value)
{
    if (!value && *walk->next && strncmp(*walk->next, "--", 2) != 0) {
        value = *walk->next++;
    }
    if (!value || value[0] == '\0') {
        return fail(walk, "--%s needs a value", flag->name);
    }
    if (flag->kind == WSP_FLAG_TEXT) {
        *flag->target.text = value;
    } else if (!wsp_flag_list_push(flag->target.list, value)) {
        return fail(walk, "out of memory");
    }
    return WSP_FLAGS_OK;
}

/* Reads one flag; `word` points behind its dashes. */
static enum wsp_flags_result read_flag(struct walk *walk, const char *word)
{
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (len == 4 && strncmp(word, "help", 4) == 0) {
        return WSP_FLAGS_HELP;
    }
    const struct wsp_flag *flag = find_flag(walk->flags, word, len);
    if (!flag) {
        return fail_unknown(walk, word, len);
    }
    if (flag->kind == WSP_FLAG_TEXT || flag->kind == WSP_FLAG_LIST) {
        return read_value(walk, flag, value);
    }
    if (value) {
        return fail(walk, "--%s takes no value", flag->name);
    }
    *flag->target.is_on = flag->kind == WSP_FLAG_ON;
    return WSP_FLAGS_OK;
}

static enum wsp_flags_result read_argument(struct walk *walk, const char *word)
{
    struct wsp_flag_list *arguments = walk->flags->arguments;
    if (arguments->count == walk->flags->argument_max) {
        return fail(walk, "unexpected argument \"%.100s\"", word);
    }
    if (!wsp_flag_list_push(arguments, word)) {
        return fail(walk, "out of memory");
    }
    return WSP_FLAGS_OK;
}

static enum wsp_flags_result read_word(struct walk *walk, const char *word,
                                       bool is_flag_allowed)
{
    if (!is_flag_allowed || word[0] != '-' || word[1] == '\0') {
        return read_argument(walk, word);
    }
    if (strcmp(word, "-h") == 0) {
        return WSP_FLAGS_HELP;
    }
    if (word[1] != '-') {
        return fail(walk, "unknown flag %.100s; flags begin with two dashes",
                    word);
    }
    return read_flag(walk, word + 2);
}

enum wsp_flags_result wsp_flags_parse(const struct wsp_flags *flags,
                                      char **argv,
                                      char error[WSP_FLAGS_ERROR_MAX])
{
    struct walk walk = {flags, argv, error};
    bool is_flag_allowed = true;
    while (*walk.next) {
        const char *word = *walk.next++;
        if (is_flag_allowed && strcmp(word, "--") == 0) {
            is_flag_allowed = false;
            continue;
        }
        enum wsp_flags_result result = read_word(&walk, word, is_flag_allowed);
        if (result != WSP_FLAGS_OK) {
            return result;
        }
    }
    return WSP_FLAGS_OK;
}

bool wsp_flag_list_push(struct wsp_flag_list *list, const char *text)
{
    size_t size = (list->count + 1) * sizeof(*list->items);
    const char **grown = realloc(list->items, size);
    if (!grown) {
        return false;
    }
    list->items = grown;
    list->items[list->count++] = text;
    return true;
}

void wsp_flag_list_fini(struct wsp_flag_list *list)
{
    free(list->items);
    *list = (struct wsp_flag_list){NULL, 0};
}
