// The card that says what the edits did: how good the network is now and was before, and everything that can be undone.

import { h, unique } from "../dom.js";
import { explain, heading } from "../explain.js";
import { changed, current } from "./edits.js";

/** Write a share with two digits, because one unit among hundreds moves little. */
export const precise = (share) => `${(share * 100).toFixed(2)} %`;

/** Return how a network's figures read: { main, more } in words. */
export function worth(figures, kind) {
  const number = (value) => (value === undefined ? "–" : Number(value.toPrecision(4)).toLocaleString("en"));
  if (kind === "numbers") return { main: `R² ${figures.r2 === undefined ? "–" : figures.r2.toFixed(4)}`, more: `RMSE ${number(figures.rmse)}` };
  if (kind === "labels") return { main: precise(figures.accuracy), more: `micro F1 ${number(figures.micro_f1)}` };
  return { main: precise(figures.accuracy), more: "" };
}

/** Return the card. lens: what the tab shares: edits, setEdits, kind, rows, where, save, keep. update(score) shows the effect. */
export function effectCard(lens) {
  const { kind } = lens;
  const now = h("output", { class: "effect-now number" });
  const before = h("p", { class: "effect-before number" });
  const places = h("p", { class: "tip" });
  const list = h("ol", { class: "effect-list" });
  const hurt = h("p", { class: "tip" });
  const undo = h("button", { type: "button", class: "button", on: { click: () => lens.setEdits(lens.edits.slice(0, -1)) } }, "Undo");
  const clear = h("button", { type: "button", class: "button quiet", on: { click: () => lens.setEdits([]) } }, "Undo all");
  const save = h("button", { type: "button", class: "button", on: { click: lens.save } }, "Save as a new model");
  const keep = h("button", { type: "button", class: "button quiet", on: { click: lens.keep } }, "Put on the workbench");
  let last = null;
  let seed = 1;

  function slider(title, stem, most, step, said, explained, write = String) {
    const id = unique(stem);
    const input = h("input", { type: "range", id, min: 0, max: most, step });
    const told = h("output", { class: "number", for: id });
    input.addEventListener("input", () => lens.setEdits(changed(lens.edits, stem, input.value === "0" ? "0" : write(input.value), "0")));
    return {
      element: h("div", { class: "field" }, h("span", { class: "row spread" }, h("span", { class: "with-why" }, h("label", { for: id, class: "label" }, title), explain(title, { ...explained, now: () => told.textContent })), told), input),
      show() {
        const value = current(lens.edits, stem, 0);
        if (Number(input.value) !== value) input.value = value;
        told.textContent = said(value);
      },
    };
  }

  const prune = slider("Prune the smallest weights", "prune", 0.99, 0.01, (value) => `${Math.round(value * 100)} %`, {
    what: ["The smallest of all weights together, by size, become 0. Most networks bear a good deal of that: many weights are near 0 and do little.", "Weights that are 0 already are among the smallest. To go on from here, change something else first: then a new cut starts."],
    formula: "w = 0  where |w| is among the smallest share",
  });
  const noise = slider("Noise on all weights", "noise", 3, 0.05, (value) => `${value} deviations`, {
    what: "Every weight that is not 0 gets normal noise, measured by the standard deviation of its layer's weights. A network that stands this stores well in few bits.",
    formula: "w = w + share * std(W) * N(0, 1)",
  }, (value) => `${value}_${seed}`);
  const other = h("button", { type: "button", class: "button quiet", on: { click: () => {
    seed += 1;
    const share = current(lens.edits, "noise", 0);
    if (share) lens.setEdits(changed(lens.edits, "noise", `${share}_${seed}`, "0"));
  } } }, "Other noise");

  const measured = {
    what: [
      kind === "numbers" ? "How good the network is on rows that it has not learned from: R² is 1 where it tells everything, 0 where it is no better than the mean." : kind === "labels" ? "The share of rows for which all labels are right, among rows that the network has not learned from." : "The share of right answers among rows that the network has not learned from.",
      `Measured on ${lens.where}: always the same rows, so that two figures can be compared.`,
    ],
    formula: kind === "numbers" ? "R² = 1 - Σ (y - t)² / Σ (t - mean)²" : "accuracy = right answers / rows",
    now: () => now.textContent,
  };

  function update(score) {
    last = score;
    const [is, was] = [worth(score.after, kind), worth(score.before, kind)];
    now.textContent = is.main;
    const edited = score.edits.length > 0;
    before.textContent = edited ? `${is.more ? `${is.more} · ` : ""}before ${was.main}${was.more ? `, ${was.more}` : ""}` : is.more;
    element.dataset.now = is.main;
    const key = kind === "numbers" ? "r2" : "accuracy";
    now.classList.toggle("worse", score.after[key] < score.before[key]);
    now.classList.toggle("better", score.after[key] > score.before[key]);
    places.textContent = `on ${lens.where}. ${edited ? `${score.changed.toLocaleString("en")} answer${score.changed === 1 ? "" : "s"} changed${kind === "numbers" ? "" : `: ${score.broken} right ones became wrong, ${score.mended} wrong ones right`}; ${precise(score.zeros)} of the weights are 0.` : ""}`;
    list.replaceChildren(...(edited ? score.edits.map((words) => h("li", {}, words)) : [h("li", { class: "muted" }, "Nothing is changed yet: move a slider here, or switch a unit off below.")]));
    const hit = score.classes.filter((one) => one.after < one.before).slice(0, 3);
    hurt.textContent = hit.length ? `Hurt most: ${hit.map((one) => `${one.name} (${precise(one.before)} → ${precise(one.after)})`).join(", ")}.` : "";
    for (const button of [undo, clear, save, keep]) button.disabled = !edited;
    other.disabled = current(lens.edits, "noise", 0) === 0;
    prune.show();
    noise.show();
    lens.announce(edited ? `${is.main}, before ${was.main}` : is.main);
  }

  const saving = {
    what: ["Saves the edited network as a model file of its own. The file says in its description which edits were made; it is written by the same exporter as every model and runs its self-test.", "On the workbench it takes the place of the model that is open, in all tabs of this page; the file that you opened stays as it is."],
    now: () => (last?.edits.length ? last.edits.join("; ") : "nothing is changed, so there is nothing to save"),
  };
  const element = h(
    "div",
    { class: "card inside-effect" },
    heading(2, "What it is worth now", measured),
    h("div", { class: "effect-figures" }, now, before),
    places,
    hurt,
    h("div", { class: "stack" }, prune.element, noise.element),
    list,
    h("div", { class: "row" }, undo, clear, other),
    h("div", { class: "row" }, save, keep, explain("Save the edited network", saving)),
  );
  return { element, update };
}
