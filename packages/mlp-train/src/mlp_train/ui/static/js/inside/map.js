// The card with the map of the samples: which layer, how it is laid out, what is shown, and its legend.

import { h, unique } from "../dom.js";
import { heading } from "../explain.js";
import { mark, scaleColours } from "./marks.js";
import { scatter } from "./scatter.js";

const METHODS = { pca: "PCA", tsne: "t-SNE" };
const MOST_LEGEND = 24;

/** Return the card. about: what /api/inside says. lens: what the tab shares: ask, preview, choose, settings, layers, kind, names. */
export function mapCard(about, lens) {
  const { settings, kind, names } = lens;
  const wanted = settings.read({ layer: lens.layers.length - 2, map: "pca" });
  let layer = Math.min(lens.layers.length - 1, Math.max(0, Math.round(wanted.layer)));
  let method = wanted.map === "tsne" && !about.tsne ? "tsne" : "pca";
  let answer = null;
  let selected = null;
  let turn = 0;
  const hidden = new Set();
  const map = scatter({ label: "the samples as points; arrow keys go from point to point, Enter chooses, plus and minus zoom", preview: lens.preview, chosen: lens.choose });
  const says = h("p", { class: "tip" });
  const busy = h("p", { class: "map-busy", hidden: true }, "Laying out the map …");
  const mistakes = h("input", { type: "checkbox", on: { change: redraw } });
  const legend = h("ul", { class: "legend map-legend" });

  const which = h("select", { class: "input", id: unique("layer") }, lens.layers.map((one, at) => h("option", { value: at }, at ? `layer ${at}: ${one.size} ${one.title}` : `input: ${one.size} numbers`)));
  which.value = layer;
  which.addEventListener("change", () => {
    layer = Number(which.value);
    settings.write({ layer });
    load();
  });
  const group = unique("method");
  const choices = Object.entries(METHODS).map(([key, title]) => {
    const radio = h("input", { type: "radio", name: group, value: key, disabled: key === "tsne" && Boolean(about.tsne) });
    radio.checked = key === method;
    radio.addEventListener("change", () => {
      method = key;
      settings.write({ map: key });
      load();
    });
    return h("label", {}, radio, title);
  });

  const groups = kind === "numbers" ? null : about.truths;
  const [low, high] = [Math.min(...about.truths), Math.max(...about.truths)];
  const values = groups ? null : about.truths.map((value) => (value - low) / (high - low || 1));
  if (groups) {
    const present = [...new Set(groups)].sort((a, b) => a - b).slice(0, MOST_LEGEND);
    legend.append(
      ...present.map((one) => {
        const button = h("button", { type: "button", class: "legend-button", "aria-pressed": "true" }, mark(one), names[one]);
        button.addEventListener("click", () => {
          if (!hidden.delete(one)) hidden.add(one);
          button.setAttribute("aria-pressed", String(!hidden.has(one)));
          redraw();
        });
        return h("li", {}, button);
      }),
    );
  } else {
    const bar = h("span", { class: "map-scale" });
    bar.style.background = `linear-gradient(to right, ${scaleColours().join(", ")})`;
    legend.append(h("li", {}, `${low.toPrecision(3)}`, bar, `${high.toPrecision(3)}`));
  }
  legend.append(h("li", {}, h("span", { class: "map-wrong" }), kind === "numbers" ? "off by more than twice the RMSE" : "answered wrongly"));

  function redraw() {
    if (!answer) return;
    const shown = answer.x.map((_, at) => !(groups && hidden.has(groups[at])) && !(mistakes.checked && answer.right[at]));
    map.update({ ...answer, groups, values, names, shown, selected });
  }

  async function load() {
    turn += 1;
    const mine = turn;
    const slow = setTimeout(() => (busy.hidden = false), 150);
    try {
      const found = await lens.ask("/map", { layer, method });
      if (mine !== turn) return;
      answer = found;
      const wrong = found.right.filter((one) => !one).length;
      const where = layer ? `layer ${layer} says` : "the network is given";
      says.textContent = found.shares
        ? `${found.x.length.toLocaleString("en")} ${lens.rows}, as what ${where}. The two axes hold ${(found.shares[0] * 100).toFixed(0)} % and ${(found.shares[1] * 100).toFixed(0)} % of its variance. ${wrong} ${kind === "numbers" ? "are far off" : "mistakes"}.`
        : `${found.x.length.toLocaleString("en")} ${lens.rows}, as what ${where}; near each other is alike, distances between groups mean little. ${wrong} mistakes among them.`;
      lens.answered(found);
      redraw();
      element.dataset.shown = `${method} ${layer}`;
    } catch (error) {
      if (mine === turn) lens.fail(error);
    } finally {
      clearTimeout(slow);
      if (mine === turn) busy.hidden = true;
    }
  }

  const zoom = [["+", "Zoom in", () => map.zoomBy(1.5)], ["−", "Zoom out", () => map.zoomBy(1 / 1.5)], ["⤢", "Show all", map.reset]].map(([sign, title, on]) =>
    h("button", { type: "button", class: "icon", "aria-label": title, title, on: { click: on } }, sign),
  );
  const explained = {
    what: [
      "Each point is one row that the network has not learned from. Points are near each other where a layer says much the same of them: from layer to layer, classes draw apart.",
      "PCA turns the layer's numbers so that the two directions in which the points vary most lie on the paper. t-SNE tries to keep neighbours neighbours, for up to a thousand points; it takes some seconds.",
      "Colour and shape are the right answer, a ring a mistake. Point, tap or use the arrow keys to see a row; drag, pinch, Ctrl + wheel or + and − to zoom.",
    ],
    formula: "PCA: A - mean = U S Vᵀ,  points = (A - mean) V₂\nt-SNE: least KL(P ‖ Q) over the points",
    now: () => says.textContent || "nothing is laid out yet",
  };
  const element = h(
    "div",
    { class: "card inside-map" },
    h("div", { class: "row spread" }, heading(2, "Map of the samples", explained), h("span", { class: "row" }, ...zoom)),
    h("div", { class: "row map-tools" },
      h("span", { class: "field" }, h("label", { for: which.id }, "As seen by"), which),
      h("fieldset", { class: "segmented", "aria-label": "How it is laid out" }, choices),
      h("label", { class: "check" }, mistakes, "mistakes only"),
    ),
    about.tsne && h("p", { class: "tip" }, `${about.tsne}.`),
    h("div", { class: "map-place" }, map.element, busy),
    legend,
    says,
  );
  return {
    element,
    load,
    /** Ring the sample that is looked at. */
    select(at) {
      selected = at;
      redraw();
    },
  };
}
