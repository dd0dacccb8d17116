// SPDX-License-Identifier: MIT
// Bytes by chance, the same ones again with the same seed.

const given = Number(process.env.WSPULSE_SEED);
const seed = given || 1 + Math.floor(Math.random() * 0x7fffffff);
let state = seed;

console.log(`random seed: WSPULSE_SEED=${seed}`);

// One step of a 32-bit mixer; good enough for payloads and masks.
function next() {
  state = (state + 0x9e3779b9) | 0;
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export function randomBytes(count) {
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) bytes[i] = next() & 0xff;
  return bytes;
}
