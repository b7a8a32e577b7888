// Beside every control and chart stands a "?" that tells what it does, what it is worth now, and the formula.

import { h, unique } from "./dom.js";

/**
 * Return the "?" of a thing. name: what it is called; what: a sentence or a list of them; now: a function that returns
 * what it is worth at this moment; formula: plain text in the symbols of docs/backprop.md.
 */
export function explain(name, { what, now = null, formula = null }) {
  const id = unique("explained");
  const worth = h("p", { class: "explained-now" });
  const panel = h(
    "div",
    { id, class: "explained", popover: "auto", role: "dialog", "aria-label": name },
    h("h3", {}, name),
    [what].flat().map((sentence) => h("p", {}, sentence)),
    formula && h("p", { class: "formula" }, formula),
    now && worth,
  );
  const button = h("button", { type: "button", class: "why", "aria-label": `What is this: ${name}`, popovertarget: id }, "?");
  panel.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open" && now) worth.textContent = `Now: ${now()}`;
  });
  panel.addEventListener("toggle", (event) => {
    if (event.newState === "open") place(panel, button);
  });
  return h("span", { class: "why-place" }, button, panel);
}

/** Return a heading with its "?". */
export function heading(level, text, explained) {
  return h(`h${level}`, { class: "with-why" }, h("span", {}, text), explained && explain(text, explained));
}

function place(panel, button) {
  const at = button.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left - 12, innerWidth - size.width - 8));
  const below = at.bottom + 8;
  const top = below + size.height > innerHeight - 8 ? Math.max(8, at.top - size.height - 8) : below;
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
}
