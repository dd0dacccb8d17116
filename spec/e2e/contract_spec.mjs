// SPDX-License-Identifier: MIT
// The life of sessions over TCP, row by row: what is called, in which order,
// with which error, and what the peer sees.

import assert from "node:assert/strict";

import { contract, events, LOST, numbers } from "./support/contract.mjs";
import { until } from "./support/deadline.mjs";
import { Refused } from "./support/peer.mjs";
import { CLOSE, frame, TEXT, upgradeHead } from "./support/wire.mjs";

const GONE = /^disconnect:normal:(EOF|IO)$/;
const DONE = /^done:normal:(EOF|IO)$/;
const WINDOW = { resume_window: 30 };

const said = (event) => frame(TEXT, JSON.stringify({ event }));

// ---- connecting and leaving

contract(
  "S5 an abrupt loss without a window ends with its error",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    ann.destroy();
    const [, gone] = await world.saw("ann", ["connect", GONE, DONE]);
    assert.match(gone.err.text, /unexpected EOF|transport failed/);
    assert.deepEqual((await world.must("members", { room: "lobby" })).ids, []);
  },
);

contract(
  "S13 without a window no transport callback fires",
  {},
  async (world) => {
    for (const id of ["ann", "bob"]) {
      (await world.connect({ id })).destroy();
      await world.saw(id, ["connect", GONE, DONE]);
    }
    // Back under the same id: another session.
    await world.connect({ id: "ann" });
    await world.saw("ann", ["connect", GONE, DONE, "connect"]);
  },
);

contract(
  "S30 a refused origin has no session, also with a window",
  { ...WINDOW, check_origin: "same" },
  async (world) => {
    const attempt = world.connect({ id: "ann" }, { origin: "http://evil" });
    await assert.rejects(attempt, Refused);
    assert.deepEqual(await world.entries(), []);
  },
);

contract("S36 a send from on_connect arrives first", {
  does: { on_connect: "send" },
}, async (world) => {
  const ann = await world.connect({ id: "ann" });
  await world.send("ann", "next");
  assert.deepEqual(await events(ann, 2), ["from on_connect", "next"]);
});

contract(
  "S21 messages are handled in the order of sending",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    for (const event of numbers(1, 500)) ann.send({ event });
    const wanted = numbers(1, 500).map((number) => `message:${number}`);
    await world.saw("ann", ["connect", ...wanted]);
  },
);

contract(
  "S26 callbacks that block delay, and neither lose nor reorder",
  { does: { on_connect: "block", on_disconnect: "block" } },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    for (const event of numbers(1, 50)) ann.send({ event });
    const others = await Promise.all(
      numbers(1, 8).map((number) => world.connect({ id: `guest ${number}` })),
    );
    for (const event of numbers(51, 100)) ann.send({ event });
    for (const peer of others) peer.destroy();
    for (const event of numbers(101, 150)) ann.send({ event });
    const wanted = numbers(1, 150).map((number) => `message:${number}`);
    await world.saw("ann", ["connect", ...wanted]);
    for (const number of numbers(1, 8)) {
      await world.saw(`guest ${number}`, ["connect", GONE, DONE]);
    }
  },
);

contract(
  "S38 without on_message what a peer sends is harmless",
  { without: ["on_message"] },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    for (const text of ["{}", "{", '{"event":"x"}', ""]) ann.send(text);
    await ann.ping("still there");
    await world.send("ann", "yes");
    assert.deepEqual(await events(ann, 1), ["yes"]);
    await world.saw("ann", ["connect"]);
    assert.equal(await world.counted("messages_received_total"), 4);
    assert.equal(await world.counted("decode_failures_total"), 0);
  },
);

contract(
  "S39 a frame that cannot be encoded is refused, the session lives",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const results = await world.do(
      { call: "send_function", id: "ann" },
      { call: "broadcast_function", room: "lobby" },
    );
    for (const { ok, err } of results) {
      assert.equal(ok, false);
      assert.equal(err.code, "ENCODE");
      assert.match(err.text, /^wspulse: encode failed: /);
    }
    await world.send("ann", "next");
    assert.deepEqual(await events(ann, 1), ["next"]);
  },
);

contract(
  "S39 an error of one's own codec reaches the caller, the session lives",
  { codec: "own" },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const frame = { event: "unspeakable" };
    const results = await world.do(
      { call: "send", id: "ann", frame },
      { call: "broadcast", room: "lobby", frame },
    );
    for (const { ok, err } of results) {
      assert.equal(ok, false);
      assert.equal(err.code, "ENCODE");
      assert.match(err.text, /it must not be said/);
    }
    assert.deepEqual(await ann.ask("echo"), { event: "echo" });
    await world.saw("ann", ["connect", "message:echo"]);
  },
);

// ---- the window

contract(
  "S6 S11 S12 S48 M3 a resume inside the window replays what was sent",
  WINDOW,
  async (world) => {
    const before = await world.connect({ id: "ann", room: "attic" });
    await world.drop("ann", before);
    for (const event of ["1", "2", "3"]) await world.send("ann", event);
    const after = await world.connect({ id: "ann", room: "cellar" });
    await world.send("ann", "later");
    assert.deepEqual(await events(after, 4), ["1", "2", "3", "later"]);
    const entries = await world.saw("ann", ["connect", LOST, "restore:3:0"]);
    assert.match(entries[1].err.text, /unexpected EOF|transport failed/);
    // S12, S68: the same connection, in the room it has always been in.
    const state = await world.must("state", { id: "ann" });
    assert.deepEqual([state.is_same, state.room], [true, "attic"]);
    assert.match(state.last_error, /EOF|IO/);
    assert.equal(await world.counted("resume_attempts_total"), 1);
    assert.equal(await world.counted("connections_opened_total"), 1);
    assert.deepEqual((await world.must("members", { room: "cellar" })).ids, []);
  },
);

contract(
  "S7 S27 S56 the window runs out: drop, then disconnect",
  { resume_window: 0.2 },
  async (world) => {
    const first = await world.connect({ id: "ann" });
    await world.drop("ann", first);
    const ended = [
      "connect",
      LOST,
      "disconnect:grace_expired:nil",
      "done:grace_expired:nil",
    ];
    await world.saw("ann", ended);
    const [late] = await world.do({
      call: "send",
      id: "ann",
      frame: { event: "late" },
    });
    assert.equal(late.err.code, "CONNECTION_NOT_FOUND");
    const second = await world.connect({ id: "ann" });
    await world.send("ann", "fresh");
    assert.deepEqual(await events(second, 1), ["fresh"]);
    await world.saw("ann", [...ended, "connect"]);
  },
);

contract(
  "S22 S49 sends and broadcasts are replayed in the order of the calls",
  WINDOW,
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    for (const number of numbers(1, 20)) {
      const frame = { event: number };
      const call = number % 2 ? "send" : "broadcast";
      await world.must(call, { id: "ann", room: "lobby", frame });
    }
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await events(after, 20), numbers(1, 20));
    await world.saw("ann", ["connect", LOST, "restore:20:0"]);
  },
);

contract(
  "S23 connections has suspended ones; S43 and none that are gone",
  WINDOW,
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    await world.connect({ id: "bob" });
    await world.drop("ann", ann);
    const members = async () =>
      (await world.must("members", { room: "lobby" })).ids.sort();
    assert.deepEqual(await members(), ["ann", "bob"]);
    await world.must("kick", { id: "ann" });
    await world.must("kick", { id: "bob" });
    assert.deepEqual(await members(), []);
  },
);

contract(
  "S28 S61 restore comes before the messages of the new transport",
  { ...WINDOW, does: { on_transport_restore: "send" } },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    await world.send("ann", "missed");
    // The upgrade and two messages in one packet.
    const wire = await world.server.wire();
    wire.write(
      Buffer.concat([
        Buffer.from(upgradeHead("/ws?id=ann")),
        said("echo"),
        said("2"),
      ]),
    );
    assert.equal((await wire.response()).status, 101);
    const seen = [];
    while (seen.length < 3) {
      seen.push(JSON.parse((await wire.frame()).payload).event);
    }
    // Replay, then what on_transport_restore sent, then the answer.
    assert.deepEqual(seen, ["missed", "from on_transport_restore", "echo"]);
    await world.saw("ann", [
      "connect",
      LOST,
      "restore:1:0",
      "message:echo",
      "message:2",
    ]);
  },
);

contract(
  "S50 M5 a queue of one keeps the last frame of a suspension",
  { ...WINDOW, send_buffer_size: 1 },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    for (const event of ["1", "2", "3"]) await world.send("ann", event);
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await events(after, 1), ["3"]);
    await world.saw("ann", ["connect", LOST, "restore:1:2", "drain"]);
    assert.equal(after.unread, 0);
    assert.equal(await world.counted("frames_dropped_total"), 2);
    assert.equal(await world.counted("frames_lost_total"), 2);
  },
);

contract(
  "S57 S58 timers of an earlier suspension are ignored",
  { resume_window: 1 },
  async (world) => {
    let ann = await world.connect({ id: "ann" });
    for (let i = 0; i < 3; i++) {
      await world.drop("ann", ann);
      ann = await world.connect({ id: "ann" });
    }
    // Bob was suspended later: when he is gone, Ann's timers are long past.
    const bob = await world.connect({ id: "bob" });
    await world.drop("bob", bob);
    await world.saw("bob", [
      "connect",
      LOST,
      "disconnect:grace_expired:nil",
      "done:grace_expired:nil",
    ]);
    await world.send("ann", "alive");
    assert.deepEqual(await events(ann, 1), ["alive"]);
    const cycle = [LOST, "restore:0:0"];
    await world.saw("ann", ["connect", ...cycle, ...cycle, ...cycle]);
  },
);

contract("S59 ten drops in a row are survived", WINDOW, async (world) => {
  let ann = await world.connect({ id: "ann" });
  const wanted = ["connect"];
  for (let i = 0; i < 10; i++) {
    await world.drop("ann", ann);
    ann = await world.connect({ id: "ann" });
    wanted.push(LOST, "restore:0:0");
  }
  await world.send("ann", "alive");
  assert.deepEqual(await events(ann, 1), ["alive"]);
  await world.saw("ann", wanted);
});

contract(
  "S60 broadcasts during drops and resumes keep each sender's order",
  WINDOW,
  async (world) => {
    const seen = [];
    let ann = await world.connect({ id: "ann" });
    const listen = async (peer) => {
      for (;;) seen.push((await peer.frame()).event);
    };
    let listening = listen(ann).catch(() => {});
    const sender = async (name) => {
      for (const number of numbers(1, 50)) {
        const frame = { event: `${name} ${number}` };
        await world.must("broadcast", { room: "lobby", frame });
      }
    };
    const senders = ["a", "b", "c", "d"].map(sender);
    for (let i = 0; i < 5; i++) {
      await world.drop("ann", ann);
      await listening;
      ann = await world.connect({ id: "ann" });
      listening = listen(ann).catch(() => {});
    }
    await Promise.all(senders);
    await world.send("ann", "end");
    await until(() => seen.includes("end"), "the last frame");
    for (const name of ["a", "b", "c", "d"]) {
      const mine = seen.filter((event) => event.startsWith(`${name} `));
      const order = mine.map((event) => Number(event.slice(2)));
      assert.deepEqual(order, [...new Set(order)].sort((x, y) => x - y), name);
      assert.ok(order.length > 0, name);
    }
    ann.destroy();
  },
);

contract(
  "S74 nothing of a peer is handled once its close was begun",
  WINDOW,
  async (world) => {
    for (const last of ["close", "kick"]) {
      const wire = await world.wire({ id: last });
      wire.write(Buffer.concat([said("1"), said(last), said("2"), said("3")]));
      const end = await wire.frame();
      assert.deepEqual([end.opcode, end.code], [CLOSE, 1000]);
      wire.write(said("4"));
      const reason = last === "kick" ? "kick" : "normal";
      await world.saw(last, [
        "connect",
        "message:1",
        `message:${last}`,
        `disconnect:${reason}:nil`,
        `done:${reason}:nil`,
      ]);
    }
  },
);

contract(
  "a drop is told before the next event is handled",
  { ...WINDOW, send_buffer_size: 1 },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const bob = await world.connect({ id: "bob" });
    const cid = await world.connect({ id: "cid" });
    // While Bob's handler blocks, both things happen in this order.
    bob.send({ event: "block" });
    await world.server.logged(/blocking/);
    ann.destroy();
    await ann.end();
    cid.send({ event: "after" });
    await world.saw("cid", ["connect", "message:after"]);
    const entries = await world.entries();
    const story = entries.map(({ id, word }) => `${id} ${word}`);
    assert.match(story.at(-2), /^ann drop:(EOF|IO)$/);
    assert.equal(story.at(-1), "cid message:after");
  },
);

// ---- handlers that fail

contract(
  "S40 a raising on_message ends a connection without a window",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    ann.send({ event: "raise_string" });
    assert.deepEqual(await ann.end(), { code: 1000, reason: "" });
    const entries = await world.saw("ann", [
      "connect",
      "message:raise_string",
      "disconnect:normal:PANIC",
      "done:normal:PANIC",
    ]);
    const { err } = entries[2];
    assert.equal(err.text, "wspulse: onMessage panic: typed-boom");
    assert.equal(err.value, "typed-boom");
    assert.match(err.stack, /contract\.lua:\d+/);
    assert.deepEqual(entries[3].err, err);
  },
);

contract(
  "S41 a raising on_message suspends a connection with a window",
  WINDOW,
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    // The message behind it is not handled.
    wire.write(Buffer.concat([said("raise_string"), said("2")]));
    const end = await wire.frame();
    assert.deepEqual([end.code, end.reason], [1000, ""]);
    await world.send("ann", "missed");
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await events(after, 1), ["missed"]);
    const entries = await world.saw("ann", [
      "connect",
      "message:raise_string",
      "drop:PANIC",
      "restore:1:0",
    ]);
    assert.equal(entries[2].err.value, "typed-boom");
  },
);

contract(
  "A9 any other callback that raises is logged, and the session goes on",
  {
    ...WINDOW,
    does: {
      on_connect: "raise",
      on_transport_drop: "raise",
      on_transport_restore: "raise",
      on_disconnect: "raise",
      on_close: "raise",
    },
  },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    await world.send("ann", "missed");
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await events(after, 1), ["missed"]);
    await world.must("kick", { id: "ann" });
    await after.end();
    await world.saw("ann", [
      "connect",
      LOST,
      "restore:1:0",
      "disconnect:kick:nil",
      "done:kick:nil",
    ]);
    for (const name of [
      "on_connect",
      "on_transport_drop",
      "on_transport_restore",
      "on_disconnect",
      "on_close",
    ]) {
      await world.server.logged(
        new RegExp(`handler raised handler=${name} .*raised in ${name}`),
      );
    }
  },
);
