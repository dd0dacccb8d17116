// SPDX-License-Identifier: MIT
// What a server answers to an opening handshake, well-meant or hostile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { serve } from "./support/server.mjs";
import {
  acceptOf,
  CLOSE,
  frame,
  KEY,
  PING,
  PONG,
  TEXT,
  upgradeHead,
} from "./support/wire.mjs";

const withServer = (name, use, options = {}) =>
  test(name, () => serve("handshake.lua", options, use));

// Writes `bytes` on a fresh connection; gives the response.
async function answerTo(server, bytes) {
  const wire = await server.wire();
  wire.write(bytes);
  const response = await wire.response();
  return { ...response, wire };
}

// Upgrade with some headers changed; the connection must not become a socket.
async function assertRefused(server, changes, expected, line) {
  const head = upgradeHead("/ws", changes, line);
  const { status, body, headers, wire } = await answerTo(server, head);
  const seen = JSON.stringify({ changes, line });
  assert.equal(status, expected.status, seen);
  if (expected.body !== undefined) assert.equal(body, expected.body, seen);
  if (expected.isClosed) await wire.end();
  wire.destroy();
  return headers;
}

async function assertAccepted(server, changes) {
  const wire = await server.wire();
  const { status, headers } = await wire.upgrade("/ws", changes);
  assert.equal(status, 101, JSON.stringify(changes));
  const { payload } = await wire.frame();
  assert.deepEqual(JSON.parse(payload), { event: "welcome" });
  wire.destroy();
  return headers;
}

const SUBPROTOCOLS = { env: { FIXTURE_SUBPROTOCOLS: "chat.v2 chat.v1" } };
const BAD_REQUEST = { status: 400, body: "Bad Request\n" };
const UPGRADE_REQUIRED = { status: 426, body: "Upgrade Required\n" };

withServer(
  "101 has the accept key, no subprotocol and no extension",
  async (server) => {
    const headers = await assertAccepted(server, {
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      "Sec-WebSocket-Protocol": "chat, superchat",
    });
    assert.equal(headers["sec-websocket-accept"], acceptOf(KEY));
    assert.equal(headers.upgrade.toLowerCase(), "websocket");
    assert.equal(headers.connection.toLowerCase(), "upgrade");
    assert.equal(headers["sec-websocket-extensions"], undefined);
    assert.equal(headers["sec-websocket-protocol"], undefined);
  },
);

withServer(
  "sub-protocols: the server's order wins, nothing else is echoed",
  async (server) => {
    const offers = {
      "chat.v1": "chat.v1",
      "chat.v1, chat.v2": "chat.v2",
      "x,\tchat.v2 ,chat.v1": "chat.v2",
      "": undefined,
      "chat, chat.v3": undefined,
      "CHAT.V1": undefined,
      '"chat.v1"': undefined,
    };
    for (const [offer, chosen] of Object.entries(offers)) {
      const headers = await assertAccepted(server, {
        "Sec-WebSocket-Protocol": offer,
      });
      assert.equal(headers["sec-websocket-protocol"], chosen, offer);
    }
    const both = await assertAccepted(server, {
      "Sec-WebSocket-Protocol": ["chat.v1", "x, chat.v2"],
    });
    assert.equal(both["sec-websocket-protocol"], "chat.v2");
    const none = await assertAccepted(server, {});
    assert.equal(none["sec-websocket-protocol"], undefined);
  },
  SUBPROTOCOLS,
);

withServer(
  "hostile 10, 11: sub-protocols that are forged, or many",
  async (server) => {
    const offers = [
      "chat.v1%0d%0aX-Forged: 1",
      "chat.v1\\r\\nX-Forged: 1",
      Array.from({ length: 1000 }, (_, i) => `p${i}`).join(","),
      ",".repeat(8000),
      [" ,".repeat(3000), " ,".repeat(3000)],
    ];
    for (const offer of offers) {
      const headers = await assertAccepted(server, {
        "Sec-WebSocket-Protocol": offer,
      });
      assert.equal(headers["sec-websocket-protocol"], undefined);
      assert.equal(headers["x-forged"], undefined);
    }
    const last = await assertAccepted(server, {
      "Sec-WebSocket-Protocol": `${",".repeat(8000)}chat.v1`,
    });
    assert.equal(last["sec-websocket-protocol"], "chat.v1");
    for (const offer of ["p,".repeat(10_000), ",".repeat(64 * 1024)]) {
      const tooLong = { status: 431 };
      await assertRefused(server, { "Sec-WebSocket-Protocol": offer }, tooLong);
    }
  },
  SUBPROTOCOLS,
);

withServer("hostile 1: Connection and Upgrade", async (server) => {
  await assertRefused(server, { Upgrade: null }, BAD_REQUEST);
  await assertRefused(server, { Connection: null }, BAD_REQUEST);
  await assertRefused(server, { Connection: "keep-alive" }, BAD_REQUEST);
  await assertRefused(server, { Connection: "upgraded" }, BAD_REQUEST);
  await assertRefused(server, { Upgrade: "h2c" }, BAD_REQUEST);
  const plain = { Connection: null, Upgrade: null };
  await assertRefused(server, plain, BAD_REQUEST);
  await assertAccepted(server, { Connection: "keep-alive, Upgrade" });
  await assertAccepted(server, { Connection: ["keep-alive", "uPgRaDe"] });
  await assertAccepted(server, { Upgrade: "WebSocket" });
  await assertAccepted(server, { Upgrade: "h2c, websocket" });
});

withServer(
  "connect is asked before the handshake is looked at",
  async (server) => {
    const head = upgradeHead("/ws?answer=none", {
      Upgrade: null,
      Connection: null,
    });
    const { status, body } = await answerTo(server, head);
    assert.deepEqual([status, body], [401, "unauthorized\n"]);
  },
);

withServer("hostile 2: Sec-WebSocket-Version", async (server) => {
  const versions = [null, "7", "8", "12", "14", "13, 8", ["13", "13"], "", "x"];
  for (const version of versions) {
    const headers = await assertRefused(
      server,
      { "Sec-WebSocket-Version": version },
      UPGRADE_REQUIRED,
    );
    assert.equal(headers["sec-websocket-version"], "13", String(version));
  }
});

withServer("hostile 3: Sec-WebSocket-Key", async (server) => {
  const ofBytes = (count) => Buffer.alloc(count, 7).toString("base64");
  const keys = [
    null,
    "",
    [KEY, KEY],
    "not base64 at all!!!!!!!",
    ofBytes(15),
    ofBytes(17),
    ofBytes(16).slice(0, -2),
    ofBytes(4000),
    `${KEY}, ${KEY}`,
  ];
  for (const key of keys) {
    await assertRefused(server, { "Sec-WebSocket-Key": key }, BAD_REQUEST);
  }
  const headers = await assertAccepted(server, {
    "Sec-WebSocket-Key": ofBytes(16),
  });
  assert.equal(headers["sec-websocket-accept"], acceptOf(ofBytes(16)));
});

withServer("hostile 4: other methods, old versions, bodies", async (server) => {
  for (const method of ["POST", "PUT", "HEAD", "DELETE"]) {
    const wire = await server.wire();
    wire.write(upgradeHead("/ws", {}, `${method} /ws HTTP/1.1`));
    const response = await wire.response({ isHead: method === "HEAD" });
    assert.equal(response.status, 405, method);
    if (method !== "HEAD") assert.equal(response.body, "Method Not Allowed\n");
  }
  const closed = { status: 400, isClosed: true };
  await assertRefused(server, {}, closed, "GET /ws HTTP/1.0");
  await assertRefused(server, {}, closed, "GET /ws");
  await assertRefused(server, { "Content-Length": "5" }, closed);
  await assertRefused(server, { "Transfer-Encoding": "chunked" }, closed);
  const both = { "Content-Length": "5", "Transfer-Encoding": "chunked" };
  await assertRefused(server, both, closed);
  await assertRefused(server, { "Content-Length": ["5", "6"] }, closed);
  await assertRefused(server, { "Content-Length": "-1" }, closed);
  await assertRefused(
    server,
    {},
    { status: 505, isClosed: true },
    "GET /ws HTTP/2.0",
  );
});

withServer(
  "hostile 5: heads that two parsers could read in two ways",
  async (server) => {
    const good = upgradeHead("/ws").slice(0, -2);
    const bad = {
      "folded line": `${good}X-Long: one\r\n two\r\n\r\n`,
      "bare LF": `${good.replaceAll("\r\n", "\n")}\n`,
      "one bare LF": `${good}X-Odd: 1\nX-Even: 2\r\n\r\n`,
      "bare CR": `${good}X-Odd: 1\rX-Even: 2\r\n\r\n`,
      "NUL in a value": `${good}X-Nul: a\0b\r\n\r\n`,
      "NUL in a name": `${good}X-N\0l: ab\r\n\r\n`,
      "space before the colon": `${good}X-Odd : 1\r\n\r\n`,
      "space in front of the name": `GET /ws HTTP/1.1\r\n Host: x\r\n\r\n`,
      "no colon": `${good}X-Odd\r\n\r\n`,
      "empty name": `${good}: 1\r\n\r\n`,
      "two hosts": `${good}Host: 127.0.0.1\r\n\r\n`,
      "no host": upgradeHead("/ws", { Host: null }),
      "two spaces": upgradeHead("/ws", {}, "GET  /ws HTTP/1.1"),
      tab: upgradeHead("/ws", {}, "GET\t/ws HTTP/1.1"),
      "relative target": upgradeHead("/ws", {}, "GET ws HTTP/1.1"),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      const { status, wire } = await answerTo(server, bytes);
      assert.equal(status, 400, what);
      await wire.end();
    }
  },
);

withServer("hostile 6: heads that are too large", async (server) => {
  const good = upgradeHead("/ws").slice(0, -2);
  const many = Array.from({ length: 1000 }, (_, i) => `X-${i}: 1\r\n`).join("");
  const wide = `X-Wide: ${"w".repeat(6000)}\r\n`;
  const large = {
    "a line over 8 KiB": `${good}X-Long: ${"x".repeat(9000)}\r\n\r\n`,
    "a request line over 8 KiB": upgradeHead(`/ws?${"q".repeat(9000)}`),
    "1,000 headers": `${good}${many}\r\n`,
    "64 KiB in all": `${good}${wide.repeat(11)}\r\n`,
    "a name without end": `${good}${"n".repeat(70_000)}`,
  };
  for (const [what, bytes] of Object.entries(large)) {
    const { status, wire } = await answerTo(server, bytes);
    assert.equal(status, 431, what);
    await wire.end();
  }
  await assertAccepted(server, { "X-Long": "x".repeat(7000) });
});

withServer(
  "hostile 9: origins, with check_origin = same",
  async (server) => {
    const host = `127.0.0.1:${server.port}`;
    const foreign = [
      "https://evil.example",
      "null",
      `http://127.0.0.1:${server.port + 1}`,
      `http://${host}.evil.example`,
      "http://127.0.0.1",
      "",
      `http://${host}@evil.example`,
    ];
    for (const origin of foreign) {
      await assertRefused(
        server,
        { Host: host, Origin: origin },
        { status: 403, body: "Forbidden\n" },
      );
    }
    await assertAccepted(server, { Host: host, Origin: `http://${host}` });
    await assertAccepted(server, {
      Host: "Chat.Example",
      Origin: "http://chat.EXAMPLE:80",
    });
    await assertAccepted(server, { Host: host });
  },
  { env: { FIXTURE_ORIGIN: "same" } },
);

withServer(
  "hostile 10: CR and LF never reach a response header",
  async (server) => {
    const forged = "%0d%0aX-Forged:%201";
    const targets = [
      `/ws${forged}`,
      `/${forged}`,
      `/sub${forged}/`,
      `/ws?room=${forged}&id=${forged}`,
    ];
    for (const target of targets) {
      const { headers } = await answerTo(server, upgradeHead(target));
      assert.equal(headers["x-forged"], undefined, target);
    }
    const headers = await assertAccepted(server, {
      "Sec-WebSocket-Protocol": "a%0d%0aX-Forged: 1",
    });
    assert.equal(headers["x-forged"], undefined);
    const raw = upgradeHead("/ws", {}, "GET /ws\r\nX-Forged: 1 HTTP/1.1");
    assert.equal((await answerTo(server, raw)).status, 400);
  },
);

withServer(
  "hostile 13: frames in the same packet as the request",
  async (server) => {
    const wire = await server.wire();
    wire.write(
      Buffer.concat([
        Buffer.from(upgradeHead("/ws")),
        frame(TEXT, '{"event":"early","payload":1}'),
        frame(PING, "are you there"),
        frame(TEXT, '{"event":"early","payload":2}'),
      ]),
    );
    assert.equal((await wire.response()).status, 101);
    const seen = [];
    for (let i = 0; i < 4; i++) {
      const { opcode, payload } = await wire.frame();
      seen.push(opcode === PONG ? payload.toString() : JSON.parse(payload));
    }
    assert.deepEqual(seen.filter((one) => one === "are you there").length, 1);
    assert.deepEqual(
      seen.filter((one) => one.event),
      [
        { event: "welcome" },
        { event: "early", payload: 1 },
        { event: "early", payload: 2 },
      ],
    );
  },
);

withServer("a request that arrives byte by byte", async (server) => {
  const wire = await server.wire();
  const trickle = (bytes) => {
    for (const byte of bytes) wire.write(Buffer.from([byte]));
  };
  trickle(Buffer.from(upgradeHead("/ws?id=slow")));
  trickle(frame(TEXT, '{"event":"x"}'));
  assert.equal((await wire.response()).status, 101);
  assert.deepEqual(JSON.parse((await wire.frame()).payload), {
    event: "welcome",
  });
  assert.deepEqual(JSON.parse((await wire.frame()).payload), { event: "x" });
  trickle(frame(CLOSE));
  assert.equal((await wire.frame()).opcode, CLOSE);
  await wire.end();
});

withServer(
  "hostile 15: a connect that raises or returns odd things",
  async (server) => {
    const generic = { status: 500, body: "Internal Server Error\n" };
    const expected = {
      raise: generic,
      raise_table: generic,
      wrong_room: generic,
      wrong_id: generic,
      none: { status: 401, body: "unauthorized\n" },
      nothing: { status: 401, body: "unauthorized\n" },
      forbidden: { status: 403 },
      gone: { status: 410 },
    };
    for (const [name, { status, body }] of Object.entries(expected)) {
      const answer = await answerTo(server, upgradeHead(`/ws?answer=${name}`));
      assert.equal(answer.status, status, name);
      if (body) assert.equal(answer.body, body, name);
      assert.doesNotMatch(
        JSON.stringify([answer.headers, answer.body]),
        /swordfish/,
      );
    }
    for (const name of ["huge_id", "newline_id", "nul_id", "bad_utf8_id"]) {
      const { status } = await answerTo(
        server,
        upgradeHead(`/ws?answer=${name}`),
      );
      assert.ok([101, 401, 500].includes(status), `${name}: ${status}`);
    }
    await assertAccepted(server, {});
    server.dropWires();
    await server.stop();
    // Whatever an id holds, a line of the log stays one line.
    for (const line of server.logLines) {
      assert.doesNotThrow(() => JSON.parse(line), line);
    }
    assert.match(server.stderr, /swordfish/, "the log has the reason");
    assert.match(server.stderr, /handshake\.lua:\d+/, "and the place");
  },
  { args: ["--log-format", "json", "--log-level", "debug"] },
);
