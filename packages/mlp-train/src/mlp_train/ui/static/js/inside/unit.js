// The card of one unit: the network to choose it from, its weighted sum, its weights, what excites it, and its switch.

import { barList, heatMap } from "../charts.js";
import { h, short, unique } from "../dom.js";
import { explain, heading } from "../explain.js";
import { networkView } from "../netview.js";
import { changed, current, isOff } from "./edits.js";
import { precise } from "./effect.js";

const MOST_BARS = 10;

/** Return the card. about: what /api/inside says; lens: what the tab shares. */
export function unitCard(about, lens) {
  const { layers, settings } = lens;
  const wanted = settings.read({ of: 1, unit: -1 });
  let layer = Math.min(layers.length - 1, Math.max(1, Math.round(wanted.of)));
  let unit = Math.min(layers[layer].size - 1, Math.max(0, Math.round(wanted.unit)));
  let unasked = wanted.unit < 0; // nobody chose a unit yet: the busiest one is the most telling
  let last = null;
  let score = null;
  let turn = 0;

  const net = networkView({ layers, image: lens.image, chosen: (at, neuron) => at > 0 && choose(at, neuron) });
  const which = h("select", { class: "input", id: unique("of") }, layers.slice(1).map((one, at) => h("option", { value: at + 1 }, `layer ${at + 1}: ${one.size} ${one.title}`)));
  const number = h("input", { class: "input", type: "number", id: unique("unit"), min: 0, inputmode: "numeric" });
  which.addEventListener("change", () => choose(Number(which.value), 0));
  number.addEventListener("change", () => choose(layer, Math.min(layers[layer].size - 1, Math.max(0, Math.round(Number(number.value) || 0)))));

  const title = h("h3", {});
  const sum = h("p", { class: "formula unit-sum" });
  const facts = h("p", { class: "tip" });
  const off = h("button", { type: "button", class: "button", "aria-pressed": "false" }, "Switch off");
  off.addEventListener("click", () => {
    const mine = `off_${layer}_${unit}`;
    lens.setEdits(isOff(lens.edits, layer, unit) ? lens.edits.filter((one) => one !== mine) : [...lens.edits, mine]);
  });
  const effect = h("output", { class: "unit-effect number" });
  const scaleId = unique("scale");
  const scale = h("input", { type: "range", id: scaleId, min: -2, max: 3, step: 0.1 });
  const scaled = h("output", { class: "number", for: scaleId });
  scale.addEventListener("input", () => lens.setEdits(changed(lens.edits, `scale_${layer}_${unit}`, scale.value, "1")));

  const picture = heatMap({ scale: "diverging", width: 190, label: "the weights as an image" });
  const bars = barList({ label: "its weights", signed: true });
  const barsSay = h("p", { class: "tip" });
  const onward = barList({ label: "where it goes", signed: true });
  const onwardCard = h("div", { class: "stack" });
  const excites = h("ol", { class: "unit-samples" });
  const nobody = h("p", { class: "tip", hidden: true }, "No row excites it: its activation is nowhere above 0.");
  const busiest = h("div", { class: "row unit-busiest" });

  const explained = {
    unit: {
      what: ["A unit multiplies what it is given by its weights, adds its bias, and passes the sum through its activation. That is all it does.", "Click a unit in the picture, or choose it by its layer and number."],
      formula: "z = Σ_j w_j a_j + b,  a = f(z)",
      now: () => sum.textContent,
    },
    off: {
      what: ["Off means that no later layer hears of this unit: its weights, its bias and the weights that lead on from it become 0. If little changes, others do its work as well.", "Outputs cannot be switched off."],
      formula: "a_unit = 0",
      now: () => effect.textContent || "nothing is changed",
    },
    scale: { what: "Multiplies the weights that come into this unit; its bias stays. Below 0, what excited it now quiets it.", formula: "z = factor * Σ_j w_j a_j + b", now: () => scaled.textContent },
    weights: {
      what: ["What this unit looks for: a row excites it where the row is large and the weight positive (blue), and quiets it where the weight is negative (orange).", "Of a table, each bar is a column, or one value of a column; in deeper layers, a unit of the layer before."],
      formula: "w_j, or for the bars of this row w_j a_j",
      now: () => barsSay.textContent || "the weights of the first layer, a pixel each",
    },
    excites: { what: "The rows of the sample for which this unit's activation is largest. What they share is what it has learned to notice; click one to look at it.", now: () => facts.textContent },
    onward: { what: "The weights that lead on from this unit: to which units of the next layer it speaks, for (blue) or against (orange).", formula: "w_(next, this)" },
  };

  function choose(at, neuron) {
    [layer, unit, unasked] = [at, neuron, false];
    settings.write({ of: at, unit: neuron });
    load();
  }

  async function load() {
    turn += 1;
    const mine = turn;
    which.value = layer;
    number.max = layers[layer].size - 1;
    number.value = unit;
    net.mark(layer, unit);
    try {
      const found = await lens.ask("/unit", { layer, unit, at: lens.at });
      if (mine !== turn) return;
      if (unasked && Math.max(...found.layer_now) > found.a) {
        [unit, unasked] = [found.layer_now.indexOf(Math.max(...found.layer_now)), false];
        return load();
      }
      show(found);
    } catch (error) {
      lens.fail(error);
    }
  }

  const nameOf = (at, index) => (layers[at].names?.[index] !== undefined ? layers[at].names[index] : at ? `unit ${index}` : `input ${index}`);

  function show(found) {
    last = found;
    const isOutput = layer === layers.length - 1;
    title.textContent = isOutput ? `Output “${nameOf(layer, unit)}”` : `Unit ${unit} of layer ${layer}`;
    sum.textContent = `z = ${short(found.parts_sum)} ${found.bias < 0 ? "−" : "+"} ${short(Math.abs(found.bias))} = ${short(found.z)}\na = ${found.activation}(z) = ${short(found.a)}`;
    facts.textContent = `Its activation is above 0 for ${(found.active * 100).toFixed(0)} % of the ${about.rows.toLocaleString("en")} ${lens.rows}, ${short(found.mean)} on average.`;
    const isPicture = layer === 1 && lens.image;
    picture.element.hidden = !isPicture;
    bars.element.hidden = Boolean(isPicture);
    if (isPicture) {
      picture.update({ rows: lens.image.rows, columns: lens.image.columns, values: found.weights, label: `the weights of unit ${unit}, from ${short(Math.min(...found.weights))} to ${short(Math.max(...found.weights))}` });
      barsSay.textContent = !found.weights.some(Boolean) ? "All of them are 0." : `from ${short(Math.min(...found.weights))} (orange) to ${short(Math.max(...found.weights))} (blue)`;
    } else {
      const shown = found.parts.some(Boolean) ? found.parts : found.weights;
      const order = strongest(shown);
      fill(bars, order, shown, (index) => nameOf(layer - 1, index));
      barsSay.textContent = !order.length ? "All of them are 0." : shown === found.parts ? `the ${order.length} largest parts of this row's sum, w_j a_j` : `the ${order.length} largest weights`;
    }
    onwardCard.hidden = !found.onward;
    if (found.onward) fill(onward, strongest(found.onward), found.onward, (index) => nameOf(layer + 1, index));
    const seen = found.strongest.filter(({ a }) => a > 0);
    nobody.hidden = seen.length > 0;
    excites.replaceChildren(...seen.map(({ at, a }) => h("li", {}, h("button", { type: "button", class: "unit-sample", on: { click: () => lens.choose(at) } }, h("span", { class: "unseen" }, `row ${at}: `), lens.small(at, 56), h("span", { class: "unseen" }, " activation "), h("span", { class: "number" }, short(a))))));
    const here = layer; // a button means a unit of this layer, even when another has been chosen meanwhile
    const busy = found.layer_now.map((a, index) => [a, index]).sort(([a], [b]) => b - a).slice(0, 6).filter(([a]) => a > 0);
    busiest.replaceChildren(h("span", { class: "tip" }, busy.length ? "Most excited in this layer now:" : "No unit of this layer is excited by this row."), ...busy.map(([a, index]) => h("button", { type: "button", class: "chip-button number", "aria-pressed": String(index === unit), on: { click: () => choose(here, index) } }, `${nameOf(layer, index)}: ${short(a)}`)));
    controls();
  }

  function controls() {
    const isOutput = layer === layers.length - 1;
    const down = isOff(lens.edits, layer, unit);
    off.disabled = isOutput;
    off.title = isOutput ? "an output cannot be switched off" : "";
    off.textContent = down ? "Switch on again" : "Switch off";
    off.setAttribute("aria-pressed", String(down));
    const factor = current(lens.edits, `scale_${layer}_${unit}`, 1);
    if (Number(scale.value) !== factor) scale.value = factor;
    scaled.textContent = `× ${factor}`;
    effect.textContent = score?.edits.length ? (lens.kind === "numbers" ? `R² ${score.before.r2?.toFixed(4)} → ${score.after.r2?.toFixed(4)}` : `${precise(score.before.accuracy)} → ${precise(score.after.accuracy)}`) : "";
  }

  const element = h(
    "div",
    { class: "card inside-unit" },
    heading(2, "One unit", explained.unit),
    net.element,
    h("div", { class: "row unit-choice" },
      h("span", { class: "field" }, h("label", { for: which.id }, "Layer"), which),
      h("span", { class: "field" }, h("label", { for: number.id }, "Unit"), number),
      busiest,
    ),
    h("div", { class: "unit-parts" },
      h("div", { class: "stack" },
        title, sum, facts,
        h("div", { class: "row" }, off, explain("Switch a unit off", explained.off), effect),
        h("div", { class: "field" }, h("span", { class: "row spread" }, h("span", { class: "with-why" }, h("label", { for: scaleId, class: "label" }, "Scale its weights"), explain("Scale its weights", explained.scale)), scaled), scale),
      ),
      h("div", { class: "stack" }, heading(3, "Its weights", explained.weights), picture.element, bars.element, barsSay),
      h("div", { class: "stack" }, heading(3, "What excites it most", explained.excites), excites, nobody),
      onwardCard,
    ),
  );
  onwardCard.append(heading(3, "Where it leads", explained.onward), onward.element);
  return {
    element,
    load,
    /** Show the lights of the row that is looked at. */
    light(thought, image) {
      net.update({ values: thought.layers, links: thought.links, picture: image, best: thought.best });
    },
    scored(given) {
      score = given;
      if (last) controls();
    },
  };
}

function strongest(values) {
  return values.map((value, index) => [Math.abs(value), index]).filter(([size]) => size > 0).sort(([a], [b]) => b - a).slice(0, MOST_BARS).map(([, index]) => index);
}

function fill(bars, order, values, name) {
  const largest = Math.max(...order.map((index) => Math.abs(values[index])), 1e-9);
  bars.update(order.map((index) => ({ label: name(index), value: values[index] / largest, text: short(values[index]) })));
}
