// SPDX-License-Identifier: MIT
// The board: notes as they come, and what came how.

import { Session } from "./session.js";

const $ = (id) => document.getElementById(id);
const counts = { notes: 0, replayed: 0, copies: 0, lost: 0 };
let isKnown = false; // the server has welcomed this session before
let latest = []; // notes since the socket was opened, or was told of a replay
let again = 0; // copies since then

/* ---- what is shown; text from elsewhere is set as text ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function append(entry) {
  $("empty").hidden = true;
  $("log").append(entry);
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

function count(name, more = 1) {
  counts[name] += more;
  $(name).textContent = counts[name];
}

function addNote({ number, text }) {
  const entry = make("li", "note", "");
  entry.append(
    make("span", "number", number),
    make("p", "", text),
    make("span", "how", "live"),
  );
  append(entry);
  latest.push(entry);
  count("notes");
}

function markReplayed(entry) {
  entry.classList.add("is-replayed");
  entry.querySelector(".how").textContent = "replayed";
  count("replayed");
}

function addEvent(text) {
  append(make("li", "event", text));
}

function showState(state, delayMs) {
  if (state === "open") {
    latest = [];
    again = 0;
  }
  document.body.dataset.state = state;
  const texts = {
    connecting: "connecting…",
    open: "connected",
    waiting: "connection lost",
    cut: "cut, by you",
  };
  $("status").textContent = texts[state];
  $("notice").hidden = state !== "waiting";
  const seconds = Math.max(1, Math.round(delayMs / 1000));
  $("notice-text").textContent = `Connecting again in ${seconds} s.`;
}

/* ---- what comes ---- */

const frames = {
  note: addNote,

  // A second welcome: the window is over, or the server is a new one.
  welcome() {
    if (isKnown) addEvent("a new session: what was missed is gone");
    isKnown = true;
  },

  // Stands behind what was replayed on this socket.
  restored({ replayed, lost }) {
    latest.splice(0).forEach(markReplayed);
    count("lost", lost);
    const copies = again ? ` (${again} a second time)` : "";
    addEvent(`back: ${replayed} replayed${copies}, ${lost} lost`);
    again = 0;
  },
};

const address = new URL("ws", location.href);
address.protocol = location.protocol.replace("http", "ws");

const session = new Session(address, {
  state: showState,
  frame: ({ event, payload }) => frames[event]?.(payload),
  copy() {
    again += 1;
    count("copies");
  },
});

/* ---- what is pressed and typed ---- */

$("cut").addEventListener("click", () => {
  const isCut = $("cut").ariaPressed !== "true";
  $("cut").ariaPressed = String(isCut);
  $("cut-text").textContent = isCut ? "Mend the network" : "Cut the network";
  if (isCut) session.cut();
  else session.mend();
});

$("retry").addEventListener("click", () => session.retryNow());

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = $("text").value.trim();
  if (body === "") return;
  const isPosted = await fetch("notes", { method: "POST", body }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (isPosted) $("text").value = "";
  else addEvent("not posted: the server cannot be reached");
});
