// SPDX-License-Identifier: MIT
// Frames on the wire: what comes back, how connections close, and with which
// code a peer is told that it went wrong.

import assert from "node:assert/strict";
import { test } from "node:test";

import { randomBytes } from "./support/random.mjs";
import { serve } from "./support/server.mjs";
import {
  BINARY,
  CLOSE,
  closeBody,
  CONTINUATION,
  frame,
  PING,
  PONG,
  TEXT,
} from "./support/wire.mjs";

const MIB = 1024 * 1024;
const RAW = { env: { FIXTURE_CODEC: "raw", FIXTURE_LIMIT: String(2 * MIB) } };

const withEcho = (name, options, use) =>
  test(name, () => serve("frames.lua", options, use));

async function openWire(server, query = "") {
  const wire = await server.wire();
  assert.equal((await wire.upgrade(`/ws${query}`)).status, 101);
  return wire;
}

// How the server saw a connection end, by way of the room "witness".
async function endOf(witness, id) {
  const { event, payload } = await witness.frame();
  assert.equal(event, "disconnected");
  assert.equal(payload.id, id);
  return payload;
}

const witnessOf = (server) =>
  server.connect({ room: "witness", id: "witness" });

withEcho("json: a forwarded frame is byte-identical", {}, async (server) => {
  const peer = await server.connect();
  const texts = [
    '{"event":"x","payload":{"a" : 1.0, "big":12345678901234567890, "e":[ ]}}',
    '  {"payload":"\\u00e9\\/ ✓","id":"1","extra":{"k":[]},"event":"y"}\n',
    "{}",
    "null",
    '{"payload":null}',
    '{"payload":[[[[]]]],"payload":2}',
  ];
  for (const text of texts) {
    peer.send(text);
    const { data, isBinary } = await peer.message();
    assert.equal(data.toString(), text);
    assert.equal(isBinary, false);
  }
  peer.send(Buffer.from('{"event":"in a binary message"}'));
  assert.equal((await peer.frame()).event, "in a binary message");
});

withEcho("raw: text and binary of every length class", RAW, async (server) => {
  const peer = await server.connect();
  for (const length of [
    0, 1, 7, 8, 125, 126, 127, 4096, 65_535, 65_536, 200_001,
  ]) {
    const bytes = randomBytes(length);
    peer.send(bytes, { binary: true });
    const echo = await peer.message();
    assert.ok(echo.isBinary, `${length} bytes`);
    assert.ok(bytes.equals(echo.data), `${length} bytes`);
    const text = "é".repeat(length >> 1);
    peer.send(text, { binary: false });
    const back = await peer.message();
    assert.equal(back.isBinary, false);
    assert.equal(back.data.toString(), text);
  }
});

withEcho("raw: one megabyte with a raised limit", RAW, async (server) => {
  const peer = await server.connect();
  const bytes = randomBytes(MIB);
  peer.send(bytes, { binary: true });
  assert.ok(bytes.equals((await peer.message()).data));
});

withEcho("hostile 26: raw: fragments, with a ping between them", RAW, async (server) => {
  const wire = await openWire(server);
  const text = "a text in many pieces: äöü ✓ 𝄞";
  const pieces = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
  pieces.forEach((piece, i) => {
    const fin = i === pieces.length - 1;
    wire.write(frame(i === 0 ? TEXT : CONTINUATION, piece, { fin }));
    if (i === 3) wire.write(frame(PING, "between"));
  });
  const seen = [await wire.frame(), await wire.frame()];
  const pong = seen.find(({ opcode }) => opcode === PONG);
  const echo = seen.find(({ opcode }) => opcode === TEXT);
  assert.equal(pong.payload.toString(), "between");
  assert.equal(echo.payload.toString(), text);
  wire.write(frame(BINARY, "", { fin: false }));
  wire.write(frame(CONTINUATION, "", { fin: true }));
  const empty = await wire.frame();
  assert.deepEqual([empty.opcode, empty.payload.length], [BINARY, 0]);
});

withEcho(
  "hostile 41: raw: every alignment of a mask, and a mask of zero",
  RAW,
  async (server) => {
    const wire = await openWire(server);
    const masks = [
      Buffer.from([0, 0, 0, 0]),
      Buffer.from([255, 1, 128, 7]),
      randomBytes(4),
    ];
    for (const mask of masks) {
      for (let length = 0; length <= 80; length++) {
        const bytes = randomBytes(length);
        wire.write(frame(BINARY, bytes, { mask }));
        const { payload } = await wire.frame();
        assert.ok(
          bytes.equals(payload),
          `${length} bytes, mask ${mask.toString("hex")}`,
        );
      }
    }
  },
);

withEcho("raw: many messages in one packet, in order", RAW, async (server) => {
  const wire = await openWire(server);
  const count = 500;
  const frames = Array.from({ length: count }, (_, i) =>
    frame(TEXT, `message ${i}`),
  );
  wire.write(Buffer.concat(frames));
  for (let i = 0; i < count; i++) {
    assert.equal((await wire.frame()).payload.toString(), `message ${i}`);
  }
});

withEcho("a ping is answered with its own body", {}, async (server) => {
  const peer = await server.connect();
  for (const body of ["", "hello", "x".repeat(125)]) {
    assert.equal(await peer.ping(body), body);
  }
});

withEcho(
  "hostile 31: the peer closes: its code comes back, on_disconnect says why",
  {},
  async (server) => {
    const witness = await witnessOf(server);
    const ends = [
      [1000, "", null],
      [1001, "away", null],
      [1012, "", 1012],
      [1013, "", 1013],
      [1014, "", 1014],
      [1011, "oh", 1011],
      [3000, "lib", 3000],
      [4999, "app", 4999],
    ];
    for (const [code, reason, isError] of ends) {
      const id = `peer-${code}`;
      const wire = await openWire(server, `?id=${id}`);
      wire.write(frame(CLOSE, closeBody(code, reason)));
      const answer = await wire.frame();
      assert.deepEqual(
        [answer.opcode, answer.code, answer.reason],
        [CLOSE, code, ""],
      );
      assert.equal((await wire.end()).length, 0);
      const end = await endOf(witness, id);
      assert.equal(end.reason, "normal");
      if (!isError) assert.equal(end.err, null);
      else assert.match(end.err, new RegExp(`^websocket: close ${code}`));
    }
  },
);

withEcho(
  "the peer closes without a status: an empty close comes back",
  {},
  async (server) => {
    const witness = await witnessOf(server);
    const wire = await openWire(server, "?id=plain");
    wire.write(frame(CLOSE));
    const { opcode, payload } = await wire.frame();
    assert.deepEqual([opcode, payload.length], [CLOSE, 0]);
    await wire.end();
    assert.equal((await endOf(witness, "plain")).err, null);
  },
);

withEcho(
  "the server closes: code and reason reach the peer",
  {},
  async (server) => {
    const witness = await witnessOf(server);
    const close = async (id, event, payload) => {
      const peer = await server.connect({ id });
      peer.send({ event, payload });
      const end = await peer.end();
      return { ...end, seen: await endOf(witness, id) };
    };
    const own = await close("own", "close", { code: 4001, reason: "bye ✓" });
    assert.deepEqual([own.code, own.reason], [4001, "bye ✓"]);
    assert.deepEqual([own.seen.err, own.seen.reason], [null, "normal"]);
    const plain = await close("plain", "close_plainly");
    assert.deepEqual([plain.code, plain.reason], [1000, ""]);
    const kicked = await close("kicked", "kick");
    assert.deepEqual([kicked.code, kicked.reason], [1000, "kicked"]);
    assert.deepEqual([kicked.seen.err, kicked.seen.reason], [null, "kick"]);
  },
);

withEcho(
  "a handler that raises ends its connection and no other",
  {},
  async (server) => {
    const witness = await witnessOf(server);
    const peer = await server.connect({ id: "unlucky" });
    const other = await server.connect({ id: "other" });
    peer.send({ event: "raise" });
    await peer.end();
    const end = await endOf(witness, "unlucky");
    assert.equal(end.code, "PANIC");
    assert.match(
      end.err,
      /^wspulse: onMessage panic: .*frames\.lua:\d+: raised on purpose/,
    );
    await server.logged(/frames\.lua:\d+/);
    assert.equal((await other.ask("still", "here")).payload, "here");
  },
);

withEcho("a dropped TCP connection carries its error", {}, async (server) => {
  const witness = await witnessOf(server);
  const wire = await openWire(server, "?id=dropped");
  wire.destroy();
  const end = await endOf(witness, "dropped");
  assert.notEqual(end.err, null);
  assert.equal(end.reason, "normal");
});

// What a peer that breaks the protocol is told.
async function assertFails(server, bytes, code, what) {
  const wire = await openWire(server);
  wire.write(bytes);
  const answer = await wire.frame();
  assert.deepEqual([answer.opcode, answer.code], [CLOSE, code], what);
  await wire.end();
  wire.destroy();
}

withEcho("hostile 24, 28: too big is 1009, whole or in fragments", {}, async (server) => {
  const json = (length) => JSON.stringify({ event: "x".repeat(length - 12) });
  const peer = await server.connect();
  peer.send(json(512));
  assert.equal((await peer.message()).data.length, 512);
  await assertFails(server, frame(TEXT, json(513)), 1009, "limit + 1");
  const whole = Buffer.from(json(513));
  await assertFails(
    server,
    Buffer.concat([
      frame(TEXT, whole.subarray(0, 500), { fin: false }),
      frame(CONTINUATION, whole.subarray(500)),
    ]),
    1009,
    "fragments",
  );
  // Announced, never sent: the head alone is enough.
  const huge = Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4]);
  await assertFails(server, huge, 1009, "4 GiB");
  await server.logged(/max_message_size/);
});

withEcho("hostile 29, 30: text that is not UTF-8 is 1007", RAW, async (server) => {
  const bad = {
    "a lone continuation": [0x61, 0x80],
    overlong: [0xc0, 0xaf],
    surrogate: [0xed, 0xa0, 0x80],
    "over U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
    truncated: [0x61, 0xe2, 0x82],
    "0xff": [0xff],
  };
  for (const [what, bytes] of Object.entries(bad)) {
    await assertFails(server, frame(TEXT, Buffer.from(bytes)), 1007, what);
  }
  const split = Buffer.concat([
    frame(TEXT, Buffer.from([0xe2, 0x82]), { fin: false }),
    frame(CONTINUATION, Buffer.from([0x41])),
  ]);
  await assertFails(server, split, 1007, "split");
  await assertFails(
    server,
    frame(CLOSE, Buffer.from([3, 232, 0xff])),
    1007,
    "a close reason",
  );
});

withEcho("hostile 19, 20, 21, 22, 23, 25, 31: what breaks the protocol is 1002", {}, async (server) => {
  const broken = {
    unmasked: frame(TEXT, "{}", { mask: false }),
    "reserved bit 1": frame(TEXT, "{}", { rsv: 4 }),
    "reserved bit 2": frame(TEXT, "{}", { rsv: 2 }),
    "reserved bit 3": frame(TEXT, "{}", { rsv: 1 }),
    "opcode 3": frame(3, "{}"),
    "opcode 11": frame(11, ""),
    "a ping of 126 bytes": frame(PING, "x".repeat(126)),
    "a fragmented ping": frame(PING, "x", { fin: false }),
    "a continuation of nothing": frame(CONTINUATION, "{}"),
    "a text inside a text": Buffer.concat([
      frame(TEXT, "{", { fin: false }),
      frame(TEXT, "}"),
    ]),
    "a length not minimal": Buffer.from([
      0x81, 0xfe, 0, 2, 0, 0, 0, 0, 0x7b, 0x7d,
    ]),
    "a close of one byte": frame(CLOSE, "x"),
  };
  for (const [what, bytes] of Object.entries(broken)) {
    await assertFails(server, bytes, 1002, what);
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
    await assertFails(
      server,
      frame(CLOSE, closeBody(code)),
      1002,
      `close ${code}`,
    );
  }
});

withEcho("hostile 32: what comes after a close frame is ignored", {}, async (server) => {
  const wire = await openWire(server);
  wire.write(
    Buffer.concat([
      frame(TEXT, '{"event":"before"}'),
      frame(CLOSE, closeBody(1000)),
      frame(TEXT, '{"event":"after"}'),
      frame(CLOSE, closeBody(1001)),
    ]),
  );
  assert.equal(JSON.parse((await wire.frame()).payload).event, "before");
  assert.equal((await wire.frame()).code, 1000);
  assert.equal((await wire.end()).length, 0);
});
