// SPDX-License-Identifier: MIT
// The rows of the behavioural specification that can be seen from outside.

import assert from "node:assert/strict";
import { test } from "node:test";

import { within } from "./support/deadline.mjs";
import { Refused } from "./support/peer.mjs";
import { serve } from "./support/server.mjs";
import { upgradeHead } from "./support/wire.mjs";

const UUID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// A server with somebody in the room "witness", who hears what it sees.
function row(name, use) {
  test(name, () =>
    serve("rows.lua", {}, async (server) => {
      const witness = await server.connect({ room: "witness", id: "witness" });
      await use(server, witness);
    }),
  );
}

const nextOf = async (peer, event) => {
  const frame = await peer.frame();
  assert.equal(frame.event, event, JSON.stringify(frame));
  return frame.payload;
};

async function askFor(peer, event, payload, answer) {
  const frame = await peer.ask(event, payload);
  assert.equal(frame.event, answer);
  return frame.payload;
}

async function assertRefused(attempt, status, body) {
  const refusal = await attempt.then(
    () => assert.fail("the upgrade went through"),
    (error) => error,
  );
  assert.ok(refusal instanceof Refused, String(refusal));
  assert.equal(refusal.status, status);
  assert.equal(refusal.body, body);
  return refusal;
}

row(
  "S1 connect: on_connect once, with the id and room",
  async (server, witness) => {
    const peer = await server.connect({ room: "lobby", id: "ada" });
    assert.deepEqual(await nextOf(witness, "connected"), {
      id: "ada",
      room: "lobby",
    });
    assert.deepEqual(await askFor(peer, "whoami", {}, "you"), {
      id: "ada",
      room: "lobby",
    });
    await peer.ask("send", { to: "witness", body: "marker" });
    assert.equal(await nextOf(witness, "direct"), "marker");
  },
);

row(
  "S2 server:send reaches one connection with id, event and payload",
  async (server) => {
    const ada = await server.connect({ room: "lobby", id: "ada" });
    const grace = await server.connect({ room: "lobby", id: "grace" });
    const body = { text: "hällo ✓", list: [1, 2.5, null, true], empty: "" };
    const result = await askFor(ada, "send", { to: "grace", body }, "result");
    assert.equal(result.ok, true);
    assert.deepEqual(await grace.frame(), {
      id: "f-1",
      event: "direct",
      payload: body,
    });
    assert.equal(ada.unread, 0);
  },
);

row("S3 broadcast reaches the room and no other", async (server) => {
  const inside = [];
  for (const id of ["a", "b", "c"]) {
    inside.push(await server.connect({ room: "one", id }));
  }
  const outside = await server.connect({ room: "two", id: "d" });
  outside.send({ event: "broadcast", payload: { room: "one", body: 7 } });
  for (const peer of inside) assert.equal(await nextOf(peer, "news"), 7);
  // Frames keep their order, so a stray one would be in front of this.
  assert.equal((await nextOf(outside, "result")).ok, true);
  assert.equal((await askFor(outside, "whoami", {}, "you")).id, "d");
  for (const peer of inside) {
    const { id } = await askFor(peer, "whoami", {}, "you");
    assert.ok(["a", "b", "c"].includes(id));
  }
});

row(
  "S4 clean client close: on_disconnect(nil), then on_close",
  async (server, witness) => {
    const peer = await server.connect({ room: "lobby", id: "ada" });
    await nextOf(witness, "connected");
    assert.deepEqual(await peer.close(1000), { code: 1000, reason: "" });
    const seen = [await witness.frame(), await witness.frame()];
    seen.sort((a, b) => (a.event < b.event ? -1 : 1));
    assert.deepEqual(seen, [
      {
        event: "disconnected",
        payload: { id: "ada", err: null, reason: "normal" },
      },
      { event: "done", payload: { id: "ada" } },
    ]);
    assert.deepEqual(
      await askFor(witness, "members", { room: "lobby" }, "members"),
      [],
    );
  },
);

row(
  "S9 kick of an unknown id: CONNECTION_NOT_FOUND",
  async (server, witness) => {
    assert.deepEqual(
      await askFor(witness, "kick", { id: "nobody" }, "result"),
      {
        ok: false,
        code: "CONNECTION_NOT_FOUND",
        text: "wspulse: connection not found",
        constant: true,
      },
    );
  },
);

row(
  "S14 connect refuses: 401, no session, no callbacks",
  async (server, witness) => {
    const attempt = server.connect({ refuse: "1", room: "lobby", id: "ada" });
    await assertRefused(attempt, 401, "unauthorized\n");
    assert.deepEqual(
      await askFor(witness, "members", { room: "lobby" }, "members"),
      [],
    );
    // Nothing was told to the witness in front of what comes now.
    await server.connect({ room: "lobby", id: "grace" });
    assert.equal((await nextOf(witness, "connected")).id, "grace");
  },
);

row(
  "S16 server:send to an unknown id: CONNECTION_NOT_FOUND",
  async (server, witness) => {
    const ask = { to: "nobody", body: 1 };
    assert.deepEqual(await askFor(witness, "send", ask, "result"), {
      ok: false,
      code: "CONNECTION_NOT_FOUND",
      text: "wspulse: connection not found",
      constant: true,
    });
  },
);

row("S24 no id: a UUID", async (server, witness) => {
  const first = await server.connect({ room: "lobby" });
  const second = await server.connect({ room: "lobby", id: "" });
  const ids = [
    (await nextOf(witness, "connected")).id,
    (await nextOf(witness, "connected")).id,
  ];
  for (const id of ids) assert.match(id, UUID);
  assert.notEqual(ids[0], ids[1]);
  assert.equal((await askFor(first, "whoami", {}, "you")).id, ids[0]);
  assert.equal((await askFor(second, "whoami", {}, "you")).id, ids[1]);
});

row("S29 the body of a 401 tells nothing", async (server) => {
  const { body, headers } = await assertRefused(
    server.connect({ refuse: "1" }),
    401,
    "unauthorized\n",
  );
  assert.doesNotMatch(body, /database/);
  assert.doesNotMatch(JSON.stringify(headers), /database/);
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(headers["x-content-type-options"], "nosniff");
});

row("S30 check_origin says no: 403", async (server, witness) => {
  await assertRefused(
    server.connect({ id: "evil" }, { origin: "https://evil.example" }),
    403,
    "Forbidden\n",
  );
  const good = await server.connect(
    { id: "good" },
    { origin: "https://good.example" },
  );
  assert.ok(good.isOpen);
  assert.equal((await nextOf(witness, "connected")).id, "good");
});

row(
  "S34 broadcast to an unknown room: accepted, nobody hears it",
  async (server, witness) => {
    const ask = { room: "nowhere", body: 1 };
    assert.equal((await askFor(witness, "broadcast", ask, "result")).ok, true);
    assert.equal((await askFor(witness, "whoami", {}, "you")).id, "witness");
  },
);

row(
  "S37 malformed, then valid: only the valid one is handled",
  async (server, witness) => {
    const peer = await server.connect({ room: "lobby", id: "ada" });
    await nextOf(witness, "connected");
    for (const bad of [
      "{",
      "[]",
      "7",
      '{"event":3}',
      "",
      "{} {}",
      "\ufeff{}",
    ]) {
      peer.send(bad);
    }
    peer.send({ event: "say", payload: "well-formed" });
    assert.equal(await nextOf(witness, "message"), "well-formed");
    assert.equal((await askFor(peer, "whoami", {}, "you")).id, "ada");
    await server.logged(/decode failed/);
  },
);

// The second server of this script is closed by frames to the first one.
function closingRow(name, use) {
  test(name, () =>
    serve("closing.lua", { listen: null, addresses: 2 }, async (server) => {
      const control = await server.connect();
      await use(server, control, server.urls[1]);
    }),
  );
}

const isRefusedByKernel = (error) => error.code === "ECONNREFUSED";

closingRow(
  "S17 broadcast after close: SERVER_CLOSED",
  async (server, control) => {
    await askFor(control, "close", { times: 1 }, "closing");
    await nextOf(control, "closed");
    const { broadcast } = await askFor(control, "inspect", {}, "state");
    assert.deepEqual(broadcast, {
      ok: false,
      code: "SERVER_CLOSED",
      constant: true,
    });
  },
);

closingRow("S31 HTTP after close began: 503", async (server, control, url) => {
  // Somebody who does not answer the close frame keeps the server closing.
  const mute = await server.wire(url);
  assert.equal((await mute.upgrade("/second")).status, 101);
  const late = await server.wire(url);
  late.write("GET /second HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n");
  const plain = await server.wire(url);
  plain.write("GET /here HTTP/1.1\r\n");
  const before = await server.wire(url);
  assert.equal((await before.request("GET", "/here")).body, "here");

  await askFor(control, "close", { times: 1 }, "closing");
  assert.equal((await mute.frame()).code, 1001);
  late.write("Upgrade: websocket\r\n\r\n");
  plain.write("Host: x\r\n\r\n");
  before.write("GET /here HTTP/1.1\r\nHost: x\r\n\r\n");
  const fresh = await server.wire(url);
  fresh.write(upgradeHead("/second"));
  for (const wire of [late, plain, before, fresh]) {
    const { status, body } = await wire.response();
    assert.deepEqual(
      { status, body },
      { status: 503, body: "server closed\n" },
    );
    await wire.end();
  }
  mute.destroy();
  await nextOf(control, "closed");
  await assert.rejects(server.wire(url), isRefusedByKernel);
});

closingRow(
  "S32 close more than once: each call reaches the barrier",
  async (server, control, url) => {
    const peer = await server.connect({ id: "ada" }, { url });
    await askFor(control, "close", { times: 3 }, "closing");
    const numbers = [];
    for (let i = 0; i < 3; i++) {
      numbers.push((await nextOf(control, "closed")).number);
    }
    assert.deepEqual(numbers.sort(), [1, 2, 3]);
    assert.deepEqual(await peer.end(), {
      code: 1001,
      reason: "server shutting down",
    });
    await assert.rejects(server.connect({}, { url }), isRefusedByKernel);

    // Closed already: the barrier is behind us.
    control.send({ event: "close", payload: { times: 1 } });
    const events = [await control.frame(), await control.frame()];
    assert.deepEqual(events.map(({ event }) => event).sort(), [
      "closed",
      "closing",
    ]);
  },
);

closingRow("S33 calls after close", async (server, control, url) => {
  await server.connect({ id: "somebody" }, { url });
  const before = await askFor(control, "inspect", {}, "state");
  assert.equal(before.send.ok, true);
  assert.equal(before.kick.ok, true);
  await askFor(control, "close", { times: 1 }, "closing");
  await within(nextOf(control, "closed"), "the barrier");
  assert.deepEqual(await askFor(control, "inspect", {}, "state"), {
    send: { ok: false, code: "CONNECTION_NOT_FOUND", constant: true },
    kick: { ok: false, code: "SERVER_CLOSED", constant: true },
    broadcast: { ok: false, code: "SERVER_CLOSED", constant: true },
    connections: 0,
  });
});
