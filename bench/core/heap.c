/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <malloc.h>
#include <stddef.h>

#define CHUNK_HEAD 8 /* bytes that malloc keeps in front of each chunk */

/* malloc has no parameter to carry it in. */
static struct bench_heap counted;

/* Under --wrap=malloc, a call of malloc goes to the first name and the second
 * one is malloc itself. Names with two underscores are the linker's. */
#define WRAPPED(name) __asm__("__wrap_" name)
#define REAL(name) __asm__("__real_" name)

void *counted_malloc(size_t size) WRAPPED("malloc");
void *counted_calloc(size_t count, size_t size) WRAPPED("calloc");
void *counted_realloc(void *memory, size_t size) WRAPPED("realloc");
void counted_free(void *memory) WRAPPED("free");

void *real_malloc(size_t size) REAL("malloc");
void *real_calloc(size_t count, size_t size) REAL("calloc");
void *real_realloc(void *memory, size_t size) REAL("realloc");
void real_free(void *memory) REAL("free");

static int64_t size_of(void *memory)
{
    return memory ? (int64_t)malloc_usable_size(memory) + CHUNK_HEAD : 0;
}

static void *note(void *memory)
{
    counted.allocations++;
    counted.bytes += size_of(memory);
    return memory;
}

void *counted_malloc(size_t size)
{
    return note(real_malloc(size));
}

void *counted_calloc(size_t count, size_t size)
{
    return note(real_calloc(count, size));
}

void *counted_realloc(void *memory, size_t size)
{
    int64_t before = size_of(memory);
    void *grown = real_realloc(memory, size);
    counted.bytes -= grown ? before : 0;
    return note(grown);
}

void counted_free(void *memory)
{
    counted.bytes -= size_of(memory);
    real_free(memory);
}

struct bench_heap bench_heap_read(void)
{
    return counted;
}
