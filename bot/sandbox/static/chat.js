// The conversation on the phone: one element for each entry, in WeChat's look.
import { el, byId, hourMinute } from "./parts.js";

const LINK = /<a\s[^>]*?href=(["'])(.*?)\1[^>]*>([\s\S]*?)<\/a>|(https?:\/\/[^\s<>"'，。；）】」]+)/gi;
const MENU = "weixin://bizmsgmenu";
const PAUSE = 300; // seconds between two messages after which WeChat shows the time again

const REFERENCES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#x27;": "'", "&amp;": "&" };
const decoded = (text) => text.replace(/&(lt|gt|quot|#39|#x27|amp);/g, (found) => REFERENCES[found]);

// WeChat shows <a href> in texts, makes bare addresses tappable, and nothing else.
function rich(text, hooks) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index));
    const href = decoded(found[2] || found[4]);
    const label = found[3] ? decoded(found[3]) : found[4];
    parts.push(href.startsWith(MENU) ? menuLink(href, label, hooks) : pageLink(href, label, hooks));
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function menuLink(href, label, hooks) {
  const query = new URLSearchParams(href.split("?")[1] || "");
  const content = query.get("msgmenucontent") || label;
  return choiceButton({ id: query.get("msgmenuid") || "", label: content }, hooks, label);
}

function choiceButton(choice, hooks, shown = choice.label) {
  return el("button", { type: "button", class: "choice", onclick: () => hooks.tap(choice) }, shown);
}

function pageLink(href, label, hooks) {
  if (!/^(https?:\/\/|\/(?!\/))/i.test(href)) return el("span", {}, label); // no other scheme leads anywhere
  return el("a", {
    href, target: "_blank", rel: "noopener",
    onclick: (event) => { if (hooks.open(href)) event.preventDefault(); },
  }, label);
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  svg.firstChild.setAttribute("d", path);
  return svg;
}

const bodies = {
  text: (entry, hooks) => el("div", { class: "bubble" }, ...rich(entry.text, hooks)),
  msgmenu: (entry, hooks) => el("div", { class: "bubble" },
    ...rich(entry.text, hooks),
    el("ul", { class: "choices" }, ...entry.choices.map((choice) => el("li", {}, choiceButton(choice, hooks)))),
    entry.tail ? el("p", { class: "tail" }, entry.tail) : ""),
  image: (entry) => el("img", { class: "photo", src: `/sandbox/media/${encodeURIComponent(entry.media)}`, alt: "照片" }),
  voice: () => el("div", { class: "bubble voice" }, icon("M5 9v6h4l5 4V5L9 9zM17 9a4 4 0 0 1 0 6"), "语音 3″"),
  video: () => el("div", { class: "bubble voice" }, icon("M7 5l11 7-11 7z"), "小视频"),
  music: (entry, hooks) => piece(entry, hooks),
  location: (entry) => el("div", { class: "piece" },
    el("b", {}, entry.text || "位置"),
    el("small", {}, `纬度 ${entry.latitude}，经度 ${entry.longitude}`),
    el("div", { class: "map", "aria-hidden": "true" }, icon("M12 21s7-6.5 7-11a7 7 0 0 0-14 0c0 4.5 7 11 7 11zM12 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"))),
  link: (entry, hooks) => piece(entry, hooks),
  news: (entry, hooks) => piece(entry, hooks),
  template: (entry, hooks) => el("div", { class: "piece notice-card" },
    el("small", {}, entry.via === "subscribe" ? "订阅通知" : "服务通知"),
    el("b", {}, entry.title),
    el("dl", {}, ...entry.fields.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    entry.url ? pageLink(entry.url, "查看详情", hooks) : ""),
};

function piece(entry, hooks) {
  return el("div", { class: "piece" },
    entry.url ? pageLink(entry.url, entry.title || entry.url, hooks) : el("b", {}, entry.title || ""),
    entry.text ? el("small", {}, entry.text) : "");
}

let lastAt = 0;

export function clear() {
  byId("chat").replaceChildren();
  lastAt = 0;
}

export function add(entries, person, hooks) {
  const chat = byId("chat");
  for (const entry of entries) {
    if (entry.at - lastAt > PAUSE) chat.append(el("div", { class: "when" }, hourMinute(entry.at)));
    lastAt = entry.at;
    chat.append(item(entry, person, hooks));
  }
  if (entries.length) chat.scrollTop = chat.scrollHeight;
}

function item(entry, person, hooks) {
  if (entry.who === "platform") return el("div", { class: "system" }, entry.text);
  const body = (bodies[entry.kind] || bodies.news)(entry, hooks);
  if (body.tagName === "IMG") body.addEventListener("load", () => body.scrollIntoView({ block: "nearest" }));
  const mine = entry.who === "me";
  const face = mine
    ? el("span", { class: `avatar tone-${person.key}`, "aria-hidden": "true" }, person.name[0])
    : el("span", { class: "avatar account", "aria-hidden": "true" }, "新");
  const speaker = el("span", { class: "hidden" }, mine ? "我：" : "公众号：");
  return el("div", { class: mine ? "line mine" : "line theirs" }, face, el("div", { class: "said" }, speaker, body));
}
