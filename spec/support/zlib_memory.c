/* SPDX-License-Identifier: MIT */
/* What zlib allocates for us goes through our code's malloc, so that heap.h can
 * refuse it, where the linker is told to lead the beginnings of its streams
 * through here.
 * Owner: the linker (`--wrap`). Thread: any. */
#include <stdlib.h>
#include <zlib.h>

#include "linker.h"

int real_inflateInit2_(z_streamp stream, int bits, const char *version,
                       int size) LINKER_REAL("inflateInit2_");
int wrap_inflateInit2_(z_streamp stream, int bits, const char *version,
                       int size) LINKER_WRAP("inflateInit2_");
int real_deflateInit2_(z_streamp stream, int level, int method, int bits,
                       int memory, int strategy, const char *version, int size)
    LINKER_REAL("deflateInit2_");
int wrap_deflateInit2_(z_streamp stream, int level, int method, int bits,
                       int memory, int strategy, const char *version, int size)
    LINKER_WRAP("deflateInit2_");

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

int wrap_inflateInit2_(z_streamp stream, int bits, const char *version,
                       int size)
{
    lead(stream);
    return real_inflateInit2_(stream, bits, version, size);
}

int wrap_deflateInit2_(z_streamp stream, int level, int method, int bits,
                       int memory, int strategy, const char *version, int size)
{
    lead(stream);
    return real_deflateInit2_(stream, level, method, bits, memory, strategy,
                              version, size);
}
