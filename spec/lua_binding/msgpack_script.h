/* SPDX-License-Identifier: MIT */
/* A script (script.h) that sees `encode(value)` and `decode(bytes)` of msgpack
 * too, and what msgpack specs share: hex(bytes), bytes "hexadecimal text",
 * is(value, "what it is encoded to"), refused(value, why), nested(levels) and
 * same(a, b). */
#ifndef WSP_SPEC_LUA_BINDING_MSGPACK_SCRIPT_H
#define WSP_SPEC_LUA_BINDING_MSGPACK_SCRIPT_H

#include "lua_binding/script.h"

/* Setup of a cmocka group; script_close ends it. */
int msgpack_script_open(void **state);

/* Setup of a test: no call is under way, and servers speak msgpack. */
int msgpack_script_reset(void **state);

#endif
