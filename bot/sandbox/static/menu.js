// The account's menu bar and its sub-menus.
import { el, byId } from "./parts.js";

let shown = "";
let opened = -1;

// WeChat shows 4 characters of a button and 7 of an item below it; the rest is dots.
function clipped(name, most) {
  let width = 0;
  let out = "";
  for (const char of name) {
    width += char.charCodeAt(0) < 128 ? 0.5 : 1;
    if (width > most) return `${out}…`;
    out += char;
  }
  return out;
}

export function show(menu, press) {
  const now = JSON.stringify(menu);
  if (now === shown) return;
  const first = shown === "" || shown === "null";
  shown = now;
  closeSub();
  const buttons = menu || [];
  byId("to-menu").hidden = buttons.length === 0;
  byId("menu").replaceChildren(...buttons.map((button, at) => top(button, at, press)));
  if (buttons.length === 0) toInput();
  else if (first) toMenu();
}

function top(button, at, press) {
  const below = button.sub_button || [];
  const name = clipped(button.name, 4);
  if (!below.length) return el("button", { type: "button", onclick: () => { closeSub(); press([at], button); } }, name);
  return el("button", {
    type: "button", "aria-expanded": "false", "aria-controls": "submenu",
    onclick: (event) => (opened === at ? closeSub() : openSub(below, at, press, event.currentTarget)),
  }, el("span", { class: "bars", "aria-hidden": "true" }, "≡"), name);
}

function openSub(below, at, press, opener) {
  closeSub();
  opened = at;
  opener.setAttribute("aria-expanded", "true");
  const sub = byId("submenu");
  sub.className = `submenu at-${at} of-${byId("menu").children.length}`;
  sub.replaceChildren(...below.map((button, index) => el("button", {
    type: "button", onclick: () => { closeSub(); press([at, index], button); },
  }, clipped(button.name, 7))));
  sub.hidden = false;
  sub.onkeydown = (event) => { if (event.key === "Escape") { closeSub(); opener.focus(); } };
  sub.firstElementChild.focus();
}

export function closeSub() {
  opened = -1;
  byId("submenu").hidden = true;
  for (const button of byId("menu").children) if (button.hasAttribute("aria-expanded")) button.setAttribute("aria-expanded", "false");
}

export function toInput() {
  closeSub();
  byId("row-menu").hidden = true;
  byId("row-input").hidden = false;
}

export function toMenu() {
  byId("row-menu").hidden = false;
  byId("row-input").hidden = true;
  byId("more").hidden = true;
}
