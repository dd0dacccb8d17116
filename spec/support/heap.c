/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linker.h"

/* A program of specs is the one place where globals are in order: malloc has no
 * argument for a context. */
static atomic_long open_blocks;
static atomic_long asked;      /* since heap_refuse */
static atomic_long first_lost; /* number of the first one to refuse; 0: none */
static atomic_long lost_count; /* how many, from that one on */
static atomic_long refused;    /* since heap_refuse */
static atomic_int holds;       /* pairs of hold and release that are open */

long heap_open_blocks(void)
{
    return open_blocks;
}

void heap_refuse(long first, long count)
{
    first_lost = 0;
    asked = 0;
    refused = 0;
    lost_count = count;
    first_lost = first;
}

long heap_asked(void)
{
    return asked;
}

long heap_refused(void)
{
    return refused;
}

void heap_hold(void)
{
    holds++;
}

void heap_release(void)
{
    holds--;
}

int heap_refuses(void)
{
    if (holds) {
        return 0;
    }
    long number = ++asked;
    long first = first_lost;
    if (first == 0 || number < first || number - first >= lost_count) {
        return 0;
    }
    refused++;
    errno = ENOMEM;
    return 1;
}

/* ---- the names are those that the linker asks for ---- */

void *real_malloc(size_t size) LINKER_REAL("malloc");
void *real_calloc(size_t count, size_t size) LINKER_REAL("calloc");
void *real_realloc(void *block, size_t size) LINKER_REAL("realloc");
void real_free(void *block) LINKER_REAL("free");
char *real_strdup(const char *text) LINKER_REAL("strdup");
char *real_strndup(const char *text, size_t len) LINKER_REAL("strndup");
int real_posix_memalign(void **block, size_t alignment, size_t size)
    LINKER_REAL("posix_memalign");

void *wrap_malloc(size_t size) LINKER_WRAP("malloc");
void *wrap_calloc(size_t count, size_t size) LINKER_WRAP("calloc");
void *wrap_realloc(void *block, size_t size) LINKER_WRAP("realloc");
void wrap_free(void *block) LINKER_WRAP("free");
char *wrap_strdup(const char *text) LINKER_WRAP("strdup");
char *wrap_strndup(const char *text, size_t len) LINKER_WRAP("strndup");
int wrap_posix_memalign(void **block, size_t alignment, size_t size)
    LINKER_WRAP("posix_memalign");
int wrap_asprintf(char **text, const char *format, ...) LINKER_WRAP("asprintf")
    __attribute__((format(printf, 2, 3)));

static void *count_block(void *block)
{
    if (block) {
        open_blocks++;
    }
    return block;
}

void *wrap_malloc(size_t size)
{
    return heap_refuses() ? NULL : count_block(real_malloc(size));
}

void *wrap_calloc(size_t count, size_t size)
{
    return heap_refuses() ? NULL : count_block(real_calloc(count, size));
}

void *wrap_realloc(void *block, size_t size)
{
    if (heap_refuses()) {
        return NULL;
    }
    void *moved = real_realloc(block, size);
    return block ? moved : count_block(moved);
}

void wrap_free(void *block)
{
    if (block) {
        open_blocks--;
    }
    real_free(block);
}

char *wrap_strdup(const char *text)
{
    return heap_refuses() ? NULL : count_block(real_strdup(text));
}

char *wrap_strndup(const char *text, size_t len)
{
    return heap_refuses() ? NULL : count_block(real_strndup(text, len));
}

int wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (heap_refuses()) {
        return ENOMEM;
    }
    int error = real_posix_memalign(block, alignment, size);
    open_blocks += error == 0;
    return error;
}

int wrap_asprintf(char **text, const char *format, ...)
{
    if (heap_refuses()) {
        return -1;
    }
    va_list args;
    va_start(args, format);
    int written = vasprintf(text, format, args);
    va_end(args);
    if (written >= 0) {
        open_blocks++;
    }
    return written;
}
