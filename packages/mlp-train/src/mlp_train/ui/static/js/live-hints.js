// Hints: what a rule noticed, why it matters, and one press that changes it.

import { h, short } from "./dom.js";

/** The hints. apply(hint) is called for one that a person applies; update(hints) as the server tells them. */
export function hintsView(apply) {
  const element = h("div", { class: "stack hints", role: "region", "aria-label": "hints" });
  return {
    element,
    update(given) {
      const key = JSON.stringify(given);
      if (element.dataset.key === key) return;
      element.dataset.key = key;
      element.replaceChildren(...given.map((hint) => {
        const button = Object.keys(hint.apply).length > 0 && h("button", { type: "button", class: "button", on: { click: () => apply(hint) } }, `Apply: ${Object.entries(hint.apply).map(([name, value]) => `${name} = ${typeof value === "number" ? short(value) : [value].flat().join(", ")}`).join(", ")}`);
        return h("div", { class: "hint", "data-rule": hint.rule }, h("div", { class: "row spread" }, h("strong", {}, hint.title[0].toUpperCase() + hint.title.slice(1)), button), h("p", {}, h("strong", {}, "Why: "), hint.why, "."));
      }));
    },
  };
}
