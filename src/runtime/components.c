/* SPDX-License-Identifier: MIT */
#include <openssl/opensslv.h>
#include <wslay/wslayver.h>

#include <wspulse/codec.h>

#include "net/version.h"

const char *wsp_components(void)
{
    return "libevent " WSP_LIBEVENT_VERSION ", wslay " WSLAY_VERSION
           ", OpenSSL " OPENSSL_VERSION_STR;
}
