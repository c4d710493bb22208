// One chat: lines arrive, words go out, canned replies and articles are put in.
import { ask, jittered, key, reload, toast, typing } from "./kit.js";

const chat = document.getElementById("chat"), lines = document.getElementById("lines"), scroll = document.getElementById("scroll");
const composer = document.getElementById("composer"), text = document.getElementById("text");
let busy = false, again = false, timer = 0;

const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
let staying = true; // at the end, and to be kept there while pictures come in
scroll.addEventListener("scroll", () => { staying = atEnd(); });
lines.addEventListener("load", () => { if (staying) toEnd(); }, true);
new ResizeObserver(() => { if (staying) toEnd(); }).observe(scroll);
const toEnd = () => { scroll.scrollTop = scroll.scrollHeight; };

async function news() {
  clearTimeout(timer);
  if (busy) { again = true; return; }
  busy = true;
  try {
    const watch = [...lines.querySelectorAll("[data-watch]")].map(line => line.dataset.watch).join(",");
    const seen = document.hidden ? 0 : 1;
    const data = await ask(`${chat.dataset.news}?after=${chat.dataset.last}&note=${chat.dataset.note}&watch=${watch}&seen=${seen}`, { background: true });
    put(data);
  } catch { /* the pulse says so */ }
  busy = false;
  if (again) { again = false; news(); return; }
  const onItsWay = lines.querySelector("[data-watch]"); // nobody signals what became of it
  timer = setTimeout(news, jittered(document.body.dataset.stream !== "on" ? 3000 : onItsWay ? 6000 : 20000));
}

function put(data) {
  const follow = atEnd();
  if (data.html) {
    const box = document.createElement("template");
    box.innerHTML = data.html;
    for (const line of [...box.content.children]) {
      if (document.getElementById(line.id)) continue;
      line.classList.add("is-new");
      lines.append(line);
    }
    document.getElementById("nothing")?.remove();
    if (follow) toEnd();
    if (data.heard) suggest();
  }
  chat.dataset.last = data.last;
  chat.dataset.note = data.note;
  for (const [id, fate] of Object.entries(data.sent)) settle(id, fate);
  hands(data.typing);
  if (composer) rest(data.quota);
  if (document.body.dataset.leaving) return;
  if (data.state !== chat.dataset.state || String(data.mine) !== chat.dataset.mine) {
    if (!text || !text.value.trim()) reload();
    else { chat.dataset.state = data.state; chat.dataset.mine = data.mine; toast("这个会话的状态变了：写好的内容先复制，再刷新页面。"); }
  }
}

// --- what may still be sent, and the other ways
function rest(quota) {
  const box = document.getElementById("quota"), shut = ["gone", "left"].includes(quota.kind);
  box.textContent = quota.text;
  box.className = `quota quota-${quota.kind}`;
  document.getElementById("reach").hidden = !shut;
  document.getElementById("pushes-left").textContent = quota.pushes || 0;
  document.getElementById("push-form").hidden = !quota.pushes;
  document.getElementById("push-none").hidden = Boolean(quota.pushes);
}
async function ring(event) {
  event.preventDefault();
  const form = event.target, box = document.getElementById("phones");
  try {
    const { phones } = await ask(form.action, { form: new FormData(form) });
    box.replaceChildren(...phones.map(({ number, source }) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = `tel:${number}`;
      link.textContent = number;
      item.append(link, ` ${source}`);
      return item;
    }));
    if (!phones.length) box.append(Object.assign(document.createElement("li"), { className: "hint", textContent: "对方没有留过电话。等对方再说话时，写好的会自动送出。" }));
  } catch (refused) { toast(refused.message); }
}

function settle(id, fate) {
  const line = document.getElementById(`m${id}`), under = line?.querySelector(".under");
  if (!line || !under) return;
  let mark = under.querySelector(".fate");
  if (!mark) { mark = document.createElement("span"); under.append(mark); }
  mark.className = `fate fate-${fate.state}`;
  mark.textContent = fate.words;
  if (["delivered", "refused", "failed"].includes(fate.state)) delete line.dataset.watch;
  if (["waiting", "refused", "failed"].includes(fate.state) && composer && !under.querySelector("[data-opens]")) {
    const other = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: "换个方式联系" });
    other.dataset.opens = "reaching";
    under.append(other);
  } else if (!["waiting", "refused", "failed"].includes(fate.state)) under.querySelector("[data-opens]")?.remove();
  if (fate.state === "failed" && ![...under.querySelectorAll("button")].some(one => one.textContent === "重发")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: "重发" });
    button.addEventListener("click", async () => {
      try { await ask(chat.dataset.resend.replace(/0$/, id), { form: new FormData() }); line.dataset.watch = id; button.remove(); news(); }
      catch (refused) { toast(refused.message); }
    });
    under.append(button);
  }
}

// --- hands on the keys, theirs and ours
let resting = 0;
function hands(on) {
  const box = document.getElementById("typing"), follow = atEnd();
  clearTimeout(resting);
  box.hidden = !on;
  if (on) { resting = setTimeout(() => { box.hidden = true; }, 6000); if (follow) toEnd(); }
}
let told = 0;
function tell() {
  if (!text.value.trim() || text.value.startsWith("/") || Date.now() - told < 4000) return;
  told = Date.now();
  ask(chat.dataset.typing, { form: new FormData(), background: true }).catch(() => { /* nothing rests on it */ });
}

// --- photos and papers
async function give(file) {
  const form = new FormData(), label = document.querySelector(".attach span");
  form.append("file", file);
  form.append("key", key());
  label.textContent = "正在发…";
  try { await ask(chat.dataset.file, { form }); await news(); toEnd(); } catch (refused) { toast(refused.message); }
  label.textContent = "文件";
}

// --- writing
function filled(words) {
  const now = new Date();
  return words.replaceAll("{称呼}", "您").replaceAll("{我}", composer.dataset.name).replaceAll("{地区}", composer.dataset.region || "本地")
    .replaceAll("{时间}", `${now.getHours()}:${String(now.getMinutes()).padStart(2, "0")}`);
}
function insert(words, whole = false) {
  text.value = whole ? words : `${text.value}${text.value && !text.value.endsWith("\n") ? "\n" : ""}${words}`;
  text.focus();
  text.dispatchEvent(new Event("input"));
}
function count() {
  const limit = Number(text.maxLength), box = document.getElementById("count");
  box.textContent = `${text.value.length} / ${limit}`;
  box.classList.toggle("is-over", text.value.length >= limit);
}
async function send(event) {
  event.preventDefault();
  if (!text.value.trim()) return;
  const button = document.getElementById("send"), form = new FormData(composer);
  button.disabled = true;
  try {
    await ask(composer.action, { form });
    text.value = "";
    keep();
    composer.elements.key.value = key();
    composer.elements.canned.value = "";
    attach("");
    count();
    document.getElementById("suggestions").hidden = true;
    await news();
    toEnd();
  } catch (refused) { toast(refused.message); } // the key stays: sending again can't say it twice
  button.disabled = false;
  text.focus();
}

const list = document.getElementById("canned-list");
function matching() {
  const typed = /^\/(\S*)$/.exec(text.value);
  const options = [...list.children];
  let first = true;
  for (const option of options) {
    const fits = typed && (option.dataset.shortcut + option.textContent).toLowerCase().includes(typed[1].toLowerCase());
    option.hidden = !fits;
    option.setAttribute("aria-selected", fits && first);
    if (fits) first = false;
  }
  list.hidden = first;
}
function choose(option) {
  insert(filled(option.dataset.text), true);
  composer.elements.canned.value = option.dataset.id;
  list.hidden = true;
  attach(option.dataset.file);
}
function attach(title) {
  const box = document.getElementById("attached");
  box.hidden = !title;
  box.firstElementChild.textContent = title ? `附：${title}` : "";
}
function walk(step) {
  const open = [...list.children].filter(option => !option.hidden), at = open.findIndex(option => option.ariaSelected === "true");
  open.forEach((option, n) => option.setAttribute("aria-selected", n === (at + step + open.length) % open.length));
}

// --- articles
const dialog = document.getElementById("articles"), query = document.getElementById("article-query"), hits = document.getElementById("hits");
let asking = 0;
async function look() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    if (!query.value.trim()) { hits.replaceChildren(); return; }
    hits.textContent = "正在查…";
    try {
      const data = await ask(`${dialog.dataset.url}?q=${encodeURIComponent(query.value)}`);
      hits.replaceChildren(...data.hits.map(hit));
      if (!data.hits.length) hits.textContent = "没有找到可以引用的条文。换个说法，或联系知识编辑补充。";
    } catch (refused) { hits.textContent = refused.message; }
  }, 250);
}
function hit(found, at) {
  const item = document.createElement("li"), head = document.createElement("b"), words = document.createElement("p"), source = document.createElement("p");
  item.className = "hit";
  head.textContent = `${at + 1}. ${found.title}（${found.region}）`;
  words.textContent = found.answer;
  source.textContent = found.source;
  source.className = "source";
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button button-small", textContent: `插入（Alt+${at + 1}）` });
  button.addEventListener("click", () => { dialog.close(); insert(`${found.answer}\n${found.source}`); });
  item.append(head, words, source, button);
  return item;
}
async function suggest() {
  const box = document.getElementById("suggestions");
  if (!box || !dialog) return;
  try {
    const data = await ask(`${dialog.dataset.url}?last=1`, { background: true });
    box.replaceChildren(...data.hits.slice(0, 2).map(found => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "suggestion", textContent: `建议：${found.title}`, title: found.answer });
      button.addEventListener("click", () => insert(`${found.answer}\n${found.source}`));
      return button;
    }));
    box.hidden = !data.hits.length;
  } catch { box.hidden = true; }
}

// Words not yet sent survive a reload and the end of the session, in this tab only.
const kept = `draft:${chat.dataset.owner}:${chat.dataset.id}`;
function keep() { if (text.value) sessionStorage.setItem(kept, text.value); else sessionStorage.removeItem(kept); }

if (composer) {
  text.value ||= sessionStorage.getItem(kept) || "";
  if (text.value) { count(); keep(); } // typed before this script was there
  composer.addEventListener("submit", send);
  composer.elements.key.value = key();
  text.addEventListener("input", () => { count(); keep(); matching(); tell(); });
  const picker = document.getElementById("file");
  picker.addEventListener("change", async () => { const [file] = picker.files; if (file) await give(file); picker.value = ""; });
  text.addEventListener("paste", event => { const [file] = event.clipboardData.files; if (file) { event.preventDefault(); give(file); } });
  composer.addEventListener("dragover", event => { event.preventDefault(); composer.classList.add("is-over"); });
  composer.addEventListener("dragleave", () => composer.classList.remove("is-over"));
  composer.addEventListener("drop", event => { event.preventDefault(); composer.classList.remove("is-over"); const [file] = event.dataTransfer.files; if (file) give(file); });
  text.addEventListener("keydown", event => {
    if (!list.hidden && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
      event.preventDefault();
      if (event.key === "ArrowDown") walk(1);
      else if (event.key === "ArrowUp") walk(-1);
      else if (event.key === "Escape") list.hidden = true;
      else { const chosen = [...list.children].find(option => !option.hidden && option.ariaSelected === "true"); if (chosen) choose(chosen); }
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) composer.requestSubmit();
  });
  document.querySelector("#attached button").addEventListener("click", () => { composer.elements.canned.value = ""; attach(""); });
  list.addEventListener("click", event => { const option = event.target.closest("[role=option]"); if (option) choose(option); });
  for (const button of document.querySelectorAll("[data-canned]")) button.addEventListener("click", () => {
    document.getElementById("canned-dialog").close();
    choose(document.getElementById(`canned-${button.dataset.canned}`));
  });
  const push = document.getElementById("push-form");
  push.elements.key.value = key();
  push.addEventListener("reset", () => { push.elements.key.value = key(); }); // one was sent; the next is another
  document.getElementById("phone-form").addEventListener("submit", ring);
  document.getElementById("reaching").addEventListener("close", () => { document.getElementById("phones").replaceChildren(); document.getElementById("phone-form").reset(); });
  query.addEventListener("input", look);
  dialog.addEventListener("keydown", event => {
    if (event.altKey && /^[1-9]$/.test(event.key)) { event.preventDefault(); hits.children[Number(event.key) - 1]?.querySelector("button")?.click(); }
  });
  const to = document.getElementById("to");
  to.addEventListener("change", () => { document.getElementById("away").hidden = (to.selectedOptions[0]?.dataset.state ?? "on") === "on"; });
  suggest();
}

// --- reveal
const reveal = document.getElementById("reveal-form");
document.addEventListener("click", event => {
  const button = event.target.closest(".reveal");
  if (!button) return;
  reveal.elements.message.value = button.dataset.message;
  document.getElementById("revealing").showModal();
});
reveal.addEventListener("submit", async event => {
  event.preventDefault();
  const id = reveal.elements.message.value;
  try {
    const data = await ask(reveal.action, { form: new FormData(reveal) });
    const line = document.getElementById(`m${id}`);
    line.querySelector(".text").textContent = data.text;
    line.querySelector(".reveal")?.remove();
    reveal.reset();
    document.getElementById("revealing").close();
  } catch (refused) { toast(refused.message); }
});

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]") || document.body.dataset.before === "g") return;
  const open = id => { event.preventDefault(); document.getElementById(id)?.showModal(); };
  if (event.key === "r" && text) { event.preventDefault(); text.focus(); }
  if (event.key === "/" && text) { event.preventDefault(); text.focus(); text.value = "/"; text.dispatchEvent(new Event("input")); }
  if (event.key === "n") open("noting");
  if (event.key === "a" && dialog) { open("articles"); query.focus(); }
  if (event.key === "t") open("transfer");
  if (event.key === "f" && text) { event.preventDefault(); document.getElementById("file").click(); }
  if (event.key === "p") document.querySelector('[data-toggles="side"]')?.click();
  if (/^[1-9]$/.test(event.key)) document.querySelectorAll(".suggestion")[Number(event.key) - 1]?.click();
  if (event.key === "x") open("closing");
});
window.addEventListener("city:message", news);
window.addEventListener("city:typing", () => hands(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden) news(); });
toEnd();
timer = setTimeout(news, 3000);
