// What the console's scripts share: asking the server, times in words, small messages.
export const body = document.body;
document.documentElement.classList.add("js");

export class Refused extends Error {
  constructor(text, status) { super(text); this.status = status; }
}

// Ask the server as the console's script. `background` requests don't keep the session alive.
export async function ask(url, { form = null, background = false, html = false } = {}) {
  const headers = { "X-Requested-With": "console" };
  if (background) headers["X-Background"] = "1";
  if (form) headers["X-CSRFToken"] = body.dataset.csrf;
  let answer;
  const done = background ? () => {} : waiting();
  try {
    answer = await fetch(url, { method: form ? "POST" : "GET", body: form, headers, credentials: "same-origin" });
  } catch {
    throw new Refused("连不上服务器，请检查网络。", 0);
  } finally { done(); }
  if (answer.status === 401) {
    location.href = `${body.dataset.login}?ended=1&next=${encodeURIComponent(location.pathname + location.search)}`;
    throw new Refused("登录已过期。", 401);
  }
  if (html && answer.ok) return answer.text();
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(data.error || "没有成功，请再试一次。", answer.status);
  return data;
}

// Something that takes longer than a moment shows that it is under way.
let open = 0;
function waiting() {
  open += 1;
  const timer = setTimeout(() => body.classList.add("is-loading"), 400);
  return () => { clearTimeout(timer); open -= 1; if (!open) body.classList.remove("is-loading"); };
}
window.addEventListener("beforeunload", () => {
  setTimeout(() => body.classList.add("is-loading"), 400);
  setTimeout(() => { if (!open) body.classList.remove("is-loading"); }, 6000); // a file to download leaves the page where it is
});
window.addEventListener("pageshow", () => body.classList.remove("is-loading"));

let skew = 0; // the server's clock minus ours, in ms
export function synchronise(iso) { skew = Date.parse(iso) - Date.now(); }
export function secondsSince(iso) { return Math.max(0, Math.floor((Date.now() + skew - Date.parse(iso)) / 1000)); }

export function span(seconds) {
  if (seconds < 60) return `${seconds}秒`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}分钟`;
  if (seconds < 3 * 86400) {
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds % 3600 / 60);
    return hours < 10 && minutes ? `${hours}小时${minutes}分` : `${hours}小时`;
  }
  return `${Math.floor(seconds / 86400)}天`;
}

let fading = 0;
export function toast(text) {
  const box = document.getElementById("toast");
  if (!box) return;
  box.textContent = text;
  box.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { box.hidden = true; }, 6000);
}

// Said on the page that comes next, when this one has to be loaded anew.
export function reload() {
  const box = document.getElementById("toast");
  if (box && !box.hidden) sessionStorage.setItem("said", box.textContent);
  location.reload();
}
const said = sessionStorage.getItem("said");
if (said) { sessionStorage.removeItem("said"); toast(said); }

export const typing = target => target instanceof HTMLElement && target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
export const key = () => `${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
// Pages that lost the stream together don't ask together for ever.
export const jittered = ms => ms * (0.8 + Math.random() * 0.4);
