/* SPDX-License-Identifier: MIT */
/* The opcodes of RFC 6455 §5.2. */
#ifndef WSP_PROTO_OPCODE_H
#define WSP_PROTO_OPCODE_H

enum wsp_opcode {
    WSP_OPCODE_CONTINUATION = 0x0,
    WSP_OPCODE_TEXT = 0x1,
    WSP_OPCODE_BINARY = 0x2,
    WSP_OPCODE_CLOSE = 0x8,
    WSP_OPCODE_PING = 0x9,
    WSP_OPCODE_PONG = 0xA,
};

#endif
