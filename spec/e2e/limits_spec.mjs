// SPDX-License-Identifier: MIT
// What strangers may do before anybody knows them: how long, how many, how
// fast.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";

import { isSanitized, until, within } from "./support/deadline.mjs";
import { Refused } from "./support/peer.mjs";
import { descriptors, residentBytes } from "./support/process.mjs";
import {
  binary,
  fixtures,
  holding,
  serve,
  Server,
  withFolder,
} from "./support/server.mjs";
import { frame, PING, TEXT, upgradeHead, Wire } from "./support/wire.mjs";

const MANY = isSanitized ? 1000 : 10_000;
const STORM = isSanitized ? 500 : 3000;

function withServer(name, options, use) {
  const env = { FIXTURE_OPTIONS: options };
  test(name, () => serve("strangers.lua", { env, listen: null }, use));
}

// A socket that says nothing and knows how it ended.
function silent(port) {
  const socket = net.connect({ port, host: "127.0.0.1" });
  const ended = new Promise((resolve) => {
    socket.once("error", (error) => resolve(error.code));
    socket.once("end", () => resolve("end"));
    socket.resume();
  });
  const opened = new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
  return { opened, ended };
}

async function refusalOf(promise) {
  const refusal = await promise.then(
    () => assert.fail("the upgrade was accepted"),
    (error) => error,
  );
  assert.ok(refusal instanceof Refused, String(refusal));
  return refusal;
}

// Asks for the upgrade until there is room again.
const untilAccepted = (server, query) =>
  until(() => server.connect(query).catch(() => null), "room for one more");

const refused = async (server, reason) => {
  const page = await server.metrics();
  return Number(new RegExp(`reason="${reason}"} (\\d+)`).exec(page)[1]);
};

// ---- how long

withServer(
  "hostile 7: whoever trickles is closed at the deadline",
  "{ handshake_timeout = 0.4 }",
  async (server) => {
    const bytes = `GET /who HTTP/1.1\r\nX: ${"x".repeat(4000)}`;
    const slow = await server.wire();
    let isOver = false;
    const trickle = async () => {
      for (let i = 0; i < bytes.length && !isOver; i++) {
        slow.write(bytes[i]);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const writing = trickle();
    assert.equal((await slow.end()).length, 0);
    isOver = true;
    await writing;
    assert.equal(await refused(server, "handshake_timeout"), 1);
  },
);

withServer(
  "hostile 7: a body that trickles is closed too, and a later request",
  "{ handshake_timeout = 0.4 }",
  async (server) => {
    const slow = await server.wire();
    slow.write("POST /who HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
    assert.equal((await slow.end()).length, 0);
    const later = await server.wire();
    assert.equal((await later.request("GET", "/who")).status, 200);
    later.write("GET /w");
    assert.equal((await later.end()).length, 0);
    assert.equal(await refused(server, "handshake_timeout"), 1);
  },
);

withServer(
  `hostile 8: ${MANY} silent sockets are gone at the deadline`,
  "{ handshake_timeout = 3 }",
  async (server) => {
    const sockets = Array.from({ length: MANY }, () => silent(server.port));
    await within(
      Promise.all(sockets.map(({ opened }) => opened)),
      "the sockets to be open",
      60_000,
    );
    const peer = await server.connect();
    assert.equal((await peer.frame()).event, "welcome");
    const ends = await within(
      Promise.all(sockets.map(({ ended }) => ended)),
      "the sockets to be closed",
      60_000,
    );
    assert.deepEqual([...new Set(ends)], ["end"]);
    assert.ok((await refused(server, "handshake_timeout")) >= MANY);
    await server.loggedTimes(/handshake_timeout/, 1);
    assert.equal((await peer.ask("x", 1)).payload, 1);
    assert.equal((await server.request("GET", "/who")).status, 200);
  },
);

// ---- how many

withServer(
  "max_connections: one more is 503, before anybody asks who it is",
  "{ max_connections = 2 }",
  async (server) => {
    const first = await server.connect();
    await server.connect();
    for (let i = 0; i < 3; i++) {
      const { status, body } = await refusalOf(server.connect());
      assert.deepEqual([status, body], [503, "too many connections\n"]);
    }
    const { body } = await server.request("GET", "/who");
    assert.equal(JSON.parse(body).admissions, 2);
    assert.equal(await refused(server, "max_connections"), 3);
    await server.loggedTimes(/\(max_connections\)/, 1);
    await first.close();
    await untilAccepted(server);
  },
);

withServer(
  "max_connections: neither plain requests nor silent sockets count",
  "{ max_connections = 1 }",
  async (server) => {
    const wires = await Promise.all([1, 2, 3].map(() => server.wire()));
    await server.connect();
    assert.equal((await wires[0].request("GET", "/who")).status, 200);
  },
);

withServer(
  "max_connections_per_ip: one more is 429, and others are not concerned",
  "{ max_connections_per_ip = 3 }",
  async (server) => {
    const kept = await Promise.all([1, 2, 3].map(() => server.connect()));
    const { status, body } = await refusalOf(server.connect());
    assert.deepEqual([status, body], [429, "too many connections\n"]);
    const plain = await server.request("GET", "/who");
    assert.equal(plain.status, 429);
    const other = await server.connect({}, { localAddress: "127.0.0.2" });
    assert.equal((await other.ask("welcome", 1)).event, "welcome");
    assert.ok((await refused(server, "max_connections_per_ip")) >= 2);
    await server.loggedTimes(/max_connections_per_ip/, 1);
    await kept[0].close();
    await untilAccepted(server);
  },
);

withServer(
  "max_connections_per_ip: whoever is far over it is closed at once",
  "{ max_connections_per_ip = 4 }",
  async (server) => {
    const sockets = Array.from({ length: 60 }, () => silent(server.port));
    await Promise.all(sockets.map(({ opened }) => opened.catch(() => {})));
    let closed = 0;
    for (const { ended } of sockets) ended.then(() => closed++);
    await until(() => closed >= 40, "the ones far over it to be closed");
    assert.equal(await refused(server, "max_connections_per_ip"), 56);
    for (const { opened } of sockets) (await opened).destroy();
    await untilAccepted(server);
  },
);

withServer(
  "hostile 18: behind a proxy each client has its own count",
  '{ max_connections_per_ip = 1, trusted_proxies = "127.0.0.1" }',
  async (server) => {
    const from = (address) => ({ headers: { "X-Forwarded-For": address } });
    const first = await server.connect({}, from("203.0.113.7"));
    await server.connect({}, from("203.0.113.8"));
    const again = server.connect({}, from("198.51.100.1, 203.0.113.7"));
    assert.equal((await refusalOf(again)).status, 429);
    const neighbour = from("2001:db8:0:1::2");
    await server.connect({}, from("2001:db8:0:1::1"));
    assert.equal((await refusalOf(server.connect({}, neighbour))).status, 429);
    await first.close();
    await until(
      () => server.connect({}, from("203.0.113.7")).catch(() => null),
      "room for the client",
    );
  },
);

test("limits are live on a reload", () =>
  withFolder(async (folder) => {
    const file = path.join(folder, "options.lua");
    await writeFile(file, "{ max_connections = 1 }");
    const env = { FIXTURE_FILE: file };
    await serve("strangers.lua", { env, listen: null }, async (server) => {
      const first = await server.wire();
      assert.equal((await first.upgrade()).status, 101);
      assert.equal((await refusalOf(server.connect())).status, 503);
      await writeFile(file, "{ max_connections = 2, max_control_rate = 1 }");
      await server.reload();
      await server.connect();
      assert.equal((await refusalOf(server.connect())).status, 503);
      assert.equal((await first.frame()).opcode, TEXT);
      first.write(Buffer.concat([frame(PING, "1"), frame(PING, "2")]));
      assert.equal((await first.frame()).payload.toString(), "1");
      assert.equal((await first.frame()).code, 1008);
      await writeFile(file, "{ max_connections_per_ip = 1 }");
      await server.reload();
      await server.connect();
      assert.equal((await refusalOf(server.connect())).status, 429);
    });
  }));

// ---- from where

const POLICIES = {
  any: '"any"',
  same: '"same"',
  list: '{ "https://good.example", "https://xn--mnchen-3ya.example:8443" }',
  function:
    'function(req) return req:header "origin" == "https://good.example" end',
};

// The header Host is good.example. Who lets a page of that origin in?
const ORIGINS = {
  "https://good.example": "any same list function",
  "https://GOOD.example:443": "any list",
  "http://good.example:80": "any same",
  "http://good.example": "any same",
  "https://good.example:8443": "any",
  "https://xn--mnchen-3ya.example:8443": "any list",
  "https://münchen.example:8443": "any",
  "https://good.example.evil.com": "any",
  "https://evil-good.example": "any",
  "https://good.example@evil.com": "any",
  "https://good.example/": "any",
  "https://good.example, https://good.example": "any",
  null: "any",
  "": "any",
};

for (const [policy, text] of Object.entries(POLICIES)) {
  withServer(
    `hostile 9: check_origin is ${policy}`,
    `{ check_origin = ${text} }`,
    async (server) => {
      const statusOf = async (origin) => {
        const wire = await server.wire();
        const headers = { Host: "good.example", Origin: origin };
        const { status } = await wire.upgrade("/ws", headers);
        wire.destroy();
        return status;
      };
      let count = 0;
      const expect = async (origin, isAllowed) => {
        if (!isAllowed) count++;
        assert.equal(await statusOf(origin), isAllowed ? 101 : 403, origin);
      };
      for (const [origin, who] of Object.entries(ORIGINS)) {
        const bytes = Buffer.from(origin).toString("latin1");
        await expect(bytes, who.split(" ").includes(policy));
      }
      // No browser sends none: only a function hears of it.
      await expect(null, policy !== "function");
      const twice = Array(2).fill("https://good.example");
      await expect(twice, ["any", "function"].includes(policy));
      assert.equal(await refused(server, "check_origin"), count);
      await server.loggedTimes(/\(check_origin\)/, count > 0 ? 1 : 0);
      const warnings = policy === "any" ? 1 : 0;
      await server.loggedTimes(/SECURITY/, warnings);
    },
  );
}

// ---- how fast

withServer(
  "hostile 66: over accept_rate peers wait, and nobody is refused",
  "{ accept_rate = { per_second = 50, burst = 5 } }",
  async (server) => {
    const start = performance.now();
    const peers = await Promise.all(
      Array.from({ length: 25 }, () => server.connect()),
    );
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds > 0.3, `20 over the burst took ${seconds} s`);
    for (const peer of peers) assert.equal((await peer.frame()).event, "welcome");
  },
);

// Bytes of memory the process has.
withServer(
  `hostile 66: ${STORM} come at once and drop at once, again and again`,
  "{ handshake_timeout = 3 }",
  async (server) => {
    const atRest = await descriptors(server);
    const sizes = [];
    for (let round = 0; round < 4; round++) {
      const wires = await within(
        Promise.all(
          Array.from({ length: STORM }, async () => {
            const wire = await Wire.open(server.port);
            wire.write(upgradeHead("/ws"));
            assert.equal((await wire.response()).status, 101);
            return wire;
          }),
        ),
        "the storm",
        60_000,
      );
      for (const wire of wires) wire.reset();
      await until(
        async () => (await descriptors(server)) <= atRest + 1,
        "the descriptors to be closed",
        60_000,
      );
      sizes.push(await residentBytes(server));
    }
    // A sanitizer keeps what was freed for a while.
    const isFlat = isSanitized || sizes[3] < sizes[1] * 1.2;
    assert.ok(isFlat, `it grew: ${sizes.join(", ")}`);
    await until(
      async () => /loop_lag_seconds_count [1-9]/.test(await server.metrics()),
      "a deadline to be served",
    );
    const peer = await server.connect();
    assert.equal((await peer.frame()).event, "welcome");
  },
);

// ---- no descriptors

async function withFewDescriptors(count, use) {
  const script = path.join(fixtures, "strangers.lua");
  const words = [binary, "run", script, "--no-control"];
  const server = await Server.launch(
    "/bin/sh",
    ["-c", `ulimit -n ${count}; exec "$@"`, "sh", ...words],
    { env: { FIXTURE_OPTIONS: "{}" } },
  );
  await holding(server, async () => {
    await use(server);
    await server.stop();
  });
}

test("hostile 59: no descriptors: peers are sent away, and it recovers", () =>
  withFewDescriptors(60, async (server) => {
    const peer = await server.connect();
    assert.equal((await peer.frame()).event, "welcome");
    const sockets = Array.from({ length: 150 }, () => silent(server.port));
    await Promise.all(sockets.map(({ opened }) => opened));
    let closed = 0;
    for (const { ended } of sockets) ended.then(() => closed++);
    await until(() => closed >= 100, "those who find no place to be sent away");
    assert.equal((await peer.ask("x", 1)).payload, 1);
    await server.loggedTimes(/raise the limit of open files/, 1);
    for (const { opened } of sockets) (await opened).destroy();
    const next = await untilAccepted(server);
    assert.equal((await next.frame()).event, "welcome");
    await next.close();
    await peer.close();
  }));

withServer(
  "hostile 79: strangers do not hold the end of a server",
  "{}",
  async (server) => {
    const strangers = [silent(server.port), silent(server.port)];
    for (const { opened } of strangers) (await opened).unref();
    (await strangers[1].opened).write("GET /who HTTP/1.1\r\nHost: x\r\n");
    assert.equal((await server.request("GET", "/who")).status, 200);
    // serve() ends the server, and asserts how it went.
  },
);
