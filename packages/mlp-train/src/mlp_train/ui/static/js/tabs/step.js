// Step: one sample goes through the network and its blame comes back, line by line, with every number to be seen.

import { bytes, h, short, unique } from "../dom.js";
import { explain, heading } from "../explain.js";
import { lastDrawn } from "../latest.js";
import { figure, firstCell, matrixView } from "../matrix.js";
import { mistakesCard, relative } from "../mistakes.js";
import { stageMap } from "../stagemap.js";

const DRAWN = -1;

export default {
  id: "step",
  title: "Step",
  order: 30,
  applies: () => true,
  mount,
};

function mount(panel, { info, api, settings, announce, fail }) {
  const open = Boolean(info.model);
  const state = { ...settings.read({ network: open ? "open" : "xor", activation: "tanh", sample: 0, batch: 1, mistake: "", stage: 0, lr: 0.5 }), taken: [], target: null, predicted: false };
  if (state.network === "open" && !open) state.network = "xor";
  if (state.sample === DRAWN) state.sample = 0;
  let view = null; // the overview of where we are
  let result = null; // the matrix of this stage's result
  let operands = [];
  let cellNow = null; // the row and column of the chosen number
  let round = 0;
  let shown = true;

  const place = () => ({
    network: state.network, activation: state.activation, sample: state.sample, batch: state.batch, mistake: state.mistake || null,
    drawn: state.sample === DRAWN || state.taken.some(({ sample }) => sample === DRAWN) ? drawing() : null, taken: state.taken,
  });
  const drawing = () => {
    const drawn = lastDrawn();
    return drawn && { pixels: drawn.pixels, height: drawn.height, width: drawn.width, channels: drawn.channels, target: state.target ?? 0 };
  };
  const ask = (what, more = {}) => api.post(`/api/step${what}`, { place: place(), ...more });

  // what goes through
  const network = h("select", { class: "input", id: unique("network"), on: { change: () => change({ network: network.value, sample: 0, stage: 0 }, true) } });
  const activation = choice("activation", ["tanh", "sigmoid", "relu"], (value) => change({ activation: value }, true));
  const batch = choice("samples at once", ["1", "4"], (value) => change({ batch: Number(value) }));
  const sample = h("input", { class: "input", type: "number", id: unique("sample"), min: 0, step: 1, on: { change: () => change({ sample: Math.max(0, Math.min(view.samples - 1, Math.round(Number(sample.value)) || 0)) }) } });
  const drawn = h("button", { type: "button", class: "button", on: { click: useDrawn } }, "what I drew");
  const target = h("select", { class: "input", id: unique("target"), on: { change: () => change({ target: Number(target.value) }, true) } });
  const targetField = field("it should be", target, { what: "The right answer to what you drew: nobody else knows it.", now: () => view.outputs[state.target ?? 0] });
  const activationField = field("activation", activation.element, { what: "How each hidden neuron bends its weighted sum. The derivatives differ, and so does what comes back.", now: () => state.activation, formula: "a = activation(z)" });
  const answer = h("p", { class: "step-answer" });
  const setup = h(
    "section",
    { class: "card step-setup" },
    h("div", { class: "step-fields" },
      field("network", network, { what: "A tiny network shows every number at once; the open model shows its own, with heat maps where there are many.", now: () => view.layers.join(", ") }),
      activationField,
      field("sample", h("div", { class: "row tight" }, nudge("−", "the sample before", -1), sample, nudge("+", "the next sample", 1), drawn), { what: ["Which sample goes through first. Rows of x, y, a and z are samples.", "After a drawing in the tab Draw it can be stepped through too."], now: () => `${view.note || "samples"}, ${view.samples.toLocaleString("en")} of them` }, sample),
      targetField,
      field("samples at once", batch.element, { what: "The batch: L is the mean over its rows, so every gradient carries a factor 1/batch.", now: () => `${view.batch} at once`, formula: "L = mean(loss of each row)" })),
    answer,
  );

  // where we are
  const map = stageMap((stage) => go(stage));
  const before = h("button", { type: "button", class: "button", on: { click: () => go(state.stage - 1) } }, "← previous");
  const after = h("button", { type: "button", class: "button primary", on: { click: () => go(state.stage + 1) } }, "next →");
  const counted = h("span", { class: "number step-count" });
  const where = h(
    "section",
    { class: "card" },
    h("div", { class: "row spread" },
      heading(2, "Where we are", { what: ["Above, numbers go forward from x to the loss L. Below, the blame for L comes back, from the last layer to the first, right under what it belongs to: d_z under z.", "Press a stage, or walk with the buttons or the arrow keys ← and →. With the keyboard in a matrix, the arrows move from number to number."], now: () => `stage ${state.stage + 1} of ${view.stages.length}: ${view.stages[state.stage].code}`, formula: "d_q = dL/dq: how much L moves when q moves a little" }),
      h("div", { class: "row" }, before, counted, after)),
    map.element,
  );

  // the line of arithmetic
  const direction = h("span", { class: "direction" });
  const code = h("h2", { class: "step-code" });
  const words = h("p", { class: "step-words" });
  const equation = h("div", { class: "equation" });
  const cellName = h("code", { class: "cell-name" });
  const formula = h("p", { class: "cell-formula" });
  const measured = h("div", { class: "measured" });
  const line = h(
    "section",
    { class: "card step-line" },
    h("div", { class: "row" }, direction, explain("the line", { what: ["One line of the trainer's own arithmetic, in float64. Choose a number of the result: what it is made of is outlined.", "Blue is above zero, orange below; the stronger, the larger. Large matrices are heat maps, and the numbers are a window that follows your choice."], now: () => view.stages[state.stage].code })),
    code, words, equation,
    h("div", { class: "inspect" },
      h("div", { class: "stack" }, h("h3", { class: "with-why" }, "This number", explain("this number", { what: "The formula of the chosen number with its numbers filled in. Of a long sum the largest terms are written out.", now: () => `${cellName.textContent} ${formula.dataset.value ?? ""}` })), h("p", {}, cellName), formula),
      measured),
  );

  const mistakes = mistakesCard({
    chosen: breakIt, check: () => ask("/check"), announce, fail,
    answered: () => {
      state.predicted = true;
      inspect(...cellNow);
    },
  });

  // learning
  const lr = h("input", { class: "input", type: "number", id: unique("lr"), min: 0.001, max: 100, step: "any", value: state.lr, on: { change: () => ((state.lr = Math.min(1000, Math.max(1e-6, Number(lr.value) || 0.5))), (lr.value = state.lr), settings.write({ lr: state.lr })) } });
  const outcome = h("div", { class: "outcome", role: "status" });
  const again = h("button", { type: "button", class: "button quiet", on: { click: () => (outcome.replaceChildren(), change({}, true)) } }, "start again");
  const learn = h(
    "section",
    { class: "card" },
    heading(2, "Take the step", { what: ["The gradient says how L changes when a number grows, so every number goes a small step the other way. That is all of learning.", "The loss is that of the samples above, before and after. Then go on to the next sample: that is stochastic gradient descent by hand."], now: () => `${state.taken.length} steps taken, L = ${figure(view.loss)}`, formula: "weight -= lr * d_weight          bias -= lr * d_bias" }),
    h("p", {}, h("code", {}, "weight -= lr * d_weight")),
    h("div", { class: "row learn-row" },
      field("learning rate lr", lr, { what: "How far each number goes. Too small, and nothing happens; too large, and the loss jumps over the valley and rises.", now: () => String(state.lr) }),
      h("button", { type: "button", class: "button primary", on: { click: takeStep } }, "take the step"), again),
    outcome,
  );

  panel.append(h("h1", { class: "unseen" }, "Step through backpropagation"), setup, where, line, h("div", { class: "columns" }, mistakes.element, learn));

  function field(label, control, explained, labelled = control) {
    const inner = labelled.id ? h("label", { for: labelled.id }, label) : h("span", { class: "label" }, label);
    return h("div", { class: "field" }, h("span", { class: "with-why" }, inner, explain(label, explained)), control);
  }

  function choice(label, values, picked) {
    const name = unique(label.replaceAll(" ", "-"));
    const inputs = values.map((value) => h("input", { type: "radio", name, value, on: { change: () => picked(value) } }));
    const element = h("div", { class: "segmented", role: "radiogroup", "aria-label": label }, values.map((value, at) => h("label", {}, inputs[at], value)));
    return { element, set: (value, usable = true) => inputs.forEach((input) => ((input.checked = input.value === value), (input.disabled = !usable))) };
  }

  function nudge(sign, label, by) {
    return h("button", { type: "button", class: "button", "aria-label": label, on: { click: () => change({ sample: (Math.max(0, state.sample) + by + view.samples) % view.samples }) } }, sign);
  }

  function useDrawn() {
    if (!lastDrawn()) {
      fail(new Error("nothing was drawn yet: draw in the tab Draw, and come back"));
      return;
    }
    change({ sample: DRAWN, target: state.target ?? 0 }, true);
  }

  function breakIt(id) {
    const changes = { mistake: id ?? "" };
    if (id === "hybrid" && state.network !== "open") changes.activation = "sigmoid";
    change(changes, changes.activation !== undefined && changes.activation !== state.activation);
  }

  /** Go on from other settings; `afresh` forgets the steps of learning, which belong to one network. */
  function change(changes, afresh = false) {
    Object.assign(state, changes);
    if (afresh) state.taken = [];
    if ("network" in changes) state.mistake = "";
    if ("mistake" in changes || "network" in changes || "activation" in changes) state.predicted = false;
    refresh();
  }

  async function refresh() {
    const mine = (round += 1);
    try {
      const found = await ask("");
      if (mine !== round) return;
      view = found;
    } catch (error) {
      if (mine !== round) return;
      fail(error);
      if (!view && state.network === "open") change({ network: "xor" }, true); // a model that cannot be stepped through
      return;
    }
    state.stage = Math.max(0, Math.min(view.stages.length - 1, state.stage));
    settings.write({ network: state.network, activation: state.activation, sample: Math.max(0, state.sample), batch: state.batch, mistake: state.mistake || null });
    network.replaceChildren(...view.networks.map(({ id, title }) => h("option", { value: id, selected: id === state.network }, title)));
    activationField.hidden = state.network === "open";
    activation.set(state.activation);
    batch.set(String(view.batch), state.mistake !== "batch");
    sample.max = view.samples - 1;
    sample.value = state.sample === DRAWN ? "" : state.sample;
    drawn.hidden = !view.can_draw;
    targetField.hidden = state.sample !== DRAWN;
    target.replaceChildren(...view.outputs.map((name, at) => h("option", { value: at, selected: at === (state.target ?? 0) }, name)));
    const told = [
      h("span", {}, "right is ", h("strong", {}, view.truths.join(", "))), h("span", {}, "the network says ", h("strong", {}, view.said.join(", "))),
      h("span", {}, h("code", {}, "L"), " = ", h("strong", { class: "number", "data-loss": view.loss }, figure(view.loss)), ` (${view.loss_name})`),
      state.taken.length ? h("span", { class: "chip" }, `after ${state.taken.length} ${state.taken.length === 1 ? "step" : "steps"}`) : "",
    ];
    answer.replaceChildren(...told.filter(Boolean));
    again.disabled = !state.taken.length;
    map.draw(view.stages, view.sizes, view.batch);
    mistakes.update(view, state.mistake || null, state.network === "open");
    await showStage();
  }

  async function go(stage) {
    if (!view || stage < 0 || stage >= view.stages.length) return;
    state.stage = stage;
    cellNow = null;
    await showStage();
    announce(`stage ${stage + 1} of ${view.stages.length}: ${view.stages[stage].code}`);
  }

  async function showStage() {
    const mine = (round += 1);
    const stage = view.stages[state.stage];
    settings.write({ stage: state.stage });
    before.disabled = state.stage === 0;
    after.disabled = state.stage === view.stages.length - 1;
    counted.textContent = `${state.stage + 1} of ${view.stages.length}`;
    map.at(state.stage);
    let numbers;
    try {
      numbers = await ask("/stage", { stage: state.stage });
    } catch (error) {
      fail(error);
      return;
    }
    if (mine !== round) return;
    line.classList.toggle("going-back", stage.direction === "backward");
    direction.textContent = `${stage.direction === "forward" ? "forward →" : "← back"} · ${stage.name === "losses" ? "loss" : `layer ${Math.min(stage.layer, view.layers.length - 1)}: ${view.layers[Math.min(stage.layer, view.layers.length - 1)].replace("->", "→")}`}`;
    code.replaceChildren(...coloured(stage.code));
    words.textContent = stage.words;
    const title = stage.name === "losses" ? "loss of each sample" : stage.key;
    const made = (one, name, picked) => matrixView({ title: name, shape: one.shape, values: new Float64Array(bytes(one.values).buffer), names: { rows: axis(one.rows), columns: axis(one.columns) }, picture: one.columns === 0 && view.picture, picked });
    result = made(numbers.result, title, inspect);
    operands = numbers.operands.map((one) => made(one, one.text, null));
    equation.replaceChildren(
      h("div", { class: "term result" }, result.element),
      ...operands.map((one, at) => {
        const sign = numbers.operands[at].before;
        const signs = [at === 0 && h("span", { class: "sign" }, "="), sign && h("span", { class: sign.length > 2 ? "sign word" : "sign" }, sign)];
        return h("div", { class: "signed-term" }, signs, h("div", { class: "term" }, one.element));
      }),
    );
    if (stage.name === "losses") equation.append(h("p", { class: "mean" }, h("code", {}, "L"), " = their mean = ", h("strong", { class: "number", "data-mean": numbers.loss }, figure(numbers.loss))));
    panel.dataset.stage = stage.key;
    const [rows, columns] = numbers.result.shape;
    cellNow ??= firstCell(numbers.result.shape, new Float64Array(bytes(numbers.result.values).buffer));
    cellNow = [Math.min(cellNow[0], rows - 1), Math.min(cellNow[1], columns - 1)];
    await inspect(...cellNow);
  }

  function axis(counts) {
    if (counts === "sample" || counts === "") return counts === "" ? [""] : null;
    if (counts === 0) return view.inputs.length ? view.inputs : null;
    return counts === view.sizes.length - 1 ? view.outputs : null;
  }

  async function inspect(row, column, grab = false) {
    cellNow = [row, column];
    result.select(row, column, grab);
    const here = round;
    let cell;
    try {
      cell = await ask("/cell", { stage: state.stage, row, column });
    } catch (error) {
      fail(error);
      return;
    }
    if (here !== round || cellNow[0] !== row || cellNow[1] !== column) return;
    cell.used.forEach(([r, c], at) => operands[at]?.mark(r, c, cell.strongest));
    cellName.textContent = cell.name;
    formula.dataset.value = cell.value;
    formula.replaceChildren("= ", ...cell.parts.map(part), h("br"), "= ", h("strong", { "data-value": cell.value }, figure(cell.value)));
    showNudge(cell);
    panel.dataset.cell = `${panel.dataset.stage} ${row} ${column}`;
  }

  function part(one, at, all) {
    if (typeof one === "string") return one;
    const inProduct = one < 0 && /[·−+]\s*$/.test(typeof all[at - 1] === "string" ? all[at - 1] : "");
    return h("span", { class: "number part", "data-value": one }, inProduct ? `(${figure(one)})` : figure(one));
  }

  function showNudge({ nudge: found, value }) {
    if (!found) {
      measured.replaceChildren(h("p", { class: "tip" }, "Going forward there is nothing to check yet: gradients begin behind the loss."));
      return;
    }
    const head = h("h3", { class: "with-why" }, "Is it true?", explain("finite differences", { what: ["Move this one number a little, let the rest of the network run again, and watch L: that is its slope, without any calculus.", "Four losses are taken around it, so that the error is near 1e-12. Where ReLU has its kink within a step, a smaller step is taken."], now: () => `step h = ${found.step}`, formula: "slope = (8 (L(p + h) - L(p - h)) - (L(p + 2h) - L(p - 2h))) / 12h" }));
    if (state.mistake && !state.predicted) {
      measured.replaceChildren(head, h("p", {}, "First say what the mistake will do, below; then this compares."));
      return;
    }
    const ok = found.error !== null && found.error <= 1e-6;
    const surrogate = !ok && (state.mistake === "hybrid" || view.layers.some((layer) => layer.includes("sigmoid-hybrid")));
    const [plus, minus, plus2, minus2] = found.losses;
    measured.replaceChildren(
      head,
      h("dl", { class: "compare" },
        h("dt", {}, "backpropagation"), h("dd", { class: "number", "data-said": value }, figure(value)),
        h("dt", {}, "finite differences"), h("dd", { class: "number", "data-slope": found.slope }, figure(found.slope)),
        h("dt", {}, "relative error"), h("dd", { class: "number", "data-error": found.error }, relative(found.error), " ", h("span", { class: ok ? "chip right" : surrogate ? "chip" : "chip wrong" }, ok ? "they agree" : surrogate ? "surrogate, on purpose" : "they differ"))),
      h("p", { class: "tip losses" }, `(8 (${exact(plus)} − ${exact(minus)}) − (${exact(plus2)} − ${exact(minus2)})) / (12 · ${found.step})`),
    );
  }

  const exact = (loss) => loss.toFixed(8);

  async function takeStep() {
    try {
      const { before: was, after: is } = await ask("/take", { lr: state.lr });
      state.taken = [...state.taken, { sample: state.sample, batch: view.batch, mistake: state.mistake || null, lr: state.lr }].slice(-500);
      const fell = is < was;
      outcome.replaceChildren(
        h("p", { class: "loss-step" }, h("code", {}, "L"), " ", h("span", { class: "number", "data-before": was }, figure(was)), " → ", h("strong", { class: "number", "data-after": is }, figure(is)), " ", h("span", { class: fell ? "chip right" : "chip wrong" }, fell ? `fell by ${short(was - is)}` : `rose by ${short(is - was)}`)),
        h("p", { class: "tip" }, fell ? "All numbers above are those of the network after the step." : state.mistake === "sign" ? "With the wrong sign every step leads uphill." : "The step was too long, or the gradient is not that of this loss: try a smaller lr."),
      );
      await refresh();
    } catch (error) {
      fail(error);
    }
  }

  /** Colour the two sides of a line: what comes out, and what goes in. */
  function coloured(text) {
    const [out, ...rest] = text.split(" = ");
    return [h("code", { class: "out" }, out), h("code", {}, ` = ${rest.join(" = ")}`)];
  }

  function key(event) {
    if (!shown || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || event.target.closest("input, select, textarea, [role=tablist], .matrix-numbers, [popover]:popover-open")) return;
    event.preventDefault();
    go(state.stage + by);
  }

  document.addEventListener("keydown", key);
  refresh();
  return { show: () => (shown = true), hide: () => (shown = false), close: () => document.removeEventListener("keydown", key) };
}
