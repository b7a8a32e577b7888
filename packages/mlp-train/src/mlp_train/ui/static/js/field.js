// A field of the form: a slider with a number, a choice, a date or a text, and a switch for "unknown".

import { sparkline } from "./charts.js";
import { h, short, unique } from "./dom.js";

/**
 * Return a field for a column as `/api/table` describes it: element, name, usual, value (null: unknown), set(value),
 * range(low, high, whole), show(curve, amount, of). changed() is called when a person changes something.
 */
export function formField(column, changed) {
  const id = unique("field");
  const part = { number, choice, date: text, text }[column.kind](column, id, () => {
    mark(false);
    changed();
  });
  const unknown = h("input", { type: "checkbox", "aria-label": `${column.name} is unknown`, on: { change: () => (mark(unknown.checked), changed()) } });
  const title = part.grouped ? h("span", { class: "label", id: `${id}-name` }, column.name) : h("label", { for: id }, column.name);
  const canMiss = column.unknown === null;
  const element = h("div", { class: "field" }, h("div", { class: "top" }, title, canMiss && h("label", { class: "check" }, unknown, "unknown")), part.element);

  function mark(isUnknown) {
    unknown.checked = isUnknown;
    element.classList.toggle("unknown", isUnknown);
  }
  part.set(column.usual);
  return {
    element,
    name: column.name,
    usual: column.usual,
    get value() {
      return unknown.checked ? null : part.value();
    },
    set(value) {
      const missing = canMiss && (value === null || value === undefined || value === "") && column.kind !== "text";
      mark(missing || (canMiss && value === null));
      if (!missing) part.set(value ?? "");
    },
    range: part.range ?? (() => {}),
    limits: part.limits,
    show: part.show,
  };
}

function number(column, id, touched) {
  let [low, high, step] = [column.low, column.high, stepOf(column.low, column.high)];
  let value = column.usual;
  let curve = null;
  const slider = h("input", { type: "range", min: low, max: high, step, "aria-label": `${column.name}, slider`, on: { input: () => (take(Number(slider.value), slider), touched()) } });
  const exact = h("input", { type: "number", class: "input number", id, step: "any", on: { input: () => exact.value !== "" && (take(Number(exact.value), exact), touched()) } });
  const spark = sparkline();
  const way = h("div", { class: "way hidden" }, spark.element);
  const place = () => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));

  function take(given, from) {
    value = given;
    if (from !== slider) slider.value = given;
    if (from !== exact) exact.value = Number(given.toPrecision(6));
    if (curve) spark.update(...curve, place());
  }
  return {
    element: h("div", {}, way, h("div", { class: "numbers" }, slider, exact)),
    value: () => value,
    set: (given) => take(Number(given), null),
    range(least, most, whole) {
      if (least === most) return;
      step = whole ? 1 : stepOf(least, most);
      [low, high] = [Math.floor(least / step) * step, Math.ceil(most / step) * step]; // so that round numbers are met
      Object.assign(slider, { min: low, max: high, step });
      take(value, null);
    },
    limits: () => [low, high],
    show(values, amount, of) {
      way.classList.toggle("hidden", !values);
      curve = values ? [values, `the value of ${of} from ${column.name} ${short(low)} (${amount(values[0])}) to ${short(high)} (${amount(values.at(-1))})`] : null;
      if (curve) spark.update(...curve, place());
    },
  };
}

function choice(column, id, touched) {
  if (column.values.length > 6) return select(column, id, touched);
  const notes = column.values.map(() => h("small", { class: "number" }));
  const inputs = column.values.map((value) => h("input", { type: "radio", name: id, value, on: { change: touched } }));
  const labels = column.values.map((value, at) => h("label", {}, inputs[at], h("span", {}, value), notes[at]));
  return {
    grouped: true,
    element: h("div", { class: "segmented options", role: "radiogroup", "aria-labelledby": `${id}-name` }, labels),
    value: () => inputs.find((input) => input.checked)?.value ?? null,
    set(value) {
      for (const input of inputs) input.checked = same(input.value, value);
    },
    show: (values, amount) => notes.forEach((note, at) => (note.textContent = values ? amount(values[at]) : "")),
  };
}

function select(column, id, touched) {
  const options = column.values.map((value) => h("option", { value }, value));
  const element = h("select", { class: "input", id, on: { change: touched } }, options);
  return {
    element,
    value: () => element.value,
    set: (value) => (element.value = column.values.find((one) => same(one, value)) ?? ""),
    show: (values, amount) => options.forEach((option, at) => (option.textContent = values ? `${column.values[at]}  (${amount(values[at])})` : column.values[at])),
  };
}

function text(column, id, touched) {
  const input = h("input", { class: "input", id, type: column.kind === "date" ? "date" : "text", on: { input: touched } });
  const words = (column.words ?? []).slice(0, 12).map((word) =>
    h("button", { type: "button", class: "chip", "aria-pressed": "false", on: { click: () => (toggle(word), touched()) } }, word),
  );
  const has = (word) => input.value.split(/[^\p{L}\p{N}]+/u).includes(word);
  function toggle(word) {
    input.value = has(word) ? input.value.split(/(\s+)/).filter((one) => !one.includes(word)).join("").trim() : `${input.value} ${word}`.trim();
  }
  function mark() {
    for (const button of words) button.setAttribute("aria-pressed", String(has(button.textContent)));
  }
  return {
    element: h("div", { class: "stack" }, input, words.length > 0 && h("div", { class: "words", role: "group", "aria-label": `words that the model knows in ${column.name}` }, words)),
    value: () => input.value,
    set(value) {
      input.value = column.kind === "date" ? String(value).slice(0, 10) : value;
      mark();
    },
    show: mark,
  };
}

function stepOf(low, high) {
  return 10 ** Math.floor(Math.log10((high - low || 1) / 200));
}

/** Tell whether a cell of the data is this value: "3" is 3.0. */
function same(value, cell) {
  return value === String(cell) || (cell !== "" && value !== "" && Number(value) === Number(cell));
}
