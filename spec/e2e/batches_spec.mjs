// SPDX-License-Identifier: MIT
// Messages that arrive together, many times over so that LuaJIT has compiled
// what handles them: each is handled as if it had come alone.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { until } from "./support/deadline.mjs";
import { fixtures, holding, launchProgram, serve } from "./support/server.mjs";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  frame,
  PING,
  PONG,
  TEXT,
} from "./support/wire.mjs";

const HERE = "127.0.0.1:0";

const WAYS = {
  "json, compiled": {},
  "json, interpreted": { FIXTURE_JIT: "off" },
  "json, with handler_timeout": { FIXTURE_TIMEOUT: "1" },
  "json, with hooks": { FIXTURE_HOOKS: "1" },
  "raw, compiled": { FIXTURE_CODEC: "raw" },
  "raw, interpreted": { FIXTURE_CODEC: "raw", FIXTURE_JIT: "off" },
  "msgpack, compiled": { FIXTURE_CODEC: "msgpack" },
  "json, in a program": { FIXTURE_LISTEN: HERE },
  "json, in a program with a logger": {
    FIXTURE_LISTEN: HERE,
    FIXTURE_LOGGER: "1",
  },
};

// Serves by the command, or in plain luajit when the script is to listen.
async function serveBy(env, use) {
  if (!env.FIXTURE_LISTEN) return serve("batches.lua", { env }, use);
  const words = ["program.lua", "batches.lua"].map((file) =>
    path.join(fixtures, file),
  );
  await holding(await launchProgram(words, { env }), async (server) => {
    await use(server);
    server.assertClean();
  });
}

// What a client of that codec writes for an event; `more` makes it longer.
const encoders = {
  json: (event, more) => [TEXT, JSON.stringify({ event, payload: more })],
  raw: (event) => [TEXT, event],
  msgpack: (event) => {
    const text = Buffer.from(event);
    assert.ok(text.length < 256);
    return [
      BINARY,
      Buffer.concat([
        Buffer.from([0x81, 0xa5]),
        Buffer.from("event"),
        Buffer.from([0xd9, text.length]),
        text,
      ]),
    ];
  },
};

class Batches {
  constructor(server, codec) {
    this.server = server;
    this.encode = encoders[codec];
  }

  async open(id) {
    const wire = await this.server.wire();
    const { status } = await wire.upgrade(id ? `/ws?id=${id}` : "/ws");
    assert.equal(status, 101);
    return wire;
  }

  frame(event, more) {
    return frame(...this.encode(event, more));
  }

  // Writes the events at once.
  write(wire, events) {
    wire.write(Buffer.concat(events.map((event) => this.frame(event))));
  }

  async expect(wire, events) {
    for (const event of events) {
      const [opcode, text] = this.encode(event);
      const got = await wire.frame();
      assert.equal(got.opcode, opcode, `${event} ${got.code}`);
      assert.deepEqual(got.payload, Buffer.from(text), event);
    }
  }

  async exchange(wire, events) {
    this.write(wire, events);
    await this.expect(wire, events);
  }

  async counts() {
    const { body } = await this.server.request("GET", "/counts");
    return JSON.parse(body);
  }
}

// Sixteen at a time, each text its own, few events again.
const names = (count, word = "m") =>
  Array.from({ length: count }, (_, i) => `${word}${i % 40}`);

const WARM = 3200; // messages

async function warmUp(batches, wire) {
  for (let i = 0; i < WARM / 16; i++) await batches.exchange(wire, names(16));
}

const sum = (list) => list.reduce((total, each) => total + each, 0);

// Of what comes before the message in question.
const lengths = Array.from({ length: 40 }, (_, i) => i % 17);

for (const [way, env] of Object.entries(WAYS)) {
  const codec = env.FIXTURE_CODEC ?? "json";
  const spec = (name, use) =>
    test(`${name}: ${way}`, () =>
      serveBy(env, async (server) => {
        const batches = new Batches(server, codec);
        const wire = await batches.open();
        await warmUp(batches, wire);
        await use(batches, wire, server);
      }));

  spec("S22 they are handled in order, one by one", async (batches, wire) => {
    const counts = [1, 2, 15, 16, 17, 31, 32, 33, 64, 500];
    for (const count of counts) {
      await batches.exchange(wire, names(count, `of ${count} `));
    }
    const { messages, hooks } = await batches.counts();
    assert.equal(messages, WARM + sum(counts));
    if (env.FIXTURE_HOOKS) assert.equal(hooks, messages);
  });

  spec("hostile 72 each has a frame of its own", async (batches, wire) => {
    batches.write(wire, ["check"]);
    for (let i = 0; i < 20; i++) await batches.exchange(wire, names(16));
    const { messages, stale, alive, known } = await batches.counts();
    assert.equal(messages, WARM + 1 + 320);
    assert.deepEqual([stale, alive, known], [320, 0, 0]);
    // A frame that was kept stays what it was.
    const events = names(16);
    const [first, ...rest] = events.map((event) => [event, "keep"]).flat();
    batches.write(wire, [first, ...rest, "give"]);
    await batches.expect(wire, [...events, ...Array(16).fill("keep")]);
  });

  spec("S40 one that fails ends it there", async (batches) => {
    for (const length of lengths) {
      const wire = await batches.open();
      const before = names(length);
      batches.write(wire, [...before, "fail", "behind it"]);
      await batches.expect(wire, before);
      const { opcode, code } = await wire.frame();
      assert.deepEqual([opcode, code], [CLOSE, 1000]);
      wire.destroy();
    }
    await until(
      async () => (await batches.counts()).ended === "PANIC",
      "the end of a connection",
    );
    assert.equal((await batches.counts()).messages, WARM + sum(lengths) + lengths.length);
  });

  spec("S74 nothing is handled behind a close", async (batches) => {
    for (const length of lengths) {
      const wire = await batches.open();
      const before = names(length);
      const act = length % 2 ? "close" : "send behind a close";
      batches.write(wire, [...before, act, "behind it"]);
      await batches.expect(wire, before);
      const { opcode, code } = await wire.frame();
      assert.deepEqual([opcode, code], [CLOSE, 4000]);
      wire.destroy();
    }
    const counts = await batches.counts();
    assert.equal(counts.messages, WARM + sum(lengths) + lengths.length);
    assert.deepEqual([counts.sent, counts.CONNECTION_CLOSED], [undefined, 1]);
  });

  spec("what is no plain message comes at its place", async (batches, wire) => {
    const [opcode, text] = batches.encode("in two");
    const half = Math.floor(text.length / 2);
    const whole = Buffer.from(text);
    wire.write(
      Buffer.concat([
        batches.frame("a"),
        batches.frame("b"),
        frame(PING, "here"),
        batches.frame("c"),
        frame(opcode, whole.subarray(0, half), { fin: false }),
        frame(CONTINUATION, whole.subarray(half)),
        batches.frame("d"),
      ]),
    );
    await batches.expect(wire, ["a", "b"]);
    const pong = await wire.frame();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [PONG, "here"]);
    await batches.expect(wire, ["c", "in two", "d"]);
  });

  if (codec !== "raw") {
    spec("S37 one that cannot be decoded is skipped", async (batches, wire, server) => {
      wire.write(
        Buffer.concat([
          batches.frame("a"),
          frame(...(codec === "json" ? [TEXT, "{"] : [BINARY, "\xc1"])),
          batches.frame("b"),
          batches.frame("c"),
        ]),
      );
      await batches.expect(wire, ["a", "b", "c"]);
      // A program that names no logger has none.
      if (env.FIXTURE_LISTEN && !env.FIXTURE_LOGGER) return;
      await server.loggedTimes(/decode failed/, 1);
    });
  }

  if (codec !== "msgpack") {
    spec("S47 bad UTF-8 is 1007 behind what came before", async (batches, wire) => {
      const [opcode, text] = batches.encode("é");
      const whole = Buffer.from(text);
      const cut = Buffer.from(whole);
      cut[whole.indexOf(0xc3) + 1] = 0x28;
      batches.write(wire, ["a", "é"]);
      wire.write(Buffer.concat([batches.frame("b"), frame(opcode, cut)]));
      await batches.expect(wire, ["a", "é", "b"]);
      const { code } = await wire.frame();
      assert.equal(code, 1007);
    });
  }
}
