/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <malloc.h>
#include <stddef.h>

#define CHUNK_HEAD 8 /* bytes that malloc keeps in front of each chunk */

/* malloc has no parameter to carry it in. */
static struct bench_heap counted;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

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

void *__wrap_malloc(size_t size)
{
    return note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return note(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    int64_t before = size_of(memory);
    void *grown = __real_realloc(memory, size);
    counted.bytes -= grown ? before : 0;
    return note(grown);
}

void __wrap_free(void *memory)
{
    counted.bytes -= size_of(memory);
    __real_free(memory);
}

struct bench_heap bench_heap_read(void)
{
    return counted;
}
