/* SPDX-License-Identifier: MIT */
#include "lua/lua_nearest.h"

#include <stddef.h>
#include <string.h>

/* Longer keys are compared by their beginning; our names are shorter. */
#define KEY_MAX 48

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein distance; row[j] is that of the key's first bytes to the name's
 * first j. */
static unsigned distance(const char *key, size_t key_len, const char *name)
{
    unsigned row[KEY_MAX + 1];
    size_t name_len = strnlen(name, KEY_MAX);
    for (size_t j = 0; j <= name_len; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= key_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= name_len; j++) {
            unsigned replaced = diagonal + (key[i - 1] != name[j - 1]);
            diagonal = row[j];
            row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[name_len];
}

const char *wsp_lua_nearest(const char *key, const char *const *names)
{
    size_t key_len = strnlen(key, KEY_MAX);
    const char *nearest = names[0];
    unsigned best = distance(key, key_len, nearest);
    for (size_t i = 1; names[i]; i++) {
        unsigned found = distance(key, key_len, names[i]);
        if (found < best) {
            best = found;
            nearest = names[i];
        }
    }
    return nearest;
}
