// SPDX-License-Identifier: MIT
// Puts a server under the load of clients that come, talk, drop, resume, are
// kicked and go, while it is reloaded, and watches what it holds.
//
//   node bench/soak/run.mjs [--minutes N] [--clients N] [--publish]
//
// Prints a line for each sample. Descriptors, resident memory and the memory of
// Lua may not grow: the run fails when their median in the last third is larger
// than in the second one (the first settles), or when descriptors are left after
// everybody has gone. --publish writes the figures into docs/testing.md.
//
// WSPULSE_BIN is the command, build/wspulse; SOAK_EASY=1 samples without a
// verdict on memory, for valgrind.

import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { within } from "../../spec/e2e/support/deadline.mjs";
import {
  descriptors,
  residentBytes,
} from "../../spec/e2e/support/process.mjs";
import { root, Server } from "../../spec/e2e/support/server.mjs";

const require = createRequire(path.join(root, "spec/e2e/package.json"));
const WebSocket = require("ws");

const PAGE = path.join(root, "docs/testing.md");
const OPENING = "<!-- soak figures -->";
const CLOSING = "<!-- /soak figures -->";
const RELOAD_SECONDS = 5;
const isEasy = process.env.SOAK_EASY === "1";
// Between two thirds of a run: what a heap needs to breathe.
const GROWTH = { descriptors: 1.1, rss: 1.03, lua: 1.03 };

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "100" },
    publish: { type: "boolean", default: false },
  },
});
const seconds = Number(flags.minutes) * 60;
const clientCount = Number(flags.clients);
const sampleSeconds = Math.max(1, Math.round(seconds / 60));

const counts = {
  connects: 0,
  messages: 0,
  drops: 0,
  resumes: 0,
  kicks: 0,
  reloads: 0,
};

// ---- chance: the same for every run ----

let random = 88172645463325252n;

function below(count) {
  random ^= (random << 13n) & 0xffffffffffffffffn;
  random ^= random >> 7n;
  random ^= (random << 17n) & 0xffffffffffffffffn;
  return Number((random >> 11n) % BigInt(count));
}

// ---- clients ----

function opened(socket) {
  return new Promise((resolve) => {
    socket.once("open", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
}

function connect(server, id, room) {
  const url = `${server.url}?id=${id}&room=${room}`;
  const socket = new WebSocket(url, { perMessageDeflate: below(2) === 0 });
  socket.on("error", () => {});
  socket.on("message", () => counts.messages++);
  return socket;
}

function talk(socket) {
  const text = "so it goes ".repeat(1 + below(200));
  const frames = [
    { event: "say", payload: { text } },
    { event: "say", payload: { text: "short" } },
    { event: "forward", payload: { text } },
    { event: "count" },
    { event: "fail" },
  ];
  socket.send(JSON.stringify(frames[below(frames.length)]));
}

async function kick(server, id) {
  await server.request("POST", "/kick", { body: id });
  counts.kicks++;
}

// One connection of a client, up to its end of whatever kind.
async function live(server, id) {
  let socket = connect(server, id, `r${below(10)}`);
  if (!(await opened(socket))) return;
  counts.connects++;
  for (let i = 0; i < 10 + below(20); i++) {
    if (socket.readyState !== WebSocket.OPEN) break;
    talk(socket);
    await sleep(5 + below(40));
    if (below(15) === 0) {
      socket.terminate();
      counts.drops++;
      await sleep(below(300));
      socket = connect(server, id, "r0");
      if (!(await opened(socket))) return;
      counts.resumes++;
    }
  }
  const gone = within(
    new Promise((resolve) => socket.once("close", resolve)),
    `the end of ${id}`,
  );
  switch (below(5)) {
    case 0:
      await kick(server, id);
      break;
    case 1:
      socket.terminate();
      break;
    case 2:
      socket.send('{"event":"leave"}');
      break;
    case 3:
      socket.send(Buffer.from([0xff]), { binary: false }); // not UTF-8
      break;
    default:
      socket.close(1000);
  }
  if (socket.readyState === WebSocket.CLOSED) socket.emit("close");
  await gone;
}

async function keepComing(server, number, isOver) {
  for (let life = 0; !isOver(); life++) await live(server, `c${number}-${life}`);
}

async function keepReloading(server, isOver) {
  while (!isOver()) {
    await sleep(RELOAD_SECONDS * 1000);
    if (isOver()) return;
    await server.reload();
    counts.reloads++;
  }
}

// ---- samples ----

async function sample(server) {
  const { body } = await server.request("GET", "/lua");
  return {
    ...counts,
    descriptors: await descriptors(server),
    rss: (await residentBytes(server)) / 1024,
    lua: Number(body),
  };
}

function median(list, name) {
  const sorted = list.map((item) => item[name]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const columns = [
  ["second", 7],
  ["connects", 9],
  ["messages", 10],
  ["drops", 7],
  ["resumes", 8],
  ["kicks", 6],
  ["reloads", 8],
  ["descriptors", 12],
  ["rss", 9],
  ["lua", 9],
];

function print(item) {
  console.log(
    columns.map(([name, width]) => String(item[name]).padStart(width)).join(""),
  );
}

async function watch(server, samples) {
  print(Object.fromEntries(columns.map(([name]) => [name, name])));
  for (let at = sampleSeconds; at <= seconds; at += sampleSeconds) {
    await sleep(sampleSeconds * 1000);
    const item = { second: at, ...(await sample(server)) };
    samples.push(item);
    print(item);
  }
}

// ---- the verdict ----

function compare(samples) {
  const third = Math.floor(samples.length / 3);
  const settled = samples.slice(third, 2 * third);
  const last = samples.slice(2 * third);
  return Object.entries(GROWTH).map(([name, factor]) => {
    const before = median(settled, name);
    const after = median(last, name);
    return { name, before, after, isFlat: after <= before * factor + 1 };
  });
}

function tableOf(result, samples, left) {
  const last = samples.at(-1);
  const names = { descriptors: "descriptors", rss: "RSS, kB", lua: "Lua, kB" };
  const rows = result.map(
    ({ name, before, after }) => `| ${names[name]} | ${before} | ${after} |`,
  );
  return [
    `${flags.minutes} minutes, ${clientCount} clients at a time: ` +
      `${last.connects} connects, ${last.drops} drops, ${last.resumes} resumes, ` +
      `${last.kicks} kicks, ${last.reloads} reloads, ${last.messages} messages ` +
      `delivered. Descriptors before the first client: ${left.before}, after ` +
      `the last one: ${left.after}.`,
    "",
    "| | second third | last third |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}

async function publish(text) {
  const page = await readFile(PAGE, "utf8");
  const from = page.indexOf(OPENING) + OPENING.length;
  const to = page.indexOf(CLOSING);
  if (to < from) throw new Error(`${PAGE} has no place for the figures`);
  await writeFile(PAGE, `${page.slice(0, from)}\n\n${text}\n\n${page.slice(to)}`);
}

// ---- the run ----

async function waitForNobody(server, before) {
  let after = 0;
  for (let i = 0; i < 150; i++) {
    after = (await sample(server)).descriptors;
    if (after <= before) break;
    await sleep(100);
  }
  return { before, after };
}

async function main(server) {
  const samples = [];
  const end = Date.now() + seconds * 1000;
  const isOver = () => Date.now() > end;
  const { descriptors } = await sample(server);
  const clients = Array.from({ length: clientCount }, (_, number) =>
    keepComing(server, number, isOver),
  );
  const failure = { text: "" };
  const reloads = keepReloading(server, isOver);
  await Promise.all([watch(server, samples), reloads, ...clients]);
  const left = await waitForNobody(server, descriptors);
  await server.stop();
  const result = compare(samples);
  const text = tableOf(result, samples, left);
  console.log(`\n${text}`);
  if (flags.publish) await publish(text);
  if (left.after > left.before) failure.text = "descriptors are left behind";
  for (const { name, isFlat } of isEasy ? [] : result) {
    if (!isFlat) failure.text = `${name} grows`;
  }
  if (failure.text) throw new Error(failure.text);
  console.log("\nflat");
}

const server = await Server.start(path.join(root, "bench/soak/app.lua"), {
  args: ["--log-level", "error"],
});
try {
  await main(server);
} catch (error) {
  console.error(server.explain(error).message);
  process.exitCode = 1;
} finally {
  await server.release();
}
