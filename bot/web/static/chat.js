// The conversation: sends what is said, keeps it until it has arrived, looks for news.
// A message carries one key from the first try to the last, so the server takes it once however often it is sent.

import { bubble, stamp, typing } from "./bubbles.js";
import { watch } from "./kiosk.js";

const log = document.getElementById("log");
const scroll = document.getElementById("main");
const form = document.getElementById("say");
const choose = document.getElementById("choose");
const text = document.getElementById("text");
const error = document.getElementById("error");
const line = document.getElementById("line");
const longest = Number(document.body.dataset.longest);
const kiosk = "idle" in document.body.dataset;
const waiting = []; // {key, text | choice, label}, the oldest first; sent one by one
const STORE = "waiting";

let last = 0;
let lastAt = null;
let sending = false;
let retry = null;
let pause = 3000;
let quietSince = Date.now();
let touched = false;
let attended = false; // whether a member of staff is on the line
let told = 0;
const dots = typing();

// --- showing

function complain(words) {
  error.textContent = words;
  error.hidden = !words;
}

function status(state, busy = false) {
  attended = state === "claimed";
  const words = attended ? (busy ? "工作人员正在输入…" : "工作人员正在接待您") : state === "waiting" ? "已叫工作人员，请稍等" : "";
  if (line.textContent !== words) line.textContent = words;
}

function place(node, at) {
  const time = stamp(lastAt, at);
  if (time) log.append(time);
  if (at) lastAt = at;
  log.append(node);
}

// To the end; but a long answer is shown from its beginning.
function follow(first) {
  scroll.scrollTop = scroll.scrollHeight;
  const above = scroll.getBoundingClientRect().top + 8 - first.getBoundingClientRect().top;
  if (above > 0) scroll.scrollTop -= above;
}

const known = (id) => log.querySelector(`[data-id="${CSS.escape(id)}"]`);
const unsent = (key) => log.querySelector(`[data-key="${CSS.escape(key)}"]`);

function show(messages) {
  let first = null;
  for (const message of messages) {
    last = Math.max(last, message.seq);
    if (known(message.id)) continue;
    if (message.key) settle(message.key);
    const node = bubble(message);
    place(node, message.at);
    node.querySelector(".photo")?.addEventListener("load", () => (scroll.scrollTop = scroll.scrollHeight));
    if (message.by !== "me") first ??= node;
  }
  if (dots.isConnected) log.append(dots);
  if (first) follow(first);
  if (messages.length) quietSince = Date.now();
}

// --- sending

function remember() {
  if (kiosk) return; // nothing stays on a public machine
  try {
    sessionStorage.setItem(STORE, JSON.stringify(waiting.filter((message) => !message.photo)));
  } catch {
    // private windows may refuse; then only a reload loses what was not sent
  }
}

function settle(key) {
  unsent(key)?.remove();
  const at = waiting.findIndex((message) => message.key === key);
  if (at >= 0) waiting.splice(at, 1);
  remember();
}

function enqueue(message) {
  waiting.push(message);
  remember();
  const node = bubble({ id: `u${message.key}`, by: "me", parts: [{ text: message.label ?? message.text }] });
  node.dataset.key = message.key;
  place(node, null);
  follow(node);
  flush();
}

function fail(key, words) {
  const node = unsent(key);
  if (!node) return;
  node.querySelector(".resend")?.remove();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "resend";
  button.textContent = words;
  button.addEventListener("click", () => {
    button.remove();
    text.focus({ preventScroll: true });
    flush();
  });
  node.querySelector(".col").append(button);
  follow(node);
}

function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function packed(message) {
  const headers = { Accept: "application/json", "X-CSRFToken": form.csrf_token.value };
  if (message.photo) {
    const body = new FormData();
    for (const [name, value] of Object.entries({ photo: message.photo, key: message.key, after: last })) body.append(name, value);
    return ["/chat/photo", { method: "POST", headers, body }];
  }
  const body = JSON.stringify({ text: message.text, choice: message.choice, key: message.key, after: last });
  return ["/chat/say", { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body }];
}

async function post(message) {
  const send = () => fetch(...packed(message));
  let response = await send();
  if (response.status === 400) {
    // The browser's session has ended meanwhile: a fresh token, and once more.
    form.csrf_token.value = choose.csrf_token.value = (await (await fetch("/chat/token")).json()).token;
    response = await send();
  }
  return { status: response.status, answer: await response.json().catch(() => ({})) };
}

async function flush() {
  if (sending || !waiting.length) return;
  sending = true;
  clearTimeout(retry);
  const showDots = setTimeout(() => log.append(dots), 250);
  const message = waiting[0];
  unsent(message.key)?.querySelector(".resend")?.remove();
  let again = true;
  try {
    const { status: code, answer } = await post(message);
    if (code === 200) {
      complain("");
      status(answer.line);
      show(answer.messages);
      settle(message.key);
      pause = 3000;
      quietSince = Date.now();
      schedule();
    } else if (code === 422) {
      settle(message.key);
      if (message.text && !text.value) text.value = message.text;
      complain(answer.error);
    } else {
      again = false;
      fail(message.key, code === 429 ? answer.error : "还没发出去，点一下重发");
    }
  } catch {
    again = false;
    fail(message.key, navigator.onLine ? "还没发出去，点一下重发" : "没有网络，连上后自动发出");
    retry = setTimeout(flush, 8000);
  } finally {
    clearTimeout(showDots);
    dots.remove();
    sending = false;
  }
  if (again) flush();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const said = text.value.trim();
  const length = [...said].length;
  if (!said) return complain("还没有写字。请写一句话，再点发送。");
  if (length > longest) return complain(`一条最多${longest}个字，您写了${length}个字。请分成几条发。`);
  complain("");
  text.value = "";
  fit();
  enqueue({ key: key(), text: said });
});

choose.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button) enqueue({ key: key(), choice: button.value, label: button.textContent });
});

text.addEventListener("keydown", (event) => {
  // Enter that ends the spelling of a Chinese word is not the Enter that sends.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  form.requestSubmit();
});

// Pictures are made small here already: phones take large ones, and data costs money. The server does it again.
async function small(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, 1600 / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85))) ?? file;
  } catch {
    return file; // the server says what is wrong with it
  }
}

document.getElementById("photo")?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  complain("");
  enqueue({ key: key(), photo: await small(file), label: "［图片］" });
  event.target.value = "";
});

function fit() {
  form.classList.toggle("ready", text.value.trim() !== "");
  if (CSS.supports("field-sizing", "content")) return;
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 140)}px`;
}
text.addEventListener("input", fit);

// Whoever is on the line sees that an answer is being written; nothing rests on it.
text.addEventListener("input", () => {
  if (!attended || !text.value.trim() || Date.now() - told < 4000) return;
  told = Date.now();
  fetch("/chat/typing", { method: "POST", headers: { "X-CSRFToken": form.csrf_token.value } }).catch(() => {});
});

// --- news: every 3 s while something is going on, slower when it is quiet, never while nobody looks

let timer = null;

function schedule() {
  clearTimeout(timer);
  if (document.hidden) return;
  const idle = Date.now() - quietSince;
  const slow = line.textContent === "" && idle > 120000 ? Math.min(30000, idle / 12) : 0;
  timer = setTimeout(look, Math.max(pause, slow));
}

async function look() {
  if (document.hidden || sending) return schedule();
  try {
    const active = touched ? "&active=1" : "";
    touched = false;
    const response = await fetch(`/chat/messages?after=${last}${active}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(String(response.status));
    const news = await response.json();
    status(news.line, news.typing);
    show(news.messages);
    pause = 3000;
  } catch {
    pause = Math.min(pause * 2, 60000);
  }
  schedule();
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
window.addEventListener("online", () => {
  flush();
  look();
});

// --- beginning

function begin() {
  attended = document.body.dataset.line === "claimed";
  for (const node of [...log.children]) {
    const id = Number.parseInt(node.dataset.id, 10);
    if (id) last = Math.max(last, id);
    const time = stamp(lastAt, node.dataset.at);
    if (time) node.before(time);
    if (node.dataset.at) lastAt = node.dataset.at;
  }
  try {
    for (const message of kiosk ? [] : JSON.parse(sessionStorage.getItem(STORE) ?? "[]")) enqueue(message);
  } catch {
    sessionStorage.removeItem(STORE);
  }
  if (log.querySelector(".msg.me")) scroll.scrollTop = scroll.scrollHeight;
  if (matchMedia("(pointer: fine)").matches && !kiosk) text.focus({ preventScroll: true });
  const pick = document.getElementById("pick");
  if (pick) pick.hidden = false;
  fit();
  schedule();
  if (kiosk) watch(Number(document.body.dataset.idle), () => (touched = true));
}

begin();
