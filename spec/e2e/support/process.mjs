// SPDX-License-Identifier: MIT
// What a process holds, by /proc.

import { readdir, readFile } from "node:fs/promises";

export async function residentBytes({ pid }) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

export async function descriptors({ pid }) {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
