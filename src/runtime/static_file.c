/* SPDX-License-Identifier: MIT */
#include "runtime/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
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
    if (root_len <= 0 || root_len == sizeof root || name_len <= 0 ||
        name_len == sizeof name) {
        return false;
    }
    if (root_len == 1) {
        return true;
    }
    return name_len >= root_len && memcmp(name, root, (size_t)root_len) == 0 &&
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

/* A slash at the end of a prefix means nothing: "/a/" is "/a", "/" is "". */
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

/* A request path as a name below the root. */
struct name {
    char text[URL_PATH_MAX + sizeof index_name];
    bool is_index; /* the path was that of a folder */
};

/* "/a/b" under "/a" is "b", "/a/" is "index.html", "/a" is the root itself.
 * Returns false when nothing can be there. */
static bool name_file(struct name *name, const char *prefix,
                      struct wsp_span path)
{
    char decoded[URL_PATH_MAX];
    long len = wsp_uri_path_decode(path, decoded, sizeof decoded);
    if (len <= 0) {
        return false;
    }
    struct wsp_span whole = {decoded, (size_t)len};
    if (!wsp_static_file_covers(prefix, whole)) {
        return false;
    }
    const char *rest = decoded + prefix_len(prefix);
    rest += rest[0] == '/';
    name->is_index = decoded[len - 1] == '/';
    if (name->is_index) {
        snprintf(name->text, sizeof name->text, "%s%s", rest, index_name);
    } else {
        snprintf(name->text, sizeof name->text, "%s", rest[0] ? rest : ".");
    }
    return true;
}

struct type {
    const char *extension;
    const char *text;
};

static const struct type types[] = {
    {"css", "text/css; charset=utf-8"},
    {"gif", "image/gif"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
};

const char *wsp_static_file_type(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(dot + 1, types[i].extension) == 0) {
            return types[i].text;
        }
    }
    return "application/octet-stream";
}

/* ---- validators ---- */

/* RFC 9110 §5.6.7; strftime would write the locale's names. */
static void write_date(char *out, size_t size, time_t when)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {.tm_mday = 1};
    gmtime_r(&when, &tm);
    snprintf(out, size, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void describe(struct wsp_static_file *file, const char *name,
                     const struct stat *status)
{
    file->content_type = wsp_static_file_type(name);
    file->size = (size_t)status->st_size;
    snprintf(file->etag, sizeof file->etag, "\"%jx-%jx.%lx-%jx\"",
             (uintmax_t)status->st_size, (uintmax_t)status->st_mtim.tv_sec,
             (unsigned long)status->st_mtim.tv_nsec, (uintmax_t)status->st_ino);
    write_date(file->last_modified, sizeof file->last_modified,
               status->st_mtim.tv_sec);
}

static struct wsp_span behind(struct wsp_span text, size_t count)
{
    return (struct wsp_span){text.data + count, text.len - count};
}

/* Takes the next entity tag off a list, without W/ and with its quotes. Returns
 * a NULL span at the end and at what is no tag. */
static struct wsp_span take_tag(struct wsp_span *list)
{
    while (list->len > 0 && memchr(" \t,", list->data[0], 3)) {
        *list = behind(*list, 1);
    }
    if (list->len > 2 && memcmp(list->data, "W/", 2) == 0) {
        *list = behind(*list, 2);
    }
    struct wsp_span none = {NULL, 0};
    if (list->len < 2 || list->data[0] != '"') {
        return none;
    }
    const char *end = memchr(list->data + 1, '"', list->len - 1);
    if (!end) {
        return none;
    }
    struct wsp_span tag = {list->data, (size_t)(end - list->data) + 1};
    *list = behind(*list, tag.len);
    return tag;
}

/* Tells whether If-None-Match names the tag: `*` or a list of tags, compared
 * weakly (RFC 9110 §8.8.3.2, §13.1.2). */
static bool names_etag(struct wsp_span header, const char *etag)
{
    if (wsp_span_equal(header, wsp_span_of("*"))) {
        return true;
    }
    struct wsp_span tag;
    while ((tag = take_tag(&header)).data) {
        if (wsp_span_equal(tag, wsp_span_of(etag))) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

/* Appends what the file has of its size now. Returns 200 or 500, and then the
 * body is as it was. */
static int read_body(int fd, struct wsp_static_file *file, struct wsp_buf *body)
{
    if (!wsp_buf_reserve(body, file->size)) {
        return 500;
    }
    size_t len = 0;
    while (len < file->size) {
        ssize_t got = read(fd, body->data + body->len + len, file->size - len);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return 500;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    file->size = len;
    body->len += len;
    return 200;
}

/* Returns 0 for a file that can be served, else the status. */
static int check_kind(const struct stat *status, const struct name *name,
                      struct wsp_span path)
{
    if (S_ISDIR(status->st_mode)) {
        /* "//host" would send the browser to another host. */
        bool is_safe = path.len < 2 || path.data[1] != '/';
        return name->is_index || !is_safe ? 404 : 301;
    }
    if (!S_ISREG(status->st_mode)) {
        return 404;
    }
    return status->st_size > WSP_STATIC_FILE_MAX ? 413 : 0;
}

/* Returns a descriptor, or -1 with errno. */
static int open_file(const char *root, const char *name)
{
    int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0) {
        return -1;
    }
    int fd = open_below(root_fd, name);
    int error = errno;
    close(root_fd);
    errno = error;
    return fd;
}

int wsp_static_file_open(struct wsp_static_file *file, const char *root,
                         const char *prefix, struct wsp_span path,
                         struct wsp_span if_none_match, struct wsp_buf *body)
{
    struct name name;
    if (!name_file(&name, prefix, path)) {
        return 404;
    }
    int fd = open_file(root, name.text);
    if (fd < 0) {
        return status_of(errno);
    }
    struct stat status;
    int answer = fstat(fd, &status) == 0 ? check_kind(&status, &name, path)
                                         : status_of(errno);
    if (answer == 0) {
        describe(file, name.text, &status);
        bool is_known = names_etag(if_none_match, file->etag);
        answer = is_known ? 304 : 200;
        if (!is_known && body) {
            answer = read_body(fd, file, body);
        }
    }
    close(fd);
    return answer;
}
