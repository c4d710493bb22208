// The page: holds one phone at a time, asks the server once a second what is new.
import { ask, byId, el, span } from "./parts.js";
import * as chat from "./chat.js";
import * as faults from "./faults.js";
import * as menu from "./menu.js";
import * as wire from "./wire.js";
import { question } from "./dialog.js";

const CALM = 1000; // milliseconds between two looks
const EAGER = 350; // while an answer is awaited
const people = Object.fromEntries([...document.querySelectorAll(".who")].map((b) => [b.dataset.phone, b.dataset.name]));
const templates = JSON.parse(document.body.dataset.templates);
const state = { phone: "1", chat: 0, wire: 0, epoch: null, follows: null, eagerUntil: 0, waiting: new Set(), looking: null };

const path = (action) => `/phone/${encodeURIComponent(state.phone)}/${action}`;

// --- looking

async function look() {
  clearTimeout(state.timer);
  const phone = state.phone;
  try {
    const news = await ask(`${path("feed")}?chat=${state.chat}&wire=${state.wire}`);
    if (phone === state.phone) show(news);
    byId("offline").hidden = true;
  } catch (error) {
    trouble(`连不上沙盒：${error.message}`);
  }
  const eager = state.waiting.size > 0 || Date.now() < state.eagerUntil;
  state.timer = setTimeout(look, document.hidden ? 5 * CALM : eager ? EAGER : CALM);
}

function show(news) {
  const person = { ...news.phone, name: people[news.phone.key] || news.phone.name };
  if (state.epoch !== person.epoch) chat.clear();
  state.epoch = person.epoch;
  following(person.follows); // first, or the chat is still hidden and cannot be scrolled to its end
  chat.add(news.chat, person, { tap, open });
  if (news.chat.length) state.chat = news.chat.at(-1).seq;
  wire.add(news.wire, people);
  if (news.wire.length) state.wire = news.wire.at(-1).seq;
  for (const entry of news.wire) settle(entry);
  menu.show(news.menu, press);
  faults.show(news.switches);
  facts(person);
}

// A push has ended when an answer came or the platform gave up.
function settle(entry) {
  const over = entry.push && (entry.dir === "note" || (entry.dir === "in" && !entry.title.includes("次推送没有回答")));
  if (over) state.waiting.delete(entry.push);
  byId("busy").hidden = state.waiting.size === 0;
}

function following(follows) {
  if (state.follows === follows) return;
  state.follows = follows;
  byId("card").hidden = follows;
  byId("chat").hidden = !follows;
  byId("foot").hidden = !follows;
}

function facts(person) {
  const windows = Object.entries(person.windows)
    .filter(([, w]) => w.seconds > 0)
    .map(([kind, w]) => `${kind === "message" ? "消息后" : "点击后"}还可发 ${w.left} 条（${span(w.seconds)}内）`);
  const consents = Object.entries(person.consents).filter(([, n]) => n > 0).map(([key, n]) => `${templates[key][0]} ×${n}`);
  const rows = [
    ["手机", `${person.name}${person.follows ? "，已关注" : "，没有关注"}${person.scene ? `，扫码 ${person.scene} 而来` : ""}`],
    ["客服消息", windows.join("；") || "窗口没有打开（发送会得到 45015）"],
    ["订阅授权", consents.join("；") || "无"],
    ["openid", person.openid],
  ];
  const text = JSON.stringify(rows);
  if (byId("facts").dataset.text === text) return;
  byId("facts").dataset.text = text;
  byId("facts").replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function trouble(text) {
  byId("offline").textContent = text;
  byId("offline").hidden = false;
}

// --- doing

async function run(job) {
  try {
    const done = await job();
    if (done && done.push) state.waiting.add(done.push);
    // A push whose end is missed (another process died with it) must not leave the phone waiting for ever.
    if (done && done.push) setTimeout(() => { state.waiting.delete(done.push); byId("busy").hidden = state.waiting.size === 0; }, 25000);
    state.eagerUntil = Date.now() + 3000;
    await look();
    return true;
  } catch (error) {
    trouble(error.message);
    return false;
  }
}

const act = (action, body = {}) => run(() => ask(path(action), body));
const tap = (choice) => act("tap", choice);

// Pages of this service open inside the phone; anything else in a new tab.
function open(href) {
  let url;
  try { url = new URL(href, location.origin); } catch { return false; }
  const home = new URL(document.body.dataset.callback).host;
  if (url.host !== location.host && url.host !== home) return false;
  const local = url.pathname + url.search + url.hash;
  byId("browser").hidden = false;
  byId("page").src = `/sandbox${path("open")}?url=${encodeURIComponent(local)}`;
  byId("browser-out").href = byId("page").src;
  byId("browser-close").focus();
  return true;
}

async function press(at, button) {
  if (button.type === "view") {
    await act("press", { at });
    if (!open(button.url)) window.open(button.url, "_blank", "noopener");
    return;
  }
  if (button.type.startsWith("scancode")) {
    const answer = await question("扫一扫", [["result", "二维码里的内容（房间码或网址）", "", { required: true, maxlength: 500, placeholder: "NB-FH-000123" }]]);
    if (answer) await act("press", { at, result: answer.result });
    return;
  }
  await act("press", { at });
}

const deeds = {
  photo: () => byId("file").click(),
  sample: () => act("image"),
  voice: () => act("voice"),
  video: () => act("video"),
  report: () => act("report-location", { latitude: 29.86, longitude: 121.54 }),
  scan: () => scan(""),
  async location() {
    const answer = await question("发送位置", [
      ["label", "地点", "宁波市奉化区锦屏街道", { required: true, maxlength: 200 }],
      ["latitude", "纬度", "29.655", { type: "number", step: "any", required: true }],
      ["longitude", "经度", "121.406", { type: "number", step: "any", required: true }],
    ]);
    if (answer) await act("location", { ...answer, latitude: Number(answer.latitude), longitude: Number(answer.longitude) });
  },
  async link() {
    const answer = await question("转发一篇文章", [
      ["title", "标题", "", { required: true, maxlength: 200 }],
      ["url", "网址", "https://", { type: "url", required: true }],
    ]);
    if (answer) await act("link", { ...answer, text: "" });
  },
  async consent() {
    const choices = Object.entries(templates).flatMap(([key, [title]]) => [[`+${key}`, `允许一次“${title}”`], [`-${key}`, `拒绝“${title}”`]]);
    const answer = await question("订阅通知", [["what", "同意一次，公众号只能发一条", "", { choices }]]);
    if (answer) await act("consent", { template: answer.what.slice(1), accept: answer.what.startsWith("+") });
  },
  async unfollow() {
    if (await question("取消关注后，聊天记录会从手机上消失。", [])) await act("unfollow");
  },
};

async function scan(value) {
  const answer = await question("扫一扫", [["scene", "二维码：场景值、票据，或房间码的网址", value, { required: true, maxlength: 500 }]]);
  if (!answer) return;
  if (/^(https?:\/\/|\/)/.test(answer.scene)) {
    if (!open(answer.scene)) trouble("手机里只打开本服务的网页");
    return;
  }
  await act("scan", { scene: answer.scene });
}

// --- the phone's keys

function typing() {
  const text = byId("text");
  const empty = text.value.trim() === "";
  byId("send").hidden = empty;
  byId("plus").hidden = !empty;
  text.rows = Math.min(4, text.value.split("\n").length);
}

async function say(event) {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text) return;
  byId("text").value = "";
  typing();
  if (!(await act("say", { text }))) byId("text").value = text;
  byId("text").focus();
}

async function smaller(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, 1280 / Math.max(picture.width, picture.height));
  const canvas = el("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.8).split(",")[1];
}

async function photo(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  try {
    await act("image", { data: await smaller(file), mime: "image/jpeg" });
  } catch {
    trouble("这个文件打不开，请换一张照片");
  }
}

function hold(phone) {
  Object.assign(state, { phone, chat: 0, epoch: null, follows: null });
  byId("browser").hidden = true;
  for (const button of document.querySelectorAll(".who")) {
    const held = button.dataset.phone === phone;
    button.setAttribute("aria-pressed", String(held));
    if (held) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  wire.filter(phone);
  look();
}

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => {
    document.body.dataset.tab = tab.id.slice(4);
    for (const other of all) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
  };
  all.forEach((tab, at) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = all[(at + step + all.length) % all.length];
      select(next);
      next.focus();
    });
  });
  const wide = matchMedia("(min-width: 60rem)");
  const fit = () => select(wide.matches ? byId("tab-wire") : byId("tab-phone"));
  wide.addEventListener("change", fit);
  fit();
}

function listen() {
  for (const button of document.querySelectorAll(".who")) button.addEventListener("click", () => hold(button.dataset.phone));
  byId("follow").addEventListener("click", () => act("follow"));
  byId("follow-scene").addEventListener("submit", (event) => {
    event.preventDefault();
    const scene = byId("scene-first").value.trim();
    if (scene) act("scan", { scene });
  });
  byId("row-input").addEventListener("submit", say);
  byId("text").addEventListener("input", typing);
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) say(event);
  });
  byId("to-menu").addEventListener("click", () => { menu.toMenu(); byId("to-input").focus(); });
  byId("to-input").addEventListener("click", () => { menu.toInput(); byId("text").focus(); });
  byId("plus").addEventListener("click", () => {
    const more = byId("more");
    more.hidden = !more.hidden;
    byId("plus").setAttribute("aria-expanded", String(!more.hidden));
    byId("chat").scrollTop = byId("chat").scrollHeight;
  });
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => {
      byId("more").hidden = true;
      byId("plus").setAttribute("aria-expanded", "false");
      deeds[button.dataset.do]();
    });
  }
  byId("file").addEventListener("change", photo);
  byId("browser-close").addEventListener("click", () => {
    byId("browser").hidden = true;
    byId("page").src = "about:blank";
  });
  for (const id of ["only-phone", "only-bad"]) byId(id).addEventListener("change", () => wire.filter());
  byId("wire-clear").addEventListener("click", wire.clear);
  byId("reset").addEventListener("click", async () => {
    if (!(await question("清空沙盒：所有手机都回到没有关注、没有消息的样子。", []))) return;
    await run(() => ask("/reset", {}));
    hold(state.phone);
  });
  faults.listen(run, () => encodeURIComponent(state.phone));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
}

listen();
tabs();
hold("1");
const scanned = new URLSearchParams(location.search).get("scan");
if (scanned) scan(scanned);
