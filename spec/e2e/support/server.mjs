// SPDX-License-Identifier: MIT
// Runs the command on a script for as long as a test needs it, and asserts that
// it ends cleanly: exit code 0 and not a word from a sanitizer.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { until, within } from "./deadline.mjs";
import { Peer } from "./peer.mjs";
import { Wire } from "./wire.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, "../../..");
export const fixtures = path.resolve(here, "../fixtures");
export const examples = path.join(root, "scripts/examples");
export const binary =
  process.env.WSPULSE_BIN ?? path.join(root, "build/wspulse");
export const build = process.env.WSPULSE_BUILD ?? path.dirname(binary);

const ADDRESS = /wss?:\/\/[^\s"]+/g;
const SANITIZER = /Sanitizer:|runtime error:/;
const TAIL = 6000; // characters of stderr in a failure

// What can be read by now has been read afterwards.
async function turn() {
  for (let i = 0; i < 2; i++) await new Promise(setImmediate);
}

function collect(stream) {
  const chunks = { text: "" };
  stream.setEncoding("utf8");
  stream.on("data", (chunk) => (chunks.text += chunk));
  return chunks;
}

export class Server {
  // The command's `run` on `script`, a path below fixtures/ or an absolute one.
  // Options: args and env beside the usual, `listen` (null: the script's own),
  // `addresses` how many of them to wait for.
  static async start(script, options = {}) {
    const { args = [], listen = "127.0.0.1:0" } = options;
    const folder = await mkdtemp(path.join(os.tmpdir(), "wspulse-e2e-"));
    const control = path.join(folder, "control.sock");
    const words = ["run", path.resolve(fixtures, script), ...args];
    if (listen !== null) words.push("--listen", listen);
    words.push("--control", control);
    return Server.launch(binary, words, { ...options, folder, control });
  }

  // Any program that prints where it listens.
  static async launch(program, words, options = {}) {
    const child = spawn(program, words, {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const server = new Server(child, options);
    try {
      await server.#waitForAddresses(options.addresses ?? 1);
    } catch (error) {
      await server.release();
      throw server.explain(error);
    }
    return server;
  }

  #child;
  #exit;
  #folder;
  #sockets = new Set();
  #stdout;
  #stderr;

  constructor(child, { folder, control }) {
    this.#child = child;
    this.#folder = folder;
    this.control = control;
    this.#stdout = collect(child.stdout);
    this.#stderr = collect(child.stderr);
    this.#exit = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.#exit.catch(() => {});
  }

  get pid() {
    return this.#child.pid;
  }

  get stdout() {
    return this.#stdout.text;
  }

  get stderr() {
    return this.#stderr.text;
  }

  // The lines of the log that are complete.
  get logLines() {
    return this.stderr.split("\n").slice(0, -1);
  }

  // Waits for something in the log: it comes by another way than an answer.
  logged(pattern) {
    const isThere = () => pattern.test(this.stderr);
    return until(isThere, `${pattern} in the log`);
  }

  // Waits for the lines that match to be `count`, and asserts that no more of
  // them were written before the last answer that the test has read.
  async loggedTimes(pattern, count) {
    const lines = () => this.logLines.filter((line) => pattern.test(line));
    const what = `${pattern} in the log, ${count} times`;
    await until(() => lines().length >= count, what);
    await turn();
    assert.equal(lines().length, count, what);
  }

  // The WebSocket addresses that were printed, in their order.
  get urls() {
    return this.stdout.match(ADDRESS) ?? [];
  }

  get url() {
    return this.urls[0];
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  #waitForAddresses(count) {
    const printed = new Promise((resolve, reject) => {
      const look = () => {
        const isWhole = this.stdout.endsWith("\n");
        if (isWhole && this.urls.length >= count) resolve();
      };
      this.#child.stdout.on("data", look);
      this.#exit.then(
        ({ code }) => reject(new Error(`ended before it served: ${code}`)),
        reject,
      );
    });
    return within(printed, "the addresses of the server");
  }

  // A WebSocket peer; `query` is an object, `options` go to npm's ws.
  async connect(query = {}, options = {}) {
    const url = new URL(options.url ?? this.url);
    for (const [key, value] of Object.entries(query)) {
      url.searchParams.set(key, value);
    }
    const peer = await Peer.open(url.href, options);
    this.#sockets.add(peer);
    return peer;
  }

  // A bare TCP connection to the first address, or to that of `url`.
  async wire(url = this.url) {
    const { hostname, port } = new URL(url);
    const wire = await Wire.open(Number(port), hostname);
    this.#sockets.add(wire);
    return wire;
  }

  dropWires() {
    for (const socket of this.#sockets) {
      if (socket instanceof Wire) socket.destroy();
    }
  }

  async request(method, target, options) {
    const wire = await this.wire();
    try {
      return await wire.request(method, target, options);
    } finally {
      wire.destroy();
      this.#sockets.delete(wire);
    }
  }

  // One line over the control socket; gives the one that comes back.
  command(line) {
    const answer = new Promise((resolve, reject) => {
      let text = "";
      const socket = net.connect(this.control);
      socket.setEncoding("utf8");
      socket.on("connect", () => socket.write(`${line}\n`));
      socket.on("data", (chunk) => {
        text += chunk;
        if (text.endsWith("\n")) socket.end();
      });
      socket.on("close", () => resolve(text.trimEnd()));
      socket.on("error", reject);
    });
    return within(answer, `the answer to ${line}`);
  }

  // The page of the admin address, whose place is in the log.
  async metrics() {
    const opened = /admin endpoints opened.*address=([^\s]+)\s/;
    await this.logged(opened);
    const [, address] = opened.exec(this.stderr);
    const wire = await this.wire(`ws://${address}/`);
    try {
      return (await wire.request("GET", "/metrics")).body;
    } finally {
      wire.destroy();
      this.#sockets.delete(wire);
    }
  }

  // A reload that must be accepted.
  async reload(script) {
    const answer = await this.command(script ? `reload ${script}` : "reload");
    assert.match(answer, /^ok\b/);
    return answer;
  }

  signal(name) {
    this.#child.kill(name);
  }

  exited() {
    return within(this.#exit, "the end of the server");
  }

  // Ends the server and asserts that it went well.
  async stop() {
    this.signal("SIGTERM");
    const end = await this.exited();
    assert.deepEqual(end, { code: 0, signal: null }, "the end of the server");
    this.assertClean();
  }

  assertClean() {
    assert.doesNotMatch(this.stderr, SANITIZER);
  }

  // Frees what the test held, whatever became of it.
  async release() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    for (const socket of this.#sockets) socket.destroy();
    await this.#exit.catch(() => {});
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  explain(error) {
    const tail = this.stderr.slice(-TAIL);
    error.message += `\n--- stderr of the server\n${tail}---`;
    error.stack = `${error.message}\n${error.stack}`;
    return error;
  }
}

// Runs `use(server)`, and frees the server whatever becomes of it. Gives what
// `use` gives; a failure says what the server has logged.
export async function holding(server, use) {
  try {
    return await use(server);
  } catch (error) {
    throw server.explain(error);
  } finally {
    await server.release();
  }
}

// A Lua program in plain luajit that finds the module.
export const launchProgram = (words, options) =>
  Server.launch(
    path.join(root, "tools/with-module"),
    [build, "luajit", ...words],
    options,
  );

// Runs `use(server)` against a server and stops it in the ordinary way. Bare
// connections go first: they would not answer a close frame.
export async function serve(script, options, use) {
  await holding(await Server.start(script, options), async (server) => {
    await use(server);
    server.dropWires();
    await server.stop();
  });
}

// Runs the command to its end; gives code, stdout and stderr.
export async function run(words, { env = {}, program = binary } = {}) {
  const child = spawn(program, words, {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exit = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  try {
    const code = await within(exit, `the end of ${words.join(" ")}`);
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    child.kill("SIGKILL");
  }
}

// A folder of its own for `use`, gone afterwards.
export async function withFolder(use) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wspulse-e2e-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
