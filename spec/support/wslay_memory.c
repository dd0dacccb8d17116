/* SPDX-License-Identifier: MIT */
/* The contexts that wslay allocates for us: refused as heap.h says, where the
 * linker is told to lead them through here.
 * Owner: the linker (`--wrap`). Thread: any. */
#include <wslay/wslay.h>

#include "heap.h"

int __real_wslay_frame_context_init(
    wslay_frame_context_ptr *context,
    const struct wslay_frame_callbacks *callbacks, void *ud);
int __wrap_wslay_frame_context_init(
    wslay_frame_context_ptr *context,
    const struct wslay_frame_callbacks *callbacks, void *ud);

int __wrap_wslay_frame_context_init(
    wslay_frame_context_ptr *context,
    const struct wslay_frame_callbacks *callbacks, void *ud)
{
    return heap_refuses()
               ? WSLAY_ERR_NOMEM
               : __real_wslay_frame_context_init(context, callbacks, ud);
}
