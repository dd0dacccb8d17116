/* SPDX-License-Identifier: MIT */
/* The allocations of our code: the linker leads them through here (`--wrap`),
 * where they are counted and, when a spec asks for it, refused. What libraries
 * allocate does not come by.
 * Thread: any. */
#ifndef WSP_SPEC_SUPPORT_HEAP_H
#define WSP_SPEC_SUPPORT_HEAP_H

/* Blocks that are open. */
long heap_open_blocks(void);

/* Refuses `count` allocations, from the one on that is number `first` from now
 * (1: the next); with a `first` of 0 none is refused any more. */
void heap_refuse(long first, long count);

/* Allocations asked for, and refused, since heap_refuse. */
long heap_asked(void);
long heap_refused(void);

/* From hold to release nothing is counted as asked for, and nothing refused: for
 * a spec's own doings in between. Pairs may lie in each other. */
void heap_hold(void);
void heap_release(void);

/* Counts an allocation that is made elsewhere and can be told to fail. Returns
 * whether it is to be refused. */
int heap_refuses(void);

#endif
