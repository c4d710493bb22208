// One dialog for every question the phone asks.
import { el, byId } from "./parts.js";

// fields: [name, label, value, options]; answers with an object, or null when the person leaves.
export function question(title, fields) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-fields").replaceChildren(...fields.map(field));
  dialog.returnValue = "no";
  byId("ask-no").onclick = () => dialog.close("no"); // not a submit button: Enter means yes
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes") return resolve(null);
      const form = byId("ask-form");
      resolve(Object.fromEntries(fields.map(([name]) => [name, form.elements[name].value])));
    }, { once: true });
  });
}

function field([name, label, value, options = {}]) {
  const id = `ask-${name}`;
  const { choices, ...rest } = options;
  const input = choices
    ? el("select", { id, name }, ...choices.map(([key, words]) => el("option", { value: key }, words)))
    : el("input", { id, name, value, autocomplete: "off", ...rest });
  return el("p", {}, el("label", { for: id }, label), input);
}
