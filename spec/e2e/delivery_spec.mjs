// SPDX-License-Identifier: MIT
// No frame lost on resume: docs/delivery.md, proved with a client that knows
// nothing of it (npm's ws) behind a proxy that cuts the connection wherever it
// hurts.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";

import { isSanitized, until, within } from "./support/deadline.mjs";
import { Proxy } from "./support/proxy.mjs";
import { randomBytes } from "./support/random.mjs";
import { serve } from "./support/server.mjs";

const RUN = 100;
const AT_ONCE = 32;
const REDIAL_MS = 5;
const RUN_BYTES = 8_000; // about as many, where it need not be exact
const CONFIRMED = {
  resume_window: 60,
  resume_confirm: true,
  send_buffer_size: 100,
};

// A peer that comes back until it has what it waits for, and drops what came
// twice by the id.
class Client {
  #url;
  #socket = null;
  #ids = new Set();
  #isOver = false;
  #resolve;
  order = []; // numbers as they came for the first time
  duplicates = 0;
  end;

  constructor(url) {
    this.#url = url;
    this.end = new Promise((resolve) => (this.#resolve = resolve));
    this.#dial();
  }

  say(event) {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ event }));
    }
  }

  stop() {
    this.#isOver = true;
    this.#socket.terminate();
    this.#resolve();
  }

  #dial() {
    if (this.#isOver) return;
    this.#socket = new WebSocket(this.#url, { perMessageDeflate: false });
    this.#socket.on("error", () => {});
    this.#socket.on("message", (data) => this.#take(JSON.parse(data)));
    this.#socket.on("close", () => setTimeout(() => this.#dial(), REDIAL_MS));
  }

  #take({ id, event, payload }) {
    if (event === "over") return this.stop();
    if (event !== "run") return undefined;
    if (id !== undefined && this.#ids.has(id)) {
      this.duplicates += 1;
      return undefined;
    }
    this.#ids.add(id);
    this.order.push(payload.number);
    if (this.#ids.size === RUN) this.stop();
    return undefined;
  }
}

// Drives the runs of a server: every tick sends some more frames.
async function drive(server, use) {
  const driver = await server.connect({ id: "driver" });
  let isOver = false;
  const ticking = (async () => {
    while (!isOver) await driver.ask("tick");
  })();
  try {
    await Promise.race([use(), ticking]);
  } finally {
    isOver = true;
    await ticking.catch(() => {});
  }
}

const wanted = Array.from({ length: RUN }, (_, i) => i + 1);

function explain({ order }, name) {
  const missing = wanted.filter((number) => !order.includes(number));
  return `${name}: missing ${missing}; came in this order: ${order}`;
}

// One client with a proxy of its own. Gives how many frames came twice.
async function run(server, name, plans, query) {
  const proxy = await Proxy.open(server.port, plans);
  const batch = 1 + ((name.length * 7 + query.number) % 9);
  const params = new URLSearchParams({ id: name, batch, ...query });
  const client = new Client(`ws://127.0.0.1:${proxy.port}/ws?${params}`);
  try {
    await within(client.end, "the end of a run");
  } catch {
    assert.fail(explain(client, name));
  } finally {
    client.stop();
    proxy.close();
  }
  assert.deepEqual(client.order, wanted, explain(client, name));
  return { duplicates: client.duplicates, connections: proxy.connections };
}

// Every element of `plansOf` is a run of its own; some of them at a time.
async function runAll(server, plansOf, query = {}) {
  const waiting = [...plansOf.entries()];
  const sum = { duplicates: 0, connections: 0, runs: waiting.length };
  const worker = async () => {
    for (;;) {
      const [number, plans] = waiting.shift() ?? [];
      if (plans === undefined) return;
      const name = `${number} ${JSON.stringify(plans)}`;
      const result = await run(server, name, plans, { ...query, number });
      sum.duplicates += result.duplicates;
      sum.connections += result.connections;
    }
  };
  await drive(server, () =>
    Promise.all(Array.from({ length: AT_ONCE }, worker)),
  );
  return sum;
}

// Nothing was lost, as the server sees it as well, and the cuts did hurt.
async function assertProved(server, sum) {
  assert.ok(sum.duplicates > 0, "no frame came twice: this proves nothing");
  assert.ok(sum.connections > sum.runs, "nobody had to come back");
  assert.equal((await server.request("GET", "/lost")).body, "0");
}

function delivery(name, options, plansOf, query) {
  test(name, () => {
    const env = { DELIVERY_OPTIONS: JSON.stringify(options) };
    const quiet = { env, args: ["--log-level", "warn"] };
    return serve("delivery.lua", quiet, async (server) => {
      const sum = await runAll(server, await plansOf(server), query);
      await assertProved(server, sum);
    });
  });
}

// How many bytes a run has when nothing is cut: the 101 and all frames.
async function measure(server) {
  const wire = await server.wire();
  const response = await wire.upgrade("/ws?id=measure&batch=100");
  const head = Object.entries(response.headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    "HTTP/1.1 101 Switching Protocols\r\n\r\n".length,
  );
  const driver = await server.connect({ id: "measurer" });
  await driver.ask("tick");
  let bytes = head;
  for (let count = 0; count < RUN; ) {
    const { opcode, payload } = await wire.frame();
    bytes += 2 + payload.length;
    if (opcode === 1) count += 1;
  }
  wire.destroy();
  return { head, bytes };
}

// The numbers from `from` up to `to`, `step` apart.
const range = (from, to, step = 1) =>
  Array.from(
    { length: Math.floor((to - from) / step) + 1 },
    (_, i) => from + i * step,
  );

// A sanitizer is slow: fewer places there.
const SLOW = isSanitized ? 4 : 1;

delivery(
  "hostile 51 a cut at every seventh byte of a run loses nothing",
  CONFIRMED,
  async (server) => {
    const { bytes } = await measure(server);
    // Another seventh of the bytes with another seed.
    const first = randomBytes(1)[0] % 7;
    return range(first, bytes, 7 * SLOW).map((cut) => [{ bytes: cut }]);
  },
  { away: 1 },
);

delivery(
  "a cut at every frame boundary loses nothing",
  CONFIRMED,
  () => range(0, RUN - 1, SLOW).map((frames) => [{ frames }]),
  { away: 1 },
);

delivery(
  "a cut while the window is full loses nothing",
  { ...CONFIRMED, send_buffer_size: 16 },
  () => range(100, RUN_BYTES, 37 * SLOW).map((bytes) => [{ bytes }]),
  { away: 0 },
);

delivery(
  "a cut inside the 101 loses nothing",
  CONFIRMED,
  async (server) => {
    const { head } = await measure(server);
    // At most a few frames follow at once, so cut a second time, behind them.
    return range(1, head - 1, 5 * SLOW).map((bytes) => [
      { bytes },
      { bytes: head + 300 },
    ]);
  },
  { away: 1 },
);

delivery(
  "a cut inside a replay loses nothing",
  CONFIRMED,
  async (server) => {
    const { head, bytes } = await measure(server);
    return range(head + 100, bytes - 100, 500).flatMap((first) =>
      range(head - 50, head + 1000, 150 * SLOW).map((second) => [
        { bytes: first },
        { bytes: second },
        { bytes: second + 20 },
      ]),
    );
  },
  { away: 1 },
);

// The window fills up, and the heartbeat ends the transport.
delivery(
  "pongs that are lost lose nothing",
  {
    ...CONFIRMED,
    send_buffer_size: 16,
    heartbeat: { ping: 0.3, pong: 1 },
  },
  () =>
    range(150, RUN_BYTES - 1000, 150 * SLOW).map((bytes) => [
      { bytes, how: "mute" },
    ]),
  { away: 0 },
);

delivery(
  "pongs that are lost before a cut lose nothing",
  CONFIRMED,
  async (server) => {
    const { head, bytes } = await measure(server);
    return range(head, bytes - 1000, 70 * SLOW).map((cut) => [
      { bytes: cut, how: "mute", after: 900 },
    ]);
  },
  { away: 1 },
);

delivery(
  "a client that is back before the server noticed loses nothing",
  CONFIRMED,
  async (server) => {
    const { bytes } = await measure(server);
    return range(0, bytes, 50 * SLOW).map((cut) => [
      { bytes: cut, how: "vanish" },
    ]);
  },
  { away: 1 },
);

delivery(
  "cuts by chance, several in a row, lose nothing",
  CONFIRMED,
  async (server) => {
    const { bytes } = await measure(server);
    const plan = () => ({
      bytes: randomBytes(2).readUInt16BE() % bytes,
      how: randomBytes(1)[0] % 2 ? "reset" : "vanish",
    });
    return range(1, 120 / SLOW).map(() => [plan(), plan(), plan(), plan()]);
  },
  { away: 1 },
);

// More than the kernel takes: frames are written in part when the cut comes.
delivery(
  "a cut in the middle of large frames loses nothing",
  {
    ...CONFIRMED,
    send_buffer_bytes: 64 * 1024 * 1024,
  },
  () =>
    range(1, 16 / SLOW).map(() => [
      { bytes: randomBytes(4).readUInt32BE() % 15_000_000, stall: 150 },
      { bytes: randomBytes(4).readUInt32BE() % 15_000_000, how: "vanish" },
    ]),
  { away: 1, size: 150_000 },
);

// ---- what the option promises beside it

test("a forwarded frame keeps its id, one without gets one", () => {
  const env = { DELIVERY_OPTIONS: JSON.stringify(CONFIRMED) };
  return serve("delivery.lua", { env }, async (server) => {
    const peer = await server.connect({ id: "ann" });
    const own = '{ "event": "forward", "id": "mine", "payload": [1.0] }';
    peer.send(own);
    assert.equal((await peer.message()).data.toString(), own);
    const ids = [];
    for (let i = 0; i < 2; i++) {
      peer.send('{ "event": "forward", "payload": [1.0] }');
      const text = (await peer.message()).data.toString();
      assert.match(text, /"payload":\[1\.0\]/);
      ids.push(JSON.parse(text).id);
    }
    for (const id of ids) assert.match(id, /^[0-9a-f]+-\d+$/);
    assert.notEqual(ids[0], ids[1]);
  });
});

test("without the option nothing comes twice and the order is kept", () => {
  const options = { resume_window: 60, send_buffer_size: 100 };
  const env = { DELIVERY_OPTIONS: JSON.stringify(options) };
  return serve("delivery.lua", { env }, async (server) => {
    const lives = range(0, RUN_BYTES, 250).map(async (bytes, number) => {
      const proxy = await Proxy.open(server.port, [{ bytes }]);
      const query = new URLSearchParams({ id: `k ${bytes}`, away: 1 });
      query.set("batch", 1 + (number % 9));
      const client = new Client(`ws://127.0.0.1:${proxy.port}/ws?${query}`);
      let isOver = false;
      client.end.then(() => (isOver = true));
      const asks = () => {
        client.say("is it over");
        return isOver;
      };
      try {
        await until(asks, `the end of the run that is cut at ${bytes}`);
      } finally {
        client.stop();
        proxy.close();
      }
      const sorted = [...new Set(client.order)].sort((a, b) => a - b);
      assert.deepEqual(client.order, sorted, `cut at ${bytes}`);
    });
    await drive(server, () => Promise.all(lives));
  });
});
