// SPDX-License-Identifier: MIT
// A generation that has gone leaves nothing behind.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { serveApplication } from "./support/application.mjs";
import { isSanitized, until } from "./support/deadline.mjs";
import { residentBytes } from "./support/process.mjs";
import { build, withFolder } from "./support/server.mjs";

// Two generations side by side, by turns in the one's room and in the other's:
// glibc's heap needs a while until it has all the room that this takes.
const FIRST = isSanitized ? 10 : 200;
// A sanitizer keeps freed memory: there the leak check at the end decides.
const LAST = FIRST + (isSanitized ? 50 : 1000);
const GROWTH = 1.05;

// Bytes of the heap that come and go with the time: buffers of the event loop.
const HEAP_SLACK = 4096;

async function collected(server) {
  await server.request("GET", "/collect");
  return residentBytes(server);
}

// What bench/guard/heap_count.c counts.
function heapOptions(folder) {
  if (isSanitized) return {};
  return {
    env: {
      LD_PRELOAD: path.join(build, "bench/heap_count.so"),
      WSPULSE_HEAP_FILE: path.join(folder, "heap.bin"),
    },
  };
}

function heapBytes(folder) {
  const counts = readFileSync(path.join(folder, "heap.bin"));
  return Number(counts.readBigInt64LE(8));
}

async function reloadOften(server, application, folder) {
  const peers = [];
  for (let i = 0; i < 10; i++) {
    peers.push(await server.connect({ id: `c${i}` }));
  }
  const reloadTo = async (number) => {
    application.write(number);
    await server.reload();
    // Every generation has handles, values and frames of its own.
    const { payload } = await peers[number % 10].ask("ask", { n: number });
    assert.equal(payload.build, number);
  };
  for (let number = 2; number <= FIRST + 1; number++) await reloadTo(number);
  const before = await collected(server);
  const heapBefore = isSanitized ? 0 : heapBytes(folder);
  for (let number = FIRST + 2; number <= LAST + 1; number++) {
    await reloadTo(number);
  }
  if (isSanitized) return;
  let after = 0;
  let heapAfter = 0;
  await until(async () => {
    after = await collected(server);
    heapAfter = heapBytes(folder);
    return after <= before * GROWTH && heapAfter <= heapBefore + HEAP_SLACK;
  }, "the memory of old generations").catch((error) => {
    error.message += `: ${before} bytes before, ${after} after`;
    error.message += `; in the heap ${heapBefore} and ${heapAfter}`;
    throw error;
  });
  for (const peer of peers) assert.ok(peer.isOpen);
}

const RELOADS = LAST - FIRST;

test(`hostile 69: ${RELOADS} reloads leave nothing behind: RSS within 5 %`, () =>
  withFolder((folder) =>
    serveApplication(heapOptions(folder), (server, application) =>
      reloadOften(server, application, folder),
    ),
  ));
