// Charts in SVG and on canvas: each has axes or numbers, a legend, and the same said in words for who cannot see it.

import { h, onTheme, percent, s, short, token } from "./dom.js";

const COLOURS = ["c-train", "c-valid", "c-c", "c-d", "c-e", "c-text"];
const MARGIN = { top: 10, right: 14, bottom: 34, left: 52 };

/**
 * A chart of lines. options: title, x, y (what the axes mean), height, log (whether y is logarithmic), format, least (below
 * which y never is).
 * update(series, marker): series are { name, points: [[x, y], …], colour: "train" | "valid" | "c" | "d" | "e" }, in
 * the order of the legend; every second line is dashed, so that colour is not all that tells them apart. marker: an x
 * to point out, such as the epoch of a slider, or null.
 */
export function lineChart({ title, x, y, height = 220, log = false, format = short, least = -Infinity }) {
  const drawing = s("svg", { role: "img", "aria-label": title });
  const legend = h("ul", { class: "legend" });
  const tip = h("div", { class: "tooltip", hidden: true });
  const rows = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}: the numbers` });
  const numbers = h("details", {}, h("summary", {}, "The numbers"), rows);
  const element = h("figure", { class: "chart", style: null }, legend, drawing, tip, numbers);
  element.style.margin = "0";
  let held = { series: [], marker: null };
  let scale = null;

  function draw() {
    const width = Math.max(260, element.clientWidth || 480);
    const points = held.series.flatMap((one) => one.points).filter(([, b]) => Number.isFinite(b) && (!log || b > 0));
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (!points.length) {
      scale = null;
      drawing.replaceChildren(s("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing yet"));
      return;
    }
    const bend = log ? Math.log10 : (value) => value;
    const [left, right] = spread(points.map(([a]) => a));
    const [lowest, high] = spread(points.map(([, b]) => bend(b)), 0.06);
    const low = Math.max(lowest, least);
    const px = (value) => MARGIN.left + ((value - left) / (right - left)) * (width - MARGIN.left - MARGIN.right);
    const py = (value) => height - MARGIN.bottom - ((bend(value) - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    scale = { left, right, px, width };
    const parts = [];
    for (const value of log ? decades(low, high) : ticks(low, high, 4)) {
      parts.push(s("line", { class: "grid-line", x1: MARGIN.left, x2: width - MARGIN.right, y1: py(value), y2: py(value) }));
      parts.push(s("text", { x: MARGIN.left - 8, y: py(value) + 4, "text-anchor": "end" }, format(value)));
    }
    for (const value of ticks(left, right, Math.min(8, width / 70))) {
      parts.push(s("text", { x: px(value), y: height - MARGIN.bottom + 16, "text-anchor": "middle" }, short(value)));
    }
    parts.push(s("line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: height - MARGIN.bottom, y2: height - MARGIN.bottom }));
    parts.push(s("text", { x: width - MARGIN.right, y: height - 3, "text-anchor": "end" }, x));
    parts.push(s("text", { x: 2, y: height - 3 }, y));
    held.series.forEach((one, at) => {
      const drawn = one.points.filter(([, b]) => Number.isFinite(b) && (!log || b > 0));
      const path = drawn.map(([a, b], index) => `${index ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
      const colour = colourOf(one, at);
      parts.push(s("path", { class: `curve ${colour} ${at % 2 ? "dashed" : ""}`, d: path }));
      if (drawn.length === 1) parts.push(s("circle", { class: colour, cx: px(drawn[0][0]), cy: py(drawn[0][1]), r: 3.5, fill: "currentColor" }));
    });
    if (held.marker !== null) {
      parts.push(s("line", { class: "marker", x1: px(held.marker), x2: px(held.marker), y1: MARGIN.top, y2: height - MARGIN.bottom }));
    }
    drawing.replaceChildren(...parts);
  }

  function tell() {
    const said = held.series.filter((one) => one.points.length).map((one) => {
      const [first, last] = [one.points[0], one.points.at(-1)];
      return `${one.name} from ${format(first[1])} to ${format(last[1])}`;
    });
    drawing.setAttribute("aria-label", `${title}: ${said.join("; ") || "nothing yet"}`);
    legend.replaceChildren(
      ...held.series.map((one, at) =>
        h("li", {}, s("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" }, s("path", { class: `curve ${colourOf(one, at)} ${at % 2 ? "dashed" : ""}`, d: "M1 4H23" })), one.name),
      ),
    );
    if (numbers.open) fillNumbers();
  }

  function fillNumbers() {
    const places = [...new Set(held.series.flatMap((one) => one.points.map(([a]) => a)))].sort((a, b) => a - b).slice(-200);
    const maps = held.series.map((one) => new Map(one.points));
    rows.replaceChildren(
      h(
        "table",
        { class: "plain" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, x), held.series.map((one) => h("th", { scope: "col" }, one.name)))),
        h("tbody", {}, places.map((a) => h("tr", {}, h("td", {}, short(a)), maps.map((map) => h("td", {}, map.has(a) ? format(map.get(a)) : "–"))))),
      ),
    );
  }

  drawing.addEventListener("pointermove", (event) => {
    if (!scale) return;
    const box = drawing.getBoundingClientRect();
    const at = scale.left + (((event.clientX - box.left) / box.width) * scale.width - MARGIN.left) / (scale.px(1) - scale.px(0));
    const near = held.series.filter((one) => one.points.length).map((one) => [one.name, one.points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a))]);
    if (!near.length) return;
    tip.textContent = [`${x} ${short(near[0][1][0])}`, ...near.map(([name, point]) => `${name}  ${format(point[1])}`)].join("\n");
    tip.hidden = false;
    tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth)}px`;
    tip.style.top = `${drawing.offsetTop + 8}px`;
  });
  drawing.addEventListener("pointerleave", () => (tip.hidden = true));
  numbers.addEventListener("toggle", () => numbers.open && fillNumbers());
  new ResizeObserver(draw).observe(element);

  return {
    element,
    update(series, marker = null) {
      held = { series, marker };
      tell();
      draw();
    },
  };
}

function colourOf(one, at) {
  return one.colour ? `c-${one.colour}` : COLOURS[at % COLOURS.length];
}

function spread(values, room = 0) {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const more = (high - low) * room || (high === low ? Math.abs(high) * 0.1 || 0.5 : 0);
  return [low - more, high + more];
}

function ticks(low, high, about) {
  const rough = (high - low) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

function decades(low, high) {
  const found = [];
  for (let power = Math.ceil(low); power <= high; power += 1) found.push(10 ** power);
  return found.length >= 2 ? found : [10 ** low, 10 ** ((low + high) / 2), 10 ** high];
}

/**
 * A list of bars. update(items): { label, value, best, text }, value from 0 to 1, or from -1 to 1 where `signed`;
 * text is what stands at the end of the bar (per cent if not given).
 */
export function barList({ label, signed = false }) {
  const element = h("ol", { class: signed ? "bars signed" : "bars", "aria-label": label });
  return {
    element,
    update(items) {
      while (element.children.length > items.length) element.lastChild.remove();
      while (element.children.length < items.length) {
        element.append(
          h("li", {}, h("span", { class: "name" }), h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "fill" })), h("span", { class: "amount number" })),
        );
      }
      const longest = items.reduce((most, item) => Math.max(most, item.label.length), 1);
      element.style.setProperty("--label", `${Math.min(longest + 1, 18)}ch`);
      items.forEach((item, at) => {
        const line = element.children[at];
        const [name, track, amount] = line.children;
        const fill = track.firstChild;
        line.classList.toggle("best", Boolean(item.best));
        if (name.textContent !== item.label) name.textContent = name.title = item.label;
        amount.textContent = item.text ?? percent(item.value);
        const share = Math.min(1, Math.abs(item.value));
        if (signed) {
          fill.style.width = `${share * 50}%`;
          fill.classList.toggle("minus", item.value < 0);
        } else {
          fill.style.transform = `translateX(${(share - 1) * 100}%)`;
        }
      });
    },
  };
}

/**
 * A field of values on a canvas, a pixel each. scale: "ink" (0 paper, 1 ink), "light" (0 black, 1 white: an image as it
 * is), "diverging" (negative to positive about 0). update({ rows, columns, values, label }); values as the scale says.
 */
export function heatMap({ scale = "ink", width = 120, label = "" }) {
  const element = h("canvas", { class: "heat", role: "img", "aria-label": label, width: 1, height: 1 });
  element.style.width = `${width}px`;
  let held = null;
  function draw() {
    if (!held) return;
    const { rows, columns, values } = held;
    if (element.width !== columns || element.height !== rows) [element.width, element.height] = [columns, rows];
    element.style.aspectRatio = `${columns} / ${rows}`;
    const image = new ImageData(columns, rows);
    const names = scale === "light" ? [] : ["--surface", scale === "ink" ? "--text" : "--positive", "--negative"];
    const [zero, plus, minus] = names.map(rgb); // asking for styles takes its time: not while somebody draws
    const most = scale === "diverging" ? values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-12) : 1;
    const channels = values.length === rows * columns * 3 ? 3 : 1;
    for (let at = 0; at < rows * columns; at += 1) {
      for (let part = 0; part < 3; part += 1) {
        const value = values[channels === 3 ? at * 3 + part : at];
        if (scale === "light") {
          image.data[at * 4 + part] = value * 255;
          continue;
        }
        const share = Math.min(1, Math.abs(value) / most);
        const end = value < 0 ? minus : plus;
        image.data[at * 4 + part] = zero[part] + (end[part] - zero[part]) * share;
      }
      image.data[at * 4 + 3] = 255;
    }
    element.getContext("2d").putImageData(image, 0, 0);
  }
  onTheme(draw);
  return {
    element,
    update(field) {
      held = field;
      if (field.label) element.setAttribute("aria-label", field.label);
      draw();
    },
  };
}

function rgb(name) {
  const hex = token(name);
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/**
 * A confusion matrix as a table. update({ classes, counts }): counts[truth][answer]. picked(truth, answer), where
 * given, is called for a cell that a person chooses.
 */
export function confusionMatrix({ caption, picked = null }) {
  const table = h("table", { class: "matrix" });
  const element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
  return {
    element,
    update({ classes, counts }) {
      const head = h("tr", {}, h("th", { scope: "col" }, "truth \\ answer"), classes.map((name) => h("th", { scope: "col" }, name)));
      const body = counts.map((line, truth) => {
        const total = line.reduce((a, b) => a + b, 0) || 1;
        const cells = line.map((count, answer) => {
          const share = Math.sqrt(count / total);
          const words = `${classes[truth]} taken for ${classes[answer]}: ${count}`;
          const inside = picked && count ? h("button", { type: "button", "aria-label": words, on: { click: () => picked(truth, answer) } }, String(count)) : count ? String(count) : "·";
          const cell = h("td", { title: words }, inside);
          const colour = truth === answer ? "var(--right)" : "var(--wrong)";
          if (count) cell.style.background = `color-mix(in srgb, ${colour} ${Math.round(8 + share * 34)}%, var(--surface))`;
          return cell;
        });
        return h("tr", {}, h("th", { scope: "row" }, classes[truth]), cells);
      });
      table.replaceChildren(h("caption", { class: "unseen" }, caption), h("thead", {}, head), h("tbody", {}, body));
    },
  };
}

/** A small line without axes. update(values, label, at): `at` is the place, from 0 to 1, to point out. */
export function sparkline() {
  const path = s("path", { class: "curve", "vector-effect": "non-scaling-stroke" });
  const mark = s("line", { class: "marker", y1: 0, y2: 28, stroke: "currentColor", "vector-effect": "non-scaling-stroke" });
  const element = s("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", role: "img" }, path, mark);
  return {
    element,
    update(values, label, at = null) {
      const [low, high] = spread(values);
      const place = (value, index) => `${((index / Math.max(1, values.length - 1)) * 100).toFixed(1)} ${(26 - ((value - low) / (high - low)) * 24).toFixed(1)}`;
      path.setAttribute("d", values.map((value, index) => (index ? "L" : "M") + place(value, index)).join(""));
      element.setAttribute("aria-label", label);
      mark.toggleAttribute("hidden", at === null);
      mark.setAttribute("opacity", at === null ? 0 : 0.5);
      if (at !== null) for (const end of ["x1", "x2"]) mark.setAttribute(end, at * 100);
    },
  };
}
