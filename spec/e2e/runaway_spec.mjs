// SPDX-License-Identifier: MIT
// Handlers that misbehave, seen by the peers they belong to and by others: what
// docs/scripts.md promises of each.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isSanitized } from "./support/deadline.mjs";
import { residentBytes } from "./support/process.mjs";
import { serve } from "./support/server.mjs";

const MIB = 1024 * 1024;
const TIMED = { env: { FIXTURE_TIMEOUT: "0.2" } };
const SMALL = { env: { FIXTURE_MEMORY: String(16 * MIB) } };

// A server with a witness, who hears how connections ended.
const withServer = (name, options, use) =>
  test(name, () =>
    serve("runaway.lua", options, async (server) => {
      const witness = await server.connect({ room: "witness", id: "witness" });
      await use(server, witness);
    }),
  );

async function endOf(witness, id) {
  const { event, payload } = await witness.frame();
  assert.equal(event, "disconnected");
  assert.equal(payload.id, id);
  return payload;
}

async function assertAlive(server) {
  const { status, body } = await server.request("GET", "/alive");
  assert.deepEqual({ status, body }, { status: 200, body: "alive" });
}

// The handler fails: the connection ends with PANIC, the peer learns nothing.
async function assertFails(server, witness, frame, pattern) {
  const peer = await server.connect({ id: "ada" });
  peer.send(frame);
  assert.deepEqual(await peer.end(), { code: 1000, reason: "" }, frame.event);
  const end = await endOf(witness, "ada");
  assert.equal(end.code, "PANIC");
  assert.equal(end.reason, "normal");
  assert.match(end.text, pattern);
  await assertAlive(server);
  return end;
}

const bare = (event, payload) => ({ id: "bare", event, payload });

withServer(
  "hostile 68: handler_timeout ends a handler and its connection",
  TIMED,
  async (server, witness) => {
    const end = await assertFails(
      server,
      witness,
      bare("spin"),
      /^wspulse: onMessage panic: .*runaway\.lua:\d+: ran longer than 0\.2 s \(handler_timeout\)$/,
    );
    assert.equal(end.value, "string");
    await server.logged(
      /handler raised handler=on_message .*ran longer than .*conn_id=ada event=spin/,
    );
  },
);

withServer(
  "hostile 68: recovery passes on that time is up",
  TIMED,
  async (server, witness) => {
    await assertFails(server, witness, { event: "spin" }, /ran longer than/);
    await server.loggedTimes(/recovered from panic/, 0);
  },
);

withServer(
  "hostile 68: the watchdog names what holds the loop, while it does",
  TIMED,
  async (server, witness) => {
    const peer = await server.connect({ id: "ada" });
    // Somebody else's request waits for the end of the match.
    let isServed = false;
    peer.send(bare("find", { length: 300 }));
    await server.logged(/./);
    const other = server.request("GET", "/alive").then((answer) => {
      isServed = true;
      return answer;
    });
    await server.logged(
      /WARN .*a callback holds the loop handler=on_message conn_id=ada event=find server=main generation=1 held_ms=\d+/,
    );
    assert.equal(isServed, false);
    assert.equal((await other).body, "alive");
    assert.deepEqual(await peer.end(), { code: 1000, reason: "" });
    assert.match((await endOf(witness, "ada")).text, /ran longer than 0\.2 s/);
    await server.logged(/a callback held the loop handler=on_message/);
  },
);

withServer(
  "hostile 68: without handler_timeout it is only named",
  {},
  async (server) => {
    const peer = await server.connect({ id: "ada" });
    const answer = peer.ask("find", { length: 300 });
    await server.logged(/a callback holds the loop handler=on_message conn_id=ada/);
    assert.equal((await answer).event, "found");
    assert.ok(peer.isOpen);
    // Another one within a minute: no further line.
    assert.equal((await peer.ask("find", { length: 300 })).event, "found");
    await server.loggedTimes(/holds the loop/, 1);
  },
);

withServer(
  "hostile 60, 68: lua_memory_limit fails a handler, not the server",
  SMALL,
  async (server, witness) => {
    for (let i = 0; i < 3; i++) {
      await assertFails(
        server,
        witness,
        bare("fill"),
        /not enough memory \(lua_memory_limit = 16777216\)$/,
      );
    }
    // recovery() catches it like any other error.
    const peer = await server.connect({ id: "grace" });
    peer.send({ event: "fill" });
    assert.deepEqual((await peer.ask("echo", 7)).payload, 7);
    await server.logged(/recovered from panic in handler .*not enough memory/);
  },
);

withServer(
  "hostile 67: raised values, and recursions without end",
  {},
  async (server, witness) => {
    for (const [payload, text] of [
      ["nil", /panic: nil$/],
      ["false", /panic: false$/],
      ["table", /panic: \(error object is a table value\)$/],
      ["huge", /panic: .*x{100}.*… \(4194\d+ bytes\)$/],
      ["tostring", /panic: \(error object is a table value\)$/],
      ["nested", /panic: \(error object is a table value\)$/],
    ]) {
      const end = await assertFails(server, witness, bare("raise", payload), text);
      assert.ok(end.text.length < 5000);
    }
    const peer = await server.connect({ id: "grace" });
    for (const event of ["nest", "recurse", "yield", "exit"]) {
      for (let i = 0; i < 3; i++) peer.send({ event });
      assert.equal((await peer.ask("echo", event)).payload, event);
    }
    for (const payload of ["nil", "false", "table", "huge", "tostring"]) {
      peer.send({ event: "raise", payload });
      assert.equal((await peer.ask("echo", payload)).payload, payload);
    }
    await server.loggedTimes(/recovered from panic in handler/, 17);
    assert.match(server.stderr, /C stack overflow/);
    assert.match(server.stderr, /a handler is not a coroutine/);
    assert.match(server.stderr, /os\.exit is not available/);
    for (const line of server.logLines) assert.ok(line.length < 9000);
  },
);

withServer(
  "hostile 72: connections and frames that are kept cost the server nothing",
  {},
  async (server) => {
    const keep = async (count) => {
      for (let i = 0; i < count; i++) {
        const peer = await server.connect();
        await peer.ask("keep", "kept");
        await peer.close(1000);
      }
    };
    const memory = async () =>
      Number((await server.request("GET", "/memory")).body);
    await keep(50);
    const resident = async () => (await residentBytes(server)) / 1024;
    const before = { rss: await resident(), lua: await memory() };
    await keep(400);
    const after = { rss: await resident(), lua: await memory() };
    const peer = await server.connect();
    const { payload } = await peer.ask("use kept");
    assert.deepEqual(payload, {
      CONNECTION_CLOSED: 450,
      kept: 225,
      "frame used after its handler returned": 225,
    });
    // What the handles and frames themselves take is Lua's.
    const beside = after.rss - before.rss - (after.lua - before.lua);
    if (!isSanitized) assert.ok(beside < 1024, `${beside} KiB beside Lua`);
  },
);

withServer(
  "a handler that closes the server gets its answer out",
  {},
  async (server) => {
    const peer = await server.connect();
    assert.equal((await peer.ask("close server")).event, "closing");
    assert.deepEqual(await peer.end(), {
      code: 1001,
      reason: "server shutting down",
    });
    assert.deepEqual(await server.exited(), { code: 0, signal: null });
  },
);
