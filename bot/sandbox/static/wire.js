// The wire log: what platform and service say to each other.
import { el, byId, exact } from "./parts.js";

const DIRECTIONS = { out: ["平台 → 服务", "out"], in: ["服务 → 平台", "in"], note: ["沙盒", "note"] };
const MOST = 400;
let entries = [];

export function add(fresh, names) {
  if (!fresh.length) return;
  const list = byId("wire");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  for (const entry of fresh) {
    const node = row(entry, names);
    entries.push({ entry, node });
    list.append(node);
  }
  for (const old of entries.splice(0, Math.max(0, entries.length - MOST))) old.node.remove();
  filter();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

export function clear() {
  entries = [];
  byId("wire").replaceChildren();
  filter();
}

export function filter(phone = byId("wire").dataset.phone) {
  byId("wire").dataset.phone = phone;
  const onlyPhone = byId("only-phone").checked;
  const onlyBad = byId("only-bad").checked;
  let seen = 0;
  for (const { entry, node } of entries) {
    node.hidden = (onlyPhone && entry.phone && entry.phone !== phone) || (onlyBad && !entry.bad);
    seen += !node.hidden;
  }
  byId("wire-empty").hidden = seen > 0;
}

function row(entry, names) {
  const [words, style] = DIRECTIONS[entry.dir];
  const summary = [
    el("time", {}, exact(entry.at)),
    el("span", { class: `way ${style}` }, entry.kind === "api" ? "调用接口" : words),
    entry.phone ? el("span", { class: "of" }, names[entry.phone] || entry.phone) : "",
    el("span", { class: "title" }, entry.title),
    entry.dir === "out" && entry.attempt > 1 ? el("span", { class: "again" }, `第 ${entry.attempt} 次`) : "",
    entry.bad ? el("span", { class: "wrong" }, "异常") : "",
    entry.ms !== undefined ? el("span", { class: "ms" }, `${entry.ms} ms`) : "",
  ];
  const blocks = [
    block(entry.kind === "api" ? "请求" : "请求行", entry.line),
    block(entry.kind === "api" ? "请求内容" : "内容（解密后）", entry.text),
    block("平台回答", entry.reply),
    block("线上的密文", entry.raw),
  ].filter(Boolean);
  const style2 = entry.bad ? "entry bad" : "entry";
  if (!blocks.length) return el("li", { class: style2 }, el("div", { class: "flat" }, ...summary));
  return el("li", { class: style2 }, el("details", {}, el("summary", {}, ...summary), ...blocks));
}

function block(title, text) {
  return text ? el("div", { class: "block" }, el("h3", {}, title), el("pre", { tabindex: "0" }, text)) : null;
}
