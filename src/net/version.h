/* SPDX-License-Identifier: MIT */
/* Which libevent this was built against.
 * Thread: any. */
#ifndef WSP_NET_VERSION_H
#define WSP_NET_VERSION_H

#include <event2/event-config.h>

#define WSP_LIBEVENT_VERSION EVENT__VERSION

#endif
