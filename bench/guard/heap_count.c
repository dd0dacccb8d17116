/* SPDX-License-Identifier: MIT */
/* A library for LD_PRELOAD that counts a program's heap into a file, where
 * others can read it at any time: WSPULSE_HEAP_FILE names it, and it holds two
 * numbers of eight bytes, the allocations so far and the bytes in use. */
#include <errno.h>
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

/* Others call these as malloc and its kin, which they replace; glibc's own go
 * by names that it keeps for who does so. */
#define REPLACES(name)                                                         \
    __asm__(name) __attribute__((visibility("default"), used))
#define GLIBC(name) __asm__("__libc_" name)

void *counted_malloc(size_t size) REPLACES("malloc");
void *counted_calloc(size_t count, size_t size) REPLACES("calloc");
void *counted_realloc(void *memory, size_t size) REPLACES("realloc");
void counted_free(void *memory) REPLACES("free");
void *counted_aligned_alloc(size_t alignment, size_t size)
    REPLACES("aligned_alloc");
int counted_posix_memalign(void **memory, size_t alignment, size_t size)
    REPLACES("posix_memalign");

void *glibc_malloc(size_t size) GLIBC("malloc");
void *glibc_calloc(size_t count, size_t size) GLIBC("calloc");
void *glibc_realloc(void *memory, size_t size) GLIBC("realloc");
void *glibc_memalign(size_t alignment, size_t size) GLIBC("memalign");
void glibc_free(void *memory) GLIBC("free");

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

void *counted_malloc(size_t size)
{
    return note(glibc_malloc(size), 0);
}

void *counted_calloc(size_t count, size_t size)
{
    return note(glibc_calloc(count, size), 0);
}

void *counted_realloc(void *memory, size_t size)
{
    long long before = size_of(memory);
    void *grown = glibc_realloc(memory, size);
    return note(grown, grown || size == 0 ? before : size_of(grown));
}

int counted_posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = note(glibc_memalign(alignment, size), 0);
    return *memory ? 0 : ENOMEM;
}

void *counted_aligned_alloc(size_t alignment, size_t size)
{
    return note(glibc_memalign(alignment, size), 0);
}

void counted_free(void *memory)
{
    atomic_fetch_sub(&counts->bytes, size_of(memory));
    glibc_free(memory);
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
