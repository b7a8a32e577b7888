// The answer and where it comes from: a large word, a bar for every class or number, and the network with its lights.

import { barList } from "./charts.js";
import { h, percent, short } from "./dom.js";
import { heading } from "./explain.js";
import { networkView } from "./netview.js";

const MOST_BARS = 12;

/** Return the parts that show what `thinking.py` says: heading, says, network; update(thought, picture) and clear(). */
export function answerView(info) {
  const { model } = info;
  const kind = model.output.kind;
  const word = h("output", { class: "none" }, "?");
  const sure = h("span", { class: "tip number" });
  const bars = barList({ label: kind === "numbers" ? "the numbers" : "how likely each is" });
  const names = model.classes.length ? model.classes : model.output.names;
  const many = names.length > MOST_BARS;
  let last = null;

  const layers = [
    { size: model.layers[0].inputs, title: "inputs", names: inputNames(model) },
    ...model.layers.map((layer, at) => ({
      size: layer.outputs,
      title: layer.activation,
      names: at === model.layers.length - 1 ? (layer.outputs === 1 && names.length > 1 ? [names[1]] : names) : undefined,
    })),
  ];
  const image = model.kind === "image" ? { rows: model.input.height, columns: model.input.width } : null;
  const net = networkView({ layers, image });

  function clear() {
    last = null;
    word.textContent = "?";
    word.className = "none";
    sure.textContent = "";
    bars.update(names.slice(0, MOST_BARS).map((label) => ({ label, value: 0, text: "" })));
    net.update({ values: layers.map((layer) => new Array(Math.min(layer.size, 1024)).fill(0)), links: [] });
  }

  function update(thought, picture = null) {
    last = thought;
    word.textContent = thought.answer;
    word.className = thought.answer.length > 3 ? "long" : "";
    const best = thought.items.reduce((a, b) => (b.value > a.value ? b : a));
    if (kind === "classes") sure.textContent = `${percent(thought.items.find((item) => item.label === thought.answer).value)} sure`;
    else if (kind === "labels") sure.textContent = `${thought.items.filter((item) => item.holds).length} of ${thought.items.length} hold`;
    else sure.textContent = names.join(", ");
    const items = many ? [...thought.items].sort((a, b) => b.value - a.value).slice(0, MOST_BARS) : thought.items;
    const largest = Math.max(...thought.items.map((item) => Math.abs(item.value)), 1e-9);
    bars.update(
      items.map((item) => ({
        label: item.holds ? `✓ ${item.label}` : item.label,
        value: kind === "numbers" ? Math.abs(item.value) / largest : item.value,
        text: kind === "numbers" ? short(item.value) : undefined,
        best: kind === "classes" ? item.label === thought.answer : kind === "labels" ? item.holds : item === best,
      })),
    );
    net.update({ values: thought.layers, links: thought.links, picture, best: thought.best });
  }

  const meanings = {
    classes: {
      what: "Each bar is the network's probability for a class; together they are 100 %. The longest bar is the answer.",
      formula: "p_i = exp(z_i) / Σ_j exp(z_j)",
    },
    labels: {
      what: "Each bar is the probability that a label holds; several may. Those above the model's threshold hold.",
      formula: "p_i = 1 / (1 + exp(-z_i))",
    },
    numbers: { what: "What the network's last layer says, brought back to the units of the data.", formula: "y = a * scale + mean" },
  };
  const lights = {
    what: [
      "Every cell is a neuron; the more it is lit, the larger its activation (blue: positive, orange: negative), each layer by its own measure.",
      "The lines are what led to the answer: followed back from it, the links with the largest weight × activation; blue ones spoke for it, orange ones against.",
    ],
    formula: "z = W a + b,  a' = f(z);  a line is W_ij a_j",
    now: () => (last ? `${last.layers.slice(1).map((line) => line.filter((a) => a !== 0).length).join(", ")} neurons of the layers are lit` : "nothing is asked yet"),
  };
  return {
    heading: heading(2, kind === "numbers" ? "The answer" : "What it is", { ...meanings[kind], now: () => (last ? `${last.answer}${sure.textContent ? `, ${sure.textContent}` : ""}` : "nothing is asked yet") }),
    says: h("div", { class: "draw-says" }, h("div", { class: "draw-answer" }, word, sure), bars.element),
    network: h("div", { class: "card" }, heading(2, "Inside the network", lights), net.element),
    update,
    clear,
    /** Return the answer in a few letters. */
    brief: () => `${word.textContent.slice(0, 14)} ${kind === "classes" ? sure.textContent.replace(" sure", "") : ""}`,
  };
}

/** Return what the inputs are called where they have names. */
function inputNames(model) {
  if (model.kind === "table") return model.inputs_named;
  return model.input.names;
}
