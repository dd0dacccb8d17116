// SPDX-License-Identifier: MIT
// Keeps one WebSocket open. When it drops, opens it again after a delay that
// doubles, with a random part so that many pages do not come back at once.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

// The server closes with a code of its own when coming back is no use.
const isFinal = (code) => code >= 4000 && code <= 4999;

export class Link {
  #on;
  #url = null;
  #socket = null;
  #attempt = 0;
  #timer = null;

  // `on` has: state(name, detail), open(), frame(event, payload),
  // refused(reason). States are connecting, open, waiting and idle.
  constructor(on) {
    this.#on = on;
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#socket?.close());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.retryNow();
    });
  }

  start(url) {
    this.stop();
    this.#url = url;
    this.#attempt = 0;
    this.#open();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#on.state("idle");
  }

  // Cuts a wait short; does nothing when there is none.
  retryNow() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#open();
  }

  // Tells whether the frame was handed to an open socket.
  send(event, payload) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ event, payload }));
    return true;
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
      this.#on.open();
    });
    socket.onmessage = ifCurrent((message) => {
      const { event, payload } = JSON.parse(message.data);
      this.#on.frame(event, payload);
    });
    socket.onclose = ifCurrent((end) => this.#closed(end));
  }

  #closed({ code, reason }) {
    this.#socket = null;
    if (isFinal(code)) {
      this.#on.state("idle");
      this.#on.refused(reason);
      return;
    }
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
