/* SPDX-License-Identifier: MIT */
/* The metrics as a page in Prometheus' text format 0.0.4. docs/metrics.md is
 * the same table for people; a spec holds the two together.
 * Thread: worker. */
#ifndef WSP_CORE_METRICS_TEXT_H
#define WSP_CORE_METRICS_TEXT_H

#include "base/buf.h"
#include "core/metrics.h"

/* What is true at the moment, beside what was counted. */
struct wsp_metrics_now {
    const char *server; /* its name */
    uint64_t generation;
    uint64_t connections; /* suspended ones included */
    uint64_t rooms;
    uint64_t suspended;
    uint64_t compression_held; /* bytes */
};

/* Appends the page: its size does not depend on the number of rooms or
 * connections. Returns false without memory. */
bool wsp_metrics_write(const struct wsp_metrics *metrics,
                       const struct wsp_metrics_now *now, struct wsp_buf *out);

#endif
