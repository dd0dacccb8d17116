/* SPDX-License-Identifier: MIT */
/* Which of the known names a misspelt one was meant to be.
 * Thread: any. */
#ifndef WSP_LUA_LUA_NEAREST_H
#define WSP_LUA_LUA_NEAREST_H

/* Gives the name with the smallest edit distance to `key` (the first of
 * several); `names` ends with NULL and has at least one. */
const char *wsp_lua_nearest(const char *key, const char *const *names);

#endif
