// SPDX-License-Identifier: MIT
// Joins a room, sends what is typed, and hands what arrives to the view.

import { Link } from "./link.js";
import * as view from "./view.js";

const NAME_KEY = "wspulse-chat-name";
const DEFAULT_ROOM = "lobby";

const $ = (id) => document.getElementById(id);
const roomInAddress = () =>
  new URLSearchParams(location.search).get("room") || DEFAULT_ROOM;

let room = roomInAddress();
let name = localStorage.getItem(NAME_KEY);

const frames = {
  "chat.welcome": ({ id, people }) => view.setPeople(id, people),
  "chat.joined": ({ id, name: who }) => view.addPerson(id, who),
  "chat.left": ({ id }) => view.removePerson(id),
  "chat.said": ({ id, text }) => view.addMessage(id, text),
};

const link = new Link({
  state(state, detail) {
    view.showState(state, detail);
    showSendable();
  },
  open: () => link.send("chat.join", { name }),
  frame: (event, payload) => frames[event]?.(payload),
  refused: (reason) => askWhoAndWhere(reason),
});

/* ---- the room ---- */

function socketAddress() {
  const address = new URL("ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ room });
  address.hash = "";
  return address.href;
}

function enter() {
  view.clearRoom();
  view.showRoom(room);
  link.start(socketAddress());
}

function goTo(nextRoom) {
  if (nextRoom !== roomInAddress()) {
    history.pushState(null, "", `?${new URLSearchParams({ room: nextRoom })}`);
  }
  room = nextRoom;
  enter();
}

/* ---- the card at the door ---- */

function askWhoAndWhere(problem) {
  $("name").value = name ?? "";
  $("room-name").value = room;
  $("card-problem").hidden = !problem;
  $("card-problem").textContent = problem ?? "";
  if (!$("card").open) $("card").showModal();
  $("name").select();
}

$("join").addEventListener("submit", () => {
  const nextRoom = $("room-name").value.trim();
  name = $("name").value.trim();
  localStorage.setItem(NAME_KEY, name);
  const isRename = nextRoom === room && link.send("chat.join", { name });
  if (!isRename) goTo(nextRoom);
});

$("card").addEventListener("close", () => $("text").focus());

// Without a name there is no way past the card.
$("card").addEventListener("cancel", (event) => {
  if (!name) event.preventDefault();
});

$("rename").addEventListener("click", () => {
  showPeopleSheet(false);
  askWhoAndWhere();
});

addEventListener("popstate", () => {
  room = roomInAddress();
  enter();
});

/* ---- what is typed ---- */

function showSendable() {
  const isOpen = document.body.dataset.state === "open";
  $("composer").querySelector(".send").disabled =
    !isOpen || $("text").value.trim() === "";
}

function fitText() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}

$("text").addEventListener("input", () => {
  fitText();
  showSendable();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text === "" || !link.send("chat.say", { text })) return;
  $("text").value = "";
  fitText();
  showSendable();
  $("text").focus();
});

/* ---- buttons ---- */

function showPeopleSheet(isShown) {
  $("people").classList.toggle("is-shown", isShown);
  $("people-toggle").ariaExpanded = String(isShown);
}

$("people-toggle").addEventListener("click", () => showPeopleSheet(true));
$("shade").addEventListener("click", () => showPeopleSheet(false));
$("retry").addEventListener("click", () => link.retryNow());
$("latest").addEventListener("click", () => view.scrollToEnd());

// The clipboard is there on https and on localhost only.
$("invite").hidden = !navigator.clipboard;
$("invite").addEventListener("click", async () => {
  const address = new URL(location.pathname, location.origin);
  address.search = new URLSearchParams({ room });
  await navigator.clipboard.writeText(address.href);
  $("invite").textContent = "Copied";
  setTimeout(() => ($("invite").textContent = "Copy link"), 1500);
});

if (name) {
  enter();
  $("text").focus();
} else {
  view.showRoom(room);
  view.showState("idle");
  askWhoAndWhere();
}
