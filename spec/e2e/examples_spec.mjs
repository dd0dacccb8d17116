// SPDX-License-Identifier: MIT
// Every example, as it stands.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { Refused } from "./support/peer.mjs";
import {
  examples,
  holding,
  launchProgram,
  root,
  run,
  serve,
  withFolder,
} from "./support/server.mjs";

// `title` begins with the name of the file.
const example = (title, use) =>
  test(title, () => {
    const [name] = title.split(":");
    return serve(path.join(examples, `${name}.lua`), {}, use);
  });

const refusal = (attempt) =>
  attempt.then(
    () => assert.fail("the upgrade went through"),
    (error) => {
      assert.ok(error instanceof Refused, String(error));
      return error.status;
    },
  );

test("each example is short, says what it shows and how it is run", async () => {
  const files = (await readdir(examples)).filter((name) =>
    name.endsWith(".lua"),
  );
  assert.ok(files.length >= 5);
  for (const file of files) {
    const text = await readFile(path.join(examples, file), "utf8");
    assert.ok(
      text.trimEnd().split("\n").length <= 60,
      `${file} has over 60 lines`,
    );
    const [license, ...lines] = text.split("\n");
    assert.equal(license, "-- SPDX-License-Identifier: MIT");
    const comment = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith("--")),
    );
    assert.ok(comment.length >= 5, `${file} opens with a comment`);
    assert.ok(
      comment.some((line) => line.includes(`scripts/examples/${file}`)),
      `${file} has its run line`,
    );
  }
});

test("check accepts each example and the template", async () => {
  const files = (await readdir(examples)).filter((name) =>
    /^0[1-46-8].*\.lua$/.test(name),
  );
  const scripts = files.map((name) => path.join(examples, name));
  scripts.push(path.join(root, "scripts/template/app.lua"));
  for (const script of scripts) {
    const { code, stderr } = await run(["check", script]);
    assert.equal(code, 0, stderr);
  }
});

test("the script of README.md does what is said there", () =>
  withFolder(async (folder) => {
    const readme = await readFile(path.join(root, "README.md"), "utf8");
    const [, text] = /^```lua\n(.*?)^```$/ms.exec(readme);
    assert.ok(text.trimEnd().split("\n").length <= 12, "it has 12 lines");
    const script = path.join(folder, "hello.lua");
    await writeFile(script, text);
    await serve(script, {}, async (server) => {
      const ada = await server.connect({ room: "garden" });
      const grace = await server.connect({ room: "garden" });
      const zoe = await server.connect();
      ada.send('{"event":"say","payload":"hi"}');
      const said = { event: "said", payload: "hi" };
      assert.deepEqual(await ada.frame(), said);
      assert.deepEqual(await grace.frame(), said);
      assert.deepEqual(await zoe.ask("say", "hm"), { ...said, payload: "hm" });
    });
  }));

example("01_hello", async (server) => {
  const hello = await server.request("GET", "/hello");
  assert.equal(hello.body, "hello, world\n");
  assert.match(hello.headers["content-type"], /^text\/plain/);
  const peer = await server.connect({ name: "Ada" });
  assert.deepEqual(await peer.frame(), {
    event: "hello",
    payload: "hello, Ada",
  });
});

example("02_echo", async (server) => {
  const peer = await server.connect();
  const text = '{"event":"ping",  "payload":[1,2,3]}';
  peer.send(text);
  assert.equal((await peer.message()).data.toString(), text);
  const large = JSON.stringify({
    event: "large",
    payload: "x".repeat(1_000_000),
  });
  peer.send(large);
  assert.equal((await peer.message()).data.toString(), large);
});

async function join(server, name, room = "garden") {
  const peer = await server.connect({ room });
  peer.send({ event: "chat.join", payload: { name } });
  const joined = await peer.frame();
  assert.equal(joined.event, "chat.joined");
  assert.equal(joined.payload.name, name);
  const { event, payload } = await peer.frame();
  assert.equal(event, "chat.welcome");
  assert.equal(payload.id, joined.payload.id);
  return { peer, id: payload.id, people: payload.people };
}

example("03_chat", async (server) => {
  const ada = await join(server, "Ada");
  assert.deepEqual(ada.people, [{ id: ada.id, name: "Ada" }]);
  const grace = await join(server, "Grace");
  assert.deepEqual(grace.people.map(({ name }) => name).sort(), [
    "Ada",
    "Grace",
  ]);
  const elsewhere = await join(server, "Zoë", "attic");
  assert.deepEqual(
    elsewhere.people.map(({ name }) => name),
    ["Zoë"],
  );

  const joined = { id: grace.id, name: "Grace" };
  assert.deepEqual(await ada.peer.frame(), {
    event: "chat.joined",
    payload: joined,
  });
  const text = "hello <b>there</b> ✓";
  const said = { event: "chat.said", payload: { id: grace.id, text } };
  assert.deepEqual(await grace.peer.ask("chat.say", { text }), said);
  assert.deepEqual(await ada.peer.frame(), said);

  await grace.peer.close(1000);
  const left = { event: "chat.left", payload: { id: grace.id } };
  assert.deepEqual(await ada.peer.frame(), left);
  assert.equal(elsewhere.peer.unread, 0);

  // After a reload the roster is still right.
  await server.reload();
  const linus = await join(server, "Linus");
  assert.deepEqual(linus.people.map(({ name }) => name).sort(), [
    "Ada",
    "Linus",
  ]);
});

example("03_chat: bad names, and the page", async (server) => {
  for (const name of ["", "   ", "x".repeat(101), 7, null]) {
    const peer = await server.connect({ room: "garden" });
    peer.send({ event: "chat.join", payload: { name } });
    assert.equal((await peer.end()).code, 4000);
  }
  const page = await server.request("GET", "/");
  assert.match(page.body, /<title>wspulse chat<\/title>/);
  for (const [, file] of page.body.matchAll(
    /(?:href|src)="([^":]+\.(?:css|js))"/g,
  )) {
    assert.equal((await server.request("GET", `/${file}`)).status, 200, file);
  }
});

example("04_auth", async (server) => {
  assert.equal(await refusal(server.connect()), 401);
  assert.equal(await refusal(server.connect({ token: "guess" })), 401);
  const evil = { origin: "https://evil.example" };
  assert.equal(
    await refusal(server.connect({ token: "ada-secret" }, evil)),
    403,
  );

  const origin = "https://chat.example.org";
  const ada = await server.connect({ token: "ada-secret" }, { origin });
  assert.deepEqual(await ada.frame(), {
    event: "welcome",
    payload: { user: "ada" },
  });
  const headers = { Authorization: "Bearer grace-secret" };
  const grace = await server.connect({}, { headers });
  assert.deepEqual((await grace.frame()).payload, { user: "grace" });
  ada.send({ event: "say", payload: "hi" });
  const said = { event: "said", payload: { user: "ada", text: "hi" } };
  assert.deepEqual(await grace.frame(), said);

  await server.connect({ token: "grace-secret" });
  assert.deepEqual(await grace.end(), {
    code: 1000,
    reason: "duplicate connection id",
  });
  assert.doesNotMatch(server.stdout, /unknown token/);
});

test("05_embed", async () => {
  const script = path.join(examples, "05_embed.lua");
  const launched = await launchProgram([script, "127.0.0.1:0"]);
  await holding(launched, async (server) => {
    assert.match(server.stdout, /^listening on ws:\/\/127\.0\.0\.1:\d+\/ws\n$/);
    const peer = await server.connect();
    assert.deepEqual(await peer.ask("one", 1), { event: "one", payload: 1 });
    assert.deepEqual(await peer.ask("two", 2), { event: "two", payload: 2 });
    peer.send({ event: "stop" });
    assert.deepEqual(await peer.end(), {
      code: 1001,
      reason: "server shutting down",
    });
    assert.deepEqual(await server.exited(), { code: 0, signal: null });
    assert.match(server.stdout, /echoed 2 frames/);
    server.assertClean();
  });
});

// A message with the members event and payload, as the example reads it.
function pack(event, ...payload) {
  const text = (string) =>
    Buffer.concat([Buffer.of(0xa0 + string.length), Buffer.from(string)]);
  const members = [text("event"), text(event), text("payload")];
  return Buffer.concat([Buffer.of(0x82), ...members, Buffer.from(payload)]);
}

example("06_resume", async (server) => {
  assert.equal(await refusal(server.connect()), 401);
  const session = "0123456789abcdef".repeat(2);
  const post = async (body) =>
    (await server.request("POST", "/notes", { body })).status;
  const before = await server.connect({ session });
  const welcome = await before.frame();
  assert.equal(welcome.event, "welcome");
  assert.match(welcome.id, /^[0-9a-f]+-1$/);
  assert.equal(await post("one"), 201);
  const one = await before.frame();
  assert.deepEqual(one.payload, { number: 1, text: "one" });

  before.destroy();
  for (const text of ["two", "three"]) assert.equal(await post(text), 201);
  for (const text of ["", " \n", "x".repeat(501)]) {
    assert.equal(await post(text), 400);
  }
  const after = await server.connect({ session });
  // What came before may not have been confirmed: it comes again, by its id.
  let frame = await after.frame();
  while ([welcome.id, one.id].includes(frame.id)) frame = await after.frame();
  assert.deepEqual(frame.payload, { number: 2, text: "two" });
  assert.deepEqual((await after.frame()).payload, { number: 3, text: "three" });
  const { event, payload } = await after.frame();
  assert.equal(event, "restored");
  assert.ok(payload.replayed >= 2);
  assert.equal(payload.lost, 0);

  for (const file of ["", "resume.js", "session.js", "look/chat.css"]) {
    assert.equal((await server.request("GET", `/${file}`)).status, 200, file);
  }
});

example("07_codec_msgpack", async (server) => {
  const peer = await server.connect();
  const ask = async (message) => {
    peer.send(message);
    const { data, isBinary } = await peer.message();
    assert.ok(isBinary);
    return data;
  };
  assert.deepEqual(await ask(pack("sum", 0x93, 1, 2, 3)), pack("sum", 6));
  assert.deepEqual(await ask(pack("sum", 0x91, 0xc3)), pack("sum", 0xc0));
  assert.deepEqual(
    await ask(pack("reverse", 0xc4, 2, 0x20, 0xff)),
    pack("reversed", 0xc4, 2, 0xff, 0x20),
  );
  assert.deepEqual(
    await ask(pack("reverse", 0xc4, 2, 0x61, 0x62)),
    pack("reversed", 0xa2, 0x62, 0x61),
  );

  // The line of the comment, with its escapes as a browser reads them.
  const file = path.join(examples, "07_codec_msgpack.lua");
  const [, line] = /ask = "(.*)"/.exec(await readFile(file, "utf8"));
  const bytes = JSON.parse(`"${line.replaceAll("\\x", "\\u00")}"`);
  assert.deepEqual(Buffer.from(bytes, "latin1"), pack("sum", 0x93, 1, 2, 3));
});

test("08_metrics", () => {
  const script = path.join(examples, "08_metrics.lua");
  const env = { METRICS_LISTEN: "127.0.0.1:0", METRICS_PASSWORD: "sesame" };
  return serve(script, { env }, async (server) => {
    const ada = await server.connect({ room: "garden" });
    const grace = await server.connect({ room: "garden" });
    const text = '{"event":"say","payload":"hi"}';
    ada.send(text);
    for (const peer of [ada, grace]) {
      assert.equal((await peer.message()).data.toString(), text);
    }
    const rooms = await server.request("GET", "/rooms");
    assert.deepEqual(JSON.parse(rooms.body), { garden: text.length });

    const counted = /\nwspulse_messages_broadcast_total 1\n/;
    const [, url] = /^wspulse: admin on (\S+)$/m.exec(server.stdout);
    const page = await fetch(url);
    assert.match(await page.text(), counted);
    assert.equal((await fetch(new URL("/readyz", url))).status, 200);

    assert.equal((await server.request("GET", "/metrics")).status, 403);
    const headers = { authorization: "Bearer sesame" };
    const own = await server.request("GET", "/metrics", { headers });
    assert.match(own.body, counted);
    assert.equal(own.headers["content-type"], page.headers.get("content-type"));

    for (const peer of [ada, grace]) await peer.close(1000);
    const left = await server.request("GET", "/rooms");
    assert.deepEqual(JSON.parse(left.body), {});
  });
});
