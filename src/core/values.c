/* SPDX-License-Identifier: MIT */
#include "core/values.h"

#include <stdint.h>
#include <stdlib.h>

/* One value: these two lengths, then the key's and the value's bytes. */
struct record {
    uint32_t key_len;
    uint32_t value_len;
};

struct wsp_values {
    size_t len;        /* bytes of all records */
    size_t data_bytes; /* bytes of keys and values alone: what is bounded */
    char bytes[];
};

/* Reads the record at `offset` and returns the offset behind it. */
static size_t read_record(const struct wsp_values *values, size_t offset,
                          struct wsp_span *key, struct wsp_span *value)
{
    struct record record;
    memcpy(&record, values->bytes + offset, sizeof record);
    const char *data = values->bytes + offset + sizeof record;
    *key = (struct wsp_span){data, record.key_len};
    *value = (struct wsp_span){data + record.key_len, record.value_len};
    return offset + sizeof record + record.key_len + record.value_len;
}

/* Finds the record of `key`. Returns its offset, or values->len. */
static size_t find_record(const struct wsp_values *values, struct wsp_span key,
                          struct wsp_span *value, size_t *end)
{
    size_t offset = 0;
    while (offset < values->len) {
        struct wsp_span name;
        *end = read_record(values, offset, &name, value);
        if (wsp_span_equal(name, key)) {
            return offset;
        }
        offset = *end;
    }
    return offset;
}

struct wsp_span wsp_values_get(const struct wsp_values *values,
                               struct wsp_span key)
{
    struct wsp_span value = {NULL, 0};
    size_t end;
    if (!values || find_record(values, key, &value, &end) == values->len) {
        return (struct wsp_span){NULL, 0};
    }
    return value;
}

bool wsp_values_at(const struct wsp_values *values, size_t index,
                   struct wsp_span *key, struct wsp_span *value)
{
    size_t offset = 0;
    while (values && offset < values->len) {
        offset = read_record(values, offset, key, value);
        if (index-- == 0) {
            return true;
        }
    }
    return false;
}

static void append(struct wsp_values *values, struct wsp_span key,
                   struct wsp_span value)
{
    struct record record = {(uint32_t)key.len, (uint32_t)value.len};
    char *at = values->bytes + values->len;
    memcpy(at, &record, sizeof record);
    if (key.len) {
        memcpy(at + sizeof record, key.data, key.len);
    }
    if (value.len) {
        memcpy(at + sizeof record + key.len, value.data, value.len);
    }
    values->len += sizeof record + key.len + value.len;
    values->data_bytes += key.len + value.len;
}

/* Makes the set anew without the record [start, end), with `value` at its end.
 * The old one stays untouched: `value` may point into it. */
static struct wsp_values *rebuild(const struct wsp_values *old, size_t start,
                                  size_t end, struct wsp_span key,
                                  struct wsp_span value)
{
    size_t old_len = old ? old->len : 0;
    struct wsp_values *next = malloc(
        sizeof *next + old_len + sizeof(struct record) + key.len + value.len);
    if (!next) {
        return NULL;
    }
    next->len = 0;
    next->data_bytes = 0;
    for (size_t offset = 0; offset < old_len;) {
        struct wsp_span old_key;
        struct wsp_span old_value;
        size_t behind = read_record(old, offset, &old_key, &old_value);
        if (offset < start || offset >= end) {
            append(next, old_key, old_value);
        }
        offset = behind;
    }
    if (value.data) {
        append(next, key, value);
    }
    return next;
}

enum wsp_err wsp_values_set(struct wsp_values **values, struct wsp_span key,
                            struct wsp_span value, size_t max_bytes)
{
    struct wsp_values *old = *values;
    struct wsp_span old_value = {NULL, 0};
    size_t start = 0;
    size_t end = 0;
    size_t used = old ? old->data_bytes : 0;
    bool is_known = false;
    if (old) {
        start = find_record(old, key, &old_value, &end);
        is_known = start < old->len;
    }
    if (is_known) {
        used -= key.len + old_value.len;
    } else {
        end = start;
    }
    if (!value.data && !is_known) {
        return WSP_OK;
    }
    if (value.data && (key.len > max_bytes || value.len > max_bytes ||
                       used + key.len + value.len > max_bytes)) {
        return WSP_ERR_CONNECTION_DATA_FULL;
    }
    struct wsp_values *next = rebuild(old, start, end, key, value);
    if (!next) {
        return WSP_ERR_OUT_OF_MEMORY;
    }
    free(old);
    *values = next;
    return WSP_OK;
}

void wsp_values_free(struct wsp_values *values)
{
    free(values);
}
