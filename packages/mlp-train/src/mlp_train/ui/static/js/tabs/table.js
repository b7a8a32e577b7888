// Table: a form made of the model's own columns; the answer moves with every value, and each column shows its influence.

import { answerView } from "../answer.js";
import { barList } from "../charts.js";
import { h, percent, short } from "../dom.js";
import { heading } from "../explain.js";
import { formField } from "../field.js";

const MOST_BARS = 14;

export default {
  id: "table",
  title: "Table",
  order: 15,
  applies: (info) => info.model?.kind === "table" || (info.model?.kind === "vector" && info.model.layers[0].inputs <= 64),
  mount,
};

function mount(panel, { info, api, settings, announce, fail }) {
  const { model } = info;
  const kind = model.output.kind;
  const amount = (value) => (kind === "numbers" ? short(value) : percent(value));
  const form = h("form", { class: "form-fields", "aria-label": "the row", on: { submit: (event) => event.preventDefault() } });
  const influence = barList({ label: "the influence of each column", signed: true });
  const truth = h("span", { class: "tip" });
  const another = h("button", { type: "button", class: "button", hidden: true, on: { click: anotherRow } }, "A row of the data");
  const usual = h("button", { type: "button", class: "button", on: { click: usualRow } }, "The usual row");
  const moved = h("p", { class: "tip" });
  let fields = [];
  let rows = [];
  let ranges = {};
  let next = 0;
  let view = null;
  let last = null;
  let quiet = 0;

  const ask = api.latestOnly((row) => api.post("/api/table", { row, ranges }), received, (error) => (settle(), fail(error)));

  /** Note whether the answer that is shown is to the row that is shown. */
  function settle() {
    panel.dataset.pending = String(ask.waiting());
  }

  function row() {
    return Object.fromEntries(fields.map((field) => [field.name, field.value]));
  }

  function changed() {
    truth.textContent = "";
    truth.className = "tip";
    send();
  }

  function send() {
    const values = row();
    settings.write(Object.fromEntries(fields.map(({ name, value, usual: start }) => [`c.${name}`, value === start ? null : (value ?? "?")])));
    panel.dataset.pending = "true";
    ask(values);
  }

  function received(thought) {
    last = thought;
    view.update(thought);
    for (const field of fields) field.show(thought.curves[field.name], amount, thought.of);
    const moves = Object.entries(thought.influence).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
    const largest = Math.max(...moves.map(([, change]) => Math.abs(change)), kind === "numbers" ? 1e-9 : 0.05);
    influence.update(
      moves.slice(0, MOST_BARS).map(([label, change]) => ({
        label,
        value: change / largest,
        text: kind === "numbers" ? `${change > 0 ? "+" : ""}${short(change)}` : `${change > 0 ? "+" : change < 0 ? "−" : ""}${Math.abs(change * 100).toFixed(Math.abs(change) < 0.0995 ? 1 : 0)}`,
      })),
    );
    moved.textContent = kind === "numbers" ? `in units of ${thought.of}` : `in percentage points of “${thought.of}”; to the right speaks for it, to the left against it`;
    panel.dataset.answer = thought.answer;
    settle();
    clearTimeout(quiet);
    quiet = setTimeout(() => announce(`the answer is ${thought.answer}`), 600);
  }

  function usualRow() {
    for (const field of fields) field.set(field.usual);
    changed();
  }

  function anotherRow() {
    const chosen = rows[next % rows.length];
    next += 1;
    for (const field of fields) field.set(chosen.cells[field.name]);
    send();
    if (chosen.truth !== null) truth.textContent = `in the data: ${model.training.target ? `${model.training.target} = ` : ""}${chosen.truth}`;
  }

  const measured = {
    what: [
      "By how much the answer would change were this one cell unknown, all others staying as they are. The network is asked once more for every column, with that cell missing (for a model that knows no missing cells: with the average).",
      "This is about this row, not about the data as a whole, and about what the network does, not about what is true. Columns that say the same can hide each other's influence.",
    ],
    formula: "influence_c = y(row) - y(row without c)",
    now: () => (last ? Object.entries(last.influence).map(([name, change]) => `${name} ${short(change)}`).slice(0, 6).join(", ") : "nothing is asked yet"),
  };
  const filled = {
    what: ["One field for every column that the model reads, at first with what it takes for an unknown cell. Switch a cell to unknown to see how the model copes.", "The line above a slider, and the small figure at a choice, show what the answer's value would be there, all else staying as it is."],
    now: () => fields.map((field) => `${field.name} = ${field.value ?? "unknown"}`).slice(0, 8).join(", "),
  };

  panel.append(h("p", { class: "waiting" }, "One moment …"));
  start().catch(fail);

  async function start() {
    const { fields: described, inputs } = await api.get("/api/table");
    const said = settings.read(Object.fromEntries(described.map((one) => [`c.${one.name}`, ""])));
    view = answerView({ ...info, model: { ...model, inputs_named: inputs } });
    fields = described.map((one) => formField(one, changed));
    for (const field of fields) {
      const text = said[`c.${field.name}`];
      if (text !== "") field.set(text === "?" ? null : text);
    }
    form.append(...fields.map((field) => field.element));
    panel.replaceChildren(
      h("h1", { class: "unseen" }, "Table"),
      h(
        "div",
        { class: "table-top" },
        h("div", { class: "card" }, h("div", { class: "row spread" }, heading(2, "The row", filled), h("span", { class: "row" }, usual, another)), form),
        h("div", { class: "card table-answer" }, h("div", { class: "row spread" }, view.heading, truth), view.says, heading(2, "What moved it", measured), influence.element, moved),
      ),
      view.network,
    );
    view.clear();
    send();
    const known = await api.get("/api/table/data");
    for (const field of fields) if (known.ranges[field.name]) field.range(...known.ranges[field.name]);
    ranges = Object.fromEntries(fields.filter((field) => field.limits).map((field) => [field.name, field.limits()]));
    rows = known.rows;
    send();
    another.hidden = !rows.length;
    another.title = known.split ? `from the ${known.split} part of the data` : "";
  }
}
