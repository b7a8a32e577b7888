// A map of thousands of points on a canvas: each class has a colour and a shape, mistakes a ring; zoom, drag, hover, keys.

import { h, onTheme, token } from "../dom.js";
import { STEPS, fillOf, shapeOf } from "./marks.js";

const REACH = { mouse: 16, pen: 20, touch: 28 }; // pixels from a point within which one means it
const MOST_NAMES = 20;

/**
 * The map. label: what it shows. preview(at): what the tip shows of a point, an element. chosen(at): a point was picked.
 * update({ x, y, groups, values, names, right, shown, selected }): groups[at] is a point's class, or null and values[at]
 * from 0 to 1; shown[at] whether it is drawn; selected: the point with the bold ring, or null.
 */
export function scatter({ label, preview, chosen }) {
  const canvas = h("canvas", { class: "map-canvas", tabindex: "0", role: "application", "aria-label": label, "aria-roledescription": "map of points" });
  const tip = h("div", { class: "map-tip", hidden: true });
  const element = h("div", { class: "map-frame" }, canvas, tip);
  const paper = canvas.getContext("2d");
  const view = { x: 0, y: 0, zoom: 1 };
  const pointers = new Map();
  let held = null;
  let sprites = new Map();
  let near = null; // the point under the pointer, or where the keys are
  let drag = null;
  let size = { width: 0, height: 0, ratio: 1 };
  let due = false;

  function place(at) {
    const half = Math.min(size.width, size.height) * 0.46 * view.zoom;
    return [size.width / 2 + (held.x[at] - view.x) * half, size.height / 2 - (held.y[at] - view.y) * half];
  }

  function sprite(key, radius) {
    if (sprites.has(key)) return sprites.get(key);
    const side = Math.ceil((radius * 1.4 + 1.5) * 2 * size.ratio);
    const made = new OffscreenCanvas(side, side);
    const pen = made.getContext("2d");
    pen.setTransform(size.ratio, 0, 0, size.ratio, side / 2, side / 2);
    pen.fillStyle = fillOf(key, Boolean(held.groups));
    pen.strokeStyle = token("--surface");
    pen.lineWidth = 0.8;
    const path = new Path2D(shapeOf(held.groups ? key : 0, radius));
    pen.fill(path);
    pen.stroke(path);
    sprites.set(key, made);
    return made;
  }

  function draw() {
    due = false;
    if (!held || !size.width) return;
    const radius = Math.min(7, (held.x.length > 1500 ? 3 : 4) * Math.sqrt(view.zoom));
    if (sprites.radius !== radius) {
      sprites = new Map();
      sprites.radius = radius;
    }
    paper.setTransform(1, 0, 0, 1, 0, 0);
    paper.clearRect(0, 0, canvas.width, canvas.height);
    const wrong = [];
    for (let at = 0; at < held.x.length; at += 1) {
      if (!held.shown[at]) continue;
      const [x, y] = place(at);
      if (x < -9 || y < -9 || x > size.width + 9 || y > size.height + 9) continue;
      const made = sprite(held.groups ? held.groups[at] : Math.round(held.values[at] * (STEPS - 1)), radius);
      paper.drawImage(made, x * size.ratio - made.width / 2, y * size.ratio - made.height / 2);
      if (!held.right[at]) wrong.push([x, y]);
    }
    paper.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    const many = wrong.length > 120; // then thinner, or they would hide what is below
    rings(wrong, radius + (many ? 1 : 2.5), token("--wrong"), many ? 1.2 : 1.8);
    names();
    if (held.selected !== null && held.selected < held.x.length) rings([place(held.selected)], radius + 5, token("--text"), 2.5);
    if (near !== null) rings([place(near)], radius + 5, token("--accent"), 2.5);
  }

  function rings(places, radius, colour, width) {
    paper.strokeStyle = colour;
    paper.lineWidth = width;
    paper.beginPath();
    for (const [x, y] of places) {
      paper.moveTo(x + radius, y);
      paper.arc(x, y, radius, 0, 2 * Math.PI);
    }
    paper.stroke();
  }

  function names() {
    if (!held.groups || held.names.length > MOST_NAMES) return;
    paper.font = "700 14px system-ui, sans-serif";
    paper.textAlign = "center";
    paper.textBaseline = "middle";
    paper.lineWidth = 4;
    paper.lineJoin = "round";
    for (const [group, [x, y]] of held.middles) {
      const half = Math.min(size.width, size.height) * 0.46 * view.zoom;
      const at = [size.width / 2 + (x - view.x) * half, size.height / 2 - (y - view.y) * half];
      paper.strokeStyle = token("--surface");
      paper.strokeText(held.names[group].slice(0, 14), ...at);
      paper.fillStyle = token("--text");
      paper.fillText(held.names[group].slice(0, 14), ...at);
    }
  }

  function later() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }

  function nearest(x, y, reach) {
    let [best, least] = [null, reach * reach];
    for (let at = 0; at < held.x.length; at += 1) {
      if (!held.shown[at]) continue;
      const [a, b] = place(at);
      const distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < least) [best, least] = [at, distance];
    }
    return best;
  }

  function point(at) {
    if (at === near) return;
    near = at;
    later();
    tip.hidden = at === null;
    canvas.style.cursor = at === null ? "grab" : "pointer";
    if (at === null) return;
    tip.replaceChildren(preview(at));
    const [x, y] = place(at);
    const toLeft = x > size.width / 2;
    tip.style.left = toLeft ? "auto" : `${x + 14}px`;
    tip.style.right = toLeft ? `${size.width - x + 14}px` : "auto";
    tip.style.top = `${Math.max(4, Math.min(y - 20, size.height - tip.offsetHeight - 4))}px`;
  }

  function zoomBy(factor, x = size.width / 2, y = size.height / 2) {
    const next = Math.min(40, Math.max(1, view.zoom * factor));
    const [before, after] = [view.zoom, next].map((zoom) => Math.min(size.width, size.height) * 0.46 * zoom);
    view.x += (x - size.width / 2) * (1 / before - 1 / after);
    view.y -= (y - size.height / 2) * (1 / before - 1 / after);
    view.zoom = next;
    keepInside();
    point(null);
    later();
  }

  function keepInside() {
    const most = 1.1 * (1 - 1 / view.zoom);
    view.x = Math.min(most, Math.max(-most, view.x));
    view.y = Math.min(most, Math.max(-most, view.y));
  }

  const spot = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, spot(event));
    drag = { from: spot(event), moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const now = spot(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      point(nearest(...now, REACH[event.pointerType] ?? 16));
      return;
    }
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
      zoomBy(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      drag.moved = true;
    } else if (drag && (drag.moved || Math.hypot(now[0] - drag.from[0], now[1] - drag.from[1]) > 5)) {
      drag.moved = true;
      const half = Math.min(size.width, size.height) * 0.46 * view.zoom;
      view.x -= (now[0] - before[0]) / half;
      view.y += (now[1] - before[1]) / half;
      keepInside();
      point(null);
      later();
    }
    pointers.set(event.pointerId, now);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => {
      pointers.delete(event.pointerId);
      if (kind === "pointerup" && held && drag && !drag.moved) {
        const at = nearest(...spot(event), REACH[event.pointerType] ?? 16);
        point(at);
        if (at !== null) chosen(at);
      }
      if (!pointers.size) drag = null;
    });
  }
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(null));
  canvas.addEventListener("dblclick", (event) => zoomBy(2, ...spot(event)));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls past it
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 300), ...spot(event));
  }, { passive: false });
  canvas.addEventListener("blur", () => point(null));
  canvas.addEventListener("keydown", (event) => {
    if (!held) return;
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) step(...way);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if (event.key === "0") reset();
    else if (event.key === "Enter" && near !== null) chosen(near);
    else if (event.key === "Escape") point(null);
    else return;
    event.preventDefault();
  });

  /** Go to the next point in a direction: the nearest of those that lie more that way than aside. */
  function step(dx, dy) {
    const from = near ?? held.selected;
    const [x, y] = from === null || from >= held.x.length ? [size.width / 2, size.height / 2] : place(from);
    let [best, least] = [null, Infinity];
    for (let at = 0; at < held.x.length; at += 1) {
      if (!held.shown[at] || at === from) continue;
      const [a, b] = place(at);
      const along = (a - x) * dx + (b - y) * dy;
      const aside = Math.abs((a - x) * dy + (b - y) * dx);
      if (along > 0.5 && aside <= along && along + 2 * aside < least) [best, least] = [at, along + 2 * aside];
    }
    if (best !== null) point(best);
  }

  function reset() {
    Object.assign(view, { x: 0, y: 0, zoom: 1 });
    point(null);
    later();
  }

  new ResizeObserver(() => {
    const ratio = window.devicePixelRatio || 1;
    size = { width: canvas.clientWidth, height: canvas.clientHeight, ratio };
    [canvas.width, canvas.height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    sprites = new Map();
    draw();
  }).observe(canvas);
  onTheme(() => {
    sprites = new Map();
    later();
  });

  return {
    element,
    zoomBy,
    reset,
    /** Return where on the canvas a point is, in pixels. */
    place: (at) => place(at),
    update(given) {
      const kindChanged = Boolean(held?.groups) !== Boolean(given.groups);
      held = given;
      held.middles = given.groups ? middles(given) : new Map();
      if (kindChanged) sprites = new Map();
      point(null);
      later();
    },
  };
}

/** Return for each class that is shown the middle (median) of its points. */
function middles({ x, y, groups, shown }) {
  const lists = new Map();
  for (let at = 0; at < x.length; at += 1) {
    if (!shown[at]) continue;
    if (!lists.has(groups[at])) lists.set(groups[at], [[], []]);
    const [xs, ys] = lists.get(groups[at]);
    xs.push(x[at]);
    ys.push(y[at]);
  }
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  return new Map([...lists].map(([group, [xs, ys]]) => [group, [median(xs), median(ys)]]));
}
