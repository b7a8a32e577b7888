// Two numbers in: the network drawn over its plane, each neuron as the picture of what it says where, and the answer.

import { bytes, h, onTheme, s, short, token } from "./dom.js";

const NODE = 42;
const BIG = 300;
const STEP = 52; // from one neuron to the next below
const PALETTE = ["--train", "--valid", "--series-c", "--series-d", "--series-e", "--right"];

/** Return signed numbers from -1 to 1. */
export function unpacked(given) {
  return Float32Array.from(new Int8Array(bytes(given.bytes).buffer), (value) => value / 127);
}

/** The picture. update(plane of the pictures, scene). */
export function planeView() {
  const lines = s("svg", { class: "plane-lines", "aria-hidden": "true" });
  const big = h("canvas", { class: "plane-answer", role: "img", width: BIG * 2, height: BIG * 2 });
  const stage = h("div", { class: "plane-stage" }, lines, big);
  const caption = h("p", { class: "tip" });
  const element = h("div", { class: "stack" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "the network over the plane; scrolls sideways" }, stage), caption);
  let held = null;
  let nodes = []; // of each column: canvases
  let shape = "";
  let pointed = null; // [column, node] under the pointer
  new ResizeObserver(fit).observe(element);

  /** Make it as small as a phone is. */
  function fit() {
    stage.style.zoom = Math.min(1, element.clientWidth / Number.parseFloat(stage.style.width)) || 1;
  }

  function build({ plane, scene }) {
    const columns = [plane.inputs.length, ...plane.layers.slice(0, -1).map((layer) => layer.nodes.length)];
    const tall = Math.max(BIG + 24, Math.max(...columns) * STEP + 26);
    const wide = Math.max(columns.length * 108 + BIG + 40, 560);
    stage.style.width = `${wide}px`;
    stage.style.height = `${tall}px`;
    lines.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
    fit();
    const across = (wide - BIG - 30 - NODE) / columns.length;
    for (const canvas of nodes.flat()) canvas.remove();
    for (const word of stage.querySelectorAll(".plane-word")) word.remove();
    nodes = columns.map((count, column) => {
      const title = column === 0 ? "input" : `${plane.layers[column - 1].size} units${plane.layers[column - 1].size > count ? `, ${count} shown` : ""}`;
      const word = h("span", { class: "plane-word" }, title);
      word.style.left = `${column * across}px`;
      stage.append(word);
      return Array.from({ length: count }, (_, at) => {
        const canvas = h("canvas", { class: "plane-node", width: plane.coarse, height: plane.coarse, tabindex: "0", role: "img" });
        canvas.style.left = `${column * across}px`;
        canvas.style.top = `${26 + (tall - 26) / 2 + (at - count / 2) * STEP}px`;
        const point = (on) => () => ((pointed = on ? [column, at] : null), paintBig());
        canvas.addEventListener("pointerenter", point(true));
        canvas.addEventListener("pointerleave", point(false));
        canvas.addEventListener("focus", point(true));
        canvas.addEventListener("blur", point(false));
        stage.append(canvas);
        return canvas;
      });
    });
    big.style.left = `${wide - BIG - 8}px`;
    big.style.top = `${Math.max(12, (tall - BIG) / 2)}px`;
    big.setAttribute("aria-label", `the answer over ${scene.plane.axes.join(" and ")}, with the samples as points`);
  }

  const middle = (canvas) => Number.parseFloat(canvas.style.top) + NODE / 2;

  function paintLines({ layers }) {
    const parts = [];
    layers.forEach((layer, at) => {
      const most = layer.weights.flat().reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
      layer.weights.forEach((row, to) =>
        row.forEach((weight, from) => {
          const start = nodes[at][from];
          const end = nodes[at + 1]?.[to];
          if (!start || (!end && at + 1 < nodes.length)) return;
          const [x1, y1] = [Number.parseFloat(start.style.left) + NODE, middle(start)];
          const [x2, y2] = end ? [Number.parseFloat(end.style.left), middle(end)] : [Number.parseFloat(big.style.left), Number.parseFloat(big.style.top) + BIG / 2 + (to - (layer.weights.length - 1) / 2) * 14];
          const bend = (x2 - x1) / 2;
          const share = Math.abs(weight) / most;
          const path = s("path", { class: weight < 0 ? "link minus" : "link", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "stroke-width": (0.5 + share * 5).toFixed(2), "stroke-opacity": (0.15 + share * 0.7).toFixed(2) });
          path.append(s("title", {}, `weight ${short(weight)}`));
          parts.push(path);
        }),
      );
    });
    lines.replaceChildren(...parts);
  }

  function paint() {
    if (!held) return;
    const { plane, scene } = held;
    const fields = [plane.inputs, ...plane.layers.slice(0, -1).map((layer) => layer.nodes)];
    nodes.forEach((column, at) =>
      column.forEach((canvas, place) => {
        fill(canvas, plane.coarse, unpacked(fields[at][place]));
        const name = at === 0 ? scene.plane.axes[place] : `neuron ${place + 1} of hidden layer ${at}`;
        const bias = at === 0 ? "" : `, bias ${short(plane.layers[at - 1].biases[place])}`;
        canvas.setAttribute("aria-label", name + bias);
        canvas.title = name + bias;
      }),
    );
    paintLines(plane);
    paintBig();
  }

  function paintBig() {
    if (!held) return;
    const { plane, scene } = held;
    const pen = big.getContext("2d");
    const small = document.createElement("canvas");
    if (pointed) {
      const [column, at] = pointed;
      const fields = [plane.inputs, ...plane.layers.map((layer) => layer.nodes)];
      if (fields[column]?.[at]) fill(small, plane.coarse, unpacked(fields[column][at]));
    } else if (plane.field) fill(small, plane.size, unpacked(plane.field));
    else many(small, plane.size, bytes(plane.winner), bytes(plane.sure));
    pen.imageSmoothingEnabled = true;
    pen.drawImage(small, 0, 0, big.width, big.height);
    const colours = scene.classes.length === 2 ? ["--negative", "--positive"] : PALETTE;
    const [surface, text] = [token("--surface"), token("--text")];
    const numbers = scene.task === "regression" ? scene.plane.y : null;
    const [least, most] = numbers ? [Math.min(...numbers), Math.max(...numbers)] : [0, 1];
    scene.plane.points.forEach(([x, y], index) => {
      const px = ((x - plane.low[0]) / (plane.high[0] - plane.low[0])) * big.width;
      const py = (1 - (y - plane.low[1]) / (plane.high[1] - plane.low[1])) * big.height;
      const answer = scene.plane.y[index];
      pen.beginPath();
      pen.arc(px, py, scene.plane.points.length > 60 ? 6 : 13, 0, 7);
      pen.fillStyle = token(numbers ? ((answer - least) / (most - least || 1) > 0.5 ? "--positive" : "--negative") : colours[answer % colours.length]);
      pen.fill();
      pen.lineWidth = 2.5;
      pen.strokeStyle = scene.plane.held_out[index] ? text : surface;
      pen.stroke();
    });
    const named = scene.classes.length === 2 && scene.classes[0] !== "orange" ? `Orange is ${scene.classes[0]}, blue is ${scene.classes[1]}. ` : "";
    caption.textContent = `${named}Points with a strong rim are held out. Point at a neuron to see what it says where; lines are weights, blue above 0 and orange below.`;
  }

  onTheme(paint);
  return {
    element,
    update(plane, scene) {
      const next = JSON.stringify([plane.inputs.length, plane.layers.map((layer) => [layer.size, layer.nodes.length])]);
      held = { plane, scene };
      if (next !== shape) {
        shape = next;
        pointed = null;
        build(held);
      }
      paint();
    },
  };
}

function fill(canvas, size, values) {
  const [zero, plus, minus] = ["--surface", "--positive", "--negative"].map(rgb);
  raster(canvas, size, (at, pixel) => {
    const end = values[at] < 0 ? minus : plus;
    const share = Math.min(1, Math.abs(values[at])) * 0.72;
    for (let part = 0; part < 3; part += 1) pixel[part] = zero[part] + (end[part] - zero[part]) * share;
  });
}

function many(canvas, size, winner, sure) {
  const zero = rgb("--surface");
  const ends = PALETTE.map(rgb);
  raster(canvas, size, (at, pixel) => {
    for (let part = 0; part < 3; part += 1) pixel[part] = zero[part] + (ends[winner[at] % ends.length][part] - zero[part]) * (sure[at] / 255) * 0.6;
  });
}

function raster(canvas, size, colour) {
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  const pixel = [0, 0, 0];
  for (let at = 0; at < size * size; at += 1) {
    colour(at, pixel);
    image.data.set(pixel, at * 4);
    image.data[at * 4 + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function rgb(name) {
  const hex = token(name);
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
