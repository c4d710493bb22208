// Bubbles out of the server's plain data: the same elements as templates/web/bubble.html, never HTML text.

function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const WHO = { me: "您", bot: "新市民服务" };

function who(message) {
  if (message.by !== "staff") return el("p", { class: "who unseen" }, WHO[message.by]);
  const badge = el("span", { class: "badge" }, "工作人员");
  return message.name ? el("p", { class: "who" }, `${message.name} `, badge) : el("p", { class: "who" }, badge);
}

function content(message) {
  if (message.photo) return el("img", { class: "photo", src: message.photo, alt: "图片" });
  const parts = message.parts.map((part) =>
    part.tel ? el("a", { class: "tel", href: `tel:${part.tel}` }, part.tel) : part.text,
  );
  return el("p", { class: "text" }, ...parts);
}

function source(message) {
  return message.source ? el("p", { class: "source" }, message.source) : null;
}

function links(message) {
  if (!message.links) return null;
  return el("ul", { class: "links" }, ...message.links.map((link) => el("li", {}, el("a", { href: link.path }, link.label))));
}

function choices(message) {
  if (!message.choices) return null;
  const buttons = message.choices.map((choice) =>
    el("li", {}, el("button", { type: "submit", form: "choose", name: "choice", value: choice.id }, choice.label)),
  );
  return el("ul", { class: "choices", "aria-label": "可以点的" }, ...buttons);
}

export function bubble(message) {
  return el(
    "li",
    { class: `msg ${message.by}${message.urgent ? " urgent" : ""}`, "data-id": message.id, "data-at": message.at },
    el("span", { class: "face", "aria-hidden": "true" }),
    el("div", { class: "col" }, who(message), el("div", { class: "bubble" }, content(message), source(message), links(message)), choices(message)),
  );
}

export function typing() {
  const dots = el("div", { class: "bubble dots" }, el("i"), el("i"), el("i"));
  return el("li", { class: "msg bot typing", "aria-hidden": "true" }, el("span", { class: "face" }), el("div", { class: "col" }, dots));
}

const two = (number) => String(number).padStart(2, "0");

function words(at) {
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  if (at >= midnight) return clock;
  if (at >= midnight - 86400000) return `昨天 ${clock}`;
  return `${at.getMonth() + 1}月${at.getDate()}日 ${clock}`;
}

// The time between bubbles, where more than five minutes lie between them.
export function stamp(before, at) {
  if (!at || (before && new Date(at) - new Date(before) < 300000)) return null;
  return el("li", { class: "when" }, el("time", { datetime: at }, words(new Date(at))));
}
