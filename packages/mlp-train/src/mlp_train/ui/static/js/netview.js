// The network as a picture: every layer a block of cells that light up as its neurons do, with the links that mattered.

import { h, s, short } from "./dom.js";

const HEIGHT = 320;
const TOP = 34;
export const MOST_CELLS = 1024; // of a layer: more would be too small to see
const AS_NODES = 16; // up to so many neurons are circles with names

/** Return which neurons of a layer are drawn: all, or so many at even distances. */
export function drawnNeurons(count) {
  const most = Math.min(count, MOST_CELLS);
  return Array.from({ length: most }, (_, at) => Math.floor((at * count) / most));
}

/**
 * A picture of a network. layers: [{ size, title, names }], the input first. image: { rows, columns } where the input is
 * an image, which is then shown as one.
 * update({ values, links, picture, best }): values[layer] are the activations of the drawn neurons (null leaves a layer as
 * it is), links[layer] = [[from, to, contribution], …] into the layer behind `layer`, picture: a data URL of the input,
 * best: the index of the output that won. `chosen(layer, neuron)`, where given, is called for a neuron one clicks.
 */
export function networkView({ layers, image = null, chosen = null }) {
  const width = 20 + (layers.length - 1) * 210 + 150;
  const links = s("g", { "aria-hidden": "true" });
  const drawing = s("svg", { class: "network", viewBox: `0 0 ${width} ${HEIGHT + TOP + 20}`, role: "img" });
  const blocks = layers.map((layer, at) => block(layer, at, at === 0 ? image : null, 20 + at * 210, at === layers.length - 1, chosen));
  for (let at = 1; at < blocks.length; at += 1) drawing.append(fan(blocks[at - 1].box, blocks[at].box));
  const ring = s("circle", { class: "ring", r: 9, visibility: "hidden" });
  drawing.append(...blocks.map((one) => one.bed), links, ...blocks.map((one) => one.front), ring);
  drawing.style.minWidth = `${Math.min(width, 760) * 0.82}px`; // smaller could not be read
  drawing.setAttribute("aria-label", `the network: ${layers.map((layer) => `${layer.size} ${layer.title}`).join(", then ")}`);
  const element = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "the network; scrolls sideways" }, drawing);

  return {
    element,
    /** Put a ring around one neuron that is drawn. */
    mark(layer, neuron) {
      const [cx, cy] = blocks[layer].place(neuron);
      for (const [name, value] of Object.entries({ cx, cy, visibility: drawnNeurons(layers[layer].size).includes(neuron) ? "visible" : "hidden" })) ring.setAttribute(name, value);
    },
    update({ values = [], links: given = [], picture = null, best = null }) {
      values.forEach((line, at) => line && blocks[at].light(line, at === layers.length - 1 ? best : null));
      if (picture) blocks[0].show(picture);
      const strongest = given.flat().reduce((most, [, , amount]) => Math.max(most, Math.abs(amount)), 1e-9);
      links.replaceChildren(
        ...given.flatMap((line, at) =>
          line.map(([from, to, amount]) => {
            const [x1, y1] = blocks[at].place(from);
            const [x2, y2] = blocks[at + 1].place(to);
            const share = Math.sqrt(Math.abs(amount) / strongest);
            const middle = (x1 + x2) / 2;
            return s("path", {
              class: amount < 0 ? "link minus" : "link", d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
              "stroke-width": (0.4 + share * 2.4).toFixed(2), "stroke-opacity": (0.12 + share * 0.6).toFixed(2),
            });
          }),
        ),
      );
    },
  };
}

function block(layer, at, image, x, last, chosen) {
  const drawn = drawnNeurons(layer.size);
  const middle = TOP + HEIGHT / 2;
  const title = s("text", { class: "strong", x, y: 12 }, `${layer.size.toLocaleString("en")}`);
  const word = s("text", { x, y: 26 }, layer.title);
  const front = s("g", {}, title, word);
  if (image) {
    const side = 180 / Math.max(image.rows, image.columns);
    const box = { x, y: middle - (image.rows * side) / 2, w: image.columns * side, h: image.rows * side };
    const bed = s("rect", { class: "bed", x: box.x - 2, y: box.y - 2, width: box.w + 4, height: box.h + 4, rx: 6 });
    const shown = s("image", { x: box.x, y: box.y, width: box.w, height: box.h, preserveAspectRatio: "none" });
    front.append(shown);
    const channels = layer.size / (image.rows * image.columns);
    const place = (neuron) => {
      const pixel = Math.floor(neuron / channels);
      return [box.x + ((pixel % image.columns) + 0.5) * side, box.y + (Math.floor(pixel / image.columns) + 0.5) * side];
    };
    return { bed, front, box, place, light() {}, show: (picture) => shown.setAttribute("href", picture) };
  }
  const few = drawn.length <= AS_NODES;
  const columns = few ? 1 : Math.max(2, Math.round(Math.sqrt(drawn.length / 2.2)));
  const rows = Math.ceil(drawn.length / columns);
  const step = Math.min(few ? HEIGHT / rows : 15, HEIGHT / rows, few ? 34 : 150 / columns);
  const box = { x, y: middle - (rows * step) / 2, w: columns * step, h: rows * step };
  const bed = s("rect", few ? { class: "bed", width: 0, height: 0 } : { class: "bed", x: box.x - 4, y: box.y - 4, width: box.w + 8, height: box.h + 8, rx: 7 });
  const centre = (index) => [x + ((index % columns) + 0.5) * step, box.y + (Math.floor(index / columns) + 0.5) * step];
  const order = new Map(drawn.map((neuron, index) => [neuron, index]));
  const rims = [];
  const amounts = [];
  let held = [];
  const cells = drawn.map((neuron, index) => {
    const [cx, cy] = centre(index);
    const size = few ? step * 0.38 : step * 0.86;
    if (few) {
      rims.push(s("circle", { class: "rim", cx, cy, r: size }));
      front.append(rims.at(-1));
      const name = layer.names?.[neuron];
      if (name !== undefined && (last || at === 0)) {
        amounts.push(s("text", { x: cx + size + 8, y: cy + 4, class: "strong" }, name.length > 14 ? `${name.slice(0, 13)}…` : name));
        front.append(amounts.at(-1));
      }
    }
    const cell = few
      ? s("circle", { class: "node", cx, cy, r: size - 2, "fill-opacity": 0 })
      : s("rect", { class: "cell", x: cx - size / 2, y: cy - size / 2, width: size, height: size, rx: Math.min(3, size / 4), "fill-opacity": 0 });
    const title = s("title", {}, "");
    cell.append(title);
    cell.addEventListener("pointerenter", () => {
      title.textContent = `${layer.names?.[neuron] ?? `neuron ${neuron}`}: ${short(held[index])}`;
    });
    if (chosen) {
      cell.style.cursor = "pointer";
      cell.addEventListener("click", () => chosen(at, neuron));
    }
    front.append(cell);
    return cell;
  });
  function light(line, best) {
    held = line;
    const most = line.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
    line.forEach((value, index) => {
      const cell = cells[index];
      if (!cell) return;
      const lit = (Math.abs(value) / most).toFixed(2);
      if (cell.getAttribute("fill-opacity") !== lit) cell.setAttribute("fill-opacity", lit); // most cells stay dark
      cell.classList.toggle("minus", value < 0);
      rims[index]?.classList.toggle("best", drawn[index] === best);
    });
  }
  return { bed, front, box, place: (neuron) => centre(order.get(neuron) ?? 0), light, show() {} };
}

function fan(from, to) {
  const [x1, x2] = [from.x + from.w + 4, to.x - 4];
  return s("path", { class: "fan", "aria-hidden": "true", d: `M${x1} ${from.y}L${x2} ${to.y}V${to.y + to.h}L${x1} ${from.y + from.h}Z` });
}
