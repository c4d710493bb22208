// Plays the platform's page script in a rehearsal: checks a page's signature, draws its button, asks the phone's owner.
(() => {
  const waiting = { ready: [], error: [] };
  let outcome = null;

  const post = async (path, body) => {
    const response = await fetch(`/sandbox/page/${path}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error((await response.json()).error ?? String(response.status));
    return response.json();
  };

  const settle = (name, value) => {
    outcome = name;
    for (const call of waiting[name]) call(value);
  };

  globalThis.wx = {
    config(options) {
      const { appId, timestamp, nonceStr, signature, openTagList } = options;
      const page = location.href.split("#")[0];
      post("config", { appId, timestamp, nonceStr, signature, url: page })
        .then(() => settle("ready"), (error) => settle("error", { errMsg: `config:${error.message}` }));
      if (openTagList?.includes("wx-open-subscribe") && !customElements.get("wx-open-subscribe")) {
        customElements.define("wx-open-subscribe", Subscribe);
      }
    },
    ready: (call) => (outcome === "ready" ? call() : waiting.ready.push(call)),
    error: (call) => (outcome === "error" ? call({ errMsg: "config:fail" }) : waiting.error.push(call)),
  };

  const make = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text, ...more });

  class Subscribe extends HTMLElement {
    connectedCallback() {
      const drawn = new DOMParser().parseFromString(this.querySelector("script:not([slot])")?.textContent ?? "", "text/html");
      const button = make("button", drawn.body.textContent.trim() || "订阅", { type: "button", className: "button" });
      button.addEventListener("click", () => this.ask());
      this.append(button);
    }

    // The platform's own question: one tick for each template, one answer for all.
    async ask() {
      const templates = this.getAttribute("template").split(",");
      const names = await post("templates", { templates });
      const dialog = make("dialog", "", { className: "card" });
      const ticks = templates.map((id) => {
        const tick = make("input", "", { type: "checkbox", checked: true, name: id });
        const label = make("label", "");
        label.append(tick, ` ${names[id]}`);
        const line = make("p", "");
        line.append(label);
        dialog.append(line);
        return tick;
      });
      dialog.prepend(make("h2", "“新市民服务”申请给您发送一次消息"));
      const row = make("p", "", { className: "row" });
      for (const [text, accept] of [["允许", true], ["取消", false]]) {
        const button = make("button", text, { type: "button", className: accept ? "button" : "button plain" });
        button.addEventListener("click", () => this.answer(dialog, ticks, accept));
        row.append(button);
      }
      dialog.append(row);
      document.body.append(dialog);
      dialog.showModal();
    }

    async answer(dialog, ticks, accept) {
      const details = {};
      for (const tick of ticks) {
        const status = accept && tick.checked ? "accept" : "reject";
        details[tick.name] = JSON.stringify({ status });
      }
      dialog.remove();
      const answers = Object.fromEntries(Object.entries(details).map(([id, one]) => [id, JSON.parse(one).status === "accept"]));
      try {
        await post("subscribe", { answers });
        const detail = { errMsg: "subscribe:ok", subscribeDetails: JSON.stringify(details) };
        this.dispatchEvent(new CustomEvent("success", { detail }));
      } catch (error) {
        this.dispatchEvent(new CustomEvent("error", { detail: { errMsg: `subscribe:${error.message}` } }));
      }
    }
  }
})();
