/* SPDX-License-Identifier: MIT */
#include "proto/page_end.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void page_end_init(struct page_end *page_end, size_t size)
{
    size_t page = page_size();
    page_end->len = (size + page) / page * page;
    page_end->map = mmap(NULL, page_end->len + page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page_end->map == MAP_FAILED ||
        mprotect(page_end->map + page_end->len, page, PROT_NONE) != 0) {
        abort();
    }
}

void page_end_fini(struct page_end *page_end)
{
    munmap(page_end->map, page_end->len + page_size());
}

char *page_end_put(struct page_end *page_end, struct wsp_span bytes)
{
    if (bytes.len > page_end->len) {
        abort();
    }
    char *start = page_end->map + page_end->len - bytes.len;
    if (bytes.len > 0) {
        memcpy(start, bytes.data, bytes.len);
    }
    return start;
}

struct wsp_span page_end_span(struct page_end *page_end, struct wsp_span bytes)
{
    return (struct wsp_span){page_end_put(page_end, bytes), bytes.len};
}
