// SPDX-License-Identifier: MIT
// Hot swap: the code changes, the connections stay.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import WebSocket from "ws";

import { serveApplication } from "./support/application.mjs";
import { until, within } from "./support/deadline.mjs";
import { run } from "./support/server.mjs";

const CONNECTIONS = 1000;
const RELOADS = 50;
const OPEN_AT_ONCE = 100;
const IN_FLIGHT = 2; // requests of one connection that wait for their answer

const withApplication = (name, use, options = {}) =>
  test(name, () => serveApplication(options, use));

// Asks numbered questions for as long as it is told, and notes what is wrong.
class Asker {
  #socket;
  #asked = 0;
  #isStopped = false;
  #finish;

  constructor(url, id) {
    this.id = id;
    this.answers = []; // builds, by request
    this.problems = [];
    this.finished = new Promise((resolve) => (this.#finish = resolve));
    this.#socket = new WebSocket(`${url}?id=${id}`, {
      perMessageDeflate: false,
    });
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    });
    this.#socket.on("close", (code) => this.#fail(`closed with ${code}`));
    this.#socket.on("message", (data) =>
      this.#answered(JSON.parse(data).payload),
    );
  }

  start() {
    for (let i = 0; i < IN_FLIGHT; i++) this.#ask();
  }

  // Asks nothing more; `finished` comes with the last answer.
  stop() {
    this.#isStopped = true;
  }

  leave() {
    this.#socket.removeAllListeners("close");
    this.#socket.close();
  }

  #ask() {
    this.#asked += 1;
    this.#socket.send(`{"event":"ask","payload":{"n":${this.#asked}}}`);
  }

  #answered({ n, count, build, generation, name }) {
    const expected = this.answers.length + 1;
    if (n !== expected) this.#fail(`answer ${n} instead of ${expected}`);
    if (count !== n) this.#fail(`request ${n} was handled as number ${count}`);
    if (name !== `name of ${this.id}`) this.#fail(`the name is ${name}`);
    if (build !== generation) this.#fail(`build ${build} in ${generation}`);
    this.answers.push(build);
    if (!this.#isStopped) this.#ask();
    else if (this.answers.length === this.#asked) this.#finish();
  }

  #fail(problem) {
    this.problems.push(`${this.id}: ${problem}`);
    this.#finish();
  }
}

async function openAskers(url) {
  const askers = [];
  while (askers.length < CONNECTIONS) {
    const batch = Array.from(
      { length: OPEN_AT_ONCE },
      (_, i) => new Asker(url, `c${askers.length + i}`),
    );
    await within(Promise.all(batch.map(({ opened }) => opened)), "upgrades");
    askers.push(...batch);
  }
  return askers;
}

withApplication(
  `hostile 69: ${CONNECTIONS} connections, ${RELOADS} reloads: nothing is lost`,
  async (server, application) => {
    const askers = await openAskers(server.url);
    for (const asker of askers) asker.start();
    for (let number = 2; number <= RELOADS + 1; number++) {
      application.write(number);
      assert.equal(await server.reload(), `ok generation ${number}`);
    }
    for (const asker of askers) asker.stop();
    const finished = Promise.all(askers.map((asker) => asker.finished));
    await within(finished, "the last answers", 30_000);

    const problems = askers.flatMap((asker) => asker.problems);
    assert.deepEqual(problems.slice(0, 5), []);
    const builds = new Set();
    for (const { answers } of askers) {
      for (let i = 1; i < answers.length; i++) {
        assert.ok(answers[i] >= answers[i - 1], "no way back to older code");
      }
      for (const build of answers) builds.add(build);
    }
    assert.ok(builds.size > RELOADS / 2, `only ${builds.size} builds answered`);
    const peer = await server.connect({ id: "last" });
    const { payload } = await peer.ask("ask", { n: 1 });
    assert.equal(payload.build, RELOADS + 1);
    const members = await server.request("GET", "/members");
    assert.equal(members.body, String(CONNECTIONS + 1), "all are in the room");
    for (const asker of askers) asker.leave();
  },
);

withApplication(
  "values that were set stay, new code reads them",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    assert.equal((await peer.ask("ask", { n: 1 })).payload.count, 1);
    application.write(2);
    await server.reload();
    const { payload } = await peer.ask("ask", { n: 2 });
    assert.deepEqual(payload, {
      n: 2,
      count: 2,
      build: 2,
      generation: 2,
      name: "name of ada",
      is_new: true,
    });
  },
);

withApplication(
  "on_reload gets the generation before",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    for (const number of [2, 3, 4]) {
      application.write(number);
      await server.reload();
      assert.equal((await peer.ask("ask")).payload.generation, number);
    }
  },
);

withApplication(
  "an on_reload that raises is logged, the new code serves",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    application.write(2, "on_reload_raises = true");
    await server.reload();
    assert.equal((await peer.ask("ask")).payload.build, 2);
    await server.logged(/app\.lua:\d+: on_reload raised on purpose/);
  },
);

withApplication(
  "a refused script leaves the old one serving",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    const refused = {
      "return { number = ": /^error .*build\.lua:1:/,
      "local x = nil\nreturn x.y": /^error .*build\.lua:2:/,
      "return { number = 2, max_message_size = -1 }":
        /^error .*app\.lua:\d+: .*WithMaxMessageSize: n must be at least 1/,
      "return 7": /^error .*app\.lua:\d+:/,
    };
    for (const [text, answer] of Object.entries(refused)) {
      application.writeText(text);
      assert.match(await server.command("reload"), answer, text);
      const { payload } = await peer.ask("ask");
      assert.deepEqual([payload.build, payload.generation], [1, 1], text);
    }
    await server.logged(/reload refused/);
    application.write(5);
    await server.reload();
    assert.equal((await peer.ask("ask")).payload.build, 5);
  },
);

withApplication(
  "what is no server, or another number of them, is refused",
  async (server, application) => {
    const texts = [
      "return nil\n",
      "return 42\n",
      "return {}\n",
      `local wspulse = require "wspulse"
local connect = function() return "room" end
return {
  wspulse.new_server { connect = connect },
  wspulse.new_server { name = "second", connect = connect },
}
`,
    ];
    for (const text of texts) {
      application.writeText(text, application.script);
      assert.match(await server.command("reload"), /^error .+/, text);
    }
    const peer = await server.connect({ id: "ada" });
    assert.equal((await peer.ask("ask")).payload.build, 1);
  },
);

withApplication(
  "a changed listen address warns and keeps the old one",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    application.write(2, 'listen = "127.0.0.1:9"');
    await server.reload();
    assert.equal((await peer.ask("ask")).payload.build, 2);
    await server.loggedTimes(/WARN .*\blisten\b/, 1);
    const late = await server.connect({ id: "grace" });
    assert.equal((await late.ask("ask")).payload.build, 2);
  },
  { listen: null },
);

withApplication("max_message_size is live", async (server, application) => {
  const peer = await server.connect({ id: "ada" });
  application.write(2, "max_message_size = 4096");
  await server.reload();
  const frame = await peer.ask("x".repeat(3000));
  assert.equal(frame.payload.build, 2);
});

withApplication("http routes are live", async (server, application) => {
  const wire = await server.wire();
  assert.equal((await wire.request("GET", "/build")).body, "1");
  application.write(2);
  await server.reload();
  assert.equal((await wire.request("GET", "/build")).body, "2");
});

withApplication(
  "wspulse reload: 0 when accepted, 1 with file:line when refused",
  async (server, application) => {
    application.write(2);
    const accepted = await run(["reload", "--control", server.control]);
    assert.deepEqual([accepted.code, accepted.stderr], [0, ""]);
    assert.match(accepted.stdout, /generation 2/);
    application.writeText("return {\n  number = = 3 }\n");
    const refused = await run(["reload", "--control", server.control]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /build\.lua:2:/);
    assert.equal((await server.request("GET", "/build")).body, "2");
  },
);

withApplication(
  "--watch: a module that changes is loaded, half a file is not",
  async (server, application) => {
    const peer = await server.connect({ id: "ada" });
    const served = async (number) =>
      until(
        async () => (await peer.ask("ask")).payload.build === number,
        `build ${number}`,
      );
    application.write(2);
    await served(2);
    // An editor that writes in place shows half a file for a moment.
    await writeFile(application.module, "return { number = ");
    await server.logged(/reload refused/);
    assert.equal((await peer.ask("ask")).payload.build, 2);
    await writeFile(application.module, "return { number = 3 }\n");
    await served(3);
    assert.ok(peer.isOpen);
  },
  { args: ["--watch"] },
);
