// SPDX-License-Identifier: MIT
// Waiting with an end: a promise that takes too long becomes an error that says
// what was waited for. Nothing here asserts how fast something is.

// A sanitizer slows the server down several times.
export const isSanitized = Boolean(process.env.WSPULSE_SANITIZE);
const factor = isSanitized ? 6 : 1;
const DEFAULT_MS = 30_000;
const POLL_MS = 10;

export async function within(promise, what, ms = DEFAULT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    const fail = () => reject(new Error(`waited too long for ${what}`));
    timer = setTimeout(fail, ms * factor);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Asks `probe` again and again until it gives something true; gives that.
export async function until(probe, what, ms = DEFAULT_MS) {
  let isOver = false;
  const loop = async () => {
    while (!isOver) {
      const found = await probe();
      if (found) return found;
      await new Promise((resume) => setTimeout(resume, POLL_MS));
    }
  };
  try {
    return await within(loop(), what, ms);
  } finally {
    isOver = true;
  }
}

// A list whose reader waits for what is not there yet.
export class Inbox {
  #items = [];
  #readers = [];
  #end = null;

  push(item) {
    const reader = this.#readers.shift();
    if (reader) reader.resolve(item);
    else this.#items.push(item);
  }

  // Fails the readers that wait now and those that come with nothing left.
  fail(error) {
    this.#end = error;
    for (const reader of this.#readers.splice(0)) reader.reject(error);
  }

  get size() {
    return this.#items.length;
  }

  take(what) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#end) return Promise.reject(this.#end);
    const item = new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
    return within(item, what);
  }
}
