// SPDX-License-Identifier: MIT
// A session that outlives its sockets: opens them under the same name, one
// after the other, and drops the frames that come a second time.

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;
const REMEMBERED = 256; // the server's send_buffer_size: older ones never come

// Drawn with the page, so a reload is another session.
function drawName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Session {
  #on;
  #url;
  #socket = null;
  #isCut = false;
  #attempt = 0;
  #timer = null;
  #ids = new Set();

  // `on` has: state(name, detail), frame(frame), copy(). States are connecting,
  // open, waiting and cut.
  constructor(address, on) {
    this.#on = on;
    this.#url = new URL(address);
    this.#url.searchParams.set("session", drawName());
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#socket?.close());
    this.#open();
  }

  // Lets go of the socket and opens no other one: all the server sees of it is
  // a transport that ends.
  cut() {
    this.#isCut = true;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#socket?.close();
    this.#socket = null;
    this.#on.state("cut");
  }

  mend() {
    this.#isCut = false;
    this.#open();
  }

  // Cuts a wait short; does nothing when there is none.
  retryNow() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#open();
  }

  #open() {
    this.#on.state("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const ifCurrent = (act) => (event) => {
      if (this.#socket === socket) act(event);
    };
    socket.onopen = ifCurrent(() => {
      this.#attempt = 0;
      this.#on.state("open");
    });
    socket.onmessage = ifCurrent((message) => {
      this.#take(JSON.parse(message.data));
    });
    socket.onclose = ifCurrent(() => this.#waitAndOpen());
  }

  #take(frame) {
    if (this.#ids.has(frame.id)) {
      this.#on.copy();
      return;
    }
    this.#ids.add(frame.id);
    if (this.#ids.size > REMEMBERED) {
      const [oldest] = this.#ids;
      this.#ids.delete(oldest);
    }
    this.#on.frame(frame);
  }

  #waitAndOpen() {
    this.#socket = null;
    if (this.#isCut) return;
    const full = Math.min(
      FIRST_DELAY_MS * 2 ** this.#attempt,
      LONGEST_DELAY_MS,
    );
    const delay = full / 2 + (Math.random() * full) / 2;
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.retryNow(), delay);
    this.#on.state("waiting", delay);
  }
}
