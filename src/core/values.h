/* SPDX-License-Identifier: MIT */
/* The few named values an application keeps with a connection: one run of
 * memory, searched in order, bounded in bytes.
 * Owner: the session. Thread: worker. */
#ifndef WSP_CORE_VALUES_H
#define WSP_CORE_VALUES_H

#include <wspulse/error.h>
#include <wspulse/span.h>

struct wsp_values; /* NULL is an empty set */

/* Sets, replaces or (value.data NULL) removes `key`. Returns WSP_OK,
 * WSP_ERR_CONNECTION_DATA_FULL when keys and values would add up to more than
 * `max_bytes`, or WSP_ERR_OUT_OF_MEMORY; then nothing has changed. */
enum wsp_err wsp_values_set(struct wsp_values **values, struct wsp_span key,
                            struct wsp_span value, size_t max_bytes);

/* The value of `key`, or NULL data. Valid until the next set. */
struct wsp_span wsp_values_get(const struct wsp_values *values,
                               struct wsp_span key);

/* Value number `index`; false behind the last one. */
bool wsp_values_at(const struct wsp_values *values, size_t index,
                   struct wsp_span *key, struct wsp_span *value);

void wsp_values_free(struct wsp_values *values);

#endif
