// SPDX-License-Identifier: MIT
// The signals of the command: a graceful end, an immediate one, a reload.

import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "./support/deadline.mjs";
import { holding, serve, Server } from "./support/server.mjs";

const SHUTDOWN = { code: 1001, reason: "server shutting down" };

// Runs the fixture; the test itself brings it to its end.
async function untilEnd(options, use) {
  const server = await Server.start("signals.lua", options);
  return holding(server, async () => {
    await use(server);
    const end = await server.exited();
    server.assertClean();
    return end;
  });
}

async function muteWire(server) {
  const wire = await server.wire();
  assert.equal((await wire.upgrade("/ws?id=mute")).status, 101);
  return wire;
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal}: every peer gets 1001, every on_disconnect runs, exit 0`, async () => {
    const end = await untilEnd({}, async (server) => {
      const ids = ["ada", "grace", "zoe"];
      const peers = [];
      for (const id of ids) peers.push(await server.connect({ id }));
      server.signal(signal);
      for (const peer of peers) assert.deepEqual(await peer.end(), SHUTDOWN);
      await server.exited();
      for (const id of ids) {
        assert.match(server.stderr, new RegExp(`ended.*conn_id="?${id}"?`));
      }
      assert.match(server.stderr, /server_close/);
      assert.match(server.stderr, /SERVER_CLOSED/);
    });
    assert.deepEqual(end, { code: 0, signal: null });
  });
}

test("SIGTERM: what was sent before goes out in front of the close frame", async () => {
  const end = await untilEnd({}, async (server) => {
    const peer = await server.connect({ id: "ada" });
    assert.equal((await peer.ask("ask")).payload, 1);
    peer.send({ event: "ask" });
    assert.equal((await peer.frame()).payload, 1);
    server.signal("SIGTERM");
    assert.deepEqual(await peer.end(), SHUTDOWN);
  });
  assert.equal(end.code, 0);
});

test("hostile 33, 79: SIGTERM: a peer that does not answer holds the end for write_wait", async () => {
  const end = await untilEnd(
    { env: { FIXTURE_WRITE_WAIT: "0.2" } },
    async (server) => {
      const mute = await muteWire(server);
      server.signal("SIGTERM");
      assert.equal((await mute.frame()).code, 1001);
      assert.equal((await mute.end()).length, 0);
    },
  );
  assert.deepEqual(end, { code: 0, signal: null });
});

test("hostile 79: a second SIGTERM ends at once, whoever has not answered", async () => {
  const end = await untilEnd({}, async (server) => {
    const mute = await muteWire(server);
    server.signal("SIGTERM");
    assert.equal((await mute.frame()).code, 1001);
    server.signal("SIGTERM");
    await server.exited();
  });
  assert.equal(end.signal, null);
});

test("SIGTERM with nobody there", async () => {
  const end = await untilEnd({}, async (server) => server.signal("SIGTERM"));
  assert.deepEqual(end, { code: 0, signal: null });
});

test("SIGHUP reloads, and nobody is disconnected", () =>
  serve("signals.lua", {}, async (server) => {
    const peer = await server.connect({ id: "ada" });
    assert.equal((await peer.ask("ask")).payload, 1);
    for (const generation of [2, 3]) {
      server.signal("SIGHUP");
      await until(
        async () => (await peer.ask("ask")).payload === generation,
        `generation ${generation}`,
      );
    }
    await server.logged(/reloaded.*previous="?1"?/);
    assert.ok(peer.isOpen);
  }));

test("a peer that vanishes while it is written to does no harm", () =>
  serve("signals.lua", {}, async (server) => {
    for (let i = 0; i < 20; i++) {
      const peer = await server.connect();
      for (let n = 0; n < 50; n++) peer.send({ event: "ask" });
      peer.destroy();
    }
    const peer = await server.connect();
    assert.equal((await peer.ask("ask")).payload, 1);
  }));
