/* SPDX-License-Identifier: MIT */
/* The groups of cases of core_bench, one file each.
 * Thread: the only one. */
#ifndef WSP_CORE_GROUP_H
#define WSP_CORE_GROUP_H

#include "sheet.h"

/* Broadcasts to 100 k and 1 M sessions, to a room, to all but one; what is said
 * to or asked about one of 1 M. */
void bench_hub_group(struct bench_sheet *sheet);

/* Frames of 64 B, 1 KiB and 16 KiB: from a payload to the bytes on the wire,
 * and from masked bytes to a payload. */
void bench_codec_group(struct bench_sheet *sheet);

/* One session: an echo, its values, and a resume that drains 256 frames. */
void bench_session_group(struct bench_sheet *sheet);

#endif
