// The settings of an experiment: each says what it does, what it is now, and what the trainer makes of "auto".

import { h, short, unique } from "./dom.js";
import { explain } from "./explain.js";

const LR = { low: -5, high: 0.5, steps: 6 }; // the slider's powers of ten, and its steps in each
const ON_PLANE = { hidden: "8,8", activation: "tanh", lr: "0.01", schedule: "constant", epochs: "500", patience: "500", weight_decay: "0" };
const AT_LEISURE = 20; // epochs a second, where one watches a plane

/** Return what a data set begins with on this page: options and pace. */
export function beginning(data, choices) {
  const onPlane = choices.toys.includes(data) || data === "xor";
  return { data, options: onPlane ? { ...ON_PLANE } : {}, pace: onPlane ? AT_LEISURE : 0 };
}

const SELECTS = ["activation", "optimizer", "schedule", "augment"];
const NUMBERS = ["batch_size", "epochs", "seed", "dropout", "l2", "l1", "weight_decay"];
const WORDS = ["target"];

const EXPLAINED = {
  data: ["Data", "What the network learns from. A sample comes with the program; points on a plane are made up, so that one sees everything; your own zip, folder of images in a zip, or table (CSV) can be dropped anywhere on this page. It stays on this machine."],
  hidden: ["Hidden layers", "How many layers lie between input and output, and how many units each has. More can bend the answer more often, take longer, and learn the training rows by heart sooner.", "a₁ = f(x W₁ + b₁),  a₂ = f(a₁ W₂ + b₂), …"],
  activation: ["Activation", "What each hidden unit makes of its weighted sum. Without one, all layers together could only draw a straight line.", "a = f(z);  relu: max(0, z);  tanh: (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ);  sigmoid: 1 / (1 + e⁻ᶻ)"],
  lr: ["Learning rate", "How far each step goes along the gradient. Too small: hardly anything happens. Too large: the loss jumps or becomes infinite. It may be changed while training runs; the next epoch takes it, and its schedule goes on from there.", "w ← w − lr · dL/dw  (sgd; others scale each weight's step)"],
  batch_size: ["Batch size", "How many rows one step looks at. Small batches make many noisy steps, large ones few exact ones.", "dL/dw = mean over the batch of dLᵢ/dw"],
  optimizer: ["Optimizer", "The rule that turns a gradient into a step. adamw gives each weight a step of its own length and suits most data; sgd is the plain rule.", "sgd: w ← w − lr g;  momentum: v ← m v + g, w ← w − lr v"],
  schedule: ["Schedule", "How the learning rate changes on the way: cosine begins with large steps and ends with small ones; constant keeps it."],
  epochs: ["Epochs", "How often every training row is shown. Training ends sooner where the held-out loss has not improved for a third of them."],
  seed: ["Seed", "Where the random numbers begin: the first weights, which rows are held out, and their order. The same seed gives the same training, bit by bit."],
  dropout: ["Dropout", "The share of hidden units that are left out at random in each step, so that none can rely on another. Helps against learning by heart.", "a ← a · mask / (1 − p)"],
  l2: ["L2 penalty", "Adds the weights' squares to the loss, which keeps them small and the answer smooth.", "L + λ/2 Σ w²"],
  l1: ["L1 penalty", "Adds the weights' sizes to the loss, which makes many of them 0.", "L + λ Σ |w|"],
  weight_decay: ["Weight decay", "Shrinks every weight a little at each step, whatever its gradient. adamw and lion use it.", "w ← w (1 − lr λ)"],
  augment: ["Distortion of images", "Shows each image a little moved, turned and scaled, another way in each epoch. Slower, and the best remedy against learning images by heart."],
  target: ["Target column", "Which column of a table is to be predicted. Empty: it is found by its name and place."],
  pace: ["Speed", "How many epochs a second are trained at most. Slow is for watching; the network learns the same."],
};

/**
 * The panel. choices: of /api/live; changed(name, experiment): a person changed something; dropped(file).
 * update(experiment, scene) shows what holds.
 */
export function settingsPanel({ choices, changed, dropped }) {
  let experiment = beginning(choices.samples[0], choices);
  let scene = null;
  const inputs = {};
  const fields = {};
  const list = unique("rates");

  const data = h("select", { class: "input", id: unique("data"), on: { change: () => chooseData(data.value) } });
  const file = h("input", { type: "file", class: "unseen", id: unique("file"), accept: ".zip,.csv,.tsv,.npz,.parquet,.tar,.tgz,.gz,.idx", on: { change: () => (file.files[0] && dropped(file.files[0]), (file.value = "")) } });
  const layers = h("div", { class: "layer-sizes" });
  const extras = h("div", { class: "row extras" });
  const rate = h("input", { type: "number", class: "input number", id: unique("lr"), step: "any", min: 0, on: { change: () => set("lr", rate.value) } });
  const slider = h("input", { type: "range", min: LR.low * LR.steps, max: LR.high * LR.steps, step: 1, "aria-label": "Learning rate, slider", list, on: { input: () => set("lr", String(Number((10 ** (slider.value / LR.steps)).toPrecision(2)))) } });
  const paces = [[0, "full speed"], [AT_LEISURE, "20 a second"], [3, "3 a second"]].map(([value, text]) => {
    const input = h("input", { type: "radio", name: list, value, on: { change: () => (experiment = { ...experiment, pace: value }, changed("pace", experiment)) } });
    return { value, input, element: h("label", {}, input, h("span", {}, text)) };
  });

  function set(name, value) {
    const options = { ...experiment.options };
    if (value === "" || value === null) delete options[name];
    else options[name] = value;
    experiment = { ...experiment, options };
    changed(name, experiment);
    show();
  }

  function chooseData(value) {
    experiment = beginning(value, choices);
    changed("data", experiment);
    show();
  }

  function now(name) {
    const said = experiment.options[name];
    if (name === "data") return data.selectedOptions[0]?.textContent ?? "";
    if (name === "pace") return paces.find((one) => one.value === experiment.pace)?.element.textContent ?? `${experiment.pace} a second`;
    if (said !== undefined) return String(said);
    const settled = settledAs(name);
    return settled === "" ? "not used" : `${settled} (chosen by the trainer)`;
  }

  /** What the trainer chose where nothing was said. */
  function settledAs(name) {
    if (!scene) return "";
    if (name === "hidden") return scene.layers.slice(0, -1).map((one) => one.out).join(",");
    if (name === "lr") return short(scene.started.lr);
    if (name in scene.started && name !== "loss") return String(scene.started[name]);
    return String(scene.config[name] ?? "");
  }

  function field(name, control, id = control.id) {
    const [title, what, formula] = EXPLAINED[name];
    const label = id ? h("label", { for: id }, title) : h("span", { class: "label" }, title);
    const why = h("span", { class: "tip unused", hidden: true });
    fields[name] = h("div", { class: "field" }, h("div", { class: "row" }, label, explain(title, { what, formula, now: () => now(name) })), control, why);
    return fields[name];
  }

  for (const name of SELECTS) {
    inputs[name] = h("select", { class: "input", id: unique(name), on: { change: () => set(name, inputs[name].value) } });
    const values = { activation: choices.activations, optimizer: Object.keys(choices.optimizers), schedule: choices.schedules, augment: ["none", "light", "strong"] }[name];
    inputs[name].append(...values.map((value) => h("option", { value }, value)));
  }
  for (const name of NUMBERS) inputs[name] = h("input", { type: "number", class: "input number", id: unique(name), step: "any", min: 0, on: { change: () => set(name, inputs[name].value) } });
  for (const name of WORDS) inputs[name] = h("input", { type: "text", class: "input", id: unique(name), placeholder: "found by itself", on: { change: () => set(name, inputs[name].value.trim()) } });

  const title = h("span", { class: "tip" });
  const form = h(
    "form",
    { class: "live-settings stack", "aria-label": "the experiment", on: { submit: (event) => event.preventDefault() } },
    field("data", data),
    h("div", { class: "row own-file" }, file, h("label", { class: "button", for: file.id }, "Your own zip or CSV"), h("span", { class: "tip" }, "or drop it anywhere here")),
    field("target", inputs.target),
    field("hidden", layers, null),
    field("activation", inputs.activation),
    field("lr", h("div", { class: "rate" }, slider, rate), rate.id),
    h("div", { class: "pair" }, field("optimizer", inputs.optimizer), field("batch_size", inputs.batch_size)),
    field("pace", h("div", { class: "segmented", role: "radiogroup", "aria-label": "Speed" }, paces.map((one) => one.element)), null),
    h(
      "details",
      { class: "more" },
      h("summary", {}, "Regularisation, schedule and more"),
      h("div", { class: "pair" }, field("dropout", inputs.dropout), field("weight_decay", inputs.weight_decay), field("l2", inputs.l2), field("l1", inputs.l1), field("schedule", inputs.schedule), field("epochs", inputs.epochs), field("augment", inputs.augment), field("seed", inputs.seed)),
    ),
    extras,
  );
  const element = h("details", { class: "card live-experiment", open: innerWidth > 860 }, h("summary", {}, h("strong", {}, "The experiment"), " ", title), form);

  function sizes() {
    const said = experiment.options.hidden ?? settledAs("hidden");
    return said === "none" ? [] : said.split(",").filter(Boolean).map(Number);
  }

  function setSizes(next) {
    set("hidden", next.length ? next.join(",") : "none");
  }

  function showLayers() {
    const present = sizes();
    const focused = [...layers.querySelectorAll("input")].indexOf(document.activeElement);
    layers.replaceChildren(
      h("button", { type: "button", class: "icon", "aria-label": "One hidden layer less", disabled: present.length === 0, on: { click: () => setSizes(sizes().slice(0, -1)) } }, "−"),
      ...present.map((size, at) => {
        const input = h("input", { type: "number", class: "input number", min: 1, max: 4096, value: size, "aria-label": `Units of hidden layer ${at + 1}` });
        input.addEventListener("change", () => setSizes(sizes().map((one, place) => (place === at ? Math.max(1, Math.round(Number(input.value) || one)) : one))));
        return input;
      }),
      h("button", { type: "button", class: "icon", "aria-label": "One hidden layer more", disabled: present.length >= 8, on: { click: () => setSizes([...sizes(), sizes().at(-1) ?? 8]) } }, "+"),
      experiment.options.hidden === undefined ? h("span", { class: "chip" }, "auto") : h("button", { type: "button", class: "button quiet", on: { click: () => set("hidden", "") } }, "auto"),
    );
    if (focused >= 0) layers.querySelectorAll("input")[focused]?.focus();
  }

  function show() {
    const groups = [
      ["Points on a plane", choices.toys.map((name) => [name, name])],
      ["Samples", choices.samples.map((name) => [name, name])],
    ];
    const own = [];
    if (choices.open) own.push(["open", choices.open]);
    if (experiment.data.startsWith("file:")) own.push([experiment.data, experiment.data.slice(5)]);
    else if (choices.file) own.push([`file:${choices.file}`, choices.file]);
    if (own.length) groups.push(["Your own", own]);
    data.replaceChildren(...groups.map(([label, some]) => h("optgroup", { label }, some.map(([value, text]) => h("option", { value }, text)))));
    data.value = experiment.data;
    title.textContent = `${data.selectedOptions[0]?.textContent ?? ""} · ${sizes().join(", ") || "no hidden layer"}`;
    showLayers();
    const optimizer = experiment.options.optimizer ?? "adamw";
    for (const name of SELECTS) inputs[name].value = experiment.options[name] ?? { activation: "relu", optimizer: "adamw", schedule: "cosine", augment: "none" }[name];
    for (const name of [...NUMBERS, ...WORDS]) {
      if (document.activeElement !== inputs[name]) inputs[name].value = experiment.options[name] ?? "";
      if (!WORDS.includes(name)) inputs[name].placeholder = settledAs(name);
    }
    const lr = Number(experiment.options.lr) || choices.optimizers[optimizer]?.lr || 0.003;
    if (document.activeElement !== rate) rate.value = experiment.options.lr ?? "";
    rate.placeholder = short(lr);
    slider.value = Math.round(Math.log10(lr) * LR.steps);
    for (const one of paces) one.input.checked = one.value === experiment.pace;
    unused("weight_decay", choices.used_by.weight_decay.includes(optimizer) ? "" : `${optimizer} does not use it`);
    unused("batch_size", optimizer === "lbfgs" ? "lbfgs looks at all rows at once" : "");
    unused("lr", optimizer === "lbfgs" ? "lbfgs chooses its steps itself" : "");
    unused("dropout", optimizer === "lbfgs" ? "lbfgs needs the same loss each time" : "");
    fields.augment.hidden = scene?.kind !== "image";
    fields.target.hidden = !(experiment.data === "open" || experiment.data.startsWith("file:")) || scene?.kind === "image";
    const known = [...SELECTS, ...NUMBERS, ...WORDS, "hidden", "lr"];
    extras.replaceChildren(
      ...Object.entries(experiment.options).filter(([name]) => !known.includes(name)).map(([name, value]) =>
        h("span", { class: "chip" }, `${name} = ${value}`, h("button", { type: "button", class: "icon small", "aria-label": `Take out ${name}`, on: { click: () => set(name, "") } }, "×")),
      ),
    );
  }

  function unused(name, why) {
    const tip = fields[name].querySelector(".unused");
    tip.textContent = why;
    tip.hidden = !why;
    for (const input of fields[name].querySelectorAll("input, select")) input.disabled = Boolean(why);
  }

  show();
  return {
    element,
    get experiment() {
      return experiment;
    },
    set,
    update(next, nextScene = scene) {
      [experiment, scene] = [next, nextScene];
      show();
    },
  };
}
