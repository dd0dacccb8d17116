/* SPDX-License-Identifier: MIT */
#include "runtime/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/uri.h"

#define URL_PATH_MAX 2048 /* bytes of a decoded path */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static const char index_name[] = "index.html";

/* ---- opening below the root ---- */

/* Tells whether the open file lies below the open folder, by the names the
 * kernel has for them: no name can be swapped in between. */
static bool lies_below(int fd, int root_fd)
{
    char link[32];
    char root[PATH_MAX];
    char name[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", root_fd);
    ssize_t root_len = readlink(link, root, sizeof root);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t name_len = readlink(link, name, sizeof name);
    if (root_len <= 0 || name_len <= 0 || name_len == sizeof name) {
        return false;
    }
    if (root_len == 1) {
        return true;
    }
    return name_len >= root_len &&
           memcmp(name, root, (size_t)root_len) == 0 &&
           (name_len == root_len || name[root_len] == '/');
}

/* Opens first and looks afterwards where that was. */
static int open_checked(int root_fd, const char *name)
{
    int fd = openat(root_fd, name, OPEN_FLAGS);
    if (fd >= 0 && !lies_below(fd, root_fd)) {
        close(fd);
        errno = EXDEV;
        return -1;
    }
    return fd;
}

/* The kernel keeps the walk below the root (openat2, Linux 5.6). What it
 * refuses may still be right, an absolute link back into the root for instance;
 * and a sandbox may refuse the call itself. */
static int open_below(int root_fd, const char *name)
{
    struct open_how how = {
        .flags = OPEN_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof how);
    if (fd >= 0) {
        return (int)fd;
    }
    switch (errno) {
    case EXDEV:
    case EAGAIN:
    case ENOSYS:
    case EPERM:
    case EINVAL:
    case E2BIG:
        return open_checked(root_fd, name);
    default:
        return -1;
    }
}

/* What is the server's own trouble; all else means: no such file. */
static int status_of(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EIO:
        return 500;
    default:
        return 404;
    }
}

/* ---- names ---- */

static bool is_slash(const char *text)
{
    return text[0] == '/' && text[1] == '\0';
}

static size_t prefix_len(const char *prefix)
{
    size_t len = strlen(prefix);
    return len > 0 && prefix[len - 1] == '/' ? len - 1 : len;
}

bool wsp_static_file_covers(const char *prefix, struct wsp_span path)
{
    size_t len = prefix_len(prefix);
    return path.len >= len && memcmp(path.data, prefix, len) == 0 &&
           (path.len == len || path.data[len] == '/');
}

/* Turns the request path into a name below the root: "/a/b" under "/a" is "b",
 * a folder's is its index.html. Returns false when nothing can be there. */
static bool name_file(const char *prefix, struct wsp_span path, char *out,
                      size_t size)
{
    char decoded[URL_PATH_MAX];
    long len = wsp_uri_path_decode(path, decoded, sizeof decoded);
    struct wsp_span whole = {decoded, len > 0 ? (size_t)len : 0};
    if (len <= 0 || !wsp_static_file_covers(prefix, whole)) {
        return false;
    }
    const char *rest = decoded + prefix_len(prefix);
    rest += rest[0] == '/';
    bool is_folder = decoded[len - 1] == '/';
    int written = snprintf(out, size, "%s%s", rest[0] ? rest : is_folder ? "" : ".",
                           is_folder ? index_name : "");
    return written > 0 && (size_t)written < size;
}

