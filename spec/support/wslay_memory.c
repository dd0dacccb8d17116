/* SPDX-License-Identifier: MIT */
/* The contexts that wslay allocates for us: refused as heap.h says, where the
 * linker is told to lead them through here.
 * Owner: the linker (`--wrap`). Thread: any. */
#include <wslay/wslay.h>

#include "heap.h"
#include "linker.h"

int real_wslay_frame_context_init(wslay_frame_context_ptr *context,
                                  const struct wslay_frame_callbacks *callbacks,
                                  void *ud)
    LINKER_REAL("wslay_frame_context_init");
int wrap_wslay_frame_context_init(wslay_frame_context_ptr *context,
                                  const struct wslay_frame_callbacks *callbacks,
                                  void *ud)
    LINKER_WRAP("wslay_frame_context_init");

int wrap_wslay_frame_context_init(wslay_frame_context_ptr *context,
                                  const struct wslay_frame_callbacks *callbacks,
                                  void *ud)
{
    return heap_refuses()
               ? WSLAY_ERR_NOMEM
               : real_wslay_frame_context_init(context, callbacks, ud);
}
