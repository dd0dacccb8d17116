/* SPDX-License-Identifier: MIT */
#include "cli/nearest.h"

#include <string.h>

/* Longer words are no slip of the finger: nothing is suggested for them. */
#define WORD_MAX 31

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Fills the row of `a[i - 1]` from the two rows above it. Swapped neighbours
 * count as one edit: they are the commonest slip. */
static void fill_row(size_t rows[3][WORD_MAX + 1], const char *a, size_t i,
                     const char *b)
{
    rows[2][0] = i;
    for (size_t j = 1; b[j - 1]; j++) {
        size_t replaced = rows[1][j - 1] + (a[i - 1] != b[j - 1]);
        rows[2][j] = smallest(rows[1][j] + 1, rows[2][j - 1] + 1, replaced);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
            rows[0][j - 2] + 1 < rows[2][j]) {
            rows[2][j] = rows[0][j - 2] + 1;
        }
    }
}

/* Counts insertions, deletions, replacements and swaps between two words of at
 * most WORD_MAX characters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1] = {{0}};
    size_t width = strlen(b) + 1;
    for (size_t j = 0; j < width; j++) {
        rows[1][j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        fill_row(rows, a, i, b);
        memcpy(rows[0], rows[1], sizeof(rows[0]));
        memcpy(rows[1], rows[2], sizeof(rows[1]));
    }
    return rows[1][width - 1];
}

void wsp_nearest_init(struct wsp_nearest *nearest, const char *word)
{
    size_t len = strlen(word);
    size_t allowed = len > 1 ? (len + 1) / 3 : 1;
    *nearest = (struct wsp_nearest){word, NULL, allowed + 1};
    if (len == 0 || len > WORD_MAX) {
        nearest->distance = 0;
    }
}

void wsp_nearest_offer(struct wsp_nearest *nearest, const char *name)
{
    if (nearest->distance == 0 || strlen(name) > WORD_MAX) {
        return;
    }
    size_t distance = edit_distance(nearest->word, name);
    if (distance < nearest->distance) {
        nearest->best = name;
        nearest->distance = distance;
    }
}
