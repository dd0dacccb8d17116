/* SPDX-License-Identifier: MIT */
/* Memory that ends where a forbidden page begins: who reads or writes one byte
 * too many is killed. */
#ifndef WSP_SPEC_PROTO_PAGE_END_H
#define WSP_SPEC_PROTO_PAGE_END_H

#include <stddef.h>

#include <wspulse/span.h>

struct page_end {
    char *map;
    size_t len; /* bytes that may be used, up to the forbidden page */
};

/* Room for `size` bytes at least; aborts without memory. */
void page_end_init(struct page_end *page_end, size_t size);
void page_end_fini(struct page_end *page_end);

/* Copies bytes so that the last one is the last one before the page. */
char *page_end_put(struct page_end *page_end, struct wsp_span bytes);

/* The same, as a span. */
struct wsp_span page_end_span(struct page_end *page_end, struct wsp_span bytes);

#endif
