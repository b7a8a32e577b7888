// "I don't know": below a threshold the network may decline to answer; what that costs in answers and gains in accuracy.

import { lineChart } from "../charts.js";
import { h, unique } from "../dom.js";
import { heading } from "../explain.js";
import { precise } from "./effect.js";

const POINTS = 120; // of the curve

/** Return the card, for models that choose one of several classes. */
export function thresholdCard(about, lens) {
  const id = unique("threshold");
  const slider = h("input", { type: "range", id, min: 0, max: 1, step: 0.005, value: lens.settings.read({ sure: 0.8 }).sure });
  const told = h("output", { class: "number", for: id });
  const says = h("p", { class: "threshold-says" });
  const code = h("pre", { class: "formula threshold-code", tabindex: "0", "aria-label": "How a program uses the threshold" });
  const chart = lineChart({ title: "accuracy against coverage", x: "coverage, %", y: "accuracy", height: 240, format: precise });
  let held = null;
  let opened = null;

  const at = (line, threshold) => {
    let [low, high] = [0, line.sure.length]; // the surest first: how many are at least so sure
    while (low < high) {
      const middle = (low + high) >> 1;
      if (line.sure[middle] >= threshold) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  function counted(answer) {
    let right = 0;
    return { sure: answer.sure, right: [0, ...answer.right.map((one) => (right += Number(one)))] };
  }

  function curve(line) {
    const n = line.sure.length;
    const step = Math.max(1, Math.floor(n / POINTS));
    const counts = [];
    for (let count = Math.max(step, Math.ceil(n * 0.02)); count < n; count += step) counts.push(count);
    return [...counts, n].map((count) => [(count / n) * 100, line.right[count] / count]);
  }

  function redraw() {
    if (!held) return;
    const threshold = Number(slider.value);
    const n = held.sure.length;
    const answered = at(held, threshold);
    const right = held.right[answered];
    told.textContent = threshold.toFixed(3).replace(/0$/, "");
    says.textContent = answered
      ? `It would answer ${answered.toLocaleString("en")} of ${n.toLocaleString("en")} ${lens.rows} (${precise(answered / n)}), and ${right.toLocaleString("en")} of those are right (${precise(right / answered)}). For the other ${(n - answered).toLocaleString("en")} it would say “I don't know”; of them it would have got ${(held.right[n] - right).toLocaleString("en")} right.`
      : `It would answer none of the ${n.toLocaleString("en")} ${lens.rows}: it is never so sure.`;
    element.dataset.answered = answered;
    code.textContent = `(label, sure), *_ = model.top(x, 1)\nanswer = label if sure >= ${threshold} else "I don't know"`;
    const series = [{ name: "as opened", points: curve(opened ?? held), colour: "c" }];
    if (opened && held !== opened && lens.edits.length) series.push({ name: "edited", points: curve(held), colour: "d" });
    chart.update(series, answered ? (answered / n) * 100 : null);
  }

  slider.addEventListener("input", () => {
    lens.settings.write({ sure: slider.value });
    redraw();
  });
  const explained = {
    what: [
      "The probability of the answer says how sure the network is. A program may take answers from a threshold on and ask a person about the rest: fewer answers, but more of them right.",
      "The curve goes over all thresholds. Coverage is the share of rows that are answered; a good network gets better to the left, because it knows when it does not know (risk and coverage, El-Yaniv and Wiener, 2010).",
    ],
    formula: "coverage(t) = #{max p >= t} / n\naccuracy(t) = #{right and max p >= t} / #{max p >= t}",
    now: () => says.textContent,
  };
  const element = h(
    "div",
    { class: "card inside-threshold" },
    heading(2, "When it should say “I don't know”", explained),
    h("div", { class: "threshold-parts" },
      h("div", { class: "stack" },
        h("div", { class: "field" }, h("span", { class: "row spread" }, h("label", { for: id, class: "label" }, "Answer only if at least so sure"), told), slider),
        says, code,
      ),
      chart.element,
    ),
  );
  return {
    element,
    async load() {
      try {
        const asked = lens.edits.join();
        opened ??= counted(await lens.ask("/sure", { edits: "" }));
        const found = lens.edits.length ? counted(await lens.ask("/sure", {})) : opened;
        if (asked !== lens.edits.join()) return;
        held = found;
        redraw();
      } catch (error) {
        lens.fail(error);
      }
    },
  };
}
