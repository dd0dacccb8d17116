// SPDX-License-Identifier: MIT
// permessage-deflate with npm's ws and byte by byte: what is agreed on, who gets
// what compressed, and what a hostile peer gets out of it.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

import { isSanitized, until } from "./support/deadline.mjs";
import { residentBytes } from "./support/process.mjs";
import { randomBytes } from "./support/random.mjs";
import { serve, withFolder } from "./support/server.mjs";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  frame,
  PING,
  PONG,
  TEXT,
} from "./support/wire.mjs";

const MIB = 1024 * 1024;
const OFFER = "permessage-deflate";
const RESET = `${OFFER}; server_no_context_takeover`;
const BOTH = `${RESET}; client_no_context_takeover`;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const RSV1 = { rsv: 4 };

const withOptions = (name, options, use) =>
  test(name, () => {
    const env = { COMPRESSION_OPTIONS: JSON.stringify(options) };
    return serve("compression.lua", { env }, use);
  });

const withCompression = (name, use) =>
  withOptions(name, { compression: true }, use);

// What a client makes of a message, and of what it is sent.
function pack(message, options = {}) {
  const finishFlush = constants.Z_SYNC_FLUSH;
  const packed = deflateRawSync(message, { finishFlush, ...options });
  return packed.subarray(0, -TAIL.length);
}

function unpack(packed, options = {}) {
  const finishFlush = constants.Z_SYNC_FLUSH;
  const whole = Buffer.concat([packed, TAIL]);
  return inflateRawSync(whole, { finishFlush, ...options });
}

async function upgraded(server, offer = OFFER) {
  const wire = await server.wire();
  const headers = offer === null ? {} : { "Sec-WebSocket-Extensions": offer };
  const answer = await wire.upgrade("/ws", headers);
  assert.equal(answer.status, 101);
  wire.agreed = answer.headers["sec-websocket-extensions"];
  return wire;
}

async function counted(server, name) {
  const { body } = await server.request("GET", "/metrics");
  return Number(new RegExp(`^wspulse_${name} (\\S+)$`, "m").exec(body)[1]);
}

async function expectClose(wire, code, reason) {
  const end = await wire.frame();
  assert.deepEqual([end.opcode, end.code, end.reason], [CLOSE, code, reason]);
}

const text = (length, seed = "") =>
  `${seed}${"the quick brown fox ".repeat(length / 20)}`.padEnd(length, ".");

// ---- the agreement ----

test("compression is off unless it is asked for", () =>
  serve("frames.lua", {}, async (server) => {
    const wire = await upgraded(server);
    assert.equal(wire.agreed, undefined);
    wire.write(frame(TEXT, pack("{}"), RSV1));
    await expectClose(wire, 1002, "RSV bits set");
  }));

withCompression("hostile 12: offers that are kept, declined, broken", async (
  server,
) => {
  const rows = [
    [null, undefined],
    [OFFER, BOTH],
    [`${OFFER}; client_max_window_bits`, BOTH],
    [`${OFFER}; server_max_window_bits=9`, `${BOTH}; server_max_window_bits=9`],
    [`${OFFER}; server_max_window_bits=8`, undefined],
    [`${OFFER}; server_max_window_bits=8, ${OFFER}`, BOTH],
    [[`${OFFER}; server_max_window_bits=7`, "other", OFFER], BOTH],
    [`${OFFER}; server_max_window_bits=16`, undefined],
    [`${OFFER}; server_max_window_bits=abc`, undefined],
    [`${OFFER}; server_max_window_bits="\\"9\\""`, undefined],
    [`${OFFER}; unknown, ${OFFER}; unknown=1`, undefined],
    [`${OFFER}; ${"client_no_context_takeover; ".repeat(200)}x`, undefined],
    [`${OFFER}; a="${'\\"'.repeat(3000)}`, undefined],
    [`${OFFER}${",".repeat(8000)}`, BOTH],
  ];
  for (const [offer, agreed] of rows) {
    const wire = await upgraded(server, offer);
    assert.equal(wire.agreed, agreed, String(offer).slice(0, 80));
    wire.write(frame(TEXT, "hello"));
    assert.equal((await wire.frame()).payload.toString(), "hello");
  }
  const wire = await server.wire();
  const offer = ",".repeat(64 * 1024);
  const answer = await wire.upgrade("/ws", {
    "Sec-WebSocket-Extensions": offer,
  });
  assert.equal(answer.status, 431);
});

withOptions(
  "the server's window is as large as the option allows",
  { compression: { server_max_window_bits: 10, min_size: 1 } },
  async (server) => {
    const rows = [
      [OFFER, 10],
      [`${OFFER}; server_max_window_bits=15`, 10],
      [`${OFFER}; server_max_window_bits=9`, 9],
    ];
    for (const [offer, bits] of rows) {
      const wire = await upgraded(server, offer);
      assert.equal(wire.agreed, `${BOTH}; server_max_window_bits=${bits}`);
      const far = randomBytes(900).toString("base64");
      wire.write(frame(TEXT, far + far));
      const { payload, isPacked } = await wire.frame({ mayPack: true });
      assert.ok(isPacked);
      const small = unpack(payload, { windowBits: bits });
      assert.equal(small.toString(), far + far);
    }
  },
);

// ---- messages ----

withCompression("what is long and gets shorter is compressed", async (
  server,
) => {
  const wire = await upgraded(server);
  const rows = [
    [text(1024), true],
    [text(1023), false],
    [text(200_000), true],
    [randomBytes(5000), false],
    ["", false],
  ];
  for (const opcode of [TEXT, BINARY]) {
    for (const [sent, isPacked] of rows) {
      if (opcode === TEXT && Buffer.isBuffer(sent)) continue;
      wire.write(frame(opcode, pack(Buffer.from(sent)), RSV1));
      const echo = await wire.frame({ mayPack: true });
      assert.equal(echo.opcode, opcode);
      assert.equal(echo.isPacked, isPacked);
      const back = isPacked ? unpack(echo.payload) : echo.payload;
      assert.ok(back.equals(Buffer.from(sent)));
    }
  }
  assert.equal(await counted(server, "messages_compressed_total"), 4);
  assert.ok((await counted(server, "compression_saved_bytes_total")) > 390_000);
});

withCompression("npm ws: texts, binaries and fragments", async (server) => {
  const peer = await server.connect({}, { perMessageDeflate: { threshold: 0 } });
  assert.equal(peer.extensions, BOTH);
  for (const length of [0, 1, 125, 1024, 65_535, 65_536, MIB]) {
    const sent = text(length);
    peer.send(sent);
    assert.ok((await peer.message()).data.toString() === sent);
    const bytes = randomBytes(length);
    peer.send(bytes, { binary: true });
    assert.ok((await peer.message()).data.equals(bytes));
  }
  for (let round = 0; round < 3; round++) {
    peer.send(text(3000, "a"), { fin: false });
    peer.send(text(3000, "b"), { fin: false });
    peer.send(text(3000, "ü"), { fin: true });
    const { data } = await peer.message();
    assert.ok(
      data.toString() === text(3000, "a") + text(3000, "b") + text(3000, "ü"),
    );
  }
  assert.equal((await peer.close(1000, "")).code, 1000);
});

withCompression("a broadcast is compressed once for all", async (server) => {
  const peers = [];
  for (let i = 0; i < 20; i++) {
    const perMessageDeflate = i % 4 !== 3;
    peers.push(await server.connect({ id: `p${i}` }, { perMessageDeflate }));
  }
  const sent = text(50_000, "all:");
  peers[0].send(sent);
  for (const peer of peers) {
    assert.ok((await peer.message()).data.toString() === sent);
  }
  assert.equal(await counted(server, "messages_compressed_total"), 1);
  const saved = await counted(server, "compression_saved_bytes_total");
  assert.ok(saved > 15 * 49_000 && saved < 15 * 50_004, `${saved} saved`);
});

withCompression("hostile 40: control frames between compressed fragments", async (
  server,
) => {
  const wire = await upgraded(server);
  const sent = text(500, "one");
  const packed = pack(sent);
  for (let i = 0; i < packed.length; i++) {
    const piece = packed.subarray(i, i + 1);
    const fin = i === packed.length - 1;
    const head = i === 0 ? { fin, ...RSV1 } : { fin };
    wire.write(frame(i === 0 ? TEXT : CONTINUATION, piece, head));
    if (!fin) {
      wire.write(frame(PING, `${i}`));
      const pong = await wire.frame();
      assert.deepEqual(
        [pong.opcode, pong.payload.toString()],
        [PONG, `${i}`],
      );
    }
  }
  assert.equal((await wire.frame()).payload.toString(), sent);
  wire.write(frame(TEXT, pack("and so on"), RSV1));
  assert.equal((await wire.frame()).payload.toString(), "and so on");
});

// ---- hostile peers ----

withCompression("hostile 20: RSV1 where it means nothing", async (server) => {
  const start = frame(TEXT, pack("abc"), { fin: false, rsv: 4 });
  const rows = [
    [frame(PING, "", RSV1)],
    [frame(CLOSE, "", RSV1)],
    [frame(TEXT, pack("abc"), { rsv: 6 })],
    [frame(TEXT, pack("abc"), { rsv: 2 })],
    [start, frame(CONTINUATION, "", RSV1)],
    [start, frame(PONG, "", RSV1)],
  ];
  for (const row of rows) {
    const wire = await upgraded(server);
    wire.write(Buffer.concat(row));
    await expectClose(wire, 1002, "RSV bits set");
  }
});

withCompression("hostile 39: what is no deflate stream", async (server) => {
  const packed = pack(text(2000));
  const bad = "compressed message is not valid";
  const hello = pack("Hello");
  const rows = [
    [[packed.subarray(0, -1)], bad],
    [[packed.subarray(0, 10)], bad],
    [[Buffer.concat([packed, Buffer.from("garbage")])], bad],
    [["not compressed"], bad],
    [[hello, Buffer.from("f200110000", "hex")], bad], // refers to the first
    [[pack(Buffer.from([0xff]))], "text message is not valid UTF-8"],
  ];
  for (const [messages, reason] of rows) {
    const wire = await upgraded(server);
    for (const message of messages) wire.write(frame(TEXT, message, RSV1));
    for (let i = 1; i < messages.length; i++) await wire.frame();
    await expectClose(wire, 1007, reason);
  }
  assert.equal(await counted(server, "compression_held_bytes"), 0);
});

withCompression("text fails in the middle of a frame", async (server) => {
  const wire = await upgraded(server);
  const bytes = Buffer.concat([Buffer.from("ok \xff", "latin1"), randomBytes(99)]);
  wire.write(frame(TEXT, pack(bytes), RSV1).subarray(0, 40));
  await expectClose(wire, 1007, "text message is not valid UTF-8");
});

// 64 MiB in 64 KiB: whole, in fragments, and left in the middle.
withCompression("hostile 39: bombs are 1009 and cost little", async (
  server,
) => {
  const packed = pack(Buffer.alloc(64 * MIB));
  assert.ok(packed.length * 1000 < 64 * MIB);
  const pieces = [];
  for (let at = 0; at < packed.length; at += 1000) {
    const piece = packed.subarray(at, at + 1000);
    const fin = at + 1000 >= packed.length;
    pieces.push(
      frame(at ? CONTINUATION : BINARY, piece, { fin, rsv: at ? 0 : 4 }),
    );
  }
  const bombs = [frame(BINARY, packed, RSV1), Buffer.concat(pieces)];
  const explode = async (bomb) => {
    const wire = await upgraded(server);
    wire.write(bomb);
    await expectClose(wire, 1009, "");
    wire.destroy();
  };
  for (const bomb of bombs) await explode(bomb);
  const before = await residentBytes(server);
  for (let round = 0; round < 10; round++) {
    await Promise.all([...bombs, ...bombs].map(explode));
  }
  if (!isSanitized) {
    const grown = (await residentBytes(server)) - before;
    assert.ok(grown < 8 * MIB, `${grown} bytes more`);
  }
  assert.equal(await counted(server, "compression_held_bytes"), 0);
});

// A hundred peers that never finish: what zlib holds for them is bounded, and
// those beyond the bound are served all the same.
withOptions(
  "messages that come in pieces hold no more than max_memory",
  { compression: { max_memory: 10 * 40 * 1024 } },
  async (server) => {
    const sent = text(2000, "all of it");
    const packed = pack(sent);
    const wires = [];
    for (let i = 0; i < 100; i++) {
      const wire = await upgraded(server);
      wire.write(frame(TEXT, packed.subarray(0, 9), { fin: false, rsv: 4 }));
      wires.push(wire);
    }
    await until(
      async () =>
        (await counted(server, "compression_held_bytes")) === 10 * 40 * 1024,
      "the bound",
    );
    for (const wire of wires) {
      wire.write(frame(CONTINUATION, packed.subarray(9)));
      const echo = await wire.frame({ mayPack: true });
      assert.equal(unpack(echo.payload).toString(), sent);
    }
    assert.equal(await counted(server, "compression_held_bytes"), 0);
  },
);

// ---- clients that keep their context ----

withOptions(
  "a context is kept while there is memory for it",
  {
    compression: {
      client_no_context_takeover: false,
      min_size: 1,
      max_memory: 100 * 1024,
    },
  },
  async (server) => {
    const options = { perMessageDeflate: { threshold: 0 } };
    const peers = [];
    for (const agreed of [RESET, RESET, BOTH]) {
      const peer = await server.connect({}, options);
      assert.equal(peer.extensions, agreed);
      peers.push(peer);
    }
    assert.equal(await counted(server, "compression_held_bytes"), 80 * 1024);
    for (const peer of peers) {
      for (let i = 0; i < 20; i++) {
        const sent = text(1000 + i, `${i}`);
        peer.send(sent);
        assert.equal((await peer.message()).data.toString(), sent);
      }
    }
    peers[0].destroy();
    await until(
      async () => (await counted(server, "compression_held_bytes")) === 40960,
      "the memory of who has gone",
    );
    const next = await server.connect({}, options);
    assert.equal(next.extensions, RESET);
  },
);

withOptions(
  "a client is held to the window it has named",
  { compression: { client_no_context_takeover: false } },
  async (server) => {
    const wire = await upgraded(server, `${OFFER}; client_max_window_bits=9`);
    assert.equal(wire.agreed, `${RESET}; client_max_window_bits=9`);
    assert.equal(
      await counted(server, "compression_held_bytes"),
      8192 + 512,
    );
    const far = randomBytes(600);
    wire.write(frame(BINARY, pack(far), RSV1));
    assert.ok((await wire.frame()).payload.equals(far));
    // The first half of it again, as a reference to 600 bytes before.
    const again = pack(far.subarray(0, 300), { dictionary: far });
    assert.ok(again.length < 20);
    wire.write(frame(BINARY, again, RSV1));
    await expectClose(wire, 1007, "compressed message is not valid");
  },
);

// ---- slow peers, other transports, other generations ----

// Half a megabyte each, compressed: the kernel takes them piece by piece.
withOptions(
  "who reads slowly gets every compressed byte in order",
  { compression: true, send_buffer_size: 64 },
  async (server) => {
    const witness = await server.connect({ id: "witness" });
    const slow = await upgraded(server);
    slow.pause();
    const sent = [];
    for (let i = 0; i < 16; i++) {
      sent.push(`all:${i}${randomBytes(MIB / 2).toString("base64")}`);
      witness.send(sent.at(-1));
      assert.ok((await witness.message()).data.toString() === sent.at(-1));
    }
    slow.write(frame(PING, "between"));
    slow.resume();
    let pongs = 0;
    while (sent.length > 0) {
      const { opcode, payload, isPacked } = await slow.frame({ mayPack: true });
      if (opcode === PONG) pongs++;
      else {
        assert.ok(isPacked);
        assert.ok(unpack(payload).toString() === sent.shift());
      }
    }
    assert.ok(pongs <= 1);
    assert.equal(await counted(server, "messages_compressed_total"), 16);
  },
);

test("a reload keeps what was agreed on", () =>
  withFolder(async (folder) => {
    const script = path.join(folder, "app.lua");
    const write = (compression) =>
      writeFile(
        script,
        `return require("wspulse").new_server {
          codec = "raw",
          max_message_size = 100000,
          compression = ${compression},
          connect = function() return "room" end,
          on_message = function(conn, frame) conn:send(frame) end,
        }`,
      );
    const echoes = async (wire, length, isPacked) => {
      wire.write(frame(TEXT, pack(text(length)), RSV1));
      const echo = await wire.frame({ mayPack: true });
      assert.equal(echo.isPacked, isPacked);
      const back = isPacked ? unpack(echo.payload) : echo.payload;
      assert.equal(back.toString(), text(length));
    };
    await write("{ min_size = 10, level = 9 }");
    await serve(script, {}, async (server) => {
      const wire = await upgraded(server);
      await echoes(wire, 500, true);
      await write("{ min_size = 1000 }");
      await server.reload();
      await echoes(wire, 500, false);
      await echoes(wire, 2000, true);
      await write("false");
      await server.reload();
      await echoes(wire, 2000, true);
      assert.equal((await upgraded(server)).agreed, undefined);
    });
  }));

withOptions(
  "what waits for a resume reaches any transport",
  { compression: true, resume_window: 30 },
  async (server) => {
    const witness = await server.connect({ id: "witness" });
    let peer = await server.connect({ id: "ann" });
    for (const perMessageDeflate of [true, false, { serverMaxWindowBits: 9 }]) {
      peer.destroy();
      const sent = [];
      for (let i = 0; i < 10; i++) {
        sent.push(text(2000 + i, "all:"));
        witness.send(sent.at(-1));
        assert.equal((await witness.message()).data.toString(), sent.at(-1));
      }
      peer = await server.connect({ id: "ann" }, { perMessageDeflate });
      const got = [];
      while (got.length < 10) got.push((await peer.message()).data.toString());
      assert.deepEqual(got, sent);
    }
  },
);

withOptions(
  "frames that nobody confirmed are written again, compressed",
  { compression: true, resume_window: 30, resume_confirm: true },
  async (server) => {
    const sent = text(20_000, "all:");
    const first = await server.wire();
    const offer = { "Sec-WebSocket-Extensions": OFFER };
    await first.upgrade("/ws?id=ann", offer);
    first.write(frame(TEXT, pack(sent), RSV1));
    const once = await first.frame({ mayPack: true });
    first.destroy();
    const second = await server.wire();
    await second.upgrade("/ws?id=ann", offer);
    const again = await second.frame({ mayPack: true });
    assert.ok(once.isPacked && again.isPacked);
    assert.ok(once.payload.equals(again.payload));
    assert.equal(unpack(again.payload).toString(), sent);
    assert.equal(await counted(server, "messages_compressed_total"), 1);
  },
);
