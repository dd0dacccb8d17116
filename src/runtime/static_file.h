/* SPDX-License-Identifier: MIT */
/* Files from a folder, for a request path: no path escape, content types, ETag,
 * index.html.
 * Thread: the loop's; a file is read whole, which suits pages and scripts. */
#ifndef WSP_RUNTIME_STATIC_FILE_H
#define WSP_RUNTIME_STATIC_FILE_H

#include <wspulse/span.h>

#include "base/buf.h"

#define WSP_STATIC_FILE_MAX (16 * 1024 * 1024) /* bytes of one file */

struct wsp_static_file {
    const char *content_type; /* static text */
    size_t size;              /* bytes of the file; of `body` when read */
    char etag[64];            /* quoted, from size, mtime and inode */
    char last_modified[40];   /* IMF-fixdate */
};

/* Finds the file for `path` (as sent, percent-encoded) under `root` for the URL
 * prefix `prefix`, and, unless `body` is NULL or `if_none_match` names its ETag,
 * appends it to `body`. A folder means its index.html; a folder without the
 * slash at its end answers 301.
 * Returns 200, 304, 301, 404, 413 (over WSP_STATIC_FILE_MAX) or 500; `file` is
 * filled for 200 and 304. Symbolic links may not lead out of `root`; hidden
 * files are not found. */
int wsp_static_file_open(struct wsp_static_file *file, const char *root,
                         const char *prefix, struct wsp_span path,
                         struct wsp_span if_none_match, struct wsp_buf *body);

/* Tells whether `path` lies under `prefix`: "/a" covers "/a" and "/a/b", not
 * "/ab". */
bool wsp_static_file_covers(const char *prefix, struct wsp_span path);

/* The content type for a file name; "application/octet-stream" when unknown. */
const char *wsp_static_file_type(const char *name);

#endif
