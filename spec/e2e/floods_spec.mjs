// SPDX-License-Identifier: MIT
// Peers that send too much, read too little, or never say goodbye: what becomes
// of them, and that nobody else hears of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";

import { isSanitized, until, within } from "./support/deadline.mjs";
import { descriptors, residentBytes } from "./support/process.mjs";
import {
  binary,
  fixtures,
  holding,
  serve,
  Server,
  withFolder,
} from "./support/server.mjs";
import {
  CLOSE,
  closeBody,
  CONTINUATION,
  frame,
  PING,
  PONG,
  TEXT,
  upgradeHead,
  Wire,
} from "./support/wire.mjs";

const MIB = 1024 * 1024;

function withServer(name, options, use) {
  const env = { FIXTURE_OPTIONS: options };
  test(name, () => serve("strangers.lua", { env, listen: null }, use));
}

async function greet(wire, query = "") {
  assert.equal((await wire.upgrade(`/ws${query}`)).status, 101);
  assert.equal((await wire.frame()).opcode, TEXT);
  return wire;
}

async function openWire(server, query) {
  return greet(await server.wire(), query);
}

async function openPeer(server, query, options) {
  const peer = await server.connect(query, options);
  assert.equal((await peer.frame()).event, "welcome");
  return peer;
}

const same = (buffer, count) => Buffer.concat(Array(count).fill(buffer));

// ---- fragments

withServer(
  "hostile 26, 27: a message in more frames than max_fragments is 1008",
  "{ max_fragments = 100, max_message_size = 1000 }",
  async (server) => {
    const flood = (piece, count) =>
      Buffer.concat([
        frame(TEXT, "", { fin: false }),
        same(frame(CONTINUATION, piece, { fin: false }), count),
      ]);
    for (const piece of ["", "x"]) {
      const wire = await openWire(server);
      wire.write(flood(piece, 99));
      wire.write(frame(PING, "still"));
      assert.equal((await wire.frame()).payload.toString(), "still");
      wire.write(flood(piece, 1).subarray(6));
      const { code, reason } = await wire.frame();
      assert.deepEqual([code, reason], [1008, "too many fragments"]);
      await wire.end();
    }
    await server.loggedTimes(/max_fragments/, 1);
  },
);

withServer(
  "hostile 27: a million empty continuations end at the usual cap",
  "{}",
  async (server) => {
    const wire = await openWire(server);
    const piece = same(frame(CONTINUATION, "", { fin: false }), 10_000);
    wire.write(frame(TEXT, "", { fin: false }));
    for (let i = 0; i < 100; i++) wire.write(piece);
    assert.equal((await wire.frame()).code, 1008);
    assert.equal((await wire.end()).length, 0);
  },
);

// ---- control frames

withServer(
  "hostile 35: a flood of pings, each answered and read, is 1008",
  "{ max_control_rate = 20 }",
  async (server) => {
    const other = await openPeer(server);
    for (let round = 0; round < 3; round++) {
      const wire = await openWire(server);
      wire.write(same(frame(PING, "x"), 5000));
      let answer = await wire.frame();
      let pongs = 0;
      for (; answer.opcode === PONG; answer = await wire.frame()) pongs++;
      assert.ok(pongs >= 20 && pongs <= 40, `${pongs} pongs`);
      assert.deepEqual(
        [answer.code, answer.reason],
        [1008, "too many control frames"],
      );
      await wire.end();
    }
    await server.loggedTimes(/max_control_rate/, 1);
    assert.equal((await other.ask("x", 1)).payload, 1);
  },
);

withServer(
  "hostile 35: the usual rate is a hundred, and none with 0",
  "{ max_control_rate = 0 }",
  async (server) => {
    const wire = await openWire(server);
    wire.write(same(frame(PING, "x"), 5000));
    for (let i = 0; i < 5000; i++) {
      assert.equal((await wire.frame()).opcode, PONG);
    }
    await serve(
      "strangers.lua",
      { env: { FIXTURE_OPTIONS: "{}" }, listen: null },
      async (usual) => {
        const bold = await openWire(usual);
        bold.write(same(frame(PING, "x"), 100));
        for (let i = 0; i < 100; i++) {
          assert.equal((await bold.frame()).opcode, PONG);
        }
        bold.write(same(frame(PING, "x"), 1000));
        let answer = await bold.frame();
        while (answer.opcode === PONG) answer = await bold.frame();
        assert.equal(answer.code, 1008);
      },
    );
  },
);

withServer(
  "hostile 36: pongs nobody asked for are ignored, a flood of them is 1008",
  "{ max_control_rate = 50 }",
  async (server) => {
    const wire = await openWire(server);
    wire.write(same(frame(PONG, "x".repeat(125)), 40));
    wire.write(frame(TEXT, '{"event":"alive"}'));
    assert.equal((await wire.frame()).payload.toString(), '{"event":"alive"}');
    wire.write(same(frame(PONG), 1000));
    assert.equal((await wire.frame()).code, 1008);
    await wire.end();
  },
);

withServer(
  "pongs that answer a ping of the server are never too many",
  `{ max_control_rate = 1, resume_confirm = true, resume_window = 10,
    send_buffer_size = 4, max_message_size = 4096,
    heartbeat = { ping = 0.02, pong = 5 } }`,
  async (server) => {
    const peer = await openPeer(server, { id: "ann" });
    for (let i = 0; i < 400; i++) {
      assert.equal((await peer.ask("x", i)).payload, i);
    }
    const wire = await openWire(server, "?id=bob");
    for (let i = 0; i < 50; i++) {
      const { opcode, payload } = await wire.frame();
      assert.equal(opcode, PING);
      wire.write(frame(PONG, payload));
    }
    assert.ok(peer.isOpen);
  },
);

// Fills what lies between the server and a peer that does not read.
async function block(server, sender) {
  const payload = "x".repeat(60_000);
  for (let i = 0; i < 200; i++) sender.send({ event: "broadcast", payload });
  assert.equal((await sender.ask("done", 1)).payload, 1);
}

withServer(
  "hostile 34: of pings that found the socket full, the latest is answered",
  "{ max_control_rate = 0, max_message_size = 65536, send_buffer_size = 8 }",
  async (server) => {
    const sender = await openPeer(server, { room: "elsewhere" });
    const wire = await openWire(server);
    wire.pause();
    await block(server, sender);
    const before = await residentBytes(server);
    const pings = Array.from({ length: 20_000 }, (_, i) => frame(PING, `${i}`));
    for (let i = 0; i < pings.length; i += 1000) {
      wire.write(Buffer.concat(pings.slice(i, i + 1000)));
    }
    wire.write(frame(TEXT, "{}")); // its echo finds no room, but it counts
    await until(
      async () => /received_total 20[2-9]/.test(await server.metrics()),
      "the pings to be read",
    );
    const grown = (await residentBytes(server)) - before;
    assert.ok(grown < 2 * MIB, `${grown} bytes more`);
    wire.resume();
    const pongs = [];
    while (pongs.at(-1) !== "19999") {
      const { opcode, payload } = await wire.frame();
      if (opcode === PONG) pongs.push(payload.toString());
    }
    assert.deepEqual(pongs, ["19999"]);
  },
);

// ---- readers that do not read

// On the loopback the kernel takes 2.6 MB for each TCP peer before it says stop,
// and has room for a hundred; for one on a unix socket it takes a tenth of that.
const READERS = isSanitized ? 20 : 60;
const UNIX_READERS = isSanitized ? 20 : 1000;

const DEAF_OPTIONS = `max_message_size = 65536, write_wait = 1,
  send_buffer_size = 16, heartbeat = { ping = 100, pong = 200 }`;

// `open()` gives one of `count` peers that will not read.
async function broadcastToDeaf(server, count, open) {
  const sender = await openPeer(server, { room: "elsewhere" });
  const reader = await openPeer(server);
  const deaf = [];
  while (deaf.length < count) deaf.push(await open());
  for (const wire of deaf) wire.pause();
  const before = await residentBytes(server);
  let most = before;
  for (let i = 0; i < 250; i++) {
    const payload = `${i} ${"x".repeat(60_000)}`;
    sender.send({ event: "broadcast", payload });
    assert.ok((await reader.frame()).payload.startsWith(`${i} `));
    most = Math.max(most, await residentBytes(server));
  }
  assert.ok(most - before < 32 * MIB, `${most - before} bytes more`);
  await until(
    async () =>
      /\nwspulse_frames_dropped_total [1-9]/.test(await server.metrics()),
    "frames to be dropped for those who do not read",
  );
  await until(
    async () => /connections_active 2\n/.test(await server.metrics()),
    "write_wait to end those who do not read",
    30_000,
  );
  for (const wire of deaf) wire.destroy();
  assert.equal((await reader.ask("x", 1)).payload, 1);
}

withServer(
  `hostile 61: ${READERS} readers with a window of zero cost nobody else a frame`,
  `{ ${DEAF_OPTIONS} }`,
  (server) => broadcastToDeaf(server, READERS, () => openWire(server)),
);

test(`hostile 61: ${UNIX_READERS} readers that do not read, on a unix socket`, () =>
  withFolder((folder) => {
    const socket = path.join(folder, "socket");
    const listen = `listen = { "127.0.0.1:0", "unix:${socket}" }`;
    const env = { FIXTURE_OPTIONS: `{ ${listen}, ${DEAF_OPTIONS} }` };
    const open = async () => greet(await Wire.openUnix(socket));
    return serve("strangers.lua", { env, listen: null }, (server) =>
      broadcastToDeaf(server, UNIX_READERS, open),
    );
  }));

withServer(
  "hostile 62: peers that reset while they are written to",
  "{ max_message_size = 65536 }",
  async (server) => {
    const sender = await openPeer(server, { room: "elsewhere" });
    const reader = await openPeer(server);
    const atRest = await descriptors(server);
    for (let round = 0; round < 5; round++) {
      const wires = await Promise.all(
        Array.from({ length: 20 }, () => openWire(server)),
      );
      for (const wire of wires.slice(0, 10)) wire.pause();
      for (let i = 0; i < 20; i++) {
        sender.send({ event: "broadcast", payload: "x".repeat(60_000) });
        wires[i].reset();
      }
      for (let i = 0; i < 20; i++) await reader.frame();
    }
    await until(
      async () => (await descriptors(server)) <= atRest,
      "the sockets to be closed",
    );
    assert.equal((await reader.ask("x", 1)).payload, 1);
  },
);

withServer(
  "hostile 62: a client that sends FIN first still gets what it asked for",
  "{}",
  async (server) => {
    const wire = await server.wire();
    wire.write("GET /who HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.finish();
    assert.equal((await wire.response()).status, 200);
    await wire.end();
    const socket = await openWire(server);
    socket.write(frame(TEXT, '{"event":"x"}'));
    socket.finish();
    assert.equal((await socket.frame()).payload.toString(), '{"event":"x"}');
    await socket.end();
  },
);

withServer(
  "hostile 61: large files that nobody reads hold no more than they may",
  "{}",
  async (server) => {
    const before = await residentBytes(server);
    const wires = await Promise.all(
      Array.from({ length: 40 }, () => server.wire()),
    );
    for (const wire of wires) {
      wire.pause();
      wire.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    await until(async () => {
      const { body } = await server.request("GET", "/who");
      return JSON.parse(body).larges === 40;
    }, "the requests to be handled");
    const grown = (await residentBytes(server)) - before;
    assert.ok(isSanitized || grown < 150 * MIB, `${grown} bytes more`);
    assert.equal((await server.request("GET", "/large")).status, 503);
    const peer = await openPeer(server);
    assert.equal((await peer.ask("x", 1)).payload, 1);
    for (const wire of wires) wire.destroy();
    await until(
      async () => (await server.request("GET", "/large")).status === 200,
      "what was held to be let go",
    );
  },
);

// ---- ends

withServer(
  "hostile 33: whoever never answers a close, or never sends FIN, is let go",
  "{ write_wait = 0.3 }",
  async (server) => {
    const atRest = await descriptors(server);
    const deaf = Array.from({ length: 3 }, () =>
      net.connect({ port: server.port, allowHalfOpen: true }),
    );
    // A whole close handshake, and then no FIN.
    deaf[0].write(upgradeHead("/ws"));
    deaf[0].write(frame(CLOSE, closeBody(1000)));
    // A protocol error, and then neither close nor FIN.
    deaf[1].write(upgradeHead("/ws"));
    deaf[1].write(frame(TEXT, "{}", { mask: false }));
    // An HTTP answer that closes, and then no FIN.
    deaf[2].write("NONSENSE\r\n\r\n");
    for (const socket of deaf) {
      socket.resume();
      await within(
        new Promise((resolve) => socket.once("end", resolve)),
        "the server's FIN",
      );
    }
    await until(
      async () => (await descriptors(server)) <= atRest,
      "the sockets to be let go",
    );
    for (const socket of deaf) socket.destroy();
  },
);

// Reads a socket to its end; gives the bytes and how it ended.
function drain(socket) {
  const chunks = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  return within(
    new Promise((resolve) => {
      const end = (how) => resolve({ how, bytes: Buffer.concat(chunks) });
      socket.once("end", () => end("FIN"));
      socket.once("error", (error) => end(error.code));
    }),
    "the end of the stream",
  );
}

withServer(
  "hostile 32: the close frame is never lost to a reset, whatever is in flight",
  "{ max_message_size = 1000, max_fragments = 10, max_control_rate = 10 }",
  async (server) => {
    const causes = {
      1000: frame(CLOSE, closeBody(1000)),
      1002: frame(TEXT, "{}", { mask: false }),
      1007: frame(TEXT, Buffer.from([0xff])),
      1008: same(frame(PING), 200),
      1009: frame(TEXT, "x".repeat(2000)),
    };
    for (const [code, bytes] of Object.entries(causes)) {
      for (const isAtOnce of [true, false]) {
        const socket = net.connect(server.port, "127.0.0.1");
        const end = drain(socket);
        socket.write(upgradeHead("/ws"));
        socket.write(bytes);
        for (let i = 0; i < 64; i++) {
          socket.write(Buffer.alloc(65_536, i));
          if (!isAtOnce) await new Promise((resolve) => setImmediate(resolve));
        }
        const { how, bytes: seen } = await end;
        assert.equal(how, "FIN", `${code}: ended by ${how}`);
        const body = closeBody(Number(code));
        assert.ok(seen.includes(body), `${code}: no close frame`);
        const at = seen.lastIndexOf(body);
        assert.equal(seen[at - 2], 0x88, `${code}: behind the close frame`);
        assert.equal(at + seen[at - 1], seen.length);
        socket.destroy();
      }
    }
  },
);

withServer(
  "hostile 6: neither is an answer that refuses a request",
  "{ max_connections = 1 }",
  async (server) => {
    await openPeer(server);
    const heads = {
      400: "GET / HTTP/1.1\nHost: x\r\n\r\n",
      411: "POST /who HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
      413: "POST /who HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
      431: `GET / HTTP/1.1\r\nX: ${"x".repeat(9000)}`,
      503: upgradeHead("/ws"),
    };
    for (const [status, head] of Object.entries(heads)) {
      const socket = net.connect(server.port, "127.0.0.1");
      const end = drain(socket);
      socket.write(head);
      for (let i = 0; i < 64; i++) socket.write(Buffer.alloc(65_536, "y"));
      const { how, bytes } = await end;
      assert.equal(how, "FIN", `${status}: ended by ${how}`);
      assert.match(bytes.toString(), new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    }
  },
);

// ---- faults around the process

withServer(
  "hostile 63: a process that was stopped for a while loses nobody",
  "{ heartbeat = { ping = 0.2, pong = 0.5 } }",
  async (server) => {
    const peers = await Promise.all(
      Array.from({ length: 50 }, () => openPeer(server)),
    );
    for (let round = 0; round < 2; round++) {
      server.signal("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 1200));
      server.signal("SIGCONT");
      for (const [i, peer] of peers.entries()) {
        assert.equal((await peer.ask("x", i)).payload, i);
      }
    }
    assert.match(await server.metrics(), /pong_timeouts_total 0\n/);
  },
);

// Runs the server with its log going where `redirection` of bash says.
async function withLog(redirection, use) {
  const script = path.join(fixtures, "strangers.lua");
  const words = [binary, "run", script, "--no-control", "--log-level", "debug"];
  const server = await Server.launch(
    "/bin/bash",
    ["-c", `exec "$@" ${redirection}`, "bash", ...words],
    { env: { FIXTURE_OPTIONS: "{}" } },
  );
  try {
    await use(server);
    await server.stop();
  } finally {
    await server.release();
  }
}

for (const [what, redirection] of Object.entries({
  "a full disk": "2>/dev/full",
  "a closed pipe": "2> >(exec true)",
  nowhere: "2>&-",
})) {
  test(`hostile 65: the log goes to ${what}, and the service goes on`, () =>
    withLog(redirection, async (server) => {
      const peer = await openPeer(server);
      for (let i = 0; i < 20; i++) {
        const wire = await server.wire();
        wire.write("NONSENSE\r\n\r\n");
        assert.equal((await wire.response()).status, 400);
        peer.send("this is no JSON");
        assert.equal((await peer.ask("x", i)).payload, i);
      }
      server.signal("SIGHUP");
      assert.equal((await peer.ask("x", 1)).payload, 1);
      await peer.close();
    }));
}

test("hostile 79: signals in a storm, and SIGTERM in the middle of it", async () => {
  const server = await Server.start("strangers.lua", {
    env: { FIXTURE_OPTIONS: "{}" },
    listen: null,
  });
  await holding(server, async () => {
    const peer = await openPeer(server);
    const storm = spawn("/bin/sh", [
      "-c",
      `for i in $(seq 300); do kill -HUP ${server.pid} || exit 0; done`,
    ]);
    await server.logged(/reloaded/);
    assert.equal((await peer.ask("x", 1)).payload, 1);
    server.signal("SIGHUP");
    server.signal("SIGTERM");
    assert.equal((await peer.end()).code, 1001);
    assert.deepEqual(await server.exited(), { code: 0, signal: null });
    server.assertClean();
    storm.kill();
  });
});
