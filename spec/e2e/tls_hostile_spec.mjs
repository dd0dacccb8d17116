// SPDX-License-Identifier: MIT
// What comes to a TLS address and is not well-meant.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Certificates } from "./support/certificates.mjs";
import { until, within } from "./support/deadline.mjs";
import { serve, withFolder } from "./support/server.mjs";
import { upgradeHead } from "./support/wire.mjs";

function withServer(name, use, more = {}) {
  test(name, () =>
    withFolder(async (folder) => {
      const all = await Certificates.make(folder);
      const env = { FIXTURE_CERTIFICATES: folder, ...more };
      const options = { listen: null, addresses: 2, env };
      await serve("tls.lua", options, (server) => use(server, all));
    }),
  );
}

// Processor time of the server so far, in ticks.
async function ticksOf(server) {
  const stat = await readFile(`/proc/${server.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

withServer("hostile 16: plain bytes are closed at once", async (server) => {
  const wire = await server.wire();
  wire.write(upgradeHead("/ws"));
  await wire.end();
  await server.logged(/WARN.*TLS failed.*reason="http request"/);
  for (const bytes of ["\x00", "SSH-2.0-x\r\n", "\xff".repeat(70_000)]) {
    const other = await server.wire();
    other.write(Buffer.from(bytes, "latin1"));
    if (bytes.length > 5) await other.end();
    other.destroy();
  }
  assert.match(await server.metrics(), /refused_total{reason="tls"} 3\n/);
  await server.loggedTimes(/TLS failed/, 1);
});

withServer(
  "hostile 16: half a handshake is closed at the deadline, without a spin",
  async (server, all) => {
    const silent = await server.wire();
    const half = await server.wire();
    half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const before = await ticksOf(server);
    await within(
      Promise.all([silent.closed, half.closed]),
      "the server to give up",
    );
    const spent = (await ticksOf(server)) - before;
    assert.ok(spent < 60, `${spent} ticks for two peers that wait`);
    const page = await server.metrics();
    assert.match(page, /refused_total{reason="handshake_timeout"} 2\n/);
    const peer = await server.connect({}, { ca: all.ca });
    assert.equal((await peer.ask("echo", 1)).payload, 1);
  },
  { FIXTURE_HANDSHAKE: "2" },
);

// The command openssl as a client; what it prints is in `text`.
function openssl(words) {
  const child = spawn("openssl", words, { stdio: ["pipe", "pipe", "pipe"] });
  const client = { child, text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => (client.text += chunk));
  }
  client.ended = new Promise((resolve) => child.once("close", resolve));
  return client;
}

withServer("hostile 16: renegotiation is refused", async (server, all) => {
  const peer = await server.connect({ id: "ada" }, { ca: all.ca });
  const at = `127.0.0.1:${server.port}`;
  const words = ["s_client", "-tls1_2", "-connect", at];
  const client = openssl([...words, "-CAfile", all.path("ca.pem")]);
  try {
    await until(() => /Verify return code/.test(client.text), "a handshake");
    client.child.stdin.write("R\n");
    await until(() => /no renegotiation/i.test(client.text), "a refusal");
  } finally {
    client.child.kill();
    await client.ended;
  }
  assert.equal((await peer.ask("echo", 1)).payload, 1);
});

withServer(
  "a hundred peers in the middle of a handshake starve nobody",
  async (server, all) => {
    const wires = [];
    for (let i = 0; i < 100; i++) {
      const wire = await server.wire();
      wire.write(Buffer.from([0x16, 0x03, 0x01]));
      wires.push(wire);
    }
    const peer = await server.connect({ id: "ada" }, { ca: all.ca });
    for (let i = 0; i < 50; i++) {
      assert.equal((await peer.ask("echo", i)).payload, i);
    }
  },
);
