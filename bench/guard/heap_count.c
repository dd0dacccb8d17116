/* SPDX-License-Identifier: MIT */
/* A library for LD_PRELOAD that counts a program's heap into a file, where
 * others can read it at any time: WSPULSE_HEAP_FILE names it, and it holds two
 * numbers of eight bytes, the allocations so far and the bytes in use. */
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_HEAD 8 /* bytes that malloc keeps in front of each chunk */

/* What the file holds. */
struct counts {
    atomic_ullong allocations;
    atomic_llong bytes;
};

/* malloc has no parameter to carry it in; counted here until there is a file. */
static struct counts early;
static struct counts *counts = &early;

/* glibc's own, under the names that it gives to who replaces them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static long long size_of(void *memory)
{
    return memory ? (long long)malloc_usable_size(memory) + CHUNK_HEAD : 0;
}

static void *note(void *memory, long long before)
{
    atomic_fetch_add(&counts->allocations, 1);
    atomic_fetch_add(&counts->bytes, size_of(memory) - before);
    return memory;
}

void *malloc(size_t size)
{
    return note(__libc_malloc(size), 0);
}

void *calloc(size_t count, size_t size)
{
    return note(__libc_calloc(count, size), 0);
}

void *realloc(void *memory, size_t size)
{
    long long before = size_of(memory);
    void *grown = __libc_realloc(memory, size);
    return note(grown, grown || size == 0 ? before : size_of(grown));
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = note(__libc_memalign(alignment, size), 0);
    return *memory ? 0 : 12; /* ENOMEM */
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return note(__libc_memalign(alignment, size), 0);
}

void free(void *memory)
{
    atomic_fetch_sub(&counts->bytes, size_of(memory));
    __libc_free(memory);
}

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("WSPULSE_HEAP_FILE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        return;
    }
    void *shared = MAP_FAILED;
    if (ftruncate(fd, sizeof *counts) == 0) {
        shared = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED,
                      fd, 0);
    }
    close(fd);
    if (shared != MAP_FAILED) {
        counts = shared;
        atomic_store(&counts->allocations, atomic_load(&early.allocations));
        atomic_store(&counts->bytes, atomic_load(&early.bytes));
    }
}
