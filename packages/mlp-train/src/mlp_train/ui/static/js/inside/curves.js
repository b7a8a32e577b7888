// Robustness: how good the network is while its input is disturbed more and more, before and after the edits.

import { lineChart } from "../charts.js";
import { h } from "../dom.js";
import { heading } from "../explain.js";
import { written } from "./edits.js";
import { precise } from "./effect.js";

/** Return the card. load() asks for the curves; it does so only once the card can be seen. */
export function curvesCard(about, lens) {
  const numbers = lens.kind === "numbers";
  const charts = about.disturbances.map(({ name, unit, what }) => {
    const chart = lineChart({ title: `${name}: ${numbers ? "RMSE" : "accuracy"}`, x: unit, y: numbers ? "RMSE" : "accuracy", height: 190, format: numbers ? undefined : (value) => `${Math.round(value * 100)} %` });
    const held = { found: null };
    const explained = {
      what: [what, `Measured on ${about.disturbed.toLocaleString("en")} of the ${lens.rows}${lens.image ? "; the frame is disturbed as the network sees it, after its preparation, so this is about the network alone" : ""}. A curve that falls late belongs to a robust network.`],
      formula: numbers ? "RMSE of f(disturbed x)" : "accuracy of f(disturbed x)",
      now: () => (held.found ? said(held.found) : "not measured yet"),
    };
    const said = (found) => found.levels.map((level, at) => `${level}: ${numbers ? found.after[at].rmse?.toPrecision(3) : precise(found.after[at].accuracy)}`).join(", ");
    return { name, chart, held, element: h("div", { class: "curve-place" }, heading(3, name[0].toUpperCase() + name.slice(1), explained), chart.element) };
  });
  const element = h(
    "div",
    { class: "card inside-curves" },
    heading(2, "What it bears", { what: ["A network can be right on clean rows and fail as soon as they are a little different. These curves disturb the rows more and more and ask again.", "With edits, both networks are drawn: as it was opened, and as it is now."], now: () => (lens.edits.length ? "both networks are drawn" : "the network as it was opened") }),
    h("div", { class: "columns" }, charts.map((one) => one.element)),
  );
  let seen = false;
  let stale = true;
  let turn = 0;

  async function load() {
    turn += 1;
    const mine = turn;
    stale = true;
    if (!seen) return;
    stale = false;
    const edits = written(lens.edits); // they may change while the curves are on their way
    for (const { name, chart, held } of charts) {
      try {
        const found = await lens.ask("/curve", { kind: name, edits });
        if (mine !== turn) return;
        held.found = found;
        const line = (figures) => found.levels.map((level, at) => [level, numbers ? figures[at].rmse : figures[at].accuracy]);
        const series = [{ name: "as opened", points: line(found.before), colour: "c" }];
        if (edits) series.push({ name: "edited", points: line(found.after), colour: "d" });
        chart.update(series);
      } catch (error) {
        if (mine === turn) lens.fail(error);
        return;
      }
    }
    element.dataset.shown = edits ? "both" : "one";
  }

  const watcher = new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    if (seen && stale) load();
  }, { rootMargin: "200px" });
  watcher.observe(element);
  return { element, load, close: () => watcher.disconnect() };
}
