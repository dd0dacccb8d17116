/* SPDX-License-Identifier: MIT */
#include "net/tls_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* Returns 0, or an errno: the file has another length than it was said to. */
static int read_exactly(int fd, char *out, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = read(fd, out + have, len - have);
        if (got < 0 && errno != EINTR) {
            return errno;
        }
        if (got == 0) {
            return EAGAIN;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* Says what is wrong with an open file, or NULL. */
static const char *judge(const struct stat *status)
{
    if (!S_ISREG(status->st_mode)) {
        return "not a file";
    }
    if (status->st_size == 0) {
        return "the file is empty";
    }
    return status->st_size > WSP_TLS_FILE_MAX ? "the file is over 1 MiB" : NULL;
}

static char *read_open(int fd, size_t *len, const char **reason)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        *reason = strerror(errno);
        return NULL;
    }
    *reason = judge(&status);
    if (*reason) {
        return NULL;
    }
    *len = (size_t)status.st_size;
    char *data = malloc(*len);
    int error = data ? read_exactly(fd, data, *len) : ENOMEM;
    if (error) {
        free(data);
        *reason = strerror(error);
        return NULL;
    }
    return data;
}

/* A pipe in the place of a file must not hold the loop up. */
char *wsp_tls_file_read(const char *path, size_t *len, const char **reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        *reason = strerror(errno);
        return NULL;
    }
    char *data = read_open(fd, len, reason);
    close(fd);
    return data;
}

/* ---- looking ---- */

const char *wsp_tls_file_of_key(const struct wsp_tls_pair *pair)
{
    return pair->key ? pair->key : pair->cert;
}

bool wsp_tls_key_is_exposed(const struct wsp_tls_pair *pair)
{
    struct stat status;
    return stat(wsp_tls_file_of_key(pair), &status) == 0 &&
           (status.st_mode & S_IROTH);
}

/* FNV-1a over one number. */
static uint64_t mix(uint64_t stamp, uint64_t number)
{
    for (int i = 0; i < 8; i++) {
        stamp = (stamp ^ (number >> (8 * i) & 0xff)) * 0x100000001b3;
    }
    return stamp;
}

static uint64_t mix_file(uint64_t stamp, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return mix(stamp, 0);
    }
    stamp = mix(stamp, (uint64_t)status.st_dev);
    stamp = mix(stamp, (uint64_t)status.st_ino);
    stamp = mix(stamp, (uint64_t)status.st_size);
    stamp = mix(stamp, (uint64_t)status.st_mtim.tv_sec);
    return mix(stamp, (uint64_t)status.st_mtim.tv_nsec);
}

uint64_t wsp_tls_file_stamp(const struct wsp_tls_options *options)
{
    uint64_t stamp = 0xcbf29ce484222325;
    for (size_t i = 0; i < options->pair_count; i++) {
        const struct wsp_tls_pair *pair = &options->pairs[i];
        stamp = mix_file(stamp, pair->cert);
        stamp = mix_file(stamp, wsp_tls_file_of_key(pair));
    }
    return options->ca ? mix_file(stamp, options->ca) : stamp;
}
