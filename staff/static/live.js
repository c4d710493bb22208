// On every page: the pulse. The stream tells at once; asking every few seconds works without it.
import { ask, body, jittered, secondsSince, span, synchronise, toast, typing } from "./kit.js";

const PLACES = { i: "inbox", d: "drafts", m: "mentions", x: "crisis", c: "cases", r: "rooms", k: "knowledge", n: "notices", w: "watch", q: "quality", b: "reports", s: "switches", h: "hours", u: "account" };
const FAST = 3000, SLOW = 20000, LONGEST = 15000;
const PATIENT = 8000;
let again = 1000, slow = 0;
const title = document.title;
let stream = null, streaming = false, timer = 0, seenAlarms = new Set(), seenMarks = "", waiting = -1, unread = -1, mine = -1, soon = 0, mentions = 0, blink = 0;

async function pulse() {
  clearTimeout(timer);
  try {
    const data = await ask(body.dataset.live, { background: true });
    document.getElementById("offline").hidden = true;
    synchronise(data.now);
    showAlarms(data.alarms);
    showCounts(data.counts);
  } catch (refused) {
    if (refused.status === 401) return;
    document.getElementById("offline").hidden = false;
  }
  timer = setTimeout(pulse, jittered(streaming && !seenAlarms.size ? SLOW : FAST));
}

function showCounts(counts) {
  const badge = document.getElementById("badge-inbox");
  if (!badge || counts.waiting === undefined) return;
  const number = counts.waiting + counts.unread;
  badge.textContent = number > 99 ? "99+" : number;
  badge.hidden = !number;
  for (const name of ["drafts", "mentions"]) {
    const mark = document.getElementById(`badge-${name}`);
    if (mark) { mark.textContent = counts[name]; mark.hidden = !counts[name]; }
  }
  if (waiting >= 0 && (counts.waiting > waiting || counts.unread > unread || counts.mentions > mentions)) beep(660, 1);
  if (mine >= 0 && counts.mine !== mine && streaming) { stream.close(); streaming = false; listen(); } // its pass names the chats in hand
  mine = counts.mine;
  waiting = counts.waiting; unread = counts.unread; mentions = counts.mentions;
  window.dispatchEvent(new CustomEvent("city:counts", { detail: counts }));
  if (!seenAlarms.size) document.title = number ? `(${number}) ${title}` : title;
}

function showAlarms(alarms) {
  const box = document.getElementById("alarms");
  const ids = alarms.map(alarm => alarm.id), marks = alarms.map(alarm => `${alarm.id}:${alarm.level}:${alarm.owner}`).join();
  if (marks !== seenMarks) {
    if (alarms.some(alarm => !seenAlarms.has(alarm.id)) || (seenMarks && marks)) beep(880, 3); // a new one, or one that climbed
    seenMarks = marks;
    box.replaceChildren(...alarms.map(row));
    seenAlarms = new Set(ids);
    window.dispatchEvent(new CustomEvent("city:tick"));
  }
  box.hidden = !ids.length;
  body.classList.toggle("has-alarms", ids.length > 0);
  document.documentElement.style.setProperty("--alarms", `${box.hidden ? 0 : box.offsetHeight}px`);
  const badge = document.getElementById("badge-crisis");
  if (badge) { badge.textContent = ids.length; badge.hidden = !ids.length; }
  clearInterval(blink);
  if (ids.length) {
    let on = false;
    blink = setInterval(() => { on = !on; document.title = on ? `【危机 ${ids.length}】` : title; }, 1000);
    document.title = `【危机 ${ids.length}】`;
  } else if (document.title.startsWith("【危机")) document.title = title;
}

function row(alarm) {
  const line = document.createElement("div");
  line.className = "alarm";
  const text = document.createElement("b");
  text.textContent = "有人可能有生命危险";
  const more = document.createElement("span");
  more.append(`${alarm.person}，${alarm.region}，已等 `);
  const since = document.createElement("time");
  since.className = "since";
  since.dataset.since = alarm.since;
  since.textContent = span(secondsSince(alarm.since));
  more.append(since, alarm.owner ? `，${alarm.owner}接待中` : "", alarm.climbed ? `，${alarm.climbed}` : "");
  const form = document.createElement("form");
  form.method = "post";
  form.action = alarm.take;
  form.className = "alarm-take";
  const token = Object.assign(document.createElement("input"), { type: "hidden", name: "csrf_token", value: body.dataset.csrf });
  const button = Object.assign(document.createElement("button"), { className: "button button-alarm", textContent: "我来接" });
  form.append(token, button);
  line.append(text, more, form);
  return line;
}

function beep(pitch, times) {
  try {
    const context = new AudioContext();
    if (context.state === "suspended") { context.close(); return; } // the browser wants a click first
    for (let n = 0; n < times; n++) {
      const tone = context.createOscillator(), volume = context.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.15, context.currentTime + n * 0.28);
      volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + n * 0.28 + 0.22);
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + n * 0.28);
      tone.stop(context.currentTime + n * 0.28 + 0.24);
    }
    setTimeout(() => context.close(), times * 280 + 400);
  } catch { /* no sound on this machine: the title and the colours tell */ }
}

async function listen() {
  const chat = document.getElementById("chat")?.dataset.id || 0;
  try {
    const { ticket, url } = await ask(`${body.dataset.ticket}?chat=${chat}`, { background: true });
    if (!url) return;
    stream = new EventSource(`${url}/stream?ticket=${encodeURIComponent(ticket)}`);
  } catch { later(); return; }
  stream.onopen = () => { streaming = true; again = 1000; body.dataset.stream = "on"; clearTimeout(slow); slow = 0; document.getElementById("slow").hidden = true; };
  stream.addEventListener("alarm", pulse);
  stream.addEventListener("tick", () => { pulse(); window.dispatchEvent(new CustomEvent("city:tick")); });
  stream.addEventListener("mine", () => { clearTimeout(soon); soon = setTimeout(() => { pulse(); window.dispatchEvent(new CustomEvent("city:tick")); }, 200); });
  stream.addEventListener("typing", () => window.dispatchEvent(new CustomEvent("city:typing")));
  stream.addEventListener("message", () => window.dispatchEvent(new CustomEvent("city:message")));
  stream.onerror = () => { streaming = false; body.dataset.stream = "off"; stream.close(); pulse(); later(); };
}

function later() {
  slow ||= setTimeout(() => { document.getElementById("slow").hidden = false; }, PATIENT); // a short break is nobody's business
  setTimeout(listen, jittered(again));
  again = Math.min(again * 2, LONGEST);
}

setInterval(() => {
  for (const time of document.querySelectorAll("time.since")) {
    const seconds = secondsSince(time.dataset.since);
    time.textContent = span(seconds);
    time.classList.toggle("is-late", seconds > 600);
  }
}, 1000);

// dialogs: opened and shut by buttons that name them
document.addEventListener("click", event => {
  const target = event.target.closest("[data-opens], [data-shuts], [data-toggles]");
  if (!target) return;
  if (target.dataset.opens) document.getElementById(target.dataset.opens)?.showModal();
  if (target.dataset.shuts) document.getElementById(target.dataset.shuts)?.close();
  if (target.dataset.toggles) {
    const open = document.getElementById(target.dataset.toggles).classList.toggle("is-open");
    for (const button of document.querySelectorAll(`[data-toggles="${target.dataset.toggles}"]`)) button.setAttribute("aria-expanded", open);
  }
});

// forms that the script sends, so that a refusal is said where one is
document.addEventListener("submit", async event => {
  const form = event.target;
  if (!form.matches(".js-form, .alarm-take")) return;
  event.preventDefault();
  const button = event.submitter, action = button?.getAttribute("formaction") || form.action;
  if (button) button.disabled = true;
  body.dataset.leaving = "1"; // what this changes must not reload the page under our feet
  try {
    const done = await ask(action, { form: new FormData(form) });
    if (done.to) { location.href = done.to; return; }
    delete body.dataset.leaving;
    form.closest("dialog")?.close();
    if ("stays" in form.dataset) form.reset(); else if (!form.closest("dialog")) toast("已保存。");
    window.dispatchEvent(new CustomEvent("city:message"));
  } catch (refused) {
    delete body.dataset.leaving;
    toast(refused.message);
    if (refused.status === 409) for (const name of ["city:tick", "city:message"]) window.dispatchEvent(new CustomEvent(name));
  } finally { if (button) button.disabled = false; }
});

document.addEventListener("change", event => { if (event.target.closest("#presence, #filters")) event.target.form.requestSubmit(); });

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.key === "?") { event.preventDefault(); document.getElementById("keys").showModal(); }
  if (event.key === "s" && body.dataset.before !== "g") { const link = document.querySelector('.rail a[href$="/search"]'); if (link) location.href = link.href; }
  const place = body.dataset.before === "g" && PLACES[event.key];
  if (place) { const link = document.querySelector(`a[href$="/staff/${place}"]`); if (link) { event.preventDefault(); location.href = link.href; } }
  body.dataset.before = event.key;
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(); });

document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
pulse();
listen();
