// SPDX-License-Identifier: MIT
// What the page shows. Everything that came from a peer is set as text, never
// as markup.

const LONGEST_LOG = 500;
const CLOSE_TO_END_PX = 80;

const $ = (id) => document.getElementById(id);
const people = new Map(); // id -> name
let self = null; // our own id
let lastSpeaker = null; // of the message at the end of the log

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
});

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// The same name has the same colour everywhere.
function hueOf(name) {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  return (hash * 211) % 360;
}

function tint(element, name) {
  element.style.setProperty("--hue", hueOf(name));
  return element;
}

function faceOf(name) {
  const [initial = "?"] = name.trim();
  const face = make("span", "face", initial.toUpperCase());
  face.ariaHidden = "true";
  return tint(face, name);
}

/* ---- the log ---- */

function isAtEnd() {
  const { scrollHeight, scrollTop, clientHeight } = $("scroll");
  return scrollHeight - scrollTop - clientHeight < CLOSE_TO_END_PX;
}

export function scrollToEnd() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
  $("latest").hidden = true;
}

function append(entry, isMine) {
  const follow = isMine || isAtEnd();
  $("log").append(entry);
  while ($("log").childElementCount > LONGEST_LOG) {
    $("log").firstElementChild.remove();
  }
  if (follow) scrollToEnd();
  else $("latest").hidden = false;
}

// "Ada joined": `parts` are strings, or { name } for somebody's name.
function addEvent(...parts) {
  const entry = make("li", "event");
  for (const part of parts) {
    if (typeof part === "string") {
      entry.append(part);
    } else {
      const name = tint(document.createElement("b"), part.name);
      name.append(make("bdi", "", part.name));
      entry.append(name);
    }
  }
  lastSpeaker = null;
  append(entry, false);
}

export function addMessage(id, text) {
  const name = people.get(id) ?? "somebody";
  const speaker = `${id} ${name}`;
  const entry = tint(make("li", "message"), name);
  entry.classList.toggle("mine", id === self);
  entry.classList.toggle("more", speaker === lastSpeaker);
  const by = make("p", "by");
  const who = document.createElement("b");
  who.append(make("bdi", "", name));
  by.append(who, make("time", "", clock.format(new Date())));
  entry.append(by, faceOf(name), make("p", "bubble", text));
  lastSpeaker = speaker;
  $("empty").hidden = true;
  append(entry, id === self);
}

/* ---- people ---- */

function byName([, a], [, b]) {
  return a.localeCompare(b);
}

function showPeople() {
  const entries = [...people].sort(byName).map(([id, name]) => {
    const entry = make("li", id === self ? "you" : "");
    entry.append(faceOf(name), make("bdi", "", name));
    return entry;
  });
  $("roster").replaceChildren(...entries);
  $("count").textContent = people.size;
}

// Everybody who is here, from the server, when we have joined.
export function setPeople(ownId, list) {
  self = ownId;
  people.clear();
  for (const { id, name } of list) people.set(id, name);
  showPeople();
}

export function addPerson(id, name) {
  const before = people.get(id);
  people.set(id, name);
  showPeople();
  if (before === undefined) addEvent({ name }, " joined");
  else if (before !== name) addEvent({ name: before }, " is now ", { name });
}

export function removePerson(id) {
  const name = people.get(id);
  if (name === undefined) return;
  people.delete(id);
  showPeople();
  addEvent({ name }, " left");
}

/* ---- state of the connection ---- */

export function showState(state, delayMs) {
  document.body.dataset.state = state;
  const seconds = Math.max(1, Math.round(delayMs / 1000));
  const texts = {
    idle: "not connected",
    connecting: "connecting…",
    open: "connected",
    waiting: "connection lost",
  };
  $("status").textContent = texts[state];
  $("notice").hidden = state !== "waiting";
  $("notice-text").textContent = `Connecting again in ${seconds} s.`;
}

export function showRoom(room) {
  document.title = `#${room} · wspulse chat`;
  $("room").textContent = room;
  $("text").placeholder = `Message #${room}`;
}

export function clearRoom() {
  self = null;
  lastSpeaker = null;
  people.clear();
  showPeople();
  $("log").replaceChildren();
  $("empty").hidden = false;
}
