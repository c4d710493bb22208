// The list of chats: kept fresh without losing the place, and walked with j and k.
import { ask, body, typing } from "./kit.js";

const box = document.getElementById("rows");
let busy = false, again = false, shown = box?.innerHTML ?? "";

async function refresh() {
  if (!box) return;
  if (busy) { again = true; return; }
  busy = true;
  try {
    const html = await ask(box.dataset.url, { background: true, html: true });
    if (html !== shown) {
      const focused = document.activeElement?.closest?.(".chat-row a")?.getAttribute("href");
      const top = box.scrollTop;
      box.innerHTML = html;
      shown = html;
      box.scrollTop = top;
      if (focused) box.querySelector(`a[href="${CSS.escape ? focused.replaceAll('"', "") : focused}"]`)?.focus();
    }
  } catch { /* the pulse says so */ }
  busy = false;
  if (again) { again = false; setTimeout(refresh, 300); }
}

function move(step) {
  const links = [...document.querySelectorAll(".chat-row a")];
  if (!links.length) return;
  let at = links.indexOf(document.activeElement);
  if (at < 0) at = links.findIndex(link => link.closest(".is-here"));
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]") || document.body.dataset.before === "g") return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "c") {
    const claim = document.querySelector("#claim button");
    if (claim) claim.click();
    else document.activeElement?.closest?.(".chat-row a")?.click();
  }
});
window.addEventListener("city:tick", refresh);
window.addEventListener("city:counts", () => { if (body.dataset.stream !== "on") refresh(); });
let quiet = 0;
setInterval(() => { if (body.dataset.stream !== "on" || ++quiet % 4 === 0) refresh(); }, 15000); // the stream tells; this is for what it missed
