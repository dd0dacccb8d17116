// SPDX-License-Identifier: MIT
// Plain HTTP beside the socket: routes, static files, keep-alive.

import assert from "node:assert/strict";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { fixtures, serve, withFolder } from "./support/server.mjs";

// The script and its folder of files are copied, so that files which do not
// belong into a repository can stand beside them.
function withSite(name, use) {
  test(name, () =>
    withFolder(async (folder) => {
      await cp(path.join(fixtures, "http.lua"), path.join(folder, "http.lua"));
      await cp(path.join(fixtures, "site"), path.join(folder, "site"), {
        recursive: true,
      });
      await mkdir(path.join(folder, "sitelike"));
      const files = {
        "secret.txt": "swordfish",
        "sitelike/secret.txt": "swordfish",
        "site/.hidden": "swordfish",
        "site/plain.txt": "plain",
        "site/unknown.zzz": "bytes",
        "site/with space.txt": "spaced",
      };
      for (const [file, text] of Object.entries(files)) {
        await writeFile(path.join(folder, file), text);
      }
      await symlink("../secret.txt", path.join(folder, "site/leak.txt"));
      await symlink("/etc", path.join(folder, "site/etc"));
      await serve(path.join(folder, "http.lua"), {}, use);
    }),
  );
}

withSite("routes: query, header, cookie, body, status", async (server) => {
  const hello = await server.request("GET", "/hello?name=Ada%20L%2E");
  assert.equal(hello.status, 200);
  assert.equal(hello.body, "hello Ada L.");
  assert.equal(hello.headers["content-length"], "12");
  assert.ok(!Number.isNaN(Date.parse(hello.headers.date)), "there is a Date");

  const posted = await server.request("POST", "/hello", { body: "a body, ✓" });
  assert.deepEqual([posted.status, posted.body], [201, "a body, ✓"]);

  const headers = { "user-agent": "spec/1", Cookie: "a=1; flavour=oat; b=2" };
  const seen = await server.request("GET", "/seen?p=0&q=a+b%26c&q=2", {
    headers,
  });
  assert.match(seen.headers["content-type"], /^application\/json\b/);
  assert.deepEqual(JSON.parse(seen.body), {
    method: "GET",
    path: "/seen",
    agent: "spec/1",
    cookie: "oat",
    query: "a b&c",
    is_local: true,
  });

  const teapot = await server.request("GET", "/teapot");
  assert.equal(teapot.status, 418);
  assert.equal(teapot.headers["x-kind"], "earl grey");
  assert.equal(teapot.body, "short and stout");
});

withSite("a route that raises is a 500 that tells nothing", async (server) => {
  const { status, body, headers } = await server.request("GET", "/raise");
  assert.equal(status, 500);
  assert.equal(body, "Internal Server Error\n");
  assert.doesNotMatch(JSON.stringify(headers), /swordfish/);
  await server.logged(/swordfish/);
  await server.logged(/http\.lua:\d+/);
  assert.equal((await server.request("GET", "/hello")).status, 200);
});

withSite("a header value cannot forge another header", async (server) => {
  const answer = await server.request("GET", "/forge?v=1%0d%0aX-Forged:%202");
  assert.equal(answer.headers["x-forged"], undefined);
  assert.ok([200, 500].includes(answer.status));
  const fine = await server.request("GET", "/forge?v=fine");
  assert.equal(fine.headers["x-echo"], "fine");
});

withSite("404, and 405 with the methods that are allowed", async (server) => {
  const nothing = await server.request("GET", "/nothing");
  assert.equal(nothing.status, 404);
  assert.equal(nothing.body, "Not Found\n");
  const allowed = async (method, target) => {
    const { status, headers } = await server.request(method, target);
    assert.equal(status, 405, `${method} ${target}`);
    return headers.allow
      .split(/, */)
      .filter((name) => name !== "OPTIONS")
      .sort();
  };
  assert.deepEqual(await allowed("DELETE", "/hello"), ["GET", "HEAD", "POST"]);
  assert.deepEqual(await allowed("PUT", "/teapot"), ["GET", "HEAD"]);
  assert.deepEqual(await allowed("POST", "/index.html"), ["GET", "HEAD"]);
});

withSite("static files: index, types, folders", async (server) => {
  const front = await server.request("GET", "/");
  assert.equal(front.status, 200);
  assert.match(front.body, /front page/);
  assert.equal(front.headers["content-type"], "text/html; charset=utf-8");
  const types = {
    "/index.html": /^text\/html\b/,
    "/assets/site.css": /^text\/css\b/,
    "/assets/site.js": /^text\/javascript\b/,
    "/plain.txt": /^text\/plain\b/,
    "/with%20space.txt": /^text\/plain\b/,
    "/unknown.zzz": /^application\/octet-stream$/,
    "/sub/": /^text\/html\b/,
    "/plain.txt?with=query": /^text\/plain\b/,
  };
  for (const [target, type] of Object.entries(types)) {
    const { status, headers } = await server.request("GET", target);
    assert.equal(status, 200, target);
    assert.match(headers["content-type"], type, target);
  }
  const folder = await server.request("GET", "/sub");
  assert.equal(folder.status, 301);
  assert.match(folder.headers.location, /\/sub\/$/);
  for (const target of [
    "//sub",
    "//evil.example/%2e%2e/sub",
    "//evil.example/../sub",
  ]) {
    const {
      headers: { location = "" },
    } = await server.request("GET", target);
    assert.doesNotMatch(
      location,
      /^\/[/\\]|^\w+:/,
      `${target} leads elsewhere`,
    );
  }
  const bare = await server.request("GET", "/assets/");
  assert.equal(bare.status, 404, "a folder without index.html is not listed");
});

withSite("HEAD: the head of GET and nothing else", async (server) => {
  for (const target of ["/", "/hello", "/nothing"]) {
    const wire = await server.wire();
    const get = await wire.request("GET", target);
    const head = await wire.request("HEAD", target);
    assert.equal(head.status, get.status, target);
    for (const name of ["content-length", "content-type", "etag"]) {
      assert.equal(head.headers[name], get.headers[name], `${target} ${name}`);
    }
    // The next response starts right behind the head.
    assert.equal((await wire.request("GET", target)).body, get.body);
  }
});

withSite("ETag and If-None-Match", async (server) => {
  const {
    headers: { etag },
  } = await server.request("GET", "/plain.txt");
  assert.match(etag, /^(W\/)?"[^"]+"$/);
  const ask = (value) =>
    server.request("GET", "/plain.txt", {
      headers: { "If-None-Match": value },
    });
  for (const same of [etag, `"other", ${etag}`, "*"]) {
    const answer = await ask(same);
    assert.equal(answer.status, 304, same);
    assert.equal(answer.headers.etag, etag);
  }
  for (const other of ['"other"', "nonsense", `"${etag.length}"`]) {
    const answer = await ask(other);
    assert.deepEqual([answer.status, answer.body], [200, "plain"], other);
  }
});

withSite("no path leads out of the folder", async (server) => {
  const targets = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/sub/../../secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/.%2e/secret.txt",
    "//secret.txt",
    "/../sitelike/secret.txt",
    "/assets/../../secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/leak.txt",
    "/etc/passwd",
    "/etc/hostname",
    "/.hidden",
    "/%2ehidden",
    "/plain.txt%00.html",
    "/plain.txt/",
    "/sub/%2e%2e/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/etc",
    "/%",
    "/%zz",
    "/%c0%ae%c0%ae/secret.txt",
  ];
  for (const target of targets) {
    const { status, body } = await server.request("GET", target);
    assert.ok([400, 403, 404].includes(status), `${target}: ${status}`);
    assert.doesNotMatch(body, /swordfish|root:/, target);
  }
  const within = await server.request("GET", "/sub/../plain.txt");
  assert.ok([200, 404].includes(within.status));
});

withSite(
  "keep-alive: pipelined requests are answered in order",
  async (server) => {
    const wire = await server.wire();
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const requests = names.map((name, i) =>
      i % 3 === 2
        ? `POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: ${name.length}\r\n\r\n${name}`
        : `GET /hello?name=${name} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    wire.write(requests.join(""));
    for (const [i, name] of names.entries()) {
      const { body } = await wire.response();
      assert.equal(body, i % 3 === 2 ? name : `hello ${name}`);
    }
    wire.write("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const last = await wire.response();
    assert.equal(last.body, "hello world");
    assert.equal(last.headers.connection, "close");
    assert.equal((await wire.end()).length, 0);
  },
);

withSite("HTTP/1.0: one response, then the end", async (server) => {
  const wire = await server.wire();
  wire.write("GET /hello HTTP/1.0\r\n\r\n");
  assert.equal((await wire.response()).body, "hello world");
  await wire.end();
});

withSite("bodies: too large, or of a kind that is not read", async (server) => {
  const large = await server.request("POST", "/hello", {
    body: "b".repeat(65_536),
  });
  assert.deepEqual([large.status, large.body.length], [201, 65_536]);
  const wire = await server.wire();
  wire.write(
    "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n",
  );
  assert.equal((await wire.response()).status, 413);
  await wire.end();
  const chunked = await server.wire();
  chunked.write(
    "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  );
  assert.ok([400, 411, 501].includes((await chunked.response()).status));
  await chunked.end();
});

withSite("a socket and plain HTTP share the port", async (server) => {
  const peer = await server.connect();
  assert.equal((await server.request("GET", "/hello")).status, 200);
  assert.ok(peer.isOpen);
  const wire = await server.wire();
  assert.equal((await wire.request("GET", "/hello")).status, 200);
  assert.equal((await wire.upgrade("/ws")).status, 101, "on a kept connection");
});
