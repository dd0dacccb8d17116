/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

bool wsp_random_fill(void *out, size_t len)
{
    char *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        len -= (size_t)got;
    }
    return true;
}
