// The switches that make the platform misbehave.
import { ask, byId } from "./parts.js";

const NUMBERS = ["lost_answers", "slow", "patience", "token_life"];
const MODES = { plain: "明文", compatible: "兼容", safe: "安全" };
const EFFECTS = { delay: "慢", hang: "不回答", reset: "断线", http500: "HTTP 500" };
let shown = "";

export function show(switches) {
  const now = JSON.stringify(switches);
  if (now === shown) return;
  shown = now;
  const form = byId("switches");
  if (!form.contains(document.activeElement)) {
    for (const radio of form.elements.mode) radio.checked = radio.value === switches.mode;
    for (const name of NUMBERS) form.elements[name].value = switches[name];
  }
  const trouble = [];
  if (switches.lost_answers) trouble.push(`还会丢失 ${switches.lost_answers} 次回答`);
  if (switches.slow) trouble.push(`路上耽搁 ${switches.slow} 秒`);
  if (switches.patience !== 5) trouble.push(`平台只等 ${switches.patience} 秒`);
  for (const rule of switches.rules) {
    const what = rule.effect === "errcode" ? rule.errcode : EFFECTS[rule.effect];
    trouble.push(`${rule.path === "*" ? "全部接口" : rule.path} ${what} 还有 ${rule.left} 次`);
  }
  byId("faults-now").textContent =
    `${MODES[switches.mode]}模式。` + (trouble.length ? `现在：${trouble.join("；")}。` : "现在一切正常。");
  byId("faults-now").classList.toggle("trouble", trouble.length > 0);
  byId("tab-faults").classList.toggle("trouble", trouble.length > 0);
}

export function listen(run, phone) {
  byId("switches").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const body = { mode: form.elements.mode.value };
    for (const name of NUMBERS) body[name] = Number(form.elements[name].value);
    document.activeElement.blur();
    run(() => ask("/switches", body));
  });
  byId("rule").addEventListener("submit", (event) => {
    event.preventDefault();
    const { path, effect, left } = event.target.elements;
    const code = Number(effect.value);
    const rule = { path: path.value, left: Number(left.value), effect: Number.isNaN(code) ? effect.value : "errcode" };
    if (!Number.isNaN(code)) rule.errcode = code;
    run(() => ask("/switches", { rule }));
  });
  byId("calm").addEventListener("click", () => run(() => ask("/switches/clear", {})));
  for (const button of document.querySelectorAll("[data-quota]")) {
    button.addEventListener("click", () => run(() => ask(`/phone/${phone()}/quota`, { state: button.dataset.quota })));
  }
  for (const button of document.querySelectorAll("[data-token]")) {
    button.addEventListener("click", () => run(() => ask("/tokens", { how: button.dataset.token })));
  }
}
