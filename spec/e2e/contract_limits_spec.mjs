// SPDX-License-Identifier: MIT
// What bounds a session over TCP: heartbeat, write deadline, message size,
// queues, and how many may be suspended.

import assert from "node:assert/strict";

import { contract, events, LOST, numbers } from "./support/contract.mjs";
import { until } from "./support/deadline.mjs";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  frame,
  PING,
  TEXT,
} from "./support/wire.mjs";

const KIB = 1024;
const WINDOW = { resume_window: 30 };
const SHORT_HEARTBEAT = { heartbeat: { ping: 0.05, pong: 0.1 } };
const LARGE = { send_buffer_bytes: 64 * KIB * KIB };
const FRAME_BYTES = 64 * KIB; // of a flood: the kernel takes some hundred
const FLOOD = 4000; // frames at most

// Sends to a connection that is not read until the server refuses.
async function fill(world, id) {
  const call = { call: "flood", id, bytes: FRAME_BYTES, count: FLOOD };
  const [result] = await world.do(call);
  assert.equal(result.ok, false, "the queue has an end");
  return result;
}

// The frames of a bare connection up to its close frame, then nothing.
async function readToClose(wire) {
  const seen = [];
  for (;;) {
    const one = await wire.frame();
    if (one.opcode === CLOSE) return { seen, end: one };
    if (one.opcode === TEXT) seen.push(JSON.parse(one.payload).event);
  }
}

// ---- heartbeat

contract(
  "S20 M6 a peer that never pongs is closed within the wait",
  SHORT_HEARTBEAT,
  async (world) => {
    const ann = await world.connect({ id: "ann" }, { autoPong: false });
    assert.deepEqual(await ann.end(), { code: 1000, reason: "" });
    const [, gone] = await world.saw("ann", [
      "connect",
      "disconnect:normal:PONG_TIMEOUT",
      "done:normal:PONG_TIMEOUT",
    ]);
    assert.equal(gone.err.text, "wspulse: pong timeout");
    assert.equal(await world.counted("pong_timeouts_total"), 1);
  },
);

contract(
  "A14 messages and pings of a peer are no pongs",
  { heartbeat: { ping: 0.1, pong: 0.3 } },
  async (world) => {
    const ann = await world.connect({ id: "ann" }, { autoPong: false });
    const end = ann.end();
    let isOver = false;
    end.then(() => (isOver = true));
    while (!isOver) {
      if (ann.isOpen) ann.send({ event: "alive" });
      await new Promise((resume) => setTimeout(resume, 20));
    }
    assert.deepEqual(await end, { code: 1000, reason: "" });
    assert.ok((await world.words("ann")).includes("message:alive"));
  },
);

contract(
  "S20 L20 with a window a silent peer is suspended, without a close frame",
  { ...WINDOW, ...SHORT_HEARTBEAT },
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    const bytes = await wire.end();
    // Nothing but pings without a body.
    assert.ok(bytes.length > 0);
    assert.deepEqual(
      bytes,
      Buffer.concat(Array(bytes.length / 2).fill(Buffer.from([0x89, 0]))),
    );
    await world.saw("ann", ["connect", "drop:PONG_TIMEOUT"]);
  },
);

contract(
  "S67 a peer that pongs stays, long past the wait",
  { heartbeat: { ping: 0.1, pong: 1 } },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const wire = await world.wire({ id: "bob" });
    for (let pings = 0; pings < 15; pings++) {
      const { opcode, payload } = await wire.frame();
      assert.equal(opcode, PING);
      wire.write(frame(10, payload));
    }
    await world.send("ann", "still there");
    assert.deepEqual(await events(ann, 1), ["still there"]);
    await world.saw("ann", ["connect"]);
    await world.saw("bob", ["connect"]);
  },
);

// ---- write deadline

for (const window of [0, 30]) {
  contract(
    `write deadline: a peer that stops reading is cut, window ${window}`,
    { ...LARGE, write_wait: 0.2, send_buffer_size: 4, resume_window: window },
    async (world) => {
      const ann = await world.connect({ id: "ann" });
      const bob = await world.connect({ id: "bob" });
      ann.pause();
      await fill(world, "ann");
      await world.send("bob", "meanwhile");
      assert.deepEqual(await events(bob, 1), ["meanwhile"]);
      const end = window
        ? ["drop:WRITE_TIMEOUT"]
        : ["disconnect:normal:WRITE_TIMEOUT", "done:normal:WRITE_TIMEOUT"];
      const entries = await world.saw("ann", ["connect", ...end]);
      assert.equal(entries[1].err.text, "wspulse: write timeout");
      ann.destroy();
    },
  );
}

contract(
  "S73 L26 shutdown while a write is blocked: one close frame, behind it",
  { ...LARGE, send_buffer_size: 4 },
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    wire.pause();
    const { accepted } = await fill(world, "ann");
    await world.must("stop");
    wire.resume();
    const { seen, end } = await readToClose(wire);
    assert.deepEqual([end.code, end.reason], [1001, "server shutting down"]);
    // Whole frames in order; what was still queued is discarded.
    assert.deepEqual(seen, numbers(1, seen.length));
    assert.equal(seen.length, accepted - 4);
    wire.write(frame(CLOSE, end.payload));
    assert.equal((await wire.end()).length, 0);
  },
);

// ---- message size

for (const window of [0, 30]) {
  contract(
    `S70 max_message_size is inclusive, also over fragments, window ${window}`,
    { max_message_size: 100, resume_window: window },
    async (world) => {
      const sized = (bytes) => {
        const text = '{"event":"sized","payload":""}';
        return text.replace(/""/, `"${"x".repeat(bytes - text.length)}"`);
      };
      const attempts = [
        [frame(TEXT, sized(100)), frame(TEXT, sized(101))],
        [
          Buffer.concat([
            frame(TEXT, sized(100).slice(0, 60), { fin: false }),
            frame(CONTINUATION, sized(100).slice(60)),
          ]),
          Buffer.concat([
            frame(TEXT, sized(101).slice(0, 60), { fin: false }),
            // The head alone is enough to tell.
            frame(CONTINUATION, sized(101).slice(60)).subarray(0, 6),
          ]),
        ],
      ];
      for (const [index, [good, bad]] of attempts.entries()) {
        const id = `peer ${index}`;
        const wire = await world.wire({ id });
        wire.write(good);
        wire.write(bad);
        const end = await wire.frame();
        assert.deepEqual([end.opcode, end.code, end.reason], [CLOSE, 1009, ""]);
        const names = window ? ["drop"] : ["disconnect:normal", "done:normal"];
        const words = names.map((word) => `${word}:MESSAGE_TOO_BIG`);
        await world.saw(id, ["connect", "message:sized", ...words]);
      }
    },
  );
}

contract(
  "S71 the opcode of a message does not matter to the codec json",
  {},
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    wire.write(frame(BINARY, '{"event":"echo"}'));
    const answer = await wire.frame();
    assert.equal(answer.opcode, TEXT);
    assert.equal(answer.payload.toString(), '{"event":"echo"}');
    await world.saw("ann", ["connect", "message:echo"]);
  },
);

contract(
  "S71 the codec msgpack reads either opcode and sends opcode 2",
  { codec: "msgpack", validate_utf8: false },
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    // { event = "echo" }
    const message = Buffer.from("\x81\xa5event\xa4echo", "latin1");
    for (const opcode of [BINARY, TEXT]) {
      wire.write(frame(opcode, message));
      const answer = await wire.frame();
      assert.equal(answer.opcode, BINARY);
      assert.deepEqual(answer.payload, message);
    }
  },
);

contract(
  "S71 the codec raw sends opcode 2 when it is told to",
  { codec: "raw" },
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    const payload = "bytes";
    for (const binary of [true, false]) {
      await world.must("send", { id: "ann", frame: { payload, binary } });
      const { opcode } = await wire.frame();
      assert.equal(opcode, binary ? BINARY : TEXT);
    }
  },
);

// ---- queues

contract(
  "S18 a send to a full queue is refused; on_drain tells when to go on",
  { ...LARGE, send_buffer_size: 4 },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    ann.pause();
    const { accepted, err } = await fill(world, "ann");
    assert.equal(err.code, "SEND_BUFFER_FULL");
    assert.equal(err.text, "wspulse: send buffer full, frame dropped");
    assert.ok(err.constant);
    await world.saw("ann", ["connect"]);
    ann.resume();
    // What was accepted arrives, what was refused does not.
    assert.deepEqual(await events(ann, accepted), numbers(1, accepted));
    await world.saw("ann", ["connect", "drain"]);
    await world.send("ann", "next");
    assert.deepEqual(await events(ann, 1), ["next"]);
    await world.saw("ann", ["connect", "drain"]);
  },
);

contract(
  "S18 a queue is bounded in bytes as well",
  { send_buffer_bytes: 4 * FRAME_BYTES, send_buffer_size: 4096 },
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    wire.pause();
    const { accepted, err } = await fill(world, "ann");
    assert.equal(err.code, "SEND_BUFFER_FULL");
    // A small one still fits, and is the last one that arrives.
    await world.send("ann", "small");
    wire.resume();
    const seen = [];
    while (seen.at(-1) !== "small") {
      seen.push(JSON.parse((await wire.frame()).payload).event);
    }
    assert.deepEqual(seen, [...numbers(1, accepted), "small"]);
    await world.saw("ann", ["connect", "drain"]);
  },
);

contract(
  "S19 L23 a broadcast to a slow member costs its oldest frames, nobody else's",
  { ...LARGE, send_buffer_size: 4 },
  async (world) => {
    const slow = await world.connect({ id: "slow" });
    const fast = await world.connect({ id: "fast" });
    slow.pause();
    await fill(world, "slow");
    const frame = (number) => ({ event: `news ${number}` });
    for (const number of numbers(1, 200)) {
      const call = { room: "lobby", frame: frame(number) };
      await world.must("broadcast", call);
      assert.deepEqual(await events(fast, 1), [`news ${number}`]);
    }
    slow.resume();
    const seen = [];
    while (seen.at(-1) !== "news 200") seen.push(...(await events(slow, 1)));
    // Whole frames that were on their way, then the newest four.
    const before = seen.slice(0, -4);
    assert.deepEqual(before, numbers(1, before.length));
    assert.deepEqual(
      seen.slice(-4),
      numbers(197, 200).map((number) => `news ${number}`),
    );
    // L23: one eviction for each broadcast that found no room, and the one
    // send that was refused.
    const dropped = await world.counted("frames_dropped_total");
    assert.equal(dropped, 201);
  },
);

contract(
  "S75 leftovers and frames of the suspension: the newest are kept, in order",
  { ...WINDOW, ...LARGE, send_buffer_size: 4 },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    before.pause();
    const { accepted } = await fill(world, "ann");
    await world.drop("ann", before);
    for (const event of ["a", "b", "c"]) await world.send("ann", event);
    const after = await world.connect({ id: "ann" });
    const kept = [String(accepted), "a", "b", "c"];
    assert.deepEqual(await events(after, 4), kept);
    await world.saw("ann", ["connect", LOST, "restore:4:3", "drain"]);
    await world.send("ann", "later");
    assert.deepEqual(await events(after, 1), ["later"]);
    // Refused once, evicted three times.
    assert.equal(await world.counted("frames_dropped_total"), 4);
  },
);

// ---- how many may be suspended

contract(
  "max_suspended: one more is closed instead, as a normal end",
  { ...WINDOW, max_suspended: 2 },
  async (world) => {
    for (const id of ["ann", "bob"]) {
      await world.drop(id, await world.connect({ id }));
      await world.saw(id, ["connect", LOST]);
    }
    await world.drop("cid", await world.connect({ id: "cid" }));
    await world.saw("cid", [
      "connect",
      /^disconnect:normal:(EOF|IO)$/,
      /^done:normal:(EOF|IO)$/,
    ]);
    assert.equal(await world.counted("suspensions_refused_total"), 1);
    // A place that is free again is given again.
    await world.connect({ id: "ann" });
    await world.drop("dan", await world.connect({ id: "dan" }));
    await world.saw("dan", ["connect", LOST]);
  },
);

contract(
  "max_suspended_bytes: what is over it costs the oldest frames, and is told",
  { ...WINDOW, max_suspended_bytes: 10_000 },
  async (world) => {
    await world.drop("ann", await world.connect({ id: "ann" }));
    const call = { id: "ann", bytes: 1_000, count: 30 };
    assert.equal((await world.must("flood", call)).accepted, 30);
    const after = await world.connect({ id: "ann" });
    const isRestored = async () =>
      (await world.words("ann")).find((word) => word.startsWith("restore"));
    const word = await until(isRestored, "the restore");
    const [, replayed, lost] = word.split(":").map(Number);
    assert.equal(replayed + lost, 30);
    assert.ok(replayed >= 5 && replayed <= 9, word);
    assert.deepEqual(
      await events(after, replayed),
      numbers(31 - replayed, 30),
    );
  },
);

contract(
  "max_suspended_bytes: a session that holds more than there is room is closed",
  {
    ...WINDOW,
    ...LARGE,
    send_buffer_size: 4,
    max_suspended_bytes: FRAME_BYTES,
  },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    ann.pause();
    await fill(world, "ann");
    await world.drop("ann", ann);
    await world.saw("ann", [
      "connect",
      /^disconnect:normal:(EOF|IO)$/,
      /^done:normal:(EOF|IO)$/,
    ]);
  },
);
