// SPDX-License-Identifier: MIT
// Who a client is when proxies stand between, and who is not believed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { serve } from "./support/server.mjs";
import { frame, TEXT, upgradeHead } from "./support/wire.mjs";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V1 = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n";
const CLIENT = "203.0.113.7:4711";

// A header of version 2 for 203.0.113.7:4711 with `additions` behind it.
function v2(additions = "") {
  const body = Buffer.concat([
    Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0, 80]),
    Buffer.from(additions, "latin1"),
  ]);
  const head = Buffer.from([0x21, 0x11, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, head, body]);
}

function withServer(name, options, use) {
  const env = { FIXTURE_OPTIONS: options };
  test(name, () => serve("strangers.lua", { env, listen: null }, use));
}

const BEHIND = `{ listen = { { address = "127.0.0.1:0", proxy_protocol = true } },
  trusted_proxies = "127.0.0.1", handshake_timeout = 2 }`;

async function whoAsks(server, headers) {
  const { status, body } = await server.request("GET", "/who", { headers });
  assert.equal(status, 200);
  return JSON.parse(body).remote_addr;
}

// Who is asking behind `head`, which stands in front of the request.
async function whoIsBehind(server, head, send = (wire, bytes) => wire.write(bytes)) {
  const wire = await server.wire();
  const request = Buffer.from("GET /who HTTP/1.1\r\nHost: x\r\n\r\n");
  await send(wire, Buffer.concat([Buffer.from(head), request]));
  const { body } = await wire.response();
  wire.destroy();
  return JSON.parse(body).remote_addr;
}

withServer(
  "hostile 18: X-Forwarded-For of a stranger is not believed",
  '{ trusted_proxies = "10.0.0.0/8" }',
  async (server) => {
    const seen = await whoAsks(server, { "X-Forwarded-For": "203.0.113.7" });
    assert.match(seen, /^127\.0\.0\.1:\d+$/);
  },
);

withServer(
  "hostile 18: of a trusted proxy, the right-most hop that is not trusted",
  '{ trusted_proxies = { "127.0.0.1", "10.0.0.0/8" } }',
  async (server) => {
    const rows = {
      "203.0.113.7": "203.0.113.7",
      "evil, 198.51.100.1, 203.0.113.7, 10.0.0.1": "203.0.113.7",
      "203.0.113.7:81": "203.0.113.7:81",
      "[2001:db8::7]:81, 10.0.0.1": "[2001:db8::7]:81",
      "2001:db8::7%eth0": "[2001:db8::7]",
      "203.0.113.7, evil, 10.0.0.9": "10.0.0.9",
      [`${"10.0.0.1, ".repeat(100)}10.0.0.2`]: "10.0.0.1",
    };
    for (const [value, expected] of Object.entries(rows)) {
      const seen = await whoAsks(server, { "X-Forwarded-For": value });
      assert.equal(seen, expected, value);
    }
    for (const value of ["unknown", "203.0.113.7, evil", ""]) {
      const seen = await whoAsks(server, { "X-Forwarded-For": value });
      assert.match(seen, /^127\.0\.0\.1:\d+$/, value);
    }
  },
);

withServer(
  "hostile 18: each request on a connection names its own client",
  '{ trusted_proxies = "127.0.0.1" }',
  async (server) => {
    const wire = await server.wire();
    for (const address of ["203.0.113.7", "203.0.113.8"]) {
      const headers = { "X-Forwarded-For": address };
      const { body } = await wire.request("GET", "/who", { headers });
      assert.equal(JSON.parse(body).remote_addr, address);
    }
    const { body } = await wire.request("GET", "/who");
    assert.match(JSON.parse(body).remote_addr, /^127\.0\.0\.1:\d+$/);
    const answer = await wire.upgrade("/ws", {
      "X-Forwarded-For": "203.0.113.9",
    });
    assert.equal(answer.status, 101);
    const { payload } = await wire.frame();
    assert.equal(JSON.parse(payload).payload, "203.0.113.9");
  },
);

withServer("PROXY v1 and v2 name the client", BEHIND, async (server) => {
  assert.equal(await whoIsBehind(server, V1), CLIENT);
  assert.equal(await whoIsBehind(server, v2()), CLIENT);
  assert.equal(await whoIsBehind(server, v2("x".repeat(5000))), CLIENT);
  const itself = /^127\.0\.0\.1:\d+$/;
  assert.match(await whoIsBehind(server, "PROXY UNKNOWN\r\n"), itself);
  const local = Buffer.concat([SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);
  assert.match(await whoIsBehind(server, local), itself);
});

withServer(
  "hostile 37: a PROXY header and what follows, one byte at a time",
  BEHIND,
  async (server) => {
    const oneByOne = async (wire, bytes) => {
      for (const byte of bytes) {
        wire.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    assert.equal(await whoIsBehind(server, V1, oneByOne), CLIENT);
    assert.equal(await whoIsBehind(server, v2("abc"), oneByOne), CLIENT);
  },
);

withServer(
  "a WebSocket behind PROXY, frames in the same packet",
  BEHIND,
  async (server) => {
    const wire = await server.wire();
    const echo = frame(TEXT, '{"event":"x"}');
    wire.write(Buffer.concat([v2(), Buffer.from(upgradeHead("/ws")), echo]));
    assert.equal((await wire.response()).status, 101);
    const { payload } = await wire.frame();
    assert.equal(JSON.parse(payload).payload, CLIENT);
    assert.equal((await wire.frame()).payload.toString(), '{"event":"x"}');
  },
);

withServer(
  "hostile 17: no PROXY header, or a wrong one, is closed without a word",
  BEHIND,
  async (server) => {
    const heads = [
      "GET /who HTTP/1.1\r\nHost: x\r\n\r\n",
      upgradeHead("/ws"),
      `${V1.slice(0, -2)}\n`,
      `PROXY TCP4 ${"1".repeat(200)}`,
      "PROXY TCP4 evil 192.0.2.1 4711 80\r\n",
      Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 4, 1, 2, 3, 4])]),
      Buffer.concat([SIGNATURE, Buffer.from([0x31])]),
    ];
    for (const head of heads) {
      const wire = await server.wire();
      wire.write(head);
      assert.equal((await wire.end()).length, 0);
    }
    await server.logged(/no PROXY header of a trusted proxy/);
    await server.loggedTimes(/PROXY/, 1);
    assert.match(
      await server.metrics(),
      new RegExp(`reason="proxy_protocol"} ${heads.length}\n`),
    );
    assert.equal(await whoIsBehind(server, V1), CLIENT);
  },
);

withServer(
  "hostile 17: a second PROXY header is no request",
  BEHIND,
  async (server) => {
    for (const head of [V1, v2()]) {
      const wire = await server.wire();
      wire.write(Buffer.concat([Buffer.from(V1), Buffer.from(head)]));
      wire.write("GET /who HTTP/1.1\r\nHost: x\r\n\r\n");
      assert.equal((await wire.response()).status, 400);
      await wire.end();
    }
  },
);

withServer(
  "hostile 17: nobody but a trusted proxy may speak at all",
  `{ listen = { { address = "127.0.0.1:0", proxy_protocol = true } },
    trusted_proxies = "10.0.0.0/8" }`,
  async (server) => {
    const wire = await server.wire();
    wire.write(V1);
    assert.equal((await wire.end()).length, 0);
    assert.match(await server.metrics(), /reason="proxy_protocol"} 1\n/);
  },
);

withServer(
  "hostile 7, 17: half a PROXY header is closed at the deadline",
  BEHIND.replace("= 2", "= 0.2"),
  async (server) => {
    for (const head of ["", "PROXY", v2().subarray(0, 20)]) {
      const wire = await server.wire();
      wire.write(head);
      assert.equal((await wire.end()).length, 0);
    }
    assert.match(await server.metrics(), /reason="handshake_timeout"} 3\n/);
  },
);

withServer(
  "the header does not earn another deadline",
  BEHIND.replace("= 2", "= 0.2"),
  async (server) => {
    const wire = await server.wire();
    wire.write(V1);
    assert.equal((await wire.end()).length, 0);
    assert.match(await server.metrics(), /reason="handshake_timeout"} 1\n/);
  },
);

withServer(
  "beside a place for proxies another one is for everybody",
  `{ listen = { "127.0.0.1:0", { address = "127.0.0.1:0", proxy_protocol = true } },
    trusted_proxies = "127.0.0.1" }`,
  async (server) => {
    assert.match(await whoAsks(server, {}), /^127\.0\.0\.1:\d+$/);
    const wire = await server.wire(server.urls[1]);
    wire.write(`${V1}GET /who HTTP/1.1\r\nHost: x\r\n\r\n`);
    const { body } = await wire.response();
    assert.equal(JSON.parse(body).remote_addr, CLIENT);
  },
);
