/* SPDX-License-Identifier: MIT */
/* What zlib allocates for us goes through our code's malloc, so that heap.h can
 * refuse it, where the linker is told to lead the beginnings of its streams
 * through here.
 * Owner: the linker (`--wrap`). Thread: any. */
#include <stdlib.h>
#include <zlib.h>

int __real_inflateInit2_(z_streamp stream, int bits, const char *version,
                         int size);
int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version,
                         int size);
int __real_deflateInit2_(z_streamp stream, int level, int method, int bits,
                         int memory, int strategy, const char *version,
                         int size);
int __wrap_deflateInit2_(z_streamp stream, int level, int method, int bits,
                         int memory, int strategy, const char *version,
                         int size);

static void *allocate(void *ud, unsigned count, unsigned size)
{
    (void)ud;
    return malloc((size_t)count * size);
}

static void release(void *ud, void *block)
{
    (void)ud;
    free(block);
}

static void lead(z_streamp stream)
{
    stream->zalloc = allocate;
    stream->zfree = release;
}

int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version,
                         int size)
{
    lead(stream);
    return __real_inflateInit2_(stream, bits, version, size);
}

int __wrap_deflateInit2_(z_streamp stream, int level, int method, int bits,
                         int memory, int strategy, const char *version,
                         int size)
{
    lead(stream);
    return __real_deflateInit2_(stream, level, method, bits, memory, strategy,
                                version, size);
}
