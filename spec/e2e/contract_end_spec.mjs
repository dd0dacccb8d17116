// SPDX-License-Identifier: MIT
// How sessions end over TCP: kicked, displaced, closed by either side, taken
// over; and what the peer is told.

import assert from "node:assert/strict";

import { contract, events, LOST, numbers } from "./support/contract.mjs";
import { until, within } from "./support/deadline.mjs";
import {
  CLOSE,
  closeBody,
  frame,
  TEXT,
  upgradeHead,
} from "./support/wire.mjs";

const WINDOW = { resume_window: 30 };
const KICKED = ["disconnect:kick:nil", "done:kick:nil"];
const CLOSED = ["disconnect:normal:nil", "done:normal:nil"];
const DISPLACED = [
  "disconnect:duplicate:DUPLICATE_CONNECTION_ID",
  "done:duplicate:DUPLICATE_CONNECTION_ID",
];
const TAKEN_OVER = "drop:TRANSPORT_REPLACED";

const refused = ({ ok, err }, code) => {
  assert.equal(ok, false);
  assert.equal(err.code, code);
  assert.ok(err.constant, "the error is the constant");
};

// The events of the next `count` messages on a bare connection.
async function eventsOn(wire, count) {
  const seen = [];
  while (seen.length < count) {
    const { opcode, payload } = await wire.frame();
    assert.equal(opcode, TEXT);
    seen.push(JSON.parse(payload).event);
  }
  return seen;
}

// ---- kick

contract(
  "S8 S64 S72 a kick never suspends, whatever the window",
  WINDOW,
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    await world.must("kick", { id: "ann" });
    const end = await wire.frame();
    assert.deepEqual([end.code, end.reason], [1000, "kicked"]);
    // The transport dies after the session: nobody is told again.
    wire.destroy();
    await world.saw("ann", ["connect", ...KICKED]);
    await world.connect({ id: "ann" });
    await world.saw("ann", ["connect", ...KICKED, "connect"]);
  },
);

contract(
  "S35 S42 after a kick: send is refused, broadcast passes over",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const bob = await world.connect({ id: "bob" });
    const frame = { event: "news" };
    const [kick, tell, send, broadcast] = await world.do(
      { call: "kick", id: "ann" },
      { call: "tell", id: "ann", frame },
      { call: "send", id: "ann", frame },
      { call: "broadcast", room: "lobby", frame },
    );
    assert.ok(kick.ok && broadcast.ok);
    refused(tell, "CONNECTION_CLOSED");
    refused(send, "CONNECTION_NOT_FOUND");
    assert.deepEqual(await events(bob, 1), ["news"]);
    assert.deepEqual(await ann.end(), { code: 1000, reason: "kicked" });
    assert.equal(ann.unread, 0);
  },
);

contract(
  "S42 a broadcast after connection:close passes over it",
  {},
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    const bob = await world.connect({ id: "bob" });
    const frame = { event: "news" };
    const results = await world.do(
      { call: "tell", id: "ann", frame: { event: "last words" } },
      { call: "close", id: "ann", code: 4001, reason: "bye" },
      { call: "broadcast", room: "lobby", frame },
      { call: "tell", id: "ann", frame },
    );
    refused(results.pop(), "CONNECTION_CLOSED");
    assert.ok(results.every(({ ok }) => ok));
    assert.deepEqual(await events(bob, 1), ["news"]);
    // What was queued before goes out in front of the close frame.
    assert.deepEqual(await events(ann, 1), ["last words"]);
    assert.deepEqual(await ann.end(), { code: 4001, reason: "bye" });
    assert.equal(ann.unread, 0);
    await world.saw("ann", ["connect", ...CLOSED]);
  },
);

contract(
  "S51 a kick ends a suspended session at once",
  WINDOW,
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    await world.drop("ann", ann);
    await world.must("kick", { id: "ann" });
    const [again] = await world.do({ call: "kick", id: "ann" });
    refused(again, "CONNECTION_NOT_FOUND");
    await world.saw("ann", ["connect", LOST, ...KICKED]);
  },
);

// ---- close of a connection

for (const window of [0, 30]) {
  contract(
    `S65 L21 connection:close ends once, without an error, window ${window}`,
    { resume_window: window },
    async (world) => {
      const ann = await world.connect({ id: "ann" });
      await world.must("close", { id: "ann" });
      assert.deepEqual(await ann.end(), { code: 1000, reason: "" });
      await world.saw("ann", ["connect", ...CLOSED]);
      const [again] = await world.do({ call: "close", id: "ann" });
      refused(again, "CONNECTION_CLOSED");
      const { is_closed } = await world.must("state", { id: "ann" });
      assert.equal(is_closed, true);
      await world.saw("ann", ["connect", ...CLOSED]);
    },
  );
}

contract(
  "S52 L3 connection:close of a suspended session ends it at once",
  WINDOW,
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    await world.drop("ann", ann);
    const [close, members] = await world.do(
      { call: "close", id: "ann" },
      { call: "members", room: "lobby" },
    );
    assert.ok(close.ok);
    assert.deepEqual(members.ids, []);
    await world.saw("ann", ["connect", LOST, ...CLOSED]);
  },
);

contract(
  "S53 two hundred suspended sessions are closed in one go",
  WINDOW,
  async (world) => {
    const ids = numbers(1, 200);
    const peers = await Promise.all(ids.map((id) => world.connect({ id })));
    for (const peer of peers) peer.destroy();
    const count = async (pattern) =>
      (await world.words()).filter((word) => pattern.test(word)).length;
    await until(async () => (await count(LOST)) === 200, "200 drops");
    const results = await world.do(...ids.map((id) => ({ call: "close", id })));
    assert.ok(results.every(({ ok }) => ok));
    const ended = async () => (await count(/^disconnect/)) === 200;
    await until(ended, "200 ends");
    for (const id of ids) {
      await world.saw(id, ["connect", LOST, ...CLOSED]);
    }
  },
);

contract(
  "S54 L5 L18 a close that races the loss of the transport ends the session",
  WINDOW,
  async (world) => {
    const ids = numbers(1, 50);
    const peers = await Promise.all(ids.map((id) => world.connect({ id })));
    await Promise.all(
      ids.map((id, i) => {
        peers[i].destroy();
        return world.must("close", { id });
      }),
    );
    for (const id of ids) {
      const end = async () => (await world.words(id)).includes(CLOSED[1]);
      await until(end, `the end of ${id}`);
      const words = (await world.words(id)).filter((word) => !LOST.test(word));
      assert.deepEqual(words, ["connect", ...CLOSED]);
    }
  },
);

contract(
  "S55 L6 after a close of a suspended session the id is a new one",
  WINDOW,
  async (world) => {
    const wanted = [];
    for (let i = 0; i < 50; i++) {
      const ann = await world.connect({ id: "ann" });
      await world.drop("ann", ann);
      await world.must("close", { id: "ann" });
      wanted.push("connect", LOST, ...CLOSED);
    }
    await world.saw("ann", wanted);
  },
);

contract(
  "S62 L11 a close inside on_transport_drop: no restore",
  { ...WINDOW, does: { on_transport_drop: "close" } },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    await world.connect({ id: "ann" });
    await world.saw("ann", ["connect", LOST, ...CLOSED, "connect"]);
  },
);

contract(
  "calls from every callback are legal (section 4)",
  {
    ...WINDOW,
    does: {
      on_connect: "send",
      on_transport_drop: "send",
      on_transport_restore: "kick",
      on_disconnect: "kick",
      on_close: "close",
    },
  },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    assert.deepEqual(await events(before, 1), ["from on_connect"]);
    await world.drop("ann", before);
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await after.end(), { code: 1000, reason: "kicked" });
    await world.saw("ann", ["connect", LOST, "restore:1:0", ...KICKED]);
  },
);

// ---- what the peer does

for (const [code, word] of [
  [1000, "nil"],
  [1001, "nil"],
  [undefined, "nil"],
  [4000, "PEER_CLOSED"],
]) {
  contract(
    `S66 A2 a peer that closes with ${code ?? "no status"}`,
    {},
    async (world) => {
      const ann = await world.connect({ id: "ann" });
      const end = await ann.close(code);
      assert.equal(end.code, code ?? 1005);
      await world.saw("ann", [
        "connect",
        `disconnect:normal:${word}`,
        `done:normal:${word}`,
      ]);
    },
  );
}

contract(
  "S66 a peer that closes with 1001 may come back inside the window",
  WINDOW,
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await before.close(1001);
    await world.send("ann", "missed");
    const after = await world.connect({ id: "ann" });
    assert.deepEqual(await events(after, 1), ["missed"]);
    await world.saw("ann", ["connect", "drop:nil", "restore:1:0"]);
  },
);

contract(
  "L20 a suspended session's transport ends without a close frame",
  WINDOW,
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    wire.finish();
    assert.equal((await wire.end()).length, 0);
    await world.saw("ann", ["connect", "drop:EOF"]);
  },
);

contract(
  "L19 A2 each way to lose a transport has an error of its own",
  { ...WINDOW, max_message_size: 100 },
  async (world) => {
    const masked = frame(TEXT, "x".repeat(101));
    const causes = [
      ["EOF", (wire) => wire.finish()],
      ["IO", (wire) => wire.reset()],
      ["PEER_CLOSED", (wire) => wire.write(frame(CLOSE, closeBody(4000)))],
      ["PROTOCOL", (wire) => wire.write(frame(TEXT, "{}", { mask: false }))],
      ["MESSAGE_TOO_BIG", (wire) => wire.write(masked)],
      ["INVALID_UTF8", (wire) => wire.write(frame(TEXT, Buffer.of(0xff)))],
      ["nil", (wire) => wire.write(frame(CLOSE))],
      ["nil", (wire) => wire.write(frame(CLOSE, closeBody(1000)))],
    ];
    const wanted = ["connect"];
    for (const [code, act] of causes) {
      const wire = await world.wire({ id: "ann" });
      if (wanted.length > 1) wanted.push("restore:0:0");
      act(wire);
      wanted.push(`drop:${code}`);
      await world.saw("ann", wanted);
      const { last_error: last } = await world.must("state", { id: "ann" });
      assert.equal(last, code);
    }
  },
);

// ---- the same id again

contract(
  "S15 S72 a second connection displaces the first one",
  {},
  async (world) => {
    const first = await world.connect({ id: "ann", room: "attic" });
    const second = await world.connect({ id: "ann", room: "cellar" });
    assert.deepEqual(await first.end(), {
      code: 1000,
      reason: "duplicate connection id",
    });
    await world.send("ann", "to the second");
    assert.deepEqual(await events(second, 1), ["to the second"]);
    assert.equal(first.unread, 0);
    const wanted = ["connect", ...DISPLACED, "connect"];
    const entries = await world.saw("ann", wanted);
    const { err } = entries[1];
    assert.equal(err.text, "wspulse: kicked: duplicate connection ID");
    assert.ok(err.constant);
    const { room } = await world.must("state", { id: "ann" });
    assert.equal(room, "cellar");
    assert.deepEqual((await world.must("members", { room: "attic" })).ids, []);
  },
);

contract(
  "S63 a window makes no resume of a duplicate",
  WINDOW,
  async (world) => {
    const first = await world.connect({ id: "ann" });
    await world.connect({ id: "ann" });
    assert.equal((await first.end()).reason, "duplicate connection id");
    await world.saw("ann", ["connect", ...DISPLACED, "connect"]);
  },
);

contract(
  "S69 A3 takeover: the newest transport wins, the old one hears no more",
  { ...WINDOW, takeover: "resume" },
  async (world) => {
    const first = await world.wire({ id: "ann" });
    await world.send("ann", "to the first");
    assert.deepEqual(await eventsOn(first, 1), ["to the first"]);
    const second = await world.wire({ id: "ann" });
    await world.send("ann", "to the second");
    assert.deepEqual(await eventsOn(second, 1), ["to the second"]);
    // L20: cut without a close frame.
    assert.equal((await first.end()).length, 0);
    await world.saw("ann", ["connect", TAKEN_OVER, "restore:0:0"]);
  },
);

contract(
  "S76 T18 hostile 50 two that resume at once: one is left, and it is reachable",
  { ...WINDOW, takeover: "resume" },
  async (world) => {
    const before = await world.connect({ id: "ann" });
    await world.drop("ann", before);
    for (const event of numbers(1, 3)) await world.send("ann", event);
    const rivals = [await world.server.wire(), await world.server.wire()];
    for (const wire of rivals) wire.write(upgradeHead("/ws?id=ann"));
    for (const wire of rivals) {
      assert.equal((await wire.response()).status, 101);
    }
    await world.saw("ann", [
      "connect",
      LOST,
      "restore:3:0",
      TAKEN_OVER,
      /^restore:[0-3]:0$/,
    ]);
    await world.send("ann", "to the winner");
    const loser = await within(
      Promise.race(rivals.map((wire, i) => wire.closed.then(() => i))),
      "one of them to be cut",
    );
    const winner = rivals[1 - loser];
    let last;
    do [last] = await eventsOn(winner, 1);
    while (last !== "to the winner");
  },
);

// ---- close of the server

contract(
  "S10 S51 S72 server:close tells every peer and ends every session",
  WINDOW,
  async (world) => {
    const { server } = world;
    const peers = [];
    for (const id of ["ann", "bob", "cid"]) {
      peers.push(await world.connect({ id }));
    }
    const dan = await world.connect({ id: "dan" });
    await world.drop("dan", dan);
    await world.must("stop");
    for (const peer of peers) {
      assert.deepEqual(await peer.end(), {
        code: 1001,
        reason: "server shutting down",
      });
    }
    await server.logged(/wspulse: server closed/);
    for (const id of ["ann", "bob", "cid", "dan"]) {
      const line = `gone: ${id} server_close:SERVER_CLOSED,`;
      assert.equal(server.stderr.split(line).length, 2, id);
    }
  },
);

contract(
  "S10 a peer that does not answer holds the end up for write_wait only",
  { write_wait: 0.2 },
  async (world) => {
    const mute = await world.wire({ id: "ann" });
    await world.must("stop");
    const end = await mute.frame();
    assert.deepEqual([end.code, end.reason], [1001, "server shutting down"]);
    await world.server.logged(/wspulse: server closed/);
  },
);

contract(
  "S74 server:close inside a handler: nothing is handled behind it",
  {},
  async (world) => {
    const wire = await world.wire({ id: "ann" });
    const say = (event) => frame(TEXT, JSON.stringify({ event }));
    wire.write(Buffer.concat([say("stop"), say("echo"), say("echo")]));
    const end = await wire.frame();
    assert.deepEqual([end.opcode, end.code], [CLOSE, 1001]);
    wire.write(frame(CLOSE, closeBody(1001)));
    assert.equal((await wire.end()).length, 0);
    await world.server.logged(/wspulse: server closed/);
  },
);

contract(
  "A16 an upgrade that the close overtakes: 1001, and no session",
  { does: { connect: "stop" } },
  async (world) => {
    const ann = await world.connect({ id: "ann" });
    assert.deepEqual(await ann.end(), {
      code: 1001,
      reason: "server shutting down",
    });
    await world.server.logged(/wspulse: server closed/);
    assert.doesNotMatch(world.server.stderr, /^gone: /m);
  },
);

contract(
  "S72 close_reasons = false: 1000 and no reason, as clients of v0.6 expect",
  { ...WINDOW, close_reasons: false },
  async (world) => {
    const bare = { code: 1000, reason: "" };
    const first = await world.connect({ id: "ann" });
    const second = await world.connect({ id: "ann" });
    assert.deepEqual(await first.end(), bare);
    await world.must("kick", { id: "ann" });
    assert.deepEqual(await second.end(), bare);
    const bob = await world.connect({ id: "bob" });
    // What the application says itself is its own business.
    await world.must("close", { id: "bob", code: 4001, reason: "bye" });
    assert.deepEqual(await bob.end(), { code: 4001, reason: "bye" });
    const cid = await world.connect({ id: "cid" });
    await world.must("stop");
    assert.deepEqual(await cid.end(), bare);
  },
);
