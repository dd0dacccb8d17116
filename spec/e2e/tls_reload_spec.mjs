// SPDX-License-Identifier: MIT
// Certificates are replaced while connections stay open.

import assert from "node:assert/strict";
import { chmod, copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { Certificates } from "./support/certificates.mjs";
import { until } from "./support/deadline.mjs";
import { fixtures, run, serve, withFolder } from "./support/server.mjs";
import { Wire } from "./support/wire.mjs";

// Runs `use(server, certificates)` on the fixture, with somebody connected who
// must still be served afterwards.
function withPeer(name, use) {
  test(name, () =>
    withFolder(async (folder) => {
      const all = await Certificates.make(folder);
      const env = { FIXTURE_CERTIFICATES: folder };
      const options = { listen: null, addresses: 2, env };
      await serve("tls.lua", options, async (server) => {
        const peer = await server.connect({ id: "ada" }, { ca: all.ca });
        await use(server, all);
        assert.equal((await peer.ask("echo", "still")).payload, "still");
      });
    }),
  );
}

// The fingerprint of what a new connection is shown.
async function shownTo(server, all) {
  const options = { ca: all.ca, servername: "localhost" };
  const wire = await Wire.openSecure(server.port, options);
  const { fingerprint256 } = wire.socket.getPeerCertificate();
  wire.destroy();
  return fingerprint256;
}

const names = "DNS:localhost,IP:127.0.0.1";

withPeer("files that change are read again", async (server, all) => {
  const old = await shownTo(server, all);
  assert.equal(old, await all.fingerprint("a.pem"));
  await all.issue("a", { names });
  const next = await all.fingerprint("a.pem");
  assert.notEqual(next, old);
  await until(
    async () => (await shownTo(server, all)) === next,
    "the new certificate",
  );
  await server.logged(/certificates reloaded/);
});

withPeer("a pair that does not fit is refused", async (server, all) => {
  const old = await shownTo(server, all);
  await copyFile(all.path("b.key"), all.path("a.key"));
  await server.logged(
    /ERROR.*certificates refused, the old ones stay.*the key does not fit/,
  );
  assert.equal(await shownTo(server, all), old);
  await writeFile(all.path("a.key"), "no key");
  await server.logged(/certificates refused.*no PEM key in the file/);
  assert.equal(await shownTo(server, all), old);
  await all.issue("a", { names });
  const next = await all.fingerprint("a.pem");
  await until(
    async () => (await shownTo(server, all)) === next,
    "the new certificate",
  );
  await server.loggedTimes(/certificates refused/, 2);
});

withPeer("SIGHUP reads the files at once", async (server, all) => {
  await all.issue("a", { names });
  server.signal("SIGHUP");
  await server.logged(/reloaded generation=2 by=SIGHUP/);
  assert.equal(await shownTo(server, all), await all.fingerprint("a.pem"));
});

withPeer(
  "SIGHUP is refused for a pair that does not fit",
  async (server, all) => {
    const old = await shownTo(server, all);
    await copyFile(all.path("b.key"), all.path("a.key"));
    server.signal("SIGHUP");
    await server.logged(
      /reload refused generation=1 by=SIGHUP.*tls\.lua:\d+: wspulse: tls: the/,
    );
    assert.equal(await shownTo(server, all), old);
    await all.issue("a", { names });
    assert.equal(await server.command("reload"), "ok generation 2");
    assert.equal(await shownTo(server, all), await all.fingerprint("a.pem"));
  },
);

withPeer("a reload without a new certificate keeps tickets", async (server, all) => {
  const options = { ca: all.ca, servername: "localhost" };
  const first = await Wire.openSecure(server.port, options);
  let session = null;
  first.socket.on("session", (ticket) => (session = ticket));
  await first.request("GET", "/who");
  await until(() => session, "a ticket");
  first.destroy();
  await server.reload();
  const second = await Wire.openSecure(server.port, { ...options, session });
  assert.equal(second.socket.isSessionReused(), true);
  second.destroy();
});

// ---- options ----

// Serves a script in a folder with certificates: `body` are its options.
function withScript(name, body, use) {
  test(name, () =>
    withFolder(async (folder) => {
      const all = await Certificates.make(folder);
      const script = path.join(folder, "app.lua");
      const write = (options) =>
        writeFile(
          script,
          `return require("wspulse").new_server {
            connect = function() return "lobby" end,
            on_message = function(conn, frame) conn:send(frame) end,
            check_origin = "same", ${options}
          }`,
        );
      await write(body);
      await serve(script, { listen: null }, (server) =>
        use(server, all, write),
      );
    }),
  );
}

const pair = 'cert = "a.pem", key = "a.key"';
const one = `listen = "127.0.0.1:0", tls = { ${pair} }`;

withScript("the options of tls are live", one, async (server, all, write) => {
  const peer = await server.connect({}, { ca: all.ca });
  await write(`listen = "127.0.0.1:0", tls = { ${pair}, ca = "ca.pem" }`);
  await server.reload();
  await assert.rejects(server.connect({}, { ca: all.ca }), /ERT_REQUIRED|cert/);
  await all.issue("ann");
  const mine = await all.client("ann");
  const ann = await server.connect({}, { ca: all.ca, ...mine });
  assert.equal((await ann.ask("echo", 1)).payload, 1);
  assert.equal((await peer.ask("echo", 2)).payload, 2);
  await write(`listen = "127.0.0.1:0", tls = { cert = "b.pem", key = "b.key" }`);
  await server.reload();
  const other = { ca: all.ca, servername: "b.example" };
  const wire = await Wire.openSecure(server.port, other);
  const { fingerprint256 } = wire.socket.getPeerCertificate();
  assert.equal(fingerprint256, await all.fingerprint("b.pem"));
  wire.destroy();
});

withScript(
  "whether an address has TLS needs a restart",
  one,
  async (server, all, write) => {
    await write(`listen = "127.0.0.1:0"`);
    await server.reload();
    await server.logged(/option is not live on a reload.*option=tls/);
    const peer = await server.connect({}, { ca: all.ca });
    assert.equal((await peer.ask("echo", 1)).payload, 1);
    const before = await shownTo(server, all);
    await all.issue("a", { names });
    await until(
      async () => (await shownTo(server, all)) !== before,
      "the new certificate",
    );
  },
);

withScript(
  "a plain address stays plain",
  `listen = "127.0.0.1:0"`,
  async (server, all, write) => {
    await write(one);
    await server.reload();
    await server.logged(/option is not live on a reload.*option=tls/);
    const peer = await server.connect({});
    assert.equal((await peer.ask("echo", 1)).payload, 1);
  },
);

// ---- before anything is open ----

test("a bad pair does not start, and check says why", () =>
  withFolder(async (folder) => {
    const all = await Certificates.make(folder);
    await copyFile(all.path("b.key"), all.path("a.key"));
    const script = path.join(fixtures, "tls.lua");
    const env = { FIXTURE_CERTIFICATES: folder };
    const text =
      /tls\.lua:\d+: wspulse: tls: the key does not fit the certificate \(tls\.key = "/;
    for (const words of [["check"], ["run", "--no-control"]]) {
      const { code, stdout, stderr } = await run([...words, script], { env });
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, text);
    }
  }));

test("a key that everybody may read is warned of", () =>
  withFolder(async (folder) => {
    const all = await Certificates.make(folder);
    const script = path.join(fixtures, "tls.lua");
    const env = { FIXTURE_CERTIFICATES: folder };
    await chmod(all.path("a.key"), 0o644);
    const { stdout } = await run(["check", script], { env });
    assert.match(stdout, /listen wss:\/\/127\.0\.0\.1:0\n {2}listen 127/);
    assert.match(stdout, /tls cert .*a\.pem key .*a\.key \(SECURITY: every/);
    await serve("tls.lua", { listen: null, addresses: 2, env }, (server) =>
      server.logged(/WARN.*SECURITY: every user.*key=\S*a\.key/),
    );
  }));
