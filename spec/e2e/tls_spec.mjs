// SPDX-License-Identifier: MIT
// The server speaks TLS: what a client sees, and what the application learns.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";

import { Certificates } from "./support/certificates.mjs";
import { until, within } from "./support/deadline.mjs";
import { serve, withFolder } from "./support/server.mjs";
import { CLOSE, TEXT, Wire, closeBody, frame } from "./support/wire.mjs";

const MEGABYTE = 1024 * 1024;

// Runs `use(server, certificates)`; `tls` are members of the option.
function withServer(name, tls, use, env = {}) {
  test(name, () =>
    withFolder(async (folder) => {
      const certificates = await Certificates.make(folder);
      const options = {
        listen: null,
        addresses: 2,
        env: {
          FIXTURE_CERTIFICATES: folder,
          FIXTURE_TLS: JSON.stringify(tls),
          ...env,
        },
      };
      await serve("tls.lua", options, (server) => use(server, certificates));
    }),
  );
}

const secure = (certificates, options = {}) => ({
  ca: certificates.ca,
  ...options,
});

function openWire(server, certificates, options = {}) {
  const all = { ca: certificates.ca, servername: "localhost", ...options };
  return Wire.openSecure(server.port, all);
}

async function assertFails(promise, pattern) {
  const error = await promise.then(
    () => assert.fail("nothing failed"),
    (reason) => reason,
  );
  assert.match(`${error.code} ${error.message}`, pattern);
}

// The answer to GET over HTTPS.
function get(server, target, options) {
  const answer = new Promise((resolve, reject) => {
    const url = { host: "127.0.0.1", port: server.port, path: target };
    const request = https.get({ ...url, agent: false, ...options });
    request.once("error", reject);
    request.once("response", async (response) => {
      response.setEncoding("utf8");
      let body = "";
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, body });
    });
  });
  return within(answer, target);
}

// ---- bytes ----

withServer("a megabyte comes back over wss", {}, async (server, all) => {
  assert.match(server.url, /^wss:/);
  const peer = await server.connect({ id: "ada" }, secure(all));
  const text = "ä".repeat(MEGABYTE / 2);
  peer.send({ event: "echo", payload: text });
  const { payload } = await peer.frame();
  assert.ok(payload === text, "the megabyte is another one");
  for (let i = 0; i < 200; i++) peer.send({ event: "echo", payload: i });
  for (let i = 0; i < 200; i++) {
    assert.equal((await peer.frame()).payload, i);
  }
  assert.deepEqual(await peer.close(1000), { code: 1000, reason: "" });
});

withServer(
  "one address is plain, the other is not",
  {},
  async (server, all) => {
    const plain = await server.connect({ id: "p" }, { url: server.urls[1] });
    assert.match(server.urls[1], /^ws:/);
    const safe = await server.connect({ id: "s" }, secure(all));
    plain.send({ event: "all", payload: "to both" });
    assert.equal((await plain.frame()).payload, "to both");
    assert.equal((await safe.frame()).payload, "to both");
    await assertFails(
      server.connect({}, secure(all, { url: `wss${server.urls[1].slice(2)}` })),
      /EPROTO|WRONG_VERSION|ECONNRESET|socket/i,
    );
  },
);

withServer("pages are served over https", {}, async (server, all) => {
  const page = await get(server, "/index.html", { ca: all.ca });
  assert.equal(page.status, 200);
  const { body } = await get(server, "/who", { ca: all.ca });
  assert.deepEqual(JSON.parse(body), { secure: true, certificate: null });
});

withServer("a page of the same origin may connect", {}, async (server, all) => {
  const origin = `https://127.0.0.1:${server.port}`;
  await server.connect({}, secure(all, { origin }));
  const headers = { Host: "localhost" };
  const same = { headers, origin: "https://localhost:443" };
  await server.connect({}, secure(all, same));
  const other = { headers, origin: "https://localhost:80" };
  await assertFails(server.connect({}, secure(all, other)), /403/);
});

withServer("a broadcast reaches a room over TLS", {}, async (server, all) => {
  const peers = [];
  for (let i = 0; i < 20; i++) {
    peers.push(await server.connect({ id: `p${i}` }, secure(all)));
  }
  const payload = "x".repeat(100_000);
  for (let i = 0; i < 5; i++) peers[0].send({ event: "all", payload });
  for (const peer of peers) {
    for (let i = 0; i < 5; i++) {
      assert.equal((await peer.frame()).payload.length, 100_000);
    }
  }
});

withServer("a slow reader loses nothing", {}, async (server, all) => {
  const slow = await server.connect({ id: "slow" }, secure(all));
  const other = await server.connect({ id: "other" }, secure(all));
  slow.pause();
  slow.send({ event: "pile", payload: { count: 4000 } });
  for (let i = 0; i < 20; i++) await other.ask("echo", i);
  slow.resume();
  for (let i = 0; i < 4000; i++) {
    assert.equal((await slow.frame()).event, "piece");
  }
  assert.equal((await slow.ask("echo", "done")).payload, "done");
});

withServer(
  "a reader that has stopped loses its transport after write_wait",
  {},
  async (server, all) => {
    const room = { room: "witness", id: "witness" };
    const witness = await server.connect(room, secure(all));
    const stuck = await server.connect({ id: "stuck" }, secure(all));
    stuck.pause();
    for (let i = 0; i < 4; i++) {
      stuck.send({ event: "pile", payload: { count: 4000 } });
    }
    const { payload } = await witness.frame();
    assert.deepEqual(payload, { id: "stuck", code: "WRITE_TIMEOUT" });
  },
  { FIXTURE_WRITE_WAIT: "1" },
);

withServer("a connection resumes over TLS", {}, async (server, all) => {
  const first = await server.connect({ id: "ada" }, secure(all));
  await first.ask("keep", "");
  first.destroy();
  const second = await server.connect({ id: "ada" }, secure(all));
  assert.equal((await second.ask("kept", "")).payload, "here");
});

// ---- ends ----

withServer(
  "the close frame, close_notify and FIN come in this order",
  {},
  async (server, all) => {
    const wire = await openWire(server, all);
    const order = [];
    wire.socket.once("end", () => order.push("end"));
    wire.socket.once("close", () => order.push("close"));
    assert.equal((await wire.upgrade("/ws?id=ada")).status, 101);
    wire.write(frame(TEXT, JSON.stringify({ event: "close" })));
    const last = await wire.frame();
    assert.equal(JSON.parse(last.payload).event, "last");
    const close = await wire.frame();
    assert.deepEqual([close.opcode, close.code], [CLOSE, 4001]);
    wire.write(frame(CLOSE, closeBody(4001)));
    assert.equal((await wire.end()).length, 0);
    await within(wire.closed, "the end of the socket");
    assert.deepEqual(order, ["end", "close"]);
    assert.equal(wire.error, null);
  },
);

withServer(
  "who sends on behind the close frame still reads it",
  {},
  async (server, all) => {
    const wire = await openWire(server, all);
    await wire.upgrade("/ws?id=ada");
    wire.write(frame(TEXT, JSON.stringify({ event: "close" })));
    for (let i = 0; i < 200; i++) wire.write(frame(TEXT, "x".repeat(10_000)));
    await wire.frame();
    assert.equal((await wire.frame()).code, 4001);
    wire.write(frame(CLOSE, closeBody(4001)));
    await wire.end();
    assert.equal(wire.error, null);
  },
);

withServer("the server's end is a 1001 over TLS", {}, async (server, all) => {
  const peer = await server.connect({ id: "ada" }, secure(all));
  server.signal("SIGTERM");
  assert.equal((await peer.end()).code, 1001);
  await server.exited();
});

// ---- who is there ----

withServer(
  "the certificate goes by the name that is asked for",
  {},
  async (server, all) => {
    const cases = [
      ["localhost", "a.pem"],
      ["b.example", "b.pem"],
      ["nobody.example", "a.pem"],
    ];
    for (const [servername, file] of cases) {
      const wire = await openWire(server, all, {
        servername,
        checkServerIdentity: () => undefined,
      });
      const shown = wire.socket.getPeerCertificate();
      assert.equal(shown.fingerprint256, await all.fingerprint(file));
      wire.destroy();
    }
  },
);

withServer(
  "connect learns of the certificate that a peer must show",
  { ca: "ca.pem" },
  async (server, all) => {
    await all.issue("ann", { subject: "/O=Example, Inc./CN=Ann" });
    const mine = secure(all, await all.client("ann"));
    const ann = await server.connect({ id: "ann" }, mine);
    const print = (await all.fingerprint("ann.pem")).replaceAll(":", "");
    const expected = {
      subject: "CN=Ann,O=Example\\, Inc.",
      issuer: "CN=the CA",
      common_name: "Ann",
      fingerprint: print.toLowerCase(),
      verified: true,
    };
    assert.deepEqual((await ann.ask("who", "")).payload, expected);
    const { body } = await get(server, "/who", mine);
    assert.deepEqual(JSON.parse(body), { secure: true, certificate: expected });
    await assertFails(server.connect({}, secure(all)), /CERTIFICATE_REQUIRED/i);
    await all.issue("eve", { isSelf: true });
    const forged = secure(all, await all.client("eve"));
    await assertFails(server.connect({}, forged), /UNKNOWN_CA|ECONNRESET/i);
    await server.logged(/TLS failed.*reason="?(peer did not|cert)/);
  },
);

withServer(
  "a certificate of anybody is told from a good one",
  { ca: "ca.pem", verify: "any" },
  async (server, all) => {
    await all.issue("eve", { isSelf: true });
    const mine = secure(all, await all.client("eve"));
    const eve = await server.connect({ id: "eve" }, mine);
    const { payload } = await eve.ask("who", "");
    assert.equal(payload.common_name, "eve");
    assert.equal(payload.verified, false);
    const nobody = await server.connect({ id: "nobody" }, secure(all));
    assert.equal((await nobody.ask("who", "")).payload, null);
  },
);

// ---- versions ----

const OLD = { ciphers: "DEFAULT@SECLEVEL=0", minVersion: "TLSv1.1" };

withServer("TLS 1.1 is refused, 1.2 is not", {}, async (server, all) => {
  const older = { ...OLD, maxVersion: "TLSv1.1" };
  await assertFails(openWire(server, all, older), /PROTOCOL_VERSION|ALERT/i);
  await server.logged(/TLS failed.*unsupported protocol/);
  const wire = await openWire(server, all, { maxVersion: "TLSv1.2" });
  assert.equal(wire.socket.getProtocol(), "TLSv1.2");
  wire.destroy();
});

withServer(
  "a min_version of 1.3 refuses 1.2",
  { min_version: "1.3" },
  async (server, all) => {
    const older = { maxVersion: "TLSv1.2" };
    await assertFails(openWire(server, all, older), /PROTOCOL_VERSION/i);
    const wire = await openWire(server, all);
    assert.equal(wire.socket.getProtocol(), "TLSv1.3");
    wire.destroy();
  },
);

test("the PROXY header comes first, TLS behind it", () =>
  withFolder(async (folder) => {
    const all = await Certificates.make(folder);
    const script = path.join(folder, "app.lua");
    await writeFile(
      script,
      `return require("wspulse").new_server {
        listen = { address = "127.0.0.1:0", tls = true, proxy_protocol = true },
        tls = { cert = "a.pem", key = "a.key" },
        trusted_proxies = "127.0.0.1", check_origin = "same",
        connect = function() return "lobby" end,
        http = { ["GET /who"] = function(req, res)
          res:send(req.remote_addr .. " " .. tostring(req.secure))
        end },
      }`,
    );
    await serve(script, { listen: null }, async (server) => {
      const socket = net.connect({ port: server.port, host: "127.0.0.1" });
      socket.write("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n");
      const wire = await openWire(server, all, { socket });
      const { body } = await wire.request("GET", "/who");
      assert.equal(body, "203.0.113.7:4711 true");
      wire.destroy();
      socket.destroy();
    });
  }));

withServer("ALPN is http/1.1 or nothing", {}, async (server, all) => {
  const both = { ALPNProtocols: ["h2", "http/1.1"] };
  const wire = await openWire(server, all, both);
  assert.equal(wire.socket.alpnProtocol, "http/1.1");
  wire.destroy();
  const other = openWire(server, all, { ALPNProtocols: ["h2"] });
  await assertFails(other, /NO_APPLICATION_PROTOCOL|ALERT/i);
});

withServer("a session comes back by its ticket", {}, async (server, all) => {
  const first = await openWire(server, all);
  let session = null;
  first.socket.on("session", (ticket) => (session = ticket));
  await first.upgrade("/ws?id=ada");
  await until(() => session, "a ticket");
  const second = await openWire(server, all, { session });
  assert.equal(second.socket.isSessionReused(), true);
  assert.equal((await second.upgrade("/ws?id=eve")).status, 101);
  first.destroy();
  second.destroy();
});
