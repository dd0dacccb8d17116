// SPDX-License-Identifier: MIT
// The codec msgpack on the wire, in bytes written by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { serve } from "./support/server.mjs";

const CONFIRM = { env: { FIXTURE_CONFIRM: "1" } };

const withServer = (name, options, use) =>
  test(name, () => serve("msgpack.lua", options, use));

const bytes = (hex) => Buffer.from(hex.replaceAll(" ", ""), "hex");

// A string of at most 255 bytes.
function str(text) {
  const { length } = Buffer.from(text);
  const head = length < 32 ? [0xa0 + length] : [0xd9, length];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

// A map of at most 15 pairs, the values encoded already.
function map(...pairs) {
  const parts = pairs.flatMap(([key, value]) => [str(key), value]);
  return Buffer.concat([Buffer.of(0x80 + pairs.length), ...parts]);
}

const event = (name, payload) =>
  payload === undefined
    ? map(["event", str(name)])
    : map(["event", str(name)], ["payload", bytes(payload)]);

// The next message, which must be binary.
async function next(peer) {
  const { data, isBinary } = await peer.message();
  assert.equal(isBinary, true);
  return data;
}

withServer("msgpack: a forwarded frame is byte-identical", {}, async (server) => {
  const peer = await server.connect();
  const messages = [
    bytes("80"),
    bytes("c0"),
    bytes("df00000000"),
    event("x", "d3 0000000000000001"),
    event("x", "93 c403ff00fe d4ff00 ca7fc00000"),
    map(["extra", bytes("91c0")], ["id", str("1")], ["event", str("y")]),
    event("large", `c6000f0000${"ff".repeat(0xf0000)}`),
  ];
  for (const message of messages) {
    peer.send(message);
    assert.deepEqual(await next(peer), message);
  }
});

withServer("msgpack: payloads are Lua values", {}, async (server) => {
  const peer = await server.connect();
  for (const value of ["c70105aa", "90", "80", "c0", "cb3fb999999999999a"]) {
    peer.send(event("values", value));
    assert.deepEqual(
      await next(peer),
      event("values", `93${value}d1ff7fc401ff`),
    );
  }
  peer.send(event("values", "df00000001 d90161 d30000000000000007"));
  assert.deepEqual(
    await next(peer),
    event("values", "93 81a16107 d1ff7f c401ff"),
  );
});

withServer("msgpack: what cannot be encoded", {}, async (server) => {
  const peer = await server.connect();
  peer.send(event("function"));
  const text =
    "wspulse: encode failed: payload.items[1]: cannot encode a function";
  assert.deepEqual(await next(peer), event(text));
  peer.send(event("json"));
  assert.deepEqual(await next(peer), event("sent"));
});

withServer("hostile 48: bad msgpack is skipped", {}, async (server) => {
  const peer = await server.connect();
  const hostile = [
    "c1",
    "01",
    "90",
    "ddffffffff",
    "dfffffffff",
    "df80000000",
    "8080",
    "81a2696401",
    `81a77061796c6f6164${"91".repeat(600)}01`,
    "81a77061796c6f6164ddffffffff",
    "81a77061796c6f6164c6ffffffff",
  ];
  for (const hex of hostile) peer.send(bytes(hex));
  peer.send(event("after"));
  assert.deepEqual(await next(peer), event("after"));
  await server.logged(/decode failed/);
});

withServer("msgpack: ids for resume_confirm", CONFIRM, async (server) => {
  const peer = await server.connect();
  const ids = new Set();
  for (let i = 0; i < 3; i++) {
    peer.send(i === 2 ? event("forward", "07") : event("plain"));
    const message = await next(peer);
    const [, id] = /^.\xa2id.([0-9a-zA-Z]+-\d+)\xa5event/s.exec(
      message.toString("latin1"),
    );
    ids.add(id);
  }
  assert.equal(ids.size, 3);
  const own = map(["id", str("mine")], ["event", str("forward")]);
  peer.send(own);
  assert.deepEqual(await next(peer), own);
});
