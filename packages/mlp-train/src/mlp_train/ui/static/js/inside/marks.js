// What a point looks like: a colour and a shape for each class, so that colour is not all that tells them apart.

import { s } from "../dom.js";

// Okabe and Ito's colours, told apart by colour-blind people too; their yellow is darker here, to show on white.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a08a00", "#8a8f99"];
const SCALE = ["#3b528b", "#21918c", "#5ec962", "#d9c61b"]; // small to large, for numbers
const SHAPES = [
  (r) => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`,
  (r) => `M0 ${-r * 1.2}L${r * 1.15} ${r * 0.85}H${-r * 1.15}Z`,
  (r) => `M${-r * 0.9} ${-r * 0.9}H${r * 0.9}V${r * 0.9}H${-r * 0.9}Z`,
  (r) => `M0 ${-r * 1.3}L${r * 1.1} 0L0 ${r * 1.3}L${-r * 1.1} 0Z`,
  (r) => `M0 ${r * 1.2}L${r * 1.15} ${-r * 0.85}H${-r * 1.15}Z`,
  (r) => `M${-r * 1.2} ${-r * 0.4}H${-r * 0.4}V${-r * 1.2}H${r * 0.4}V${-r * 0.4}H${r * 1.2}V${r * 0.4}H${r * 0.4}V${r * 1.2}H${-r * 0.4}V${r * 0.4}H${-r * 1.2}Z`,
  (r) => `M${-r * 1.2} ${-r * 0.55}H${r * 1.2}V${r * 0.55}H${-r * 1.2}Z`,
];
export const STEPS = 16; // colours of a scale of numbers

/** Return the outline of a class's mark about the origin, as the text of a path. */
export const shapeOf = (group, radius) => SHAPES[group % SHAPES.length](radius);

/** Return the colour of a class, or of a step of the scale of numbers. */
export const fillOf = (key, isGroup) => (isGroup ? COLOURS[key % COLOURS.length] : between(key / (STEPS - 1)));

/** Return a class's mark as a small drawing, for the legend. */
export function mark(group) {
  const drawing = s("svg", { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" });
  drawing.append(s("path", { d: shapeOf(group, 5), fill: fillOf(group, true) }));
  return drawing;
}

/** Return the colours of a scale from small to large numbers. */
export const scaleColours = () => SCALE;

function between(share) {
  const place = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const at = Math.min(SCALE.length - 2, Math.floor(place));
  const part = (hex, channel) => Number.parseInt(hex.slice(1 + channel * 2, 3 + channel * 2), 16);
  const mixed = [0, 1, 2].map((channel) => Math.round(part(SCALE[at], channel) + (part(SCALE[at + 1], channel) - part(SCALE[at], channel)) * (place - at)));
  return `rgb(${mixed.join(" ")})`;
}
