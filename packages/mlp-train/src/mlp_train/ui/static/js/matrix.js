// A matrix with its numbers: small ones whole, large ones as a heat map with a window of numbers that one can move.

import { heatMap } from "./charts.js";
import { h } from "./dom.js";

const WHOLE = 10; // up to so many rows and columns all numbers are shown
const WINDOW = 6;

/** Write a number so that columns line up: four places after the point, or a power of ten where they would say nothing. */
export function figure(value) {
  const size = Math.abs(value);
  const text = value === 0 ? "0" : size < 5e-4 || size >= 1e5 ? value.toExponential(2) : value.toFixed(size < 10 ? 4 : size < 100 ? 3 : 2);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Return the cell to look at first: the largest number of a large matrix, else the one in the corner. */
export function firstCell([rows, columns], values) {
  if (rows <= WHOLE && columns <= WHOLE) return [0, 0];
  const at = values.reduce((best, value, place) => (Math.abs(value) > Math.abs(values[best]) ? place : best), 0);
  return [Math.floor(at / columns), at % columns];
}

/**
 * A matrix. title: how it is written; shape: [rows, columns]; values: Float64Array, row by row; names: { rows, columns },
 * lists of words or null; picture: [height, width, channels] where each row is an image; picked(row, column): makes the
 * cells buttons. mark(row, column, focus) points out a cell, a row (column null) or a column (row null); `focus` is what
 * of a long one must be in view. select(row, column, grab) chooses a cell, and grabs the keyboard.
 */
export function matrixView({ title, shape, values, names, picture = null, picked = null }) {
  const [rows, columns] = shape;
  const most = values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-12);
  const table = h("table", { class: picked ? "matrix-numbers pick" : "matrix-numbers" });
  const large = rows > WHOLE || columns > WHOLE;
  const map = large ? overview() : null;
  const state = { top: 0, left: 0, row: null, column: null, chosen: [0, 0] };
  const high = Math.min(rows, rows > WHOLE ? WINDOW : WHOLE);
  const wide = Math.min(columns, columns > WHOLE ? WINDOW : WHOLE);
  const element = h(
    "figure",
    { class: "matrix-view" },
    h("figcaption", {}, h("code", {}, title), h("span", { class: "tip number" }, names.rows?.[0] === "" ? `(${columns},)` : shape.join(" × "))),
    map?.element,
    h("div", { class: "scroll brackets", tabindex: picked ? null : "0", role: "group", "aria-label": `${title}, ${rows} rows and ${columns} columns` }, table),
  );

  function overview() {
    const image = picture && columns === picture[0] * picture[1] * picture[2];
    const drawing = heatMap({ scale: "diverging", width: image ? 132 : Math.min(220, Math.max(96, columns * 3)), label: `${title} as a heat map` });
    const frame = h("i", { class: "frame-mark", "aria-hidden": "true" });
    const place = h("div", { class: "overview" }, drawing.element, image ? null : frame);
    const canvas = drawing.element;
    if (!image) canvas.style.height = `${Math.min(140, Math.max(16, rows * 3))}px`;
    canvas.style.aspectRatio = "auto";
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const across = Math.min(0.9999, (event.clientX - box.left) / box.width);
      const down = Math.min(0.9999, (event.clientY - box.top) / box.height);
      if (image) pick(state.chosen[0], (Math.floor(down * picture[0]) * picture[1] + Math.floor(across * picture[1])) * picture[2]);
      else pick(Math.floor(down * rows), Math.floor(across * columns));
    });
    return {
      element: place,
      draw() {
        if (image) {
          const row = state.row ?? state.chosen[0];
          drawing.update({ rows: picture[0], columns: picture[1], values: values.slice(row * columns, (row + 1) * columns) });
          canvas.style.aspectRatio = `${picture[1]} / ${picture[0]}`;
          return;
        }
        if (canvas.width !== columns || canvas.height !== rows) drawing.update({ rows, columns, values });
        canvas.style.aspectRatio = "auto";
        frame.style.cssText = `left:${(state.left / columns) * 100}%;top:${(state.top / rows) * 100}%;width:${(wide / columns) * 100}%;height:${(high / rows) * 100}%`;
      },
    };
  }

  function pick(row, column) {
    if (picked) picked(row, column);
    else {
      look(row, column);
      draw();
    }
  }

  function look(row, column) {
    if (row < state.top || row >= state.top + high) state.top = Math.max(0, Math.min(rows - high, row - Math.floor(high / 2)));
    if (column < state.left || column >= state.left + wide) state.left = Math.max(0, Math.min(columns - wide, column - Math.floor(wide / 2)));
  }

  function draw() {
    const across = Array.from({ length: wide }, (_, at) => state.left + at);
    const down = Array.from({ length: high }, (_, at) => state.top + at);
    const head = h("tr", {}, h("td", { class: "corner" }), across.map((column) => h("th", { scope: "col" }, names.columns?.[column] ?? String(column))));
    const body = down.map((row) => h("tr", {}, h("th", { scope: "row" }, names.rows?.[row] ?? String(row)), across.map((column) => cell(row, column))));
    table.replaceChildren(h("thead", {}, head), h("tbody", {}, body));
    map?.draw();
  }

  function cell(row, column) {
    const value = values[row * columns + column];
    const used = (state.row !== null || state.column !== null) && (state.row === null || state.row === row) && (state.column === null || state.column === column);
    const chosen = picked && state.chosen[0] === row && state.chosen[1] === column;
    const place = h("td", { class: [used && "used", chosen && "chosen"].filter(Boolean).join(" ") || null, "data-row": row, "data-column": column, "data-value": value });
    const tint = Math.round((Math.abs(value) / most) * 34);
    if (tint) place.style.background = `color-mix(in srgb, var(${value < 0 ? "--negative" : "--positive"}) ${tint}%, var(--surface))`;
    if (!picked) place.append(figure(value));
    else place.append(h("button", { type: "button", tabindex: chosen ? "0" : "-1", "aria-pressed": String(chosen), "aria-label": `${title}, row ${row}, column ${column}: ${figure(value)}`, on: { click: () => picked(row, column, true) } }, figure(value)));
    return place;
  }

  table.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -columns], End: [0, columns] }[event.key];
    if (!step || !picked) return;
    event.preventDefault();
    event.stopPropagation();
    const [row, column] = state.chosen;
    picked(Math.max(0, Math.min(rows - 1, row + step[0])), Math.max(0, Math.min(columns - 1, column + step[1])), true);
  });
  draw();
  return {
    element,
    mark(row, column, focus = 0) {
      [state.row, state.column] = [row, column];
      look(row ?? Math.min(focus, rows - 1), column ?? Math.min(focus, columns - 1));
      draw();
    },
    select(row, column, grab = false) {
      state.chosen = [row, column];
      look(row, column);
      draw();
      if (grab) table.querySelector("td.chosen button")?.focus();
    },
  };
}
