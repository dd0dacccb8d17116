// SPDX-License-Identifier: MIT
// JSON that means harm: in what a peer sends, and in what a handler wants to
// send. Whatever it is, the connection and the server go on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { within } from "./support/deadline.mjs";
import { serve } from "./support/server.mjs";

const MIB = 1024 * 1024;

const withServer = (name, use) =>
  test(name, () =>
    serve("json.lua", {}, async (server) => use(server, await server.connect())),
  );

const envelope = (event, payload) =>
  `{"event":${JSON.stringify(event)},"payload":${payload}}`;

// Sends an envelope whose payload is JSON text as it is; gives the next frame.
async function ask(peer, event, payload) {
  peer.send(envelope(event, payload));
  return peer.frame();
}

async function decode(peer, payload) {
  const answer = await ask(peer, "decode", payload);
  assert.equal(answer.event, "decoded", JSON.stringify(answer));
  return answer.payload;
}

// Sends what must be skipped, then something whose answer is the first.
async function assertSkipped(peer, texts) {
  for (const text of texts) peer.send(text);
  assert.equal((await decode(peer, "true")).type, "boolean");
}

async function assertForwarded(peer, payload) {
  const text = envelope("forward", payload);
  peer.send(text);
  const { data } = await peer.message();
  assert.ok(data.toString() === text, `not the same: ${payload.slice(0, 60)}`);
}

// ---- rows 42 and 43: what arrives ----

const nested = (depth, open = "[", close = "]") =>
  open.repeat(depth) + "1" + close.repeat(depth);

withServer("hostile 42: deep nesting is skipped from 513 on", async (_, peer) => {
  await assertForwarded(peer, nested(511));
  assert.equal((await decode(peer, nested(511))).type, "table");
  await assertSkipped(peer, [
    envelope("decode", nested(512)),
    envelope("decode", nested(10_000)),
    envelope("decode", nested(1_000_000)),
    envelope("decode", nested(10_000, '{"a":', "}")),
    "[".repeat(MIB),
    '{"a":'.repeat(MIB),
  ]);
});

withServer("hostile 42: a million keys are a large table", async (_, peer) => {
  const keys = Array.from({ length: MIB }, (_, i) => `"k${i}":${i}`);
  const { type, count } = await decode(peer, `{${keys.join()}}`);
  assert.deepEqual({ type, count }, { type: "table", count: MIB });
});

// LuaJIT hashes four places of a long string at first: these keys are equal
// there and differ between.
withServer("hostile 42: keys that collide take linear time", async (_, peer) => {
  const filling = (i) => i.toString(36).padStart(8, "0");
  const keys = Array.from(
    { length: 60_000 },
    (_, i) => `"aaaaaaaaaaaa${filling(i)}${"a".repeat(108)}":1`,
  );
  const { count } = await decode(peer, `{${keys.join()}}`);
  assert.equal(count, keys.length);
});

withServer("hostile 42: a number of a megabyte", async (_, peer) => {
  const number = `1${"0".repeat(MIB)}`;
  await assertForwarded(peer, number);
  assert.deepEqual(await decode(peer, number), {
    type: "number",
    count: 0,
    text: "inf",
    len: 0,
  });
  const small = `0.${"0".repeat(MIB)}1`;
  await assertForwarded(peer, small);
  assert.equal((await decode(peer, small)).text, "0");
});

withServer("hostile 42: a megabyte of \\u0000", async (_, peer) => {
  const text = `"${"\\u0000".repeat(MIB / 6)}"`;
  await assertForwarded(peer, text);
  const { type, len } = await decode(peer, text);
  assert.deepEqual({ type, len }, { type: "string", len: Math.floor(MIB / 6) });
});

withServer("hostile 43: what is nearly JSON is skipped", async (server, peer) => {
  const values = [
    "NaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "0x10",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "'a'",
    "undefined",
    "True",
    "[1,]",
    '{"a":1,}',
    "[1 2]",
    '{"a" 1}',
    "{a:1}",
    '"\n"',
    '"\\x41"',
    '"\\u12"',
    "/* a */ 1",
    "1 // a",
    "",
  ];
  await assertSkipped(
    peer,
    values.map((value) => envelope("decode", value)),
  );
  await assertSkipped(peer, [
    `\ufeff${envelope("decode", "1")}`,
    `${envelope("decode", "1")} x`,
    `${envelope("decode", "1")}\0`,
    `${envelope("decode", "1")},`,
  ]);
  await server.loggedTimes(/decode failed/, 1);
});

withServer("hostile 43: 1e400 is infinite when decoded", async (_, peer) => {
  await assertForwarded(peer, "1e400");
  assert.equal((await decode(peer, "1e400")).text, "inf");
  assert.equal((await decode(peer, "-1e400")).text, "-inf");
  // And then it cannot be written any more.
  const { event, payload } = await ask(peer, "again", "[1e400]");
  assert.equal(event, "failed");
  assert.match(payload, /encode failed: payload\[1\]/);
});

withServer("hostile 43: the last of two equal keys wins", async (_, peer) => {
  peer.send('{"event":"x","event":"last","payload":{"k":1,"k":2}}');
  assert.deepEqual((await peer.frame()).payload, { k: 2, event: "last" });
});

withServer("hostile 43: lone surrogates become U+FFFD", async (_, peer) => {
  for (const [sent, got] of [
    ["\\ud800", "\ufffd"],
    ["\\udc00x", "\ufffdx"],
    ["\\ud800\\ud800", "\ufffd\ufffd"],
    ["\\ud83d\\ude00", "\u{1f600}"],
    ["\\\\ud800", "\\ud800"],
  ]) {
    await assertForwarded(peer, `"${sent}"`);
    assert.equal((await ask(peer, "again", `["${sent}"]`)).payload[0], got);
  }
});

// ---- row 44: what goes on ----

withServer("hostile 44: forwarded payloads are byte-identical", async (_, peer) => {
  for (const payload of [
    "[]",
    "{}",
    "null",
    "9007199254740993",
    "12345678901234567",
    "1.0",
    "-0",
    "1E5",
    "0.1e-7",
    "123456789.123456789012345678901234567890",
    '[ 1 , { "a" : [ ] } ]',
    '"\\u00e9\\/\\b"',
    '{"a":1,"a":2}',
  ]) {
    await assertForwarded(peer, payload);
  }
});

withServer("hostile 44: integers up to 2^53 survive decoding", async (_, peer) => {
  for (const number of ["9007199254740991", "-9007199254740991", "0.1", "1e21"]) {
    const { payload } = await ask(peer, "again", `[${number}]`);
    assert.equal(payload[0], Number(number));
  }
});

// ---- row 45: events ----

withServer("hostile 45: strange events take the fallback", async (server, peer) => {
  for (const event of [
    "__index",
    "__newindex",
    "__gc",
    "__metatable",
    "n",
    "_routes",
    "../x",
    "\u001b[31m",
    "a\r\nb",
    "\u202e",
    "\0",
    "",
  ]) {
    const { event: got, payload } = await ask(peer, event, "1");
    assert.equal(got, "fallback", event);
    assert.equal(payload.event, event);
  }
  const long = await ask(peer, "x".repeat(MIB), "1");
  assert.equal(long.payload.len, MIB);
  peer.send("{}");
  assert.equal((await peer.frame()).payload.len, 0);
  await assertSkipped(peer, [
    '{"event":1}',
    '{"event":true}',
    '{"event":[]}',
    '{"event":{"a":1}}',
  ]);
  assert.ok(!server.stderr.includes("\u001b"));
});

// ---- row 46: no envelope ----

withServer("hostile 46: what is no envelope is skipped", async (_, peer) => {
  const texts = ["[]", "[{}]", "1", '"text"', "true", "{}{}", "{} {}", "", " "];
  await assertSkipped(peer, texts);
  for (const text of texts) peer.send(Buffer.from(text));
  // The kind of message makes no difference.
  peer.send(Buffer.from(envelope("decode", "[1]")));
  assert.equal((await peer.frame()).payload.type, "table");
});

// ---- row 47: what a handler wants to send ----

withServer("hostile 47: a value without JSON is an error", async (_, peer) => {
  const reasons = {
    cycle: "payload.again[1]: the table contains itself",
    function: "payload.items[3]: cannot encode a function",
    coroutine: "payload: cannot encode a thread",
    userdata: "payload: cannot encode a userdata",
    sparse: "payload: the array has holes",
    mixed: "payload: the keys are neither 1..n nor all strings",
    "boolean key": "payload: the keys are neither 1..n nor all strings",
    "number key": "payload: the keys are neither 1..n nor all strings",
    nan: "payload: cannot encode NaN or an infinity",
    infinity: "payload[1]: cannot encode NaN or an infinity",
    "bad UTF-8": "payload: the string is not valid UTF-8",
    "bad UTF-8 key": 'payload["?"]: the string is not valid UTF-8',
    deep: ": nested deeper than 512",
    "raw that is none":
      "payload: wspulse.raw was given text that is not valid JSON",
    "raw in a table":
      "payload[1]: wspulse.raw was given text that is not valid JSON",
    huge: ": the text exceeds 64 MiB",
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const { payload } = await ask(peer, "encode", JSON.stringify(name));
    assert.equal(payload.ok, false, name);
    assert.equal(payload.code, "ENCODE", name);
    assert.ok(payload.text.startsWith("wspulse: encode failed: payload"), name);
    assert.ok(payload.text.endsWith(reason), payload.text);
    assert.ok(payload.text.length < 400, name);
  }
  // Metamethods are not asked.
  peer.send(envelope("encode", '"metamethods"'));
  assert.deepEqual((await peer.frame()).payload, {});
  assert.equal((await peer.frame()).payload.ok, true);
  assert.equal((await decode(peer, "1")).type, "number");
});

// ---- all at once ----

withServer("hostile 42: others are served meanwhile", async (server, peer) => {
  const other = await server.connect();
  const keys = Array.from({ length: 200_000 }, (_, i) => `"k${i}":[${i}]`);
  for (let i = 0; i < 5; i++) peer.send(envelope("decode", `{${keys.join()}}`));
  const answer = within(decode(other, "1"), "the answer to somebody else");
  assert.equal((await answer).type, "number");
  for (let i = 0; i < 5; i++) {
    assert.equal((await peer.frame()).payload.count, keys.length);
  }
});
